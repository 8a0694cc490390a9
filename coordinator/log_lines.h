// What the nodes' log rules counted as bad last, fetched when a level falls.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coordinator/cluster.h"
#include "coordinator/fanout.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/incident/types.h"

namespace muster::coordinator {

// Asks the nodes of a group (or a node that is in none) with an order each, at the moment at which
// one of its targets falls under a threshold: presence stays as small as it is, and the answer is
// there before the threshold has held for its time. While people's orders wait for their turn it
// asks nothing. What nodes say is checked and cut here again.
//
// Lives on the event loop's thread; the references must outlive it.
class LogLines {
 public:
  LogLines(const Cluster& cluster, Fanout& fanout, Clock& clock)
      : cluster_(cluster), fanout_(fanout), clock_(clock) {}

  // `group` is empty if the target, a node then, is in none.
  void ask(const std::string& target, const std::string& group);
  // Gives each level the latest of the lines that are known and belong to it.
  void fill(std::vector<incident::TargetLevel>& levels) const;

 private:
  struct Line {
    int64_t at_unix_ms = 0;
    std::string text;
    auto operator<=>(const Line&) const = default;
  };
  // By node and service.
  using Lines = std::map<std::pair<std::string, std::string>, std::vector<Line>>;
  struct Known {
    ElapsedTime asked;
    Lines lines;
  };

  void ask(const std::string& key, const Member& member);
  void take(const std::string& key, const std::string& node, const v1::OrderReply& reply);
  std::vector<const Member*> nodesOf(const std::string& target, const std::string& group) const;
  void forgetOld();

  const Cluster& cluster_;
  Fanout& fanout_;
  Clock& clock_;
  std::map<std::string, Known> known_;  // by group; of a node without one by its target
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace muster::coordinator
