// log-rules: what the log rules of a node have hit, and their reload.
#pragma once

#include <functional>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

class RuleControl {
 public:
  virtual ~RuleControl() = default;
  // kNotFound if this node has no log rules at all.
  virtual Result<v1::LogRulesReply> logRules() = 0;
  // Reads them again, without holding up others; `done` comes on the caller's thread, unless the
  // node ends before.
  virtual void reloadLogRules(std::function<void(Status)> done) = 0;
};

// `rules` must outlive the handlers.
void addRules(catalogue::HandlerSet& handlers, RuleControl& rules);

}  // namespace muster::commands
