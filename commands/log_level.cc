#include "commands/log_level.h"

#include <optional>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

std::string sentence(const v1::LoggerState& state) {
  std::string out = "Logger " + state.name() + " is at " + levelLabel(state.effective());
  if (!state.until().empty()) out += " until " + state.until();
  return out + ".";
}

LogLevels::Change changeFor(const v1::LogLevelRequest& request, const CallContext& context) {
  LogLevels::Change change;
  change.logger = request.logger();
  change.level = request.level();
  change.duration = durationIn(request);
  change.by = context.caller().bare().toString();
  change.ahead = request.ahead();
  return change;
}

void handle(const v1::LogLevelRequest& request, CallContext& context,
            const Responder<v1::LogLevelReply>& responder, LogLevels& levels) {
  const std::string& logger = request.logger();
  if (Status checked = checkLevelRequest(request); !checked) {
    return responder.fail(std::move(checked));
  }
  if (request.has_level()) {
    Status status = request.level() == v1::LOG_LEVEL_RESET
                        ? levels.reset(logger)
                        : levels.set(changeFor(request, context), context.now(), context.wall());
    if (!status) return responder.fail(std::move(status));
  }

  v1::LogLevelReply reply;
  std::optional<v1::LoggerState> named;
  if (request.has_logger()) named = levels.find(logger);
  if (named) {
    *reply.add_loggers() = *std::move(named);
  } else {
    // "all" and "" mean the root, and a name may have loggers only below it: then the change is
    // told by what it governs.
    const bool all = !request.has_logger() || logger == "all" || logger.empty();
    std::vector<std::string> names;
    for (v1::LoggerState& state : levels.list()) {
      names.push_back(state.name());
      if (all || state.name().starts_with(logger + ".")) *reply.add_loggers() = std::move(state);
    }
    if (reply.loggers_size() == 0) {
      return responder.fail(
          {Code::kNotFound,
           "there is no logger '" + singleLine(logger, 64) + "'" + suggestion(logger, names),
           "logger"});
    }
  }
  if (request.has_level()) context.note(sentence(reply.loggers(0)));
  responder.reply(std::move(reply));
}

}  // namespace

const std::string& levelLabel(v1::LogLevel level) {
  return v1::LogLevel_descriptor()->FindValueByNumber(level)->options().GetExtension(v1::label);
}

void addLogLevel(catalogue::HandlerSet& handlers, LogLevels& levels) {
  handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
      "LogLevel", [&levels](const v1::LogLevelRequest& request, CallContext& context,
                            const Responder<v1::LogLevelReply>& responder) {
        handle(request, context, responder, levels);
      });
}

}  // namespace muster::commands
