// drain and undrain at the coordinator: keeps a node out of the active role.
#pragma once

#include <functional>
#include <string>

#include "commands/origin.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

struct DrainNode {
  std::string node;
  std::string reason;
  bool force = false;
  Origin origin;
};

class Drainer {
 public:
  using Answer =
      std::function<void(const Status&, const v1::DrainReply&, const std::string& sentence)>;

  virtual ~Drainer() = default;
  // What drain() would do now, in words.
  virtual std::string planDrain(const DrainNode& drain) = 0;
  // Calls `answer` exactly once, perhaps before it returns: once the node is drained, or it was
  // refused or, unless `wait`, as soon as its role is being moved away.
  virtual void drain(const DrainNode& drain, bool wait, Answer answer) = 0;
  virtual Result<v1::UndrainReply> undrain(const std::string& node, const Origin& origin) = 0;
};

// `drainer` must outlive the handlers.
void addDrain(catalogue::HandlerSet& handlers, Drainer& drainer);

}  // namespace muster::commands
