// history: what happened to the groups' active roles.
#pragma once

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class GroupHistory {
 public:
  virtual ~GroupHistory() = default;
  // Newest first; `limit` is set.
  virtual Result<v1::HistoryReply> query(const v1::HistoryRequest& request, WallTime now) = 0;
};

// `history` must outlive the handlers.
void addHistory(catalogue::HandlerSet& handlers, GroupHistory& history);

}  // namespace muster::commands
