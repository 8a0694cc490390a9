// Searches of a log that a node keeps, beside `grep` over the same lines in a file.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/service_log.h"
#include "libcontrol/archive/archive.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

struct Options {
  uint64_t lines = 10'000'000;
  int rounds = 9;
  std::string folder = "/tmp";
};

struct Question {
  const char* name;
  const char* query;
  const char* grep;  // its options and pattern, which find the same lines
  // What the ratio must be at least: grep's time by ours. 0: none is asked for.
  double at_least;
};
constexpr Question kQuestions[] = {
    {"rare word", "zanzibar", "-F zanzibar", 100},
    {"common word", "completed", "-F completed", 0},
    {"phrase", "\"connection refused\"", "-F 'connection refused'", 0},
    {"regex with a word", "/slow statement on audit: took 99[0-9]{2}ms/",
     "-E 'slow statement on audit: took 99[0-9]{2}ms'", 1},
    {"... in every block", "/completed, id 00[0-9a-f]+, 4[0-9]+ items/",
     "-E 'completed, id 00[0-9a-f]+, 4[0-9]+ items'", 0},
    {"regex without one", R"(/[0-9]{2}\.[0-9] [a-z]+, [a-z]+ 3[01] [a-z]/)",
     R"(-E '[0-9]{2}\.[0-9] [a-z]+, [a-z]+ 3[01] [a-z]')", 1.0 / 3},
};

double secondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "archive_search: %s\n", text.c_str());
  std::exit(1);
}

uint64_t bytesBelow(const fs::path& folder) {
  uint64_t out = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) out += entry.file_size();
  }
  return out;
}

// The folder with both; goes with the object.
class Corpus {
 public:
  explicit Corpus(const Options& options)
      : folder_(fs::path(options.folder) / ("muster-archive-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    writeFile(options.lines);
    keep(options.lines);
  }
  ~Corpus() {
    log_.reset();
    fs::remove_all(folder_);
  }

  const archive::Archive& log() const { return *log_; }
  fs::path file() const { return folder_ / "plain.log"; }
  fs::path output() const { return folder_ / "grep.out"; }

 private:
  void writeFile(uint64_t lines) {
    std::ofstream out(file(), std::ios::binary);
    ServiceLog log(1);
    std::string block;
    for (uint64_t i = 0; i < lines; ++i) {
      appendLine(log.next(), block);
      if (block.size() < 1024 * 1024) continue;
      out << block;
      block.clear();
    }
    out << block;
    out.close();
    if (!out) fail(file().string() + " can't be written");
  }

  void keep(uint64_t lines) {
    archive::ArchiveOptions options;
    options.folder = folder_ / "log";
    options.retention = archive::ArchiveOptions::sharesOf(uint64_t{64} << 30);
    auto opened = archive::Archive::open(options);
    if (!opened) fail(opened.status().text());
    log_ = std::move(opened).value();
    ServiceLog log(1);
    const auto begin = steady_clock::now();
    constexpr uint64_t kAtOnce = 500;
    std::vector<records::Record> some;
    for (uint64_t i = 0; i < lines; ++i) {
      some.push_back(log.next());
      if (some.size() < kAtOnce && i + 1 < lines) continue;
      while (!log_->offer(std::move(some))) usleep(2000);
      some.clear();
    }
    if (const Status kept = log_->flush(); !kept) fail(kept.text());
    const double seconds = secondsSince(begin);
    const auto plain = static_cast<double>(fs::file_size(file()));
    const auto bytes = static_cast<double>(bytesBelow(options.folder));
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("%llu lines, %.1f bytes a line in the file, %.1f as they are kept: %.3f of it\n",
                static_cast<unsigned long long>(lines), plain / static_cast<double>(lines),
                bytes / static_cast<double>(lines), bytes / plain);
    std::printf("kept at %.0f lines/s, at most %ld KiB resident meanwhile\n",
                static_cast<double>(lines) / seconds, usage.ru_maxrss);
  }

  const fs::path folder_;
  std::unique_ptr<archive::Archive> log_;
};

uint64_t linesOf(const fs::path& file) {
  std::ifstream in(file);
  uint64_t out = 0;
  for (std::string line; std::getline(in, line);) ++out;
  return out;
}

double grep(const Corpus& corpus, const Question& question) {
  const std::string command = std::string("LC_ALL=C grep ") + question.grep + " " +
                              corpus.file().string() + " > " + corpus.output().string();
  const auto begin = steady_clock::now();
  const int result = std::system(command.c_str());
  const double out = secondsSince(begin);
  if (WEXITSTATUS(result) > 1) fail("grep can't be run");
  return out;
}

archive::Search searchFor(const Question& question) {
  auto query = records::parseQuery(question.query);
  if (!query) fail(query.status().text());
  archive::Search out;
  out.query = std::move(query).value();
  return out;
}

// All rounds of one question; false: it found something else than grep, or was too slow.
bool ask(const Corpus& corpus, const Question& question, int rounds) {
  std::vector<double> page, all, greps;
  uint64_t found = 0;
  archive::Found last;
  for (int round = 0; round < rounds; ++round) {
    const archive::Search search = searchFor(question);
    auto begin = steady_clock::now();
    if (auto first = corpus.log().search(search); !first) fail(first.status().text());
    page.push_back(secondsSince(begin));
    found = 0;
    begin = steady_clock::now();
    auto each = corpus.log().each(search, [&](const archive::MatchView&) { return ++found > 0; });
    all.push_back(secondsSince(begin));
    if (!each) fail(each.status().text());
    last = *each;
    greps.push_back(grep(corpus, question));
  }
  const double ratio = median(greps) / median(all);
  std::printf(
      "%-18s %9llu hits  first 50: %9.2f ms  all: %9.2f ms  grep: %9.2f ms  grep/all: %8.2f"
      "  blocks read: %llu\n",
      question.name, static_cast<unsigned long long>(found), median(page) * 1000,
      median(all) * 1000, median(greps) * 1000, ratio,
      static_cast<unsigned long long>(last.blocks_read));
  std::fflush(stdout);
  const uint64_t expected = linesOf(corpus.output());
  if (found != expected) {
    std::printf("INVALID: grep found %llu\n", static_cast<unsigned long long>(expected));
    return false;
  }
  if (ratio >= question.at_least) return true;
  std::printf("TOO SLOW: grep's time is to be at least %.2f times ours\n", question.at_least);
  return false;
}

int run(const Options& options) {
  const Corpus corpus(options);
  int out = 0;
  for (const Question& question : kQuestions) {
    if (!ask(corpus, question, options.rounds)) out = 1;
  }
  return out;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures searches of a kept log beside grep.", "archive_search");
  app.add_option("--lines", options.lines, "Lines of the log")
      ->check(CLI::Range(1000, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of each question")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", options.folder, "Where both logs are written")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return muster::bench::run(options);
}
