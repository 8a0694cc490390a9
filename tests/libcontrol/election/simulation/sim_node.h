// A simulated node: a NodeMachine under its driver, the application beside it, and their disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/election/group_io.h"
#include "libcontrol/election/node.h"
#include "libcontrol/node/lease_addresses.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

class Network;

// A store behind its own check of tokens: the highest claimed wins.
class Resource {
 public:
  explicit Resource(const Run& run) : run_(run) {}

  bool claim(uint64_t epoch, const InstanceId& instance) {
    const bool lower = epoch < epoch_ && run_.keeps(Rule::kResourceChecks);
    const bool of_another = epoch == epoch_ && instance != instance_ &&
                            run_.keeps(Rule::kResourceChecks) &&
                            run_.keeps(Rule::kEqualTokenRefused);
    if (lower || of_another) return false;
    epoch_ = epoch;
    instance_ = instance;
    return true;
  }
  bool check(uint64_t epoch, const InstanceId& instance) const {
    if (!run_.keeps(Rule::kResourceChecks)) return true;
    return epoch == epoch_ && (instance == instance_ || !run_.keeps(Rule::kEqualTokenRefused));
  }

 private:
  const Run& run_;
  uint64_t epoch_ = 0;
  InstanceId instance_;
};

// Belongs to the Cluster; `run`, `network` and `resource` outlive it.
class SimNode {
 public:
  // A twin is a process on a copied machine; it doesn't start again by itself.
  // `number`: which of the nodes it is.
  SimNode(Run& run, Network& network, Resource& resource, std::vector<Jid> coordinators,
          const char* name, uint32_t number, bool is_twin);
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;

  void start();
  // Of its own accord after a while, unless it may not.
  void restartLater();
  void crash(const std::string& why);
  // It is there again within a second.
  void crashBriefly(bool disk_lost);
  void shutdown();
  void pause(Duration length);
  // As a pause, but its timers don't run meanwhile.
  void suspend(Duration length);
  // Ends either before its time.
  void wake();
  void slew(double rate);
  void fillDisk(Duration length);
  // A copied machine: its disk, and processes of its own.
  void copyDiskOf(const SimNode& other) { disk_.replace(other.disk_.content()); }
  // Somebody removes the state that was torn.
  void removeTornState();

  // The network's word.
  void give(node::Event event);
  void denied(const Denied& message);
  void loseLink() { process.linked = false; }

  // The application and its supervisor.
  void applicationGone();
  void resign();
  void setLevel(std::optional<double> percent);
  // At the node itself, as its `drain` and `undrain` do.
  void drain(bool drained);

  std::string name;
  Jid bare;
  Fate wire;  // of the stanzas between it and the coordinator
  Process process;
  LeaseAddresses addresses;  // of the coordinators
  bool mute = false;         // what it sends gets lost
  bool deaf = false;         // what is sent to it gets lost
  bool alone = false;        // the same between it and the other nodes
  std::vector<Action> held;  // by the server, for a session that may be resumed
  bool hibernating = false;

  bool isTwin() const { return is_twin_; }
  const InstanceId& instance() const { return instance_; }
  const Jid& full() const { return full_; }
  Holder holder() const { return {bare, instance_}; }
  uint64_t diskEpoch() const { return disk_.content().highest_epoch; }
  // Under which its application is active and not about to stop; else 0.
  uint64_t activeEpoch() const {
    const bool active = application_active_ && machine_->role() == node::Role::kActive;
    return active ? lease_epoch_ : 0;
  }
  // The lease that it may use now; 0 without one.
  uint64_t usableEpoch() const {
    return process.clock.at(run_.now()) < lease_deadline_ ? lease_epoch_ : 0;
  }
  group::MemberPresent presence() const;
  // A lease was granted that ends when this process's clock shows `end`; when that will be.
  ElapsedTime leaseUntil(uint64_t epoch, ElapsedTime end);

 private:
  // When a lease ends, on its own clock.
  struct LeaseEnd {
    uint64_t epoch = 0;
    ElapsedTime granted;
    ElapsedTime promised;
  };
  void step(const node::Event& event);
  void persist(NodeMachine next, node::Effects effects);
  void written(const NodeMachine& next, const node::Effects& effects);
  void carryOut(const node::Effects& effects);
  void carryOut(const node::Effect& effect);
  void settle();
  void scheduleWake();
  void heartbeat();
  void stall(Duration length, bool suspended);
  void crashDisk();
  void stopped(uint64_t epoch);
  void extend(const node::LeaseExtended& effect);
  LeaseEnd& endOf(uint64_t epoch);
  void watchEnd();
  void watchDeadline();

  void promote(const node::Promote& effect);
  void claim(uint64_t epoch, Duration takes, bool fails);
  void promoted(uint64_t epoch, Status status);
  void demote(const node::Demote& effect);
  void scheduleWrite();
  void tryWrite();
  bool applicationRuns() const { return application_active_ || callback_runs_; }
  void applicationEnds();

  const bool is_twin_;
  Run& run_;
  Fate fate_;
  Network& network_;
  Resource& resource_;
  SimDisk<node::Persist> disk_;
  bool torn_ = false;
  ElapsedTime disk_full_until_{};

  // Of the running process.
  InstanceId instance_;
  Jid full_;
  std::optional<NodeMachine> machine_;
  std::optional<ElapsedTime> wake_;
  std::vector<LeaseEnd> lease_ends_;
  std::optional<double> level_ = 100;
  bool drained_ = false;

  // The application: callbacks, and the published Lease.
  uint64_t application_life_ = 0;
  uint64_t application_epoch_ = 0;  // what it was promoted under last
  bool application_active_ = false;
  bool callback_runs_ = false;
  bool application_gone_ = false;
  uint64_t lease_epoch_ = 0;  // 0: no valid lease
  ElapsedTime lease_deadline_{};
  ElapsedTime lease_end_{};
  uint64_t latest_asked_ = 0;  // the nonce of its latest request
  bool watched_ = false;
  bool suspended_ = false;
  ElapsedTime stalled_at_{};
  ElapsedTime timers_late_until_{};
};

}  // namespace muster::election
