// What the sink of the log rules adds to a log call, at a fixed rate: the same calls to a logger
// with spdlog's null sink, and to one that has the rules' sink besides, with fifty rules in force.
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/rule_corpus.h"
#include "libcontrol/log/rule_sink.h"

namespace muster::bench {
namespace {

using std::chrono::steady_clock;

struct Options {
  int per_second = 100'000;
  double seconds = 4;  // of each kind
};

// As little as a service does with a hit.
class Counts : public log::EffectTarget {
 public:
  void apply(const rules::Rule&, const rules::Hit& hit, const log::RecordRing::Record&) override {
    user_.bad(hit.count);
  }
  void blind(bool) override {}

 private:
  Requests user_;
};

class Kind {
 public:
  // Rules from `level` up; empty: the null sink alone.
  Kind(std::string name, const std::string& level) : name_(std::move(name)) {
    std::vector<spdlog::sink_ptr> sinks = {std::make_shared<spdlog::sinks::null_sink_mt>()};
    if (!level.empty()) {
      sink_ = std::make_shared<log::RuleSink>();
      sink_->use(std::make_shared<log::ActiveRules>(fiftyRules(level), std::make_shared<Counts>()));
      sinks.push_back(sink_);
    }
    logger_ = std::make_shared<spdlog::logger>("bench", sinks.begin(), sinks.end());
  }

  // So many calls at once, as fast as they go; ns a call.
  void burst(const std::vector<std::string>& texts, int calls, bool counts) {
    const auto begin = steady_clock::now();
    for (int i = 0; i < calls; ++i) {
      const std::string& text = texts[next_++ % texts.size()];
      logger_->info("{} ({} of {})", text, i, calls);
    }
    const std::chrono::duration<double, std::nano> took = steady_clock::now() - begin;
    if (counts) bursts_.push_back(took.count() / calls);
    calls_ += static_cast<uint64_t>(calls);
  }
  void finish() {
    if (sink_) sink_->stop();
    std::sort(bursts_.begin(), bursts_.end());
  }

  const std::string& name() const { return name_; }
  double quantile(double share) const {
    return bursts_[static_cast<size_t>(share * static_cast<double>(bursts_.size() - 1))];
  }
  uint64_t calls() const { return calls_; }
  uint64_t handled() const { return sink_ ? sink_->handled() : 0; }
  uint64_t dropped() const { return sink_ ? sink_->dropped() : 0; }

 private:
  const std::string name_;
  std::shared_ptr<log::RuleSink> sink_;
  std::shared_ptr<spdlog::logger> logger_;
  std::vector<double> bursts_;
  size_t next_ = 0;
  uint64_t calls_ = 0;
};

// The kinds take turns, a tenth of a second each, so that the machine's drift favours none.
int run(const Options& options) {
  LogTexts source(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 4096; ++i) texts.push_back(source.next());
  std::vector<std::unique_ptr<Kind>> kinds;
  kinds.push_back(std::make_unique<Kind>("null sink", ""));
  kinds.push_back(std::make_unique<Kind>("rules, level rules it out", "warn"));
  kinds.push_back(std::make_unique<Kind>("rules, text is matched", "info"));
  constexpr int kTurn = 100;
  const int turns = std::max(2, static_cast<int>(options.seconds * 1000 / kTurn));
  const int calls = std::max(1, options.per_second / 1000);
  auto next = steady_clock::now();
  for (int turn = 0; turn <= turns; ++turn) {
    for (const auto& kind : kinds) {
      for (int i = 0; i < kTurn; ++i) {
        next += std::chrono::milliseconds(1);
        std::this_thread::sleep_until(next);
        // The first turn and the first bursts after a change warm up.
        kind->burst(texts, calls, turn > 0 && i > 2);
      }
    }
  }
  bool valid = true;
  const double base = [&] {
    kinds[0]->finish();
    return kinds[0]->quantile(0.5);
  }();
  std::printf("%d calls/s in bursts of %d each ms, one thread; ns a call\n", options.per_second,
              calls);
  std::printf("%-28s %8s %8s %8s %7s %10s %8s\n", "", "median", "p25", "p75", "ratio", "to match",
              "dropped");
  for (size_t i = 0; i < kinds.size(); ++i) {
    Kind& kind = *kinds[i];
    if (i > 0) kind.finish();
    std::printf("%-28s %8.1f %8.1f %8.1f %7.2f %10llu %8llu\n", kind.name().c_str(),
                kind.quantile(0.5), kind.quantile(0.25), kind.quantile(0.75),
                kind.quantile(0.5) / base, static_cast<unsigned long long>(kind.handled()),
                static_cast<unsigned long long>(kind.dropped()));
    valid = valid && kind.dropped() == 0;
  }
  valid = valid && kinds[2]->handled() == kinds[2]->calls() && kinds[1]->handled() == 0;
  if (!valid) std::printf("INVALID: records were dropped, or not matched as they should\n");
  return valid ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures what the sink of the log rules adds to a log call.", "log_rules");
  app.add_option("--per-second", options.per_second, "Calls a second")
      ->check(CLI::Range(1000, 2'000'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long each kind is measured")
      ->check(CLI::Range(0.2, 600.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return muster::bench::run(options);
}
