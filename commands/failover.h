// failover: moves the active role of a group to another node.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "libcontrol/catalogue/ports.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

struct Move {
  std::string group;
  std::optional<std::string> to;  // a node's name
  std::optional<uint64_t> expect_epoch;
  std::string key;  // idempotency key, never empty
  std::string by;   // bare JID
};

// What a move has come to: from the names of nodes, empty where there is none.
struct MoveState {
  std::string from;
  std::string to;
  uint64_t epoch = 0;
  Duration took{};
};

class Mover {
 public:
  using Started = std::function<void(const MoveState&)>;
  using Finished = std::function<void(const Status&, const MoveState&)>;

  virtual ~Mover() = default;
  // What move() would do now, as a sentence.
  virtual std::string plan(const std::string& group, const std::optional<std::string>& to) = 0;
  // Calls `started` once it is under way, unless it was refused or done at once, and `finished`
  // exactly once. Both may be called before it returns.
  virtual void move(const Move& move, Started started, Finished finished) = 0;
};

// Mover and notify must outlive the handlers.
// `later` hears how a move ended whose caller had been answered before.
using MoveEnded = std::function<void(const Move&, const Status&, const std::string& sentence)>;
void addFailover(catalogue::HandlerSet& handlers, Mover& mover, catalogue::Notify& notify,
                 MoveEnded later);

}  // namespace muster::commands
