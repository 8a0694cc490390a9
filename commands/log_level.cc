#include "commands/log_level.h"

#include <optional>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

std::string sentence(const v1::LoggerState& state) {
  std::string out = "Logger " + state.name();
  const bool known = state.effective() != v1::LOG_LEVEL_UNSPECIFIED;
  out += known ? " is at " + levelLabel(state.effective()) : " has its own level again";
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

using LevelResponder = Responder<v1::LogLevelReply>;

void answer(const v1::LogLevelRequest& request, v1::LogLevelReply reply, const std::string& note,
            const LevelResponder& responder) {
  std::string said = request.has_level() ? sentence(reply.loggers(0)) : "";
  if (!note.empty()) said += (said.empty() ? "" : " ") + note;
  if (!said.empty()) responder.context().note(std::move(said));
  responder.reply(std::move(reply));
}

// "all" and "" mean the root, and a name may have loggers only below it: then the change is told by
// what it governs.
void answerWith(const v1::LogLevelRequest& request, LogLevels::Listing listing,
                const LevelResponder& responder) {
  const std::string& logger = request.logger();
  const bool all = !request.has_logger() || logger == "all" || logger.empty();
  v1::LogLevelReply reply;
  std::vector<std::string> names;
  for (v1::LoggerState& state : listing.loggers) {
    names.push_back(state.name());
    if (all || state.name().starts_with(logger + ".")) *reply.add_loggers() = std::move(state);
  }
  if (reply.loggers_size() > 0) return answer(request, std::move(reply), listing.note, responder);
  std::string text =
      "there is no logger '" + singleLine(logger, 64) + "'" + suggestion(logger, names);
  if (!listing.note.empty()) text += ". " + listing.note;
  responder.fail({Code::kNotFound, std::move(text), "logger"});
}

void tell(const v1::LogLevelRequest& request, const LevelResponder& responder, LogLevels& levels) {
  const auto list = [request, responder, &levels] {
    levels.list([request, responder](LogLevels::Listing listing) {
      answerWith(request, std::move(listing), responder);
    });
  };
  if (!request.has_logger()) return list();
  levels.find(request.logger(), [request, responder, list](LogLevels::Found found) {
    if (!found.logger) return list();
    v1::LogLevelReply reply;
    *reply.add_loggers() = *std::move(found.logger);
    answer(request, std::move(reply), found.note, responder);
  });
}

void handle(const v1::LogLevelRequest& request, CallContext& context,
            const LevelResponder& responder, LogLevels& levels) {
  if (Status checked = checkLevelRequest(request); !checked) {
    return responder.fail(std::move(checked));
  }
  if (!request.has_level()) return tell(request, responder, levels);
  const auto done = [request, responder, &levels](Status status) {
    if (!status) return responder.fail(std::move(status));
    tell(request, responder, levels);
  };
  if (request.level() == v1::LOG_LEVEL_RESET) return levels.reset(request.logger(), done);
  levels.set(changeFor(request, context), context.now(), context.wall(), done);
}

}  // namespace

const std::string& levelLabel(v1::LogLevel level) {
  return v1::LogLevel_descriptor()->FindValueByNumber(level)->options().GetExtension(v1::label);
}

void addLogLevel(catalogue::HandlerSet& handlers, LogLevels& levels) {
  handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
      "LogLevel",
      [&levels](const v1::LogLevelRequest& request, CallContext& context,
                const LevelResponder& responder) { handle(request, context, responder, levels); });
}

}  // namespace muster::commands
