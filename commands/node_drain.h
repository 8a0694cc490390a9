// drain and undrain at a node: keeps it out of the active role on purpose.
#pragma once

#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

// A node's mark and its role, as far as these commands need them.
class DrainSwitch {
 public:
  virtual ~DrainSwitch() = default;
  virtual v1::NodeRole role() const = 0;
  virtual v1::DrainMark drainMark() const = 0;
  // Whether there is a coordinator that would move the role away.
  virtual bool coordinatorIsThere() const = 0;
  // Sets or lifts the mark: durable and shown when it returns ok. `reason` may be empty.
  virtual Status setDrained(bool drained, const std::string& by, const std::string& reason,
                            WallTime wall) = 0;
  // Gives the active role up, in order and at once; nothing happens at a standby.
  virtual void resign(const std::string& why) = 0;
};

// `node` must outlive the handlers.
void addNodeDrain(catalogue::HandlerSet& handlers, DrainSwitch& node);

}  // namespace muster::commands
