#include "commands/log_file.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::commands {
namespace {

// Files in the making: each may hold limits::kMaxLogFileBytes, and its search is in the way of
// others.
constexpr size_t kMaxFiles = 4;
// Whoever asked looks at a screen that shows nothing; what has been found by then is the file.
constexpr Duration kCollectFor = Duration::seconds(60);

// The node's name first, as far as a file's name may hold it.
std::string fileName(const std::string& of, WallTime wall) {
  std::string name = of;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_') c = '-';
  }
  std::string time = toRfc3339(WallTime{wall.unix_ms / 1000 * 1000}).substr(0, 19) + "Z";
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return name + "-logs-" + time + ".txt";
}

const v1::LogLine& lineOf(const v1::LogLine& line) {
  return line;
}
const v1::LogLine& lineOf(const v1::NodeLogLine& line) {
  return line.line();
}
const std::string& nodeOf(const v1::LogLine&, const std::string& own) {
  return own;
}
const std::string& nodeOf(const v1::NodeLogLine& line, const std::string&) {
  return line.node();
}

// A record's further lines are indented, so that one can tell where the next record begins.
std::string render(const v1::LogLine& line, const std::string& node) {
  const auto* level = v1::LogLevel_descriptor()->FindValueByNumber(line.level());
  std::string out = line.match().empty() ? "" : line.match() == "*" ? "* " : "  ";
  out += line.at() + " " + node + " " + (level == nullptr ? "-" : catalogue::enumLabel(*level)) +
         " " + (line.logger().empty() ? "root" : line.logger()) + ": ";
  for (const char c : line.text()) {
    out += c;
    if (c == '\n') out += '\t';
  }
  return out + "\n";
}

// Of several nodes, who did not answer; each once.
void addSilent(v1::LogsReply&, const v1::LogsReply&) {}
void addSilent(v1::ClusterLogsReply& to, const v1::ClusterLogsReply& from) {
  for (const v1::NodeResult& result : from.results()) {
    const bool known = std::any_of(to.results().begin(), to.results().end(),
                                   [&](const auto& one) { return one.node() == result.node(); });
    if (!known) *to.add_results() = result;
  }
}

// One file in the making; kept alive by whoever will call it next.
template <typename Request, typename Reply>
class Collection : public std::enable_shared_from_this<Collection<Request, Reply>> {
 public:
  using Wish = LogFiles::Wish<Request, Reply>;

  Collection(Wish wish, LogFiles::Ports ports, std::shared_ptr<size_t> running)
      : wish_(std::move(wish)),
        ports_(std::move(ports)),
        running_(std::move(running)),
        deadline_(ports_.now() + kCollectFor),
        oldest_(wish_.request.oldest() || wish_.request.has_after()) {
    if (wish_.request.has_limit()) left_ = wish_.request.limit();
    wish_.request.clear_file();
    // What is written meanwhile would never let it end.
    if (oldest_ && !wish_.request.has_until()) wish_.request.set_until(toRfc3339(wish_.wall));
    ++*running_;
  }
  ~Collection() { --*running_; }
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  void next() {
    const uint64_t most = limits::kMaxLogLimit;
    wish_.request.set_limit(static_cast<uint32_t>(std::min(left_.value_or(most), most)));
    wish_.search(wish_.request, [self = this->shared_from_this()](Result<Reply> page) {
      self->take(std::move(page));
    });
  }

 private:
  void take(Result<Reply> page) {
    // Of a search that fails half way, what was found is of more use than nothing.
    if (!page && lines_ == 0) return wish_.done(page.status(), "");
    if (!page) return share("a page could not be read: " + page.status().text());
    addSilent(reply_, *page);
    if (!addLines(*page)) {
      return share("a file takes at most " + std::to_string(limits::kMaxLogFileBytes) + " bytes");
    }
    if (!page->looked_until().empty()) last_ = page->looked_until();
    const std::string place = page->older().empty() ? "" : oldest_ ? page->newer() : page->older();
    if (place.empty()) return share("");
    if (left_ == 0u) return share("no more lines were asked for");
    if (ports_.now() >= deadline_) {
      return share("the search took longer than " + formatDuration(kCollectFor));
    }
    if (oldest_) {
      wish_.request.clear_before();
      wish_.request.clear_oldest();
      wish_.request.set_after(place);
    } else {
      wish_.request.set_before(place);
    }
    next();
  }

  // False: not all of them, since the file is full.
  bool addLines(const Reply& page) {
    for (const auto& shown : page.lines()) {
      const v1::LogLine& line = lineOf(shown);
      const std::string text = render(line, nodeOf(shown, wish_.name));
      if (text_.size() + text.size() > limits::kMaxLogFileBytes) return false;
      text_ += text;
      last_ = line.at();
      ++lines_;
      const bool is_match = line.match().empty() || line.match() == "*";
      if (left_ && *left_ > 0 && is_match) --*left_;
    }
    return true;
  }

  // `why_not_all`: empty if it is all.
  void share(const std::string& why_not_all) {
    std::string note;
    if (!why_not_all.empty()) {
      note = "This is not all of it: " + why_not_all;
      reply_.set_looked_until(last_);
      if (!last_.empty())
        note += std::string("; go on with ") + (oldest_ ? "since=" : "until=") + last_;
      note += ".";
    }
    if (lines_ == 0) {
      return wish_.done(std::move(reply_),
                        note.empty() ? "There are no lines that match, and so no file." : note);
    }
    reply_.set_file_lines(lines_);
    ports_.share({fileName(wish_.name, wish_.wall), std::move(text_)},
                 [self = this->shared_from_this(), note](Result<std::string> url) {
                   if (!url) return self->wish_.done(url.status(), "");
                   self->reply_.set_url(*url);
                   self->wish_.done(std::move(self->reply_), note);
                 });
  }

  Wish wish_;
  const LogFiles::Ports ports_;
  const std::shared_ptr<size_t> running_;
  const ElapsedTime deadline_;
  const bool oldest_;
  std::optional<uint64_t> left_;  // lines that may still match; not set: all
  std::string text_;
  std::string last_;  // how far it came
  uint64_t lines_ = 0;
  Reply reply_;
};

}  // namespace

template <typename Request, typename Reply>
void LogFiles::start(Wish<Request, Reply> wish) {
  if (*running_ >= kMaxFiles) {
    return wish.done(Status(Code::kResourceExhausted, std::to_string(*running_) +
                                                          " files are being made already; "
                                                          "try again soon"),
                     "");
  }
  std::make_shared<Collection<Request, Reply>>(std::move(wish), ports_, running_)->next();
}

void LogFiles::make(Wish<v1::LogsRequest, v1::LogsReply> wish) {
  start(std::move(wish));
}

void LogFiles::make(Wish<v1::ClusterLogsRequest, v1::ClusterLogsReply> wish) {
  start(std::move(wish));
}

}  // namespace muster::commands
