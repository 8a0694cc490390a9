#include "commands/logs.h"

#include <utility>

#include "commands/when.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/cluster.pb.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

// What one screen holds.
constexpr uint32_t kLines = 50;
constexpr uint32_t kGroups = 10;
constexpr Duration kTopErrorsSince = Duration::seconds(3600);

template <typename Request>
Status completeTimes(Request& request, WallTime now) {
  if (request.has_until()) {
    const auto until = parsePast(request.until(), now, "until");
    if (!until) return until.status();
    request.set_until(toRfc3339(*until));
    now = *until;
  }
  if (!request.has_since()) return Status::ok();
  const auto since = parsePast(request.since(), now, "since");
  if (!since) return since.status();
  request.set_since(toRfc3339(*since));
  return Status::ok();
}

Status checkLevel(v1::LogLevel level) {
  if (level != v1::LOG_LEVEL_OFF && level != v1::LOG_LEVEL_RESET) return Status::ok();
  return {Code::kInvalidArgument,
          "a record's level is one of trace, debug, info, warn, error and critical", "level"};
}

}  // namespace

template <typename Request>
Status completeLogsRequest(Request& request, WallTime now) {
  // A file has room for all.
  if (!request.has_limit() && !request.file()) request.set_limit(kLines);
  if (Status level = checkLevel(request.level()); !level) return level;
  if (request.has_before() && request.has_after()) {
    return {Code::kInvalidArgument, "'before' and 'after' say two ways to go on; give one of them",
            "after"};
  }
  return completeTimes(request, now);
}
template Status completeLogsRequest(v1::LogsRequest&, WallTime);
template Status completeLogsRequest(v1::ClusterLogsRequest&, WallTime);

template <typename Request>
Status completeTopErrorsRequest(Request& request, WallTime now) {
  if (!request.has_limit()) request.set_limit(kGroups);
  if (Status level = checkLevel(request.level()); !level) return level;
  if (!request.has_level()) request.set_level(v1::LOG_LEVEL_ERROR);
  if (!request.has_since()) request.set_since(formatDuration(kTopErrorsSince));
  if (!request.has_until()) request.set_until(toRfc3339(now));
  return completeTimes(request, now);
}
template Status completeTopErrorsRequest(v1::TopErrorsRequest&, WallTime);
template Status completeTopErrorsRequest(v1::ClusterTopErrorsRequest&, WallTime);

template <typename Reply>
std::string logsNote(const Reply& reply) {
  std::string note;
  if (reply.lines().empty()) note = "There are no lines that match";
  if (!reply.looked_until().empty()) {
    note += (note.empty() ? "Looked at the lines back to " : " back to ") + reply.looked_until() +
            " so far";
  }
  if (reply.older().empty()) return note.empty() ? "" : note + ".";
  return note + (note.empty() ? "Older lines: before=" : ". Older ones: before=") + reply.older() +
         ".";
}
template std::string logsNote(const v1::LogsReply&);
template std::string logsNote(const v1::ClusterLogsReply&);

template <typename Reply>
std::string topErrorsNote(const Reply& reply) {
  std::string note;
  if (reply.groups().empty()) note = "There are no records that match.";
  if (!reply.looked_until().empty()) {
    note += (note.empty() ? "" : " ") + std::string("There was time to look back to ") +
            reply.looked_until() + " only.";
  }
  return note;
}
template std::string topErrorsNote(const v1::TopErrorsReply&);
template std::string topErrorsNote(const v1::ClusterTopErrorsReply&);

namespace {

void handleLogs(v1::LogsRequest request, CallContext& context,
                const Responder<v1::LogsReply>& responder, KeptLog& log, LogFiles& files,
                const std::string& name) {
  if (Status complete = completeLogsRequest(request, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  if (request.file()) {
    return files.make(LogFiles::Wish<v1::LogsRequest, v1::LogsReply>{
        name, std::move(request), context.wall(),
        [&log](const v1::LogsRequest& page, std::function<void(Result<v1::LogsReply>)> done) {
          log.search(page, std::move(done));
        },
        [responder](Result<v1::LogsReply> reply, std::string note) {
          if (!reply) return responder.fail(reply.status());
          responder.context().note(std::move(note));
          responder.reply(std::move(reply).value());
        }});
  }
  log.search(request, [responder](Result<v1::LogsReply> reply) {
    if (!reply) return responder.fail(reply.status());
    responder.context().note(logsNote(*reply));
    responder.reply(std::move(reply).value());
  });
}

void handleTopErrors(v1::TopErrorsRequest request, CallContext& context,
                     const Responder<v1::TopErrorsReply>& responder, KeptLog& log) {
  if (Status complete = completeTopErrorsRequest(request, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  log.topErrors(request, [responder](Result<v1::TopErrorsReply> reply) {
    if (!reply) return responder.fail(reply.status());
    responder.context().note(topErrorsNote(*reply));
    responder.reply(std::move(reply).value());
  });
}

}  // namespace

void addLogs(catalogue::HandlerSet& handlers, KeptLog& log, LogFiles& files, std::string name) {
  handlers.add<v1::LogsRequest, v1::LogsReply>(
      "Logs",
      [&log, &files, name = std::move(name)](const v1::LogsRequest& request, CallContext& context,
                                             const Responder<v1::LogsReply>& responder) {
        handleLogs(request, context, responder, log, files, name);
      });
  handlers.add<v1::TopErrorsRequest, v1::TopErrorsReply>(
      "TopErrors", [&log](const v1::TopErrorsRequest& request, CallContext& context,
                          const Responder<v1::TopErrorsReply>& responder) {
        handleTopErrors(request, context, responder, log);
      });
  handlers.add<v1::LogStoreRequest, v1::LogStoreReply>(
      "LogStore", [&log](const v1::LogStoreRequest&, CallContext&,
                         const Responder<v1::LogStoreReply>& responder) {
        auto reply = log.logStore();
        if (!reply) return responder.fail(reply.status());
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
