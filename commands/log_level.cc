#include "commands/log_level.h"

#include <algorithm>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

std::string sentence(const v1::LoggerState& state) {
  std::string out = "Logger " + state.name() + " is at " +
                    v1::LogLevel_descriptor()
                        ->FindValueByNumber(state.effective())
                        ->options()
                        .GetExtension(v1::label);
  if (!state.until().empty()) out += " until " + state.until();
  return out + ".";
}

void handle(const v1::LogLevelRequest& request, CallContext& context,
            const Responder<v1::LogLevelReply>& responder, LogLevels& levels) {
  const std::string& logger = request.logger();
  if (request.has_level()) {
    if (!request.has_logger()) {
      return responder.fail({Code::kInvalidArgument,
                             "say which logger is to be set; 'root' stands for all of them",
                             "logger"});
    }
    if (request.level() == v1::LOG_LEVEL_RESET && request.has_for_ms()) {
      return responder.fail(
          {Code::kInvalidArgument, "a reset takes no time; leave 'for' out", "for"});
    }
    const std::optional<Duration> duration =
        request.has_for_ms()
            ? std::optional(Duration::millis(static_cast<int64_t>(request.for_ms())))
            : std::nullopt;
    Status status =
        request.level() == v1::LOG_LEVEL_RESET
            ? levels.reset(logger)
            : levels.set(logger, request.level(), duration, context.caller().bare().toString(),
                         context.now(), context.wall());
    if (!status) return responder.fail(std::move(status));
  } else if (request.has_for_ms()) {
    return responder.fail(
        {Code::kInvalidArgument, "'for' needs a level to set, such as debug", "level"});
  }

  v1::LogLevelReply reply;
  std::vector<std::string> names;
  for (v1::LoggerState& state : levels.list()) {
    names.push_back(state.name());
    if (request.has_logger() && state.name() != logger) continue;
    *reply.add_loggers() = std::move(state);
  }
  if (request.has_logger() && reply.loggers_size() == 0) {
    // "all" and "" mean the root, and a name may have loggers only below it: then the change is
    // told by what it governs.
    for (v1::LoggerState& state : levels.list()) {
      const bool governed =
          logger == "all" || logger.empty() || state.name().starts_with(logger + ".");
      if (governed) *reply.add_loggers() = std::move(state);
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

void addLogLevel(catalogue::HandlerSet& handlers, LogLevels& levels) {
  handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
      "LogLevel", [&levels](const v1::LogLevelRequest& request, CallContext& context,
                            const Responder<v1::LogLevelReply>& responder) {
        handle(request, context, responder, levels);
      });
}

}  // namespace muster::commands
