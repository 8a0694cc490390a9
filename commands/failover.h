// failover: moves the active role of a group to another node.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "commands/origin.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

struct Move {
  std::string group;
  std::optional<std::string> to;  // a node's name
  std::optional<uint64_t> expect_epoch;
  bool force = false;
  Origin origin;
};

// A move that somebody wants at a time to come.
struct ScheduledMove {
  Move move;
  WallTime at;
};

// What a move has come to: names of nodes, empty where there is none.
struct MoveState {
  std::string from;
  std::string to;
  uint64_t epoch = 0;
  Duration took{};
  bool done = false;  // else it is under way, and the outcome follows as a message
};
// "storage: node2 is active in place of node1 under epoch 8, after 1s." or of one under way
// "Moving storage away from node1; the outcome follows."
std::string sentenceOf(const std::string& group, const MoveState& state);

class Mover {
 public:
  using Answer = std::function<void(const Status&, const MoveState&)>;

  virtual ~Mover() = default;
  // What move() would do now: candidates and, unless it would be refused, steps. Of a refusal the
  // status says why.
  struct Plan {
    Status status;
    v1::FailoverReply reply;
  };
  virtual Plan planMove(const Move& move) = 0;
  // Calls `answer` exactly once, perhaps before it returns: with its end or its refusal or, unless
  // `wait`, as soon as it is under way.
  virtual void move(const Move& move, bool wait, Answer answer) = 0;
};

class MoveSchedule {
 public:
  virtual ~MoveSchedule() = default;
  // Durable when it returns ok; takes the place of the group's earlier one. What is asked for is
  // checked as far as it can be now.
  virtual Status schedule(const ScheduledMove& move) = 0;
  // The one that was taken back; kNotFound, with the field "group", if there is none.
  virtual Result<ScheduledMove> unschedule(const std::string& group, const Origin& origin) = 0;
};

// Both must outlive the handlers.
void addFailover(catalogue::HandlerSet& handlers, Mover& mover, MoveSchedule& schedule);

}  // namespace muster::commands
