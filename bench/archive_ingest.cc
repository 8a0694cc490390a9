// Lines a second into the log that a node keeps, beside Debian's rsyslog with the same lines into a
// file: both read them from a socket, each on one and the same core, from a sender on another one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/rule_corpus.h"
#include "bench/service_log.h"
#include "libcontrol/archive/archive.h"
#include "libcontrol/records/mask.h"
#include "libcontrol/rules/rule_file.h"
#include "libcontrol/rules/rule_set.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr int kWorkerCore = 0;
constexpr int kSenderCore = 1;
constexpr size_t kRules = 20;
constexpr size_t kOffered = 500;
constexpr double kAtLeast = 0.25;

struct Options {
  uint64_t lines = 1'000'000;
  int rounds = 5;
  uint64_t paced = 0;
  std::string folder = "/tmp";
};

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "archive_ingest: %s\n", text.c_str());
  std::exit(1);
}

double secondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("can't be pinned to a core");
}

// As syslog sends them (RFC 3164), a line feed behind each.
std::string framedLines(uint64_t count) {
  ServiceLog log(1);
  std::string out;
  for (uint64_t i = 0; i < count; ++i) {
    const records::Record& record = log.next();
    const int severity = record.level >= records::Severity::kError  ? 3
                         : record.level == records::Severity::kWarn ? 4
                         : record.level == records::Severity::kInfo ? 6
                                                                    : 7;
    out += "<" + std::to_string(16 * 8 + severity) + ">Jan  1 02:03:04 host " + record.logger +
           ": " + record.text + "\n";
  }
  return out;
}

// What happens to a line on its way into the log.
class Pipeline {
 public:
  Pipeline(archive::Archive& log, const rules::RuleSet& rules, const records::Masker& masker)
      : log_(log), matcher_(rules), masker_(masker) {}

  void line(std::string_view line) {
    records::Record record;
    record.at = SystemClock::forWaiter().wall();
    const size_t end = line.find('>');
    const int severity = std::atoi(line.data() + 1) % 8;
    record.level = severity <= 3   ? records::Severity::kError
                   : severity == 4 ? records::Severity::kWarn
                   : severity <= 6 ? records::Severity::kInfo
                                   : records::Severity::kDebug;
    line.remove_prefix(std::min(line.size(), end + 1 + std::strlen("Jan  1 02:03:04 host ")));
    const size_t colon = std::min(line.find(": "), line.size());
    record.logger = line.substr(0, colon);
    record.text = line.substr(std::min(line.size(), colon + 2));
    masker_.mask(record.text);
    hits_ += matcher_.match(record.level, record.logger, record.text).size();
    some_.push_back(std::move(record));
    if (some_.size() >= kOffered) offer();
  }
  void offer() {
    while (!some_.empty() && !log_.offer(std::move(some_))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    some_.clear();
  }

 private:
  archive::Archive& log_;
  rules::RuleMatcher matcher_;
  const records::Masker& masker_;
  std::vector<records::Record> some_;
  uint64_t hits_ = 0;
};

std::shared_ptr<const rules::RuleSet> twentyRules() {
  std::string text;
  for (size_t i = 0; i < kRules; ++i) {
    text += "[[rule]]\ntext = '" + rulePatterns()[i] + "'\neffect = 'bad'\nservice = 'user'\n";
  }
  auto file = rules::parseRuleFile(text, "rules.toml");
  if (!file) fail(file.status().text());
  auto set = rules::RuleSet::make(std::move(file).value());
  if (!set) fail(set.status().text());
  return *set;
}

std::unique_ptr<archive::Archive> openLog(const fs::path& folder) {
  archive::ArchiveOptions options;
  options.folder = folder;
  options.retention = archive::ArchiveOptions::sharesOf(uint64_t{8} << 30);
  auto log = archive::Archive::open(options);
  if (!log) fail(log.status().text());
  return std::move(log).value();
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

// A port that nobody has at the moment, and a socket that listens there.
int listenSomewhere(uint16_t& port) {
  const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(out, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(out, 1) != 0 ||
      getsockname(out, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail("no socket");
  }
  port = ntohs(address.sin_port);
  return out;
}

// A process of its own that sends everything, once somebody listens.
pid_t startSender(const std::string& lines, uint16_t port) {
  const pid_t out = fork();
  if (out != 0) return out;
  pin(kSenderCore);
  const int to = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(port);
  for (int i = 0; connect(to, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0; ++i) {
    if (i > 1000) _exit(1);
    usleep(10'000);
  }
  for (size_t at = 0; at < lines.size();) {
    const ssize_t sent = write(to, lines.data() + at, std::min<size_t>(65536, lines.size() - at));
    if (sent <= 0) _exit(1);
    at += static_cast<size_t>(sent);
  }
  close(to);
  _exit(0);
}

void await(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the sender could not send");
}

// Seconds from the connection until all is on the disk. In a process of its own, which begins anew.
double keepLines(const std::string& lines, const fs::path& folder, uint64_t expected) {
  uint16_t port = 0;
  const int listening = listenSomewhere(port);
  const pid_t sender = startSender(lines, port);
  pin(kWorkerCore);
  auto log = openLog(folder);
  const auto rules = twentyRules();
  const auto masker = records::Masker::make().value();
  Pipeline pipeline(*log, *rules, *masker);
  const int from = accept(listening, nullptr, nullptr);
  const auto begin = steady_clock::now();
  std::string buffer(256 * 1024, '\0');
  size_t held = 0;
  for (;;) {
    const ssize_t got = read(from, buffer.data() + held, buffer.size() - held);
    if (got <= 0) break;
    const std::string_view all(buffer.data(), held + static_cast<size_t>(got));
    size_t at = 0;
    for (size_t end = all.find('\n'); end != std::string_view::npos; end = all.find('\n', at)) {
      pipeline.line(all.substr(at, end - at));
      at = end + 1;
    }
    held = all.size() - at;
    std::memmove(buffer.data(), buffer.data() + at, held);
  }
  pipeline.offer();
  if (const Status kept = log->flush(); !kept) fail(kept.text());
  const double out = secondsSince(begin);
  await(sender);
  if (log->state().lines != expected) fail("not all lines are kept");
  return out;
}

double inOtherProcess(const std::function<double()>& measure) {
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    const double seconds = measure();
    _exit(write(ends[1], &seconds, sizeof seconds) == sizeof seconds ? 0 : 1);
  }
  close(ends[1]);
  double out = 0;
  const bool read_it = read(ends[0], &out, sizeof out) == sizeof out;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!read_it) fail("a measurement ended without a result");
  return out;
}

pid_t startRsyslog(const fs::path& folder, uint16_t port) {
  const fs::path config = folder / "rsyslog.conf";
  std::ofstream(config) << "global(workDirectory=\"" << folder.string() << "\")\n"
                        << "module(load=\"imptcp\")\n"
                        << "input(type=\"imptcp\" port=\"" << port << "\" address=\"127.0.0.1\")\n"
                        << "action(type=\"omfile\" file=\"" << (folder / "out.log").string()
                        << "\")\n";
  const pid_t out = fork();
  if (out != 0) return out;
  pin(kWorkerCore);
  execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", config.c_str(), "-i",
        (folder / "rsyslog.pid").c_str(), nullptr);
  _exit(127);
}

uint64_t countLines(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string buffer(1 << 20, '\0');
  uint64_t out = 0;
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    out += static_cast<uint64_t>(std::count(buffer.begin(), buffer.begin() + in.gcount(), '\n'));
  }
  return out;
}

// Seconds from the first line until the file has all of them and grows no more.
double throughRsyslog(const std::string& lines, const fs::path& folder, uint64_t expected) {
  fs::create_directories(folder);
  uint16_t port = 0;
  close(listenSomewhere(port));
  const pid_t daemon = startRsyslog(folder, port);
  const fs::path file = folder / "out.log";
  const pid_t sender = startSender(lines, port);
  const auto start = steady_clock::now();
  // The file is made with the first line; then its size is watched, which costs next to nothing.
  while (!fs::exists(file) && secondsSince(start) < 30) usleep(500);
  const auto begin = steady_clock::now();
  auto changed = begin;
  uint64_t size = 0;
  while (secondsSince(changed) < 2 && secondsSince(start) < 300) {
    usleep(2000);
    std::error_code ignored;
    const uint64_t now = fs::file_size(file, ignored);
    if (now != size) changed = steady_clock::now();
    size = now;
  }
  await(sender);
  kill(daemon, SIGTERM);
  waitpid(daemon, nullptr, 0);
  if (countLines(file) != expected) fail("rsyslog has not written all lines");
  return std::chrono::duration<double>(changed - begin).count();
}

// At a rate that a busy node has: what the process takes.
int paced(const Options& options, const fs::path& folder) {
  auto log = openLog(folder);
  const auto rules = twentyRules();
  const auto masker = records::Masker::make().value();
  Pipeline pipeline(*log, *rules, *masker);
  ServiceLog lines(1);
  constexpr uint64_t kSeconds = 30;
  const auto begin = steady_clock::now();
  for (uint64_t tick = 0; tick < kSeconds * 10; ++tick) {
    for (uint64_t i = 0; i < options.paced / 10; ++i) {
      const records::Record& record = lines.next();
      pipeline.line("<134>Jan  1 02:03:04 host " + record.logger + ": " + record.text);
    }
    pipeline.offer();
    std::this_thread::sleep_until(begin + std::chrono::milliseconds(100 * (tick + 1)));
  }
  (void)log->flush();
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  std::printf("%llu lines/s for %llu s: at most %ld KiB resident, %.1f%% of a core\n",
              static_cast<unsigned long long>(options.paced),
              static_cast<unsigned long long>(kSeconds), usage.ru_maxrss,
              100 * cpu / secondsSince(begin));
  return 0;
}

int compare(const Options& options, const fs::path& folder) {
  const std::string lines = framedLines(options.lines);
  std::vector<double> ours, theirs, ratios;
  for (int round = 0; round < options.rounds; ++round) {
    const fs::path mine = folder / ("log" + std::to_string(round));
    const fs::path other = folder / ("rsyslog" + std::to_string(round));
    ours.push_back(inOtherProcess([&] { return keepLines(lines, mine, options.lines); }));
    theirs.push_back(throughRsyslog(lines, other, options.lines));
    ratios.push_back(theirs.back() / ours.back());
    fs::remove_all(mine);
    fs::remove_all(other);
  }
  const auto count = static_cast<double>(options.lines);
  std::printf("kept, with %zu rules: %9.0f lines/s\nrsyslog to a file: %9.0f lines/s\n", kRules,
              count / median(ours), count / median(theirs));
  std::printf("ratio: %.2f of rsyslog's, from %.2f to %.2f in %d rounds\n", median(ratios),
              *std::min_element(ratios.begin(), ratios.end()),
              *std::max_element(ratios.begin(), ratios.end()), options.rounds);
  return median(ratios) >= kAtLeast ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures lines a second into a kept log beside rsyslog.", "archive_ingest");
  app.add_option("--lines", options.lines, "Lines of a round")
      ->check(CLI::Range(1000, 100'000'000))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds, of both each")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--paced", options.paced,
                 "Instead: so many lines a second for half a minute, and what that takes");
  app.add_option("--folder", options.folder, "Where the logs are written")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto folder =
      std::filesystem::path(options.folder) / ("muster-archive-ingest-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const int out = options.paced > 0 ? muster::bench::paced(options, folder / "log")
                                    : muster::bench::compare(options, folder);
  std::filesystem::remove_all(folder);
  return out;
}
