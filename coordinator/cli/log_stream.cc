#include "coordinator/cli/log_stream.h"

#include <QEventLoop>
#include <QTimer>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/cli/terminal.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/cluster.pb.h"
#include "muster/node.pb.h"

namespace muster::cli {
namespace {

// Lines of one page, where more than one is fetched.
constexpr uint32_t kPage = 500;
// Shown of what was there before, where somebody follows.
constexpr uint32_t kBefore = 10;
constexpr Duration kPollEvery = Duration::seconds(1);
// Collecting the lines of a file and putting it where it can be fetched.
constexpr Duration kFileTimeout = Duration::seconds(150);

// A page of either kind of answer.
struct Page {
  std::vector<v1::NodeLogLine> lines;
  std::vector<v1::NodeResult> silent;
  std::string older;
  std::string newer;
  std::string looked_until;
  std::string url;
  uint64_t file_lines = 0;
};

Page pageOf(const google::protobuf::Message& reply) {
  Page out;
  const auto take = [&out](const auto& from) {
    out.older = from.older();
    out.newer = from.newer();
    out.looked_until = from.looked_until();
    out.url = from.url();
    out.file_lines = from.file_lines();
  };
  if (reply.GetDescriptor() == v1::ClusterLogsReply::descriptor()) {
    const auto& cluster = static_cast<const v1::ClusterLogsReply&>(reply);
    out.lines.assign(cluster.lines().begin(), cluster.lines().end());
    out.silent.assign(cluster.results().begin(), cluster.results().end());
    take(cluster);
  } else {
    const auto& node = static_cast<const v1::LogsReply&>(reply);
    for (const v1::LogLine& line : node.lines()) *out.lines.emplace_back().mutable_line() = line;
    take(node);
  }
  return out;
}

std::string levelName(v1::LogLevel level) {
  return catalogue::enumLabel(*v1::LogLevel_descriptor()->FindValueByNumber(level));
}

class LogStream {
 public:
  LogStream(const Settings& settings, const LogStreamFlags& flags, Client& client, const Jid& to,
            const catalogue::Command& logs)
      : settings_(settings),
        flags_(flags),
        client_(client),
        to_(to),
        logs_(logs),
        signals_({SIGINT, SIGTERM, SIGHUP}) {
    client_.setInterrupted([this] { return signals_.isInterrupted(); });
  }
  ~LogStream() { client_.setInterrupted({}); }

  // The link alone; what there is to say besides goes to standard error.
  Exit file(const google::protobuf::Message& asked) {
    client_.setDeadline(settings_.timeout.value_or(kFileTimeout));
    const auto reply = client_.call(to_, logs_, asked);
    if (!reply) return over(reply.status());
    const Page page = pageOf(**reply);
    for (const v1::NodeResult& result : page.silent) say(result.node() + ": " + result.text());
    if (page.url.empty()) {
      say("no line matches, and so there is no file");
      if (settings_.json) std::cout << "{}\n";
    } else if (settings_.json) {
      nlohmann::ordered_json out;
      out["url"] = page.url;
      out["lines"] = page.file_lines;
      std::cout << out.dump() << "\n";
    } else {
      std::cout << page.url << "\n";
      say(std::to_string(page.file_lines) + (page.file_lines == 1 ? " line" : " lines"));
    }
    if (!page.looked_until.empty()) say("this is not all of it; it ends at " + page.looked_until);
    return Exit::kDone;
  }

  Exit pages(const google::protobuf::Message& asked) {
    const auto request = copyOf(asked);
    const uint32_t wanted = numberIn(*request, "limit", 50);
    const bool oldest = boolIn(*request, "oldest") || has(*request, "after");
    uint64_t printed = 0;
    for (;;) {
      const uint64_t left = flags_.all ? kPage : wanted - printed;
      setNumber(*request, "limit", static_cast<uint32_t>(std::min<uint64_t>(left, kPage)));
      const auto page = ask(*request);
      if (!page) return over(page.status());
      for (const v1::NodeLogLine& line : page->lines) print(line);
      printed += matchesIn(page->lines);
      const std::string next = oldest ? (page->older.empty() ? "" : page->newer) : page->older;
      if (next.empty()) break;
      if (!flags_.all && printed >= wanted) {
        say("older lines: --before " + page->older);
        break;
      }
      clear(*request, oldest ? "before" : "after");
      setText(*request, oldest ? "after" : "before", next);
      if (oldest) clear(*request, "oldest");
    }
    if (printed == 0) say("no line matches");
    return Exit::kDone;
  }

  // Until Ctrl-C, or `length` from now.
  Exit follow(const google::protobuf::Message& asked, uint32_t before, Duration length) {
    const ElapsedTime end =
        length == Duration::max() ? ElapsedTime::max() : client_.clock().elapsed() + length;
    auto request = copyOf(asked);
    setNumber(*request, "limit", std::max<uint32_t>(before, 1));
    auto page = ask(*request);
    if (!page) return over(page.status());
    std::reverse(page->lines.begin(), page->lines.end());
    if (before > 0) {
      for (const v1::NodeLogLine& line : page->lines) print(line);
    }
    std::string after = page->newer;
    for (const char* field : {"before", "since", "until", "oldest"}) clear(*request, field);
    setNumber(*request, "limit", kPage);
    while (!signals_.isInterrupted() && client_.clock().elapsed() < end) {
      std::cout.flush();
      // What is more than a page is fetched at once.
      if (page->older.empty() || page->lines.empty()) rest();
      setText(*request, "after", after);
      page = ask(*request);
      if (!page) return over(page.status());
      for (const v1::NodeLogLine& line : page->lines) print(line);
      if (!page->newer.empty()) after = page->newer;
    }
    return Exit::kDone;
  }

 private:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  static std::unique_ptr<Message> copyOf(const Message& message) {
    std::unique_ptr<Message> out(message.New());
    out->CopyFrom(message);
    return out;
  }
  static const Field* field(const Message& message, const char* name) {
    return message.GetDescriptor()->FindFieldByName(name);
  }
  static bool has(const Message& message, const char* name) {
    return message.GetReflection()->HasField(message, field(message, name));
  }
  static uint32_t numberIn(const Message& message, const char* name, uint32_t fallback) {
    return has(message, name) ? message.GetReflection()->GetUInt32(message, field(message, name))
                              : fallback;
  }
  static bool boolIn(const Message& message, const char* name) {
    return message.GetReflection()->GetBool(message, field(message, name));
  }
  static void setNumber(Message& message, const char* name, uint32_t number) {
    message.GetReflection()->SetUInt32(&message, field(message, name), number);
  }
  static void setText(Message& message, const char* name, const std::string& text) {
    message.GetReflection()->SetString(&message, field(message, name), text);
  }
  static void clear(Message& message, const char* name) {
    message.GetReflection()->ClearField(&message, field(message, name));
  }

  static uint64_t matchesIn(const std::vector<v1::NodeLogLine>& lines) {
    return static_cast<uint64_t>(std::count_if(lines.begin(), lines.end(), [](const auto& line) {
      return line.line().match().empty() || line.line().match() == "*";
    }));
  }

  Result<Page> ask(const Message& request) {
    client_.setDeadline(settings_.timeout.value_or(kDefaultTimeout));
    const auto reply = client_.call(to_, logs_, request);
    if (!reply) return reply.status();
    Page page = pageOf(**reply);
    for (const v1::NodeResult& result : page.silent) {
      if (told_.insert(result.node()).second) say(result.node() + ": " + result.text());
    }
    return page;
  }

  void rest() {
    QEventLoop loop;
    QTimer::singleShot(static_cast<int>(kPollEvery.toMillis()), &loop, &QEventLoop::quit);
    loop.exec();
  }

  // Ctrl-C is how it is ended.
  Exit over(const Status& status) {
    if (signals_.isInterrupted()) return Exit::kDone;
    return report(settings_.json, status);
  }

  static void say(const std::string& text) {
    std::cout.flush();
    std::cerr << "muster: " << text << "\n";
  }

  void print(const v1::NodeLogLine& shown) {
    const v1::LogLine& line = shown.line();
    if (settings_.raw) {
      std::cout << line.text() << "\n";
    } else if (settings_.json) {
      nlohmann::ordered_json out;
      if (!line.match().empty()) out["match"] = line.match() == "*";
      out["at"] = line.at();
      if (!shown.node().empty()) out["node"] = shown.node();
      out["level"] = levelName(line.level());
      out["logger"] = line.logger();
      out["text"] = line.text();
      std::cout << out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                << "\n";
    } else {
      if (!line.match().empty()) std::cout << (line.match() == "*" ? "* " : "  ");
      std::cout << line.at() << " ";
      if (!shown.node().empty()) std::cout << shown.node() << " ";
      std::cout << levelName(line.level()) << " "
                << (line.logger().empty() ? "root" : line.logger()) << ": "
                << cleanText(line.text(), limits::kMaxShownLogLineBytes) << "\n";
    }
  }

  const Settings& settings_;
  const LogStreamFlags flags_;
  Client& client_;
  const Jid to_;
  const catalogue::Command& logs_;
  const Signals signals_;
  std::set<std::string> told_;  // nodes without an answer
};

// The search that shows what a tail would.
std::unique_ptr<google::protobuf::Message> searchOf(const google::protobuf::Message& tail,
                                                    const catalogue::Command& logs) {
  std::unique_ptr<google::protobuf::Message> out = logs.newRequest();
  for (const char* name : {"target", "query", "level", "logger"}) {
    const auto* from = tail.GetDescriptor()->FindFieldByName(name);
    const auto* to = out->GetDescriptor()->FindFieldByName(name);
    if (from == nullptr || to == nullptr || !tail.GetReflection()->HasField(tail, from)) continue;
    if (from->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_ENUM) {
      out->GetReflection()->SetEnum(out.get(), to, tail.GetReflection()->GetEnum(tail, from));
    } else {
      out->GetReflection()->SetString(out.get(), to, tail.GetReflection()->GetString(tail, from));
    }
  }
  return out;
}

Duration lengthOf(const google::protobuf::Message& tail) {
  const auto* field = tail.GetDescriptor()->FindFieldByName("for_ms");
  if (!tail.GetReflection()->HasField(tail, field)) return Duration::max();
  return Duration::millis(static_cast<int64_t>(tail.GetReflection()->GetUInt64(tail, field)));
}

}  // namespace

bool isLogStream(const catalogue::Command& command) {
  return command.method->name() == "Logs" || command.method->name() == "Tail";
}

Exit streamLogs(const Settings& settings, const LogStreamFlags& flags, Client& client,
                const Jid& to, const catalogue::Command& logs,
                const google::protobuf::Message& request) {
  LogStream stream(settings, flags, client, to, logs);
  if (request.GetDescriptor() != logs.method->input_type()) {
    return stream.follow(*searchOf(request, logs), 0, lengthOf(request));
  }
  const auto* file = request.GetDescriptor()->FindFieldByName("file");
  if (request.GetReflection()->GetBool(request, file)) {
    if (!flags.follow) return stream.file(request);
    return report(settings.json, {Code::kInvalidArgument,
                                  "a file ends and --follow does not; give one of them", "file"});
  }
  if (!flags.follow) return stream.pages(request);
  const auto* limit = request.GetDescriptor()->FindFieldByName("limit");
  const bool said = request.GetReflection()->HasField(request, limit);
  return stream.follow(request, said ? request.GetReflection()->GetUInt32(request, limit) : kBefore,
                       Duration::max());
}

}  // namespace muster::cli
