// How fast fifty log rules read a log: beside `grep -c` for one of their patterns, and beside fifty
// std::regex in turn.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <string_view>

#include "bench/rule_corpus.h"

namespace muster::bench {
namespace {

using std::chrono::steady_clock;

struct Options {
  size_t mib = 256;
  size_t regex_kib = 512;
  std::string folder = "/tmp";
};

double secondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

// Removed with the object.
class LogFile {
 public:
  LogFile(const std::string& folder, size_t bytes)
      : path_(folder + "/muster-rule-throughput-" + std::to_string(getpid()) + ".log") {
    std::ofstream out(path_, std::ios::binary);
    LogTexts texts(11);
    // A block of it again and again: what is measured is the reading.
    std::string block;
    while (block.size() < 8 * 1024 * 1024) {
      block += "[2026-01-01 14:03:00.123] [web] [info] " + texts.next() + "\n";
    }
    for (size_t written = 0; written < bytes; written += block.size()) out << block;
    out.close();
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (!out || fd < 0 || fstat(fd, &info) != 0) fail();
    size_ = static_cast<size_t>(info.st_size);
    map_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map_ == MAP_FAILED) fail();
  }
  ~LogFile() {
    munmap(map_, size_);
    std::filesystem::remove(path_);
  }

  const std::string& path() const { return path_; }
  std::string_view text() const { return {static_cast<const char*>(map_), size_}; }

 private:
  [[noreturn]] void fail() const {
    std::fprintf(stderr, "%s can't be written and read\n", path_.c_str());
    std::filesystem::remove(path_);
    std::exit(1);
  }

  const std::string path_;
  size_t size_ = 0;
  void* map_ = nullptr;
};

template <typename Use>
void eachLine(std::string_view text, Use use) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    use(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

struct Figures {
  double seconds = 0;
  size_t bytes = 0;
  size_t hits = 0;
  double mibPerSecond() const { return static_cast<double>(bytes) / 1048576 / seconds; }
};

Figures withRules(std::string_view text) {
  const auto set = fiftyRules("info");
  rules::RuleMatcher matcher(*set);
  Figures out{0, text.size(), 0};
  const auto begin = steady_clock::now();
  eachLine(text, [&](std::string_view line) {
    out.hits += matcher.match(rules::Severity::kInfo, "web", line).size();
  });
  out.seconds = secondsSince(begin);
  return out;
}

Figures withRegexes(std::string_view text) {
  std::vector<std::regex> patterns;
  for (const std::string& pattern : rulePatterns()) {
    patterns.emplace_back(pattern, std::regex::ECMAScript | std::regex::optimize);
  }
  Figures out{0, text.size(), 0};
  const auto begin = steady_clock::now();
  eachLine(text, [&](std::string_view line) {
    for (const std::regex& pattern : patterns) {
      out.hits += std::regex_search(line.begin(), line.end(), pattern) ? 1 : 0;
    }
  });
  out.seconds = secondsSince(begin);
  return out;
}

Figures withGrep(const LogFile& file, const std::string& pattern) {
  const std::string command = "LC_ALL=C grep -cE '" + pattern + "' " + file.path();
  const auto begin = steady_clock::now();
  FILE* pipe = popen(command.c_str(), "r");
  unsigned long hits = 0;
  const bool read = pipe != nullptr && std::fscanf(pipe, "%lu", &hits) == 1;
  if (pipe != nullptr) pclose(pipe);
  if (!read) {
    std::fprintf(stderr, "grep can't be run\n");
    std::exit(1);
  }
  return {secondsSince(begin), file.text().size(), hits};
}

void print(const char* name, const Figures& figures) {
  std::printf("%-34s %9.1f MiB/s %12zu hits in %8.1f MiB\n", name, figures.mibPerSecond(),
              figures.hits, static_cast<double>(figures.bytes) / 1048576);
}

int run(const Options& options) {
  const LogFile file(options.folder, options.mib * 1024 * 1024);
  const std::string_view text = file.text();
  // Once unmeasured, so that the file is in memory for all.
  const std::string& pattern = rulePatterns()[0];
  (void)withGrep(file, pattern);
  const Figures rules = withRules(text);
  const Figures grep = withGrep(file, pattern);
  const size_t end = text.find('\n', std::min(text.size() - 1, options.regex_kib * 1024));
  const std::string_view part = text.substr(0, end);
  const Figures regexes = withRegexes(part);
  print("50 rules at once", rules);
  print("grep -c for one of the patterns", grep);
  print("50 std::regex in turn", regexes);
  std::printf("rules against grep: %.2f of its speed; against std::regex: %.0f times\n",
              rules.mibPerSecond() / grep.mibPerSecond(),
              rules.mibPerSecond() / regexes.mibPerSecond());
  // Over the same lines the same must be found.
  const size_t found = withRules(part).hits;
  if (found == regexes.hits) return 0;
  std::printf("INVALID: the rules found %zu in what std::regex has read\n", found);
  return 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures how fast log rules read a log.", "rule_throughput");
  app.add_option("--mib", options.mib, "Size of the log")
      ->check(CLI::Range(8, 16384))
      ->capture_default_str();
  app.add_option("--regex-kib", options.regex_kib, "How much of it std::regex reads")
      ->check(CLI::Range(1, 1048576))
      ->capture_default_str();
  app.add_option("--folder", options.folder, "Where the log is written")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return muster::bench::run(options);
}
