// From the levels of nodes to those of groups and of the whole cluster.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/level.h"
#include "libcontrol/service/state_tracker.h"

namespace muster::service {

// What one process of a node told last; shared, since thousands are kept.
using NodeServices = std::shared_ptr<const std::vector<ServiceSnapshot>>;

// A member of a group as its presence tells of it.
struct NodeView {
  std::string name;
  bool present = false;
  bool active = false;
  std::vector<ServiceSnapshot> services;
};

struct GroupLevel {
  std::string name;
  // "Ledger group service level: 99.99% (within advertised SLA range)", or the worst in the
  // parentheses: "user below its objective of 99.9%", "no active node".
  Level level;
  std::vector<ServiceSnapshot> services;  // the worst first
  bool has_active = false;                // a node is active and present
  // How much of what it falls short by counts in the overall level: 0 (nothing, nor its state) to
  // 1.
  double weight = 1;
  // Since when level.state is what it is, where somebody keeps track of it.
  std::optional<WallTime> state_since{};
};

// The level of one group, kept up as its nodes come, change and go: each change costs by the number
// of that node's services, however many nodes there are.
//
// Requests are summed up over the nodes that are present (figures of an absent one would never
// age), over every window that any of them tells of, by the strictest objective and the longest
// window that any states. What is judged by time is the active node's, and NO DATA while no active
// node is present. Services of nodes that are all gone have no data either, until a node is active
// again. One thread; copies are independent.
class GroupAggregate {
 public:
  explicit GroupAggregate(std::string name) : name_(std::move(name)) {}

  // The node is present and tells this from now on; never null.
  void setNode(const std::string& node, NodeServices services);
  // It is present no longer. What it counts meanwhile is still the group's when it is back.
  void removeNode(const std::string& node);
  // It never comes back.
  void forgetNode(const std::string& node);
  // Of one that isn't present there is no active node either.
  void setActive(std::optional<std::string> node);

  // By the figures alone: no state is held back and nothing is known of before.
  GroupLevel judged() const;
  // Steps the states of the services and the group, and tells what they are then.
  GroupLevel step(ElapsedTime now, WallTime wall);

 private:
  // What a service is judged by, apart from its figures. Nodes mostly agree about it.
  struct Terms {
    double objective_percent;
    Duration window;
    Duration period;
    uint64_t min_events;
    Duration worse_for;
    Duration better_for;
    std::string bad_noun;
    std::vector<BurnRule> rules;

    bool operator<(const Terms& other) const;
  };
  // Exact, so that what was added can be taken away again.
  __extension__ using Wide = unsigned __int128;
  struct WindowSum {
    uint64_t nodes = 0;
    Wide good = 0;
    Wide bad = 0;
    Wide whole = 0;  // what all would be had the whole window been watched
  };
  struct ServiceSum {
    uint64_t nodes = 0;
    Wide good = 0;
    Wide bad = 0;
    std::map<Duration, WindowSum> windows;
    std::map<Terms, uint64_t> terms;  // with how many nodes state them
  };
  using Key = std::pair<std::string, Kind>;

  static Terms termsOf(const ServiceSnapshot& service);
  void account(const std::vector<ServiceSnapshot>& services, bool add);
  void countUp(const std::vector<ServiceSnapshot>& before, const std::vector<ServiceSnapshot>& now);
  static void accountWindows(const ServiceSnapshot& service, ServiceSum& sum, bool add);
  const std::vector<ServiceSnapshot>* activeServices() const;
  static ServiceSnapshot withTerms(const Key& key, const ServiceSum& sum);
  ServiceSnapshot requests(const Key& key, const ServiceSum& sum) const;
  static ServiceSnapshot withoutData(const Key& key, const ServiceSum& sum);
  ServiceSnapshot timed(const Key& key, const ServiceSum& sum) const;
  void remember(const Key& key, const ServiceSnapshot& service);
  void forgetIfServed();
  std::vector<ServiceSnapshot> services() const;
  GroupLevel levelOf(std::vector<ServiceSnapshot> services) const;
  void follow(ServiceSnapshot& service, ElapsedTime now, WallTime wall);

  std::string name_;
  struct Node {
    NodeServices services;
    bool present = false;
  };
  struct Counted {
    uint64_t good = 0;
    uint64_t bad = 0;
  };
  std::map<std::string, Node> nodes_;
  std::optional<std::string> active_;
  std::map<Key, ServiceSum> sums_;
  // What nodes had that are gone, for as long as no node is active: the terms alone.
  std::map<Key, ServiceSum> gone_;
  // What nodes told beyond what the same node had told before; requests.
  std::map<std::string, Counted> counted_;
  std::map<Key, StateTracker> trackers_;
  std::optional<LevelState> state_;
  WallTime state_since_;
};

// The same from all nodes at once.
GroupLevel levelOfGroup(const std::string& name, const std::vector<NodeView>& nodes);

// "Overall service level: 99.99% (within advertised SLA range)", or the worst group and service in
// the parentheses: "storage: user below its objective of 99.9%". Groups in any order; without any
// that has a weight, there is no data. The percent is the lowest there is once what each falls
// short by is multiplied with its weight.
Level overallLevel(const std::vector<GroupLevel>& groups);

}  // namespace muster::service
