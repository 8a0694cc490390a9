// logs, top-errors and log-store at a node: the log that it keeps.
#pragma once

#include <functional>
#include <string>

#include "commands/log_file.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

// The log that a node keeps, as far as these commands need it. `since` and `until` of a request are
// instants by now (RFC 3339, UTC), its limit is set, and its level is one that a record can have.
// Each `done` is called once, later or before the call returns; what is wrong with a query is told
// with the field "query". A search ends after limits::kLogSearchTime with what it has found by
// then.
class KeptLog {
 public:
  virtual ~KeptLog() = default;
  virtual void search(const v1::LogsRequest& request,
                      std::function<void(Result<v1::LogsReply>)> done) = 0;
  virtual void topErrors(const v1::TopErrorsRequest& request,
                         std::function<void(Result<v1::TopErrorsReply>)> done) = 0;
  virtual Result<v1::LogStoreReply> logStore() = 0;
};

// What is left open in a request is filled in and what people write as times is made instants, at a
// node as at the coordinator. Errors name the argument.
template <typename Request>
Status completeLogsRequest(Request& request, WallTime now);
template <typename Request>
Status completeTopErrorsRequest(Request& request, WallTime now);

// A sentence on how to go on; empty if that was all.
template <typename Reply>
std::string logsNote(const Reply& reply);
template <typename Reply>
std::string topErrorsNote(const Reply& reply);

// `name` is the node's, for files. `log` and `files` must outlive the handlers.
void addLogs(catalogue::HandlerSet& handlers, KeptLog& log, LogFiles& files, std::string name);

}  // namespace muster::commands
