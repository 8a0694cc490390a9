#include "bench/failover/sentinel_contest.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "bench/failover/redis_port.h"
#include "libcontrol/base/file.h"

namespace muster::bench {
namespace {

constexpr size_t kMembers = 3;
// Of each kind's group, used in turn: until the sentinels know that a master which came back is a
// replica takes up to ten seconds, and a failover before that may be undone.
constexpr int kCopies = 3;
constexpr Duration kReady = Duration::seconds(60);
// Between two attempts to write: half of it, on average, is added to what is measured.
constexpr Duration kProbe = Duration::millis(1);
constexpr Duration kFailoverLimit = Duration::seconds(60);
constexpr const char* kListen = "bind 127.0.0.1\nprotected-mode yes\nport ";

// Written down once a second, as its documentation suggests. A replica's copy is begun at once, not
// after the usual 5 s: that concerns only the time between two rounds.
constexpr const char* kServer =
    "\nappendonly yes\nappendfsync everysec\nsave \"\"\nrepl-diskless-sync-delay 0\n";

// A master and its replicas, which change places, by the name that the sentinels have for them.
struct Group {
  std::string name;
  std::array<uint16_t, kMembers> ports{};
  std::array<local::ProcessId, kMembers> processes{};
};

class PrivateSentinels : public SentinelSystem {
 public:
  PrivateSentinels(Run& run, const Settings& settings) : run_(run), settings_(settings) {}

  Status begin() {
    for (const Kind kind : settings_.kinds) {
      if (kind == Kind::kResign) continue;
      for (int copy = 0; copy < kCopies; ++copy) {
        groups_[kind].push_back({std::string(kindName(kind)) + std::to_string(copy + 1), {}, {}});
        if (Status started = startServers(groups_[kind].back()); !started) return started;
      }
    }
    return startSentinels();
  }

  std::unique_ptr<Contest> contest(Kind kind) override;

  // `master`: 0 if it is to be the master itself.
  Result<local::ProcessId> startServer(const Group& group, size_t index, uint16_t master) {
    const std::string name = nameOf(group, index);
    std::vector<std::string> argv = {"redis-server", (run_.folderOf(name) / "conf").string()};
    if (master != 0) argv.insert(argv.end(), {"--replicaof", "127.0.0.1", std::to_string(master)});
    return run_.start(name, std::move(argv));
  }

  Run& run() { return run_; }
  const Settings& settings() const { return settings_; }
  const std::array<uint16_t, kMembers>& sentinels() const { return sentinels_; }

 private:
  static std::string nameOf(const Group& group, size_t index) {
    return "redis-" + group.name + "-" + std::to_string(index + 1);
  }

  Status configure(const std::string& name, uint16_t port, const std::string& more) {
    const auto folder = run_.folderOf(name);
    std::filesystem::create_directories(folder);
    return replaceFile(folder / "conf",
                       kListen + std::to_string(port) + "\ndir " + folder.string() + more);
  }

  Status startServers(Group& group) {
    const auto free = freePorts(kMembers);
    if (!free) return free.status();
    for (size_t i = 0; i < kMembers; ++i) {
      group.ports[i] = (*free)[i];
      if (Status done = configure(nameOf(group, i), group.ports[i], kServer); !done) return done;
      const auto started = startServer(group, i, i == 0 ? 0 : group.ports[0]);
      if (!started) return started.status();
      group.processes[i] = *started;
    }
    return Status::ok();
  }

  Status startSentinels() {
    const auto free = freePorts(kMembers);
    if (!free) return free.status();
    std::string watched = "\n";
    for (const auto& [kind, groups] : groups_) {
      for (const Group& group : groups) {
        watched += "sentinel monitor " + group.name + " 127.0.0.1 " +
                   std::to_string(group.ports[0]) + " 2\nsentinel down-after-milliseconds " +
                   group.name + " " + std::to_string(settings_.lease.toMillis()) +
                   "\nsentinel failover-timeout " + group.name + " 10000\n";
      }
    }
    for (size_t i = 0; i < kMembers; ++i) {
      sentinels_[i] = (*free)[i];
      const std::string name = "sentinel" + std::to_string(i + 1);
      if (Status done = configure(name, sentinels_[i], watched); !done) return done;
      const auto started =
          run_.start(name, {"redis-sentinel", (run_.folderOf(name) / "conf").string()});
      if (!started) return started.status();
    }
    return Status::ok();
  }

  Run& run_;
  const Settings settings_;
  std::map<Kind, std::vector<Group>> groups_;
  std::array<uint16_t, kMembers> sentinels_{};
};

class SentinelContest : public Contest {
 public:
  SentinelContest(PrivateSentinels& system, Kind kind, Group group)
      : system_(system), kind_(kind), group_(std::move(group)) {
    for (const uint16_t port : group_.ports) servers_.emplace_back(port);
    for (const uint16_t port : system.sentinels()) sentinels_.emplace_back(port);
  }

  System system() const override { return System::kSentinel; }
  Kind kind() const override { return kind_; }

  // All sentinels agree on a master and see nothing wrong with it, its replicas and each other. A
  // master that is back is told by us whom to follow: Sentinel takes ten seconds to do it.
  Status makeReady() override {
    const Status done = await("the sentinels' agreement", kReady, plainNap, [this] {
      plainNap(Duration::millis(20));
      return findMaster() && bringBack() && isWhole();
    });
    return done.isOk() ? done : Status(done.code(), done.text() + system_.run().logOf("sentinel1"));
  }

  Result<Sample> round() override {
    plainNap(system_.run().somewhere(Duration::seconds(1)));
    const size_t old = *master_;
    const int64_t begin = nowNs();
    switch (kind_) {
      case Kind::kResign:
        break;
      case Kind::kGraceful:
        if (!sentinels_[0].ask({"SENTINEL", "FAILOVER", group_.name})) {
          return Status(Code::kUnavailable, "the sentinel does not carry out a failover" +
                                                system_.run().logOf("sentinel1"));
        }
        break;
      case Kind::kCrash:
        ::kill(group_.processes[old].pid, SIGKILL);
        break;
      case Kind::kCut:
        ::kill(group_.processes[old].pid, SIGSTOP);
        break;
    }
    Status done = await(
        "a replica that takes writes", kFailoverLimit, [](Duration) { plainNap(kProbe); },
        [&] { return isTakenOver(old); });
    const int64_t end = nowNs();
    // What follows is not counted: the old one is away until the sentinels are done.
    if (done) {
      done = await("the sentinels' new master", kFailoverLimit, plainNap,
                   [&] { return !isMasterOfAny(servers_[old].port()); });
    }
    if (kind_ == Kind::kCut) ::kill(group_.processes[old].pid, SIGCONT);
    if (kind_ == Kind::kCrash) system_.run().kill(group_.processes[old]);
    if (!done) return Status(done.code(), done.text() + system_.run().logOf("sentinel1"));
    servers_[old].hangUp();
    if (findMaster()) bringBack();
    Sample out;
    out.measured = secondsOf(end - begin);
    return out;
  }

 private:
  bool isTakenOver(size_t old) {
    for (size_t i = 0; i < kMembers; ++i) {
      if (i != old && servers_[i].takesWrites()) return true;
    }
    return false;
  }

  bool sees(RedisPort& sentinel, uint16_t master) {
    const auto address = sentinel.ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", group_.name});
    return address && address->size() == 2 && (*address)[1] == std::to_string(master);
  }

  bool isMasterOfAny(uint16_t port) {
    return std::any_of(sentinels_.begin(), sentinels_.end(),
                       [&](RedisPort& each) { return sees(each, port); });
  }

  bool findMaster() {
    master_.reset();
    for (size_t i = 0; i < kMembers; ++i) {
      if (sees(sentinels_[0], servers_[i].port())) master_ = i;
    }
    return master_.has_value();
  }

  // False while one of them had to be told something.
  bool bringBack() {
    const uint16_t master = servers_[*master_].port();
    for (RedisPort& sentinel : sentinels_) {
      if (!sees(sentinel, master)) return false;
    }
    for (size_t i = 0; i < kMembers; ++i) {
      if (i == *master_) continue;
      if (!local::isRunning(group_.processes[i])) {
        const auto started = system_.startServer(group_, i, master);
        if (started) group_.processes[i] = *started;
        return false;
      }
      if (servers_[i].isReplicaOf(master)) continue;
      const auto role = servers_[i].ask({"ROLE"});
      if (role && !role->empty() && role->front() == "master") {
        (void)servers_[i].ask({"REPLICAOF", "127.0.0.1", std::to_string(master)});
      }
      return false;
    }
    return true;
  }

  bool isWhole() {
    for (RedisPort& sentinel : sentinels_) {
      const auto master = facts(sentinel, "MASTER");
      if (valueOf(master, "flags") != std::vector<std::string>{"master"} ||
          valueOf(master, "num-other-sentinels") != std::vector<std::string>{"2"}) {
        return false;
      }
      const std::vector<std::string> both(2, "slave");
      const auto replicas = facts(sentinel, "REPLICAS");
      if (valueOf(replicas, "flags") != both || valueOf(replicas, "role-reported") != both) {
        return false;
      }
      const std::vector<std::string> others(2, "sentinel");
      if (valueOf(facts(sentinel, "SENTINELS"), "flags") != others) return false;
    }
    return true;
  }

  std::vector<std::string> facts(RedisPort& sentinel, const char* of) {
    return sentinel.ask({"SENTINEL", of, group_.name}).value_or(std::vector<std::string>{});
  }

  // Of names and values in turn.
  static std::vector<std::string> valueOf(const std::vector<std::string>& facts,
                                          const std::string& name) {
    std::vector<std::string> out;
    for (size_t i = 0; i + 1 < facts.size(); i += 2) {
      if (facts[i] == name) out.push_back(facts[i + 1]);
    }
    return out;
  }

  PrivateSentinels& system_;
  const Kind kind_;
  Group group_;
  std::vector<RedisPort> servers_;
  std::vector<RedisPort> sentinels_;
  std::optional<size_t> master_;
};

// The groups of a kind in turn.
class InTurn : public Contest {
 public:
  explicit InTurn(std::vector<std::unique_ptr<Contest>> contests)
      : contests_(std::move(contests)) {}

  System system() const override { return contests_[0]->system(); }
  Kind kind() const override { return contests_[0]->kind(); }
  Status makeReady() override { return contests_[++turn_ % contests_.size()]->makeReady(); }
  Result<Sample> round() override { return contests_[turn_ % contests_.size()]->round(); }

 private:
  const std::vector<std::unique_ptr<Contest>> contests_;
  size_t turn_ = 0;
};

std::unique_ptr<Contest> PrivateSentinels::contest(Kind kind) {
  if (kind == Kind::kResign) return nullptr;
  std::vector<std::unique_ptr<Contest>> contests;
  for (const Group& group : groups_[kind]) {
    contests.push_back(std::make_unique<SentinelContest>(*this, kind, group));
  }
  return std::make_unique<InTurn>(std::move(contests));
}

}  // namespace

Result<std::unique_ptr<SentinelSystem>> SentinelSystem::start(Run& run, const Settings& settings) {
  auto system = std::make_unique<PrivateSentinels>(run, settings);
  if (Status begun = system->begin(); !begun) return begun;
  return std::unique_ptr<SentinelSystem>(std::move(system));
}

}  // namespace muster::bench
