// logs and top-errors at the coordinator: the logs that nodes keep.
#pragma once

#include <functional>
#include <string>

#include "commands/log_file.h"
#include "commands/target.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

// The nodes' logs, as far as these commands need them. Requests are as KeptLog has them. Each
// `done` is called once, and no later than limits::kLogFanoutLimit after; a node that has not
// answered limits::kLogFanoutWait after it was asked is named among the results.
class ClusterLog {
 public:
  virtual ~ClusterLog() = default;
  // `by` is the bare JID of whoever asks.
  virtual void search(const Where& where, const v1::ClusterLogsRequest& request,
                      const std::string& by,
                      std::function<void(Result<v1::ClusterLogsReply>)> done) = 0;
  virtual void topErrors(const Where& where, const v1::ClusterTopErrorsRequest& request,
                         const std::string& by,
                         std::function<void(Result<v1::ClusterTopErrorsReply>)> done) = 0;
};

// `log` and `files` must outlive the handlers.
void addClusterLogs(catalogue::HandlerSet& handlers, ClusterLog& log, LogFiles& files);

}  // namespace muster::commands
