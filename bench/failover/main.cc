// Failovers of Muster beside those of an etcd election and of Redis Sentinel, with the same time
// until a silent member counts as gone; docs/benchmarks.md says what the figures mean.
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/failover/contest.h"
#include "bench/failover/etcd_contest.h"
#include "bench/failover/muster_contest.h"
#include "bench/failover/sentinel_contest.h"
#include "bench/failover/table.h"
#include "libcontrol/base/text.h"

namespace muster::bench {
namespace {

struct Wanted {
  int rounds = 200;
  bool json = false;
  std::vector<System> systems;
  Settings settings;
};

// What a round takes, roughly: the wait of the slower ones, and until everybody is back.
constexpr double kSecondsBesideLease = 3;
constexpr int kToldEvery = 10;
// Rounds of one kind and system that may come to nothing: it is said, and the others go on.
constexpr int kMaxFailures = 3;
// Every wait within a round is shorter.
constexpr Duration kRoundLimit = Duration::seconds(600);

class Comparison {
 public:
  explicit Comparison(const Wanted& wanted) : wanted_(wanted) {}

  Status run() {
    auto made = Run::make();
    if (!made) return made.status();
    run_ = std::move(made).value();
    if (Status started = start(); !started) return started;
    std::fprintf(stderr, "%d rounds, about %.0f minutes; files in %s\n", wanted_.rounds,
                 wanted_.rounds * (wanted_.settings.lease.toSeconds() + kSecondsBesideLease) / 60,
                 run_->folder().c_str());
    done_ = std::vector<std::atomic<int>>(lanes_.size());
    std::vector<std::thread> threads;
    for (size_t i = 1; i < lanes_.size(); ++i) {
      threads.emplace_back([this, i] { work(i, plainNap); });
    }
    work(0, muster_ == nullptr ? Nap(plainNap) : Nap(loopFor));
    for (std::thread& each : threads) each.join();
    run_->endAll();
    lanes_.clear();
    if (samples_.empty()) return status_;
    const Duration lease = wanted_.settings.lease;
    const std::string out =
        wanted_.json ? failoverJson(samples_, lease) : failoverTable(samples_, lease);
    std::fputs(out.c_str(), stdout);
    return status_;
  }

 private:
  bool wants(System system) const {
    return std::find(wanted_.systems.begin(), wanted_.systems.end(), system) !=
           wanted_.systems.end();
  }

  // Muster's lane is the main thread's. The others spend most of a round waiting, so their kinds
  // have a lane each, and all are done with a round at about the same time.
  Status start() {
    lanes_.emplace_back();
    if (wants(System::kMuster)) {
      auto made = MusterSystem::start(*run_, wanted_.settings);
      if (!made) return made.status();
      muster_ = std::move(made).value();
      for (const Kind kind : wanted_.settings.kinds) lanes_[0].push_back(muster_->contest(kind));
    }
    if (wants(System::kEtcd)) {
      auto made = EtcdSystem::start(*run_, wanted_.settings);
      if (!made) return made.status();
      etcd_ = std::move(made).value();
      addLanes([this](Kind kind) { return etcd_->contest(kind); });
    }
    if (wants(System::kSentinel)) {
      auto made = SentinelSystem::start(*run_, wanted_.settings);
      if (!made) return made.status();
      sentinel_ = std::move(made).value();
      addLanes([this](Kind kind) { return sentinel_->contest(kind); });
    }
    return Status::ok();
  }

  template <typename Make>
  void addLanes(const Make& make) {
    for (const Kind kind : wanted_.settings.kinds) {
      auto contest = make(kind);
      if (contest == nullptr) continue;
      lanes_.emplace_back();
      lanes_.back().push_back(std::move(contest));
    }
  }

  // Round by round with the others, so that a slower hour of the machine is everybody's. One round
  // before those that count, since the first of everything takes longer.
  void work(size_t lane, const Nap& nap) {
    for (int round = 0; round <= wanted_.rounds && isFine(); ++round) {
      for (const auto& contest : lanes_[lane]) {
        if (isFine()) once(*contest, round > 0);
      }
      if (lane == 0 && round % kToldEvery == 0) {
        std::fprintf(stderr, "\r%d of %d ", round, wanted_.rounds);
      }
      done_[lane] = round + 1;
      (void)await("the other systems", kRoundLimit, nap, [&] {
        return !isFine() || std::all_of(done_.begin(), done_.end(),
                                        [&](const auto& other) { return other > round; });
      });
    }
  }

  void once(Contest& contest, bool counts) {
    Status done = contest.makeReady();
    std::optional<Sample> sample;
    if (done) {
      auto measured = contest.round();
      done = measured.status();
      if (done) sample = *measured;
    }
    const std::lock_guard lock(mutex_);
    const auto which = std::pair(contest.kind(), contest.system());
    if (sample && counts) samples_[which].push_back(*sample);
    if (done) return;
    const std::string text = std::string(systemName(contest.system())) + ", " +
                             kindName(contest.kind()) + ": " + done.text();
    std::fprintf(stderr, "failover: %s\n", text.c_str());
    if (status_ && (++failures_[which] > kMaxFailures || Run::interrupted())) {
      status_ = Status(done.code(), text);
    }
  }

  bool isFine() {
    const std::lock_guard lock(mutex_);
    return status_.isOk();
  }

  const Wanted wanted_;
  std::unique_ptr<Run> run_;
  std::unique_ptr<MusterSystem> muster_;
  std::unique_ptr<EtcdSystem> etcd_;
  std::unique_ptr<SentinelSystem> sentinel_;
  std::vector<Lane> lanes_;
  std::vector<std::atomic<int>> done_;  // rounds, by lane
  std::mutex mutex_;
  Samples samples_;                                  // under mutex_
  std::map<std::pair<Kind, System>, int> failures_;  // under mutex_; rounds that came to nothing
  Status status_;                                    // under mutex_; why the run has ended early
};

template <typename Enum, size_t kCount>
void addChoice(CLI::App& app, const std::string& flag, const Enum (&all)[kCount],
               const char* (*name)(Enum), std::vector<Enum>& out, const std::string& help) {
  std::vector<std::pair<std::string, Enum>> names;
  for (const Enum each : all) names.emplace_back(name(each), each);
  app.add_option(flag, out, help)
      ->delimiter(',')
      ->transform(CLI::CheckedTransformer(names, CLI::ignore_case));
  out.assign(std::begin(all), std::end(all));
}

int run(int argc, char** argv) {
  Wanted wanted;
  std::string format = "table";
  int lease_s = 2;
  CLI::App app("Compares failovers with those of an etcd election and of Redis Sentinel.",
               "failover");
  app.add_option("--rounds", wanted.rounds, "Of each kind and system")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--lease", lease_s, "Seconds; etcd gives no shorter lease than 2")
      ->check(CLI::Range(2, 60))
      ->capture_default_str();
  addChoice(app, "--only", kSystems, systemName, wanted.systems, "Of: muster,etcd,sentinel");
  addChoice(app, "--kinds", kKinds, kindName, wanted.settings.kinds,
            "Of: graceful,resign,crash,cut");
  app.add_option("-o", format, "table or json")->check(CLI::IsMember({"table", "json"}));
  CLI11_PARSE(app, argc, argv);
  wanted.json = format == "json";
  wanted.settings.lease = Duration::seconds(lease_s);
  Run::catchSignals();
  spdlog::set_default_logger(spdlog::null_logger_mt("bench"));
  const Status done = Comparison(wanted).run();
  if (done) return 0;
  std::fprintf(stderr, "failover: %s\n", done.text().c_str());
  return 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run(argc, argv);
}
