#include "bench/failover/etcd_contest.h"

#include <signal.h>

#include <array>
#include <string>
#include <utility>

#include "bench/failover/relay.h"
#include "coordinator/local/server.h"

namespace muster::bench {
namespace {

constexpr int kMembers = 3;
constexpr Duration kReady = Duration::seconds(60);

std::string url(uint16_t port) {
  return std::string("http://") + local::kLoopback + ":" + std::to_string(port);
}

class PrivateEtcd : public EtcdSystem {
 public:
  PrivateEtcd(Run& run, const Settings& settings) : run_(run), settings_(settings) {}

  // All at once: two have to find each other before either answers.
  Status begin() {
    const auto ports = freePorts(2 * kMembers);
    if (!ports) return ports.status();
    std::string cluster;
    for (size_t i = 0; i < kMembers; ++i) {
      clients_[i] = (*ports)[i];
      cluster += (i == 0 ? "" : ",") + nameOf(i) + "=" + url((*ports)[kMembers + i]);
    }
    for (size_t i = 0; i < kMembers; ++i) {
      const std::string peer = url((*ports)[kMembers + i]);
      const auto started = run_.start(
          nameOf(i), {"etcd", "--name=" + nameOf(i),
                      "--data-dir=" + (run_.folderOf(nameOf(i)) / "data").string(),
                      "--listen-client-urls=" + url(clients_[i]),
                      "--advertise-client-urls=" + url(clients_[i]), "--listen-peer-urls=" + peer,
                      "--initial-advertise-peer-urls=" + peer, "--initial-cluster=" + cluster,
                      "--logger=zap", "--log-level=warn"});
      if (!started) return started.status();
    }
    return await("etcd's ports", kReady, plainNap, [this] {
      for (const uint16_t port : clients_) {
        if (!local::accepts(port)) return false;
      }
      return true;
    });
  }

  std::unique_ptr<Contest> contest(Kind kind) override;

  Run& run() { return run_; }
  const Settings& settings() const { return settings_; }
  uint16_t clientPort(size_t member) const { return clients_[member]; }

 private:
  static std::string nameOf(size_t member) { return "etcd" + std::to_string(member + 1); }

  Run& run_;
  const Settings settings_;
  std::array<uint16_t, kMembers> clients_{};
};

class EtcdContest : public Contest {
 public:
  EtcdContest(PrivateEtcd& system, Kind kind)
      : system_(system), kind_(kind), group_(std::string("etcd-") + kindName(kind) + "-") {}

  System system() const override { return System::kEtcd; }
  Kind kind() const override { return kind_; }

  // Starts those that don't run. A leader, and two that have stood since then for so long that they
  // watch.
  Status makeReady() override {
    for (size_t i = 0; i < kMembers; ++i) {
      if (Status started = keepRunning(i); !started) return started;
    }
    const Status done = await("leader of " + group_, kReady, plainNap, [this] {
      const auto active = board().latest(group_, "active");
      if (!active || isStopped(*active)) return false;
      for (size_t i = 0; i < kMembers; ++i) {
        // Its first renewal comes a third of the lease after it stood.
        const auto renewed = board().latest(nameOf(i), "renewed");
        if (!renewed || renewed->at_ns < away_ns_ || !local::isRunning(processes_[i])) return false;
      }
      return true;
    });
    return done;
  }

  Result<Sample> round() override {
    const Duration phase = system_.run().somewhere(system_.settings().lease / 3);
    plainNap(phase);
    const auto active = board().latest(group_, "active");
    if (!active) return Status(Code::kInternal, "nobody has said that it leads");
    const size_t index = static_cast<size_t>(active->who.back() - '1');
    begin_ = nowNs();
    switch (kind_) {
      case Kind::kGraceful:
      case Kind::kResign:
        ::kill(processes_[index].pid, SIGUSR1);
        break;
      case Kind::kCrash:
        ::kill(processes_[index].pid, SIGKILL);
        break;
      case Kind::kCut:
        relays_[index]->cutThere();
        begin_ = nowNs();
        plainNap(kLastAnswers);
        relays_[index]->cutBack();
        break;
    }
    auto sample = measure(*active);
    relays_[index]->mend();
    if (kind_ == Kind::kCrash) system_.run().kill(processes_[index]);
    // Whoever was active stands anew.
    away_ns_ = nowNs();
    return sample;
  }

 private:
  Board& board() { return system_.run().board(); }
  std::string nameOf(size_t index) const { return group_ + std::to_string(index + 1); }

  bool isStopped(const Told& active) {
    return board().firstSince(active.who, "stopped", active.at_ns).has_value();
  }

  Status keepRunning(size_t index) {
    if (relays_[index] == nullptr) {
      auto relay = Relay::start(system_.clientPort(index));
      if (!relay) return relay.status();
      relays_[index] = std::move(relay).value();
    }
    if (local::isRunning(processes_[index])) return Status::ok();
    const Settings& settings = system_.settings();
    auto started = system_.run().start(
        nameOf(index),
        {(local::ownFolder() / "failover_member").string(), "--board", board().path().string(),
         "--name", nameOf(index), "candidate", "--endpoint", url(relays_[index]->port()),
         "--prefix", group_, "--ttl-s", std::to_string(settings.lease.toMillis() / 1000)});
    if (!started) return started.status();
    processes_[index] = *started;
    return Status::ok();
  }

  Result<Sample> measure(const Told& active) {
    std::optional<Told> next;
    Status done = await("another leader of " + group_,
                        system_.settings().lease * 2 + Duration::seconds(20), plainNap, [&] {
                          next = board().firstSince(group_, "active", begin_);
                          return next.has_value();
                        });
    if (!done) return done;
    Sample out;
    out.measured = secondsOf(next->at_ns - begin_);
    const auto stopped = board().firstSince(active.who, "stopped", begin_);
    if (kind_ != Kind::kCrash) out.overlap = !stopped || stopped->at_ns > next->at_ns;
    if (isInOrder(kind_)) {
      if (stopped) out.gap = secondsOf(next->at_ns - stopped->at_ns);
      return out;
    }
    const auto renewed = board().latest(active.who, "renewed");
    if (!renewed) return Status(Code::kInternal, active.who + " has told of no renewal");
    out.minimum = secondsOf(renewed->at_ns + system_.settings().lease.ns - begin_);
    return out;
  }

  PrivateEtcd& system_;
  const Kind kind_;
  const std::string group_;
  std::array<std::unique_ptr<Relay>, kMembers> relays_;
  std::array<local::ProcessId, kMembers> processes_;
  int64_t begin_ = 0;    // of the round
  int64_t away_ns_ = 0;  // when it was over
};

std::unique_ptr<Contest> PrivateEtcd::contest(Kind kind) {
  return std::make_unique<EtcdContest>(*this, kind);
}

}  // namespace

Result<std::unique_ptr<EtcdSystem>> EtcdSystem::start(Run& run, const Settings& settings) {
  auto system = std::make_unique<PrivateEtcd>(run, settings);
  if (Status begun = system->begin(); !begun) return begun;
  return std::unique_ptr<EtcdSystem>(std::move(system));
}

}  // namespace muster::bench
