#include "node-agent/levels/actuator_levels.h"

#include <nlohmann/json.hpp>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "node-agent/levels/level_template.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr char kTheirRoot[] = "ROOT";
constexpr char kOurRoot[] = "root";
constexpr char kJson[] = "application/vnd.spring-boot.actuator.v3+json";

std::string ours(const std::string& name) {
  return name == kTheirRoot ? kOurRoot : name;
}

std::string theirs(const std::string& name) {
  return name == kOurRoot ? kTheirRoot : name;
}

std::optional<LogLevel> levelIn(const json& entry, const char* key) {
  static const LevelNames kNames = LevelNames::ofSpring();
  const auto it = entry.find(key);
  if (it == entry.end() || !it->is_string()) return std::nullopt;
  return kNames.parse(it->get<std::string>());
}

Status statusError(const HttpAnswer& answer, const std::string& what) {
  const std::string text = "the actuator answered " + std::to_string(answer.status) + " to " + what;
  if (answer.status == 404) return {Code::kNotFound, text, "logger"};
  if (answer.status == 401 || answer.status == 403) {
    return {Code::kForbidden, text + "; see user and password_file in [agent.levels]"};
  }
  if (answer.status >= 400 && answer.status < 500) return {Code::kInvalidArgument, text};
  return {Code::kInternal, text};
}

}  // namespace

ActuatorLevels::ActuatorLevels(HttpPlace base) : base_(std::move(base)) {}

std::string ActuatorLevels::describe() const {
  return "the actuator at " + base_.url;
}

Result<std::vector<ApplicationLogger>> ActuatorLevels::list() {
  HttpRequest request;
  request.place = base_;
  request.place.url += "/loggers";
  request.headers = {std::string("Accept: ") + kJson + ", application/json"};
  request.timeout = limits::kLevelTimeout;
  request.max_bytes = limits::kMaxLevelAnswerBytes;
  const auto answer = sendHttp(request);
  if (!answer) {
    return Status(answer.status().code(), describe() + ": " + answer.status().text());
  }
  if (answer->status != 200) {
    // Nothing that was asked to change has been refused.
    return Status(Code::kUnavailable, statusError(*answer, "a question for its loggers").text());
  }
  return parse(answer->body);
}

Result<std::vector<ApplicationLogger>> ActuatorLevels::parse(const std::string& body) {
  const json all = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object() || !all.contains("loggers") || !all["loggers"].is_object()) {
    return Status(Code::kDataLoss, "the actuator's answer has no object \"loggers\"");
  }
  std::vector<ApplicationLogger> out;
  for (const char* part : {"loggers", "groups"}) {
    const auto entries = all.find(part);
    if (entries == all.end() || !entries->is_object()) continue;
    for (const auto& [name, entry] : entries->items()) {
      if (out.size() >= limits::kMaxApplicationLoggers) return out;
      if (!entry.is_object()) continue;
      out.push_back(
          {ours(name), levelIn(entry, "configuredLevel"), levelIn(entry, "effectiveLevel")});
    }
  }
  return out;
}

Status ActuatorLevels::set(const std::string& logger, std::optional<LogLevel> level) {
  static const LevelNames kNames = LevelNames::ofSpring();
  HttpRequest request;
  request.place = base_;
  request.place.url += "/loggers/" + escapedForUrl(theirs(logger));
  request.method = "POST";
  request.headers = {"Content-Type: application/json"};
  // Spring Boot knows null from a missing level.
  request.body = json{{"configuredLevel", level ? json(kNames.name(*level)) : json()}}.dump();
  request.timeout = limits::kLevelTimeout;
  const auto answer = sendHttp(request);
  if (!answer) return {answer.status().code(), describe() + ": " + answer.status().text()};
  if (answer->status >= 200 && answer->status < 300) return Status::ok();
  return statusError(*answer, "a level for " + singleLine(logger, limits::kMaxLoggerNameBytes));
}

}  // namespace muster::agent
