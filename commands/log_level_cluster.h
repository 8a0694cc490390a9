// log-level at the coordinator: the loggers of many nodes.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "commands/target.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

// The nodes' loggers, as far as this command needs them.
class ClusterLogLevels {
 public:
  struct Change {
    Where where;
    std::string logger;
    v1::LogLevel level = v1::LOG_LEVEL_UNSPECIFIED;  // LOG_LEVEL_RESET ends what was set
    // limits::kForever: until it is reset; nothing: limits::kOverrideDefault.
    std::optional<Duration> duration;
    std::string by;  // bare JID
  };
  // Of a change, `sentence` says in one what has come of it.
  using Done =
      std::function<void(Result<v1::ClusterLogLevelReply> reply, const std::string& sentence)>;

  virtual ~ClusterLogLevels() = default;
  // Both call `done` once, perhaps before they return, and no later than limits::kFanoutLimit
  // after. A node that has not answered limits::kFanoutWait after it was asked is shown so.
  virtual void list(const Where& where, const std::optional<std::string>& logger,
                    const std::string& by, Done done) = 0;
  virtual void change(const Change& change, Done done) = 0;
};

// `levels` must outlive the handlers.
void addClusterLogLevel(catalogue::HandlerSet& handlers, ClusterLogLevels& levels);

}  // namespace muster::commands
