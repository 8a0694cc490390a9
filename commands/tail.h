// tail and untail: the lines of logs, sent to whoever asked for them as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "commands/target.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

// Asks for what has come since it asked last, so that no one is held up by a slow reader and a
// node needs to know nothing of who follows it. What comes is told in at most one message a round:
// the first lines of it, and how many more there are of which level. One thread.
class Tails {
 public:
  struct Ports {
    // As ClusterLog::search; at a node `where` is empty, and so is the node of each line.
    std::function<void(const Where& where, const v1::ClusterLogsRequest& request,
                       const std::string& by,
                       std::function<void(Result<v1::ClusterLogsReply>)> done)>
        search;
    // From the address that was called.
    std::function<void(const std::string& place, const Jid& to, const std::string& text)> say;
  };
  explicit Tails(Ports ports) : ports_(std::move(ports)) {}

  struct Wish {
    Jid who;  // full
    std::string place;
    Where where;
    v1::ClusterLogsRequest filter;  // query, level and logger
    Duration length;
  };
  // `done` is called once, when it is known from where on to follow: until when it will. What is
  // wrong with the wish is told there. kResourceExhausted: there are limits::kMaxTails, or
  // kMaxTailsPerPerson of that person's.
  void start(Wish wish, ElapsedTime now, WallTime wall, std::function<void(Result<WallTime>)> done);
  // All that this person began at that place; how many they were.
  size_t stop(const Jid& bare, const std::string& place);
  // Nobody is there any more to be told.
  void forget(const Jid& full);
  // Asks for news and ends what is over; to be called every limits::kTailEvery.
  void tick(ElapsedTime now);

  size_t count() const { return tails_.size(); }

 private:
  struct Tail {
    Wish wish;
    ElapsedTime end;
    std::string after;      // place from which on it goes on; empty: not known yet
    bool is_asked = false;  // a search is on its way
    uint64_t seen = 0;
    uint64_t shown = 0;
    std::set<std::string> silent;  // nodes without an answer
  };
  using Id = uint64_t;

  void ask(Id id);
  void take(Id id, const Result<v1::ClusterLogsReply>& reply);
  void jump(Id id);
  std::string digest(Tail& tail, const v1::ClusterLogsReply& reply);
  void say(const Tail& tail, const std::string& text);
  Tail* find(Id id);

  const Ports ports_;
  std::map<Id, Tail> tails_;
  Id last_ = 0;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// A line as people read it: "12:00:01.250 node1 WARN storage: disk is slow".
std::string tailLine(const v1::NodeLogLine& line);

// `tails` must outlive the handlers. The first is for a node, the second for the coordinator.
void addTail(catalogue::HandlerSet& handlers, Tails& tails);
void addClusterTail(catalogue::HandlerSet& handlers, Tails& tails);

}  // namespace muster::commands
