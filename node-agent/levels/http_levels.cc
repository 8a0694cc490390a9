#include "node-agent/levels/http_levels.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "libcontrol/base/text.h"
#include "node-agent/levels/level_template.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

using nlohmann::json;

Escape escapeOfBody(const std::string& body, const std::vector<std::string>& headers) {
  for (const std::string& line : headers) {
    const std::string low = asciiLower(line);
    if (!low.starts_with("content-type:")) continue;
    if (low.find("json") != std::string::npos) return escapedForJson;
    if (low.find("urlencoded") != std::string::npos) return escapedForUrl;
    return escapedForLine;
  }
  const size_t first = body.find_first_not_of(" \t\r\n");
  const bool json_like = first != std::string::npos && (body[first] == '{' || body[first] == '[');
  return json_like ? escapedForJson : escapedForLine;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Code codeOf(int status) {
  if (status == 404) return Code::kNotFound;
  if (status == 401 || status == 403) return Code::kForbidden;
  return status >= 400 && status < 500 ? Code::kInvalidArgument : Code::kInternal;
}

}  // namespace

HttpRequest HttpLevels::requestFor(const std::string& logger, const std::string& level) const {
  HttpRequest request;
  request.place = options_.place;
  request.place.url = fillIn(options_.place.url, logger, level, escapedForUrl);
  request.method = options_.method;
  for (const std::string& line : options_.headers) {
    request.headers.push_back(fillIn(line, logger, level, escapedForLine));
  }
  request.body =
      fillIn(options_.body, logger, level, escapeOfBody(options_.body, options_.headers));
  request.timeout = limits::kLevelTimeout;
  return request;
}

Status HttpLevels::set(const std::string& logger, std::optional<LogLevel> level) {
  if (!level && options_.reset_level.empty()) {
    return {Code::kInvalidArgument, "what " + logger + " had before is not known"};
  }
  const auto answer =
      sendHttp(requestFor(logger, level ? options_.names.name(*level) : options_.reset_level));
  if (!answer) return {answer.status().code(), describe() + ": " + answer.status().text()};
  if (answer->status >= 200 && answer->status < 300) return Status::ok();
  return {codeOf(answer->status), describe() + " answered " + std::to_string(answer->status)};
}

Result<std::string> HttpLevels::levelIn(const std::string& body, const std::string& pointer) {
  if (pointer.empty()) return singleLine(trimmed(body), 80);
  const json all = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (all.is_discarded()) return Status(Code::kDataLoss, "the answer is not JSON");
  try {
    const json& found = all.at(json::json_pointer(pointer));
    if (found.is_string()) return found.get<std::string>();
  } catch (const json::exception&) {
  }
  return Status(Code::kDataLoss, "the answer has no text at " + pointer);
}

Result<LogLevel> HttpLevels::read(const std::string& logger, Duration timeout) const {
  HttpRequest request;
  request.place = options_.place;
  request.place.url = fillIn(options_.read_url, logger, "", escapedForUrl);
  request.timeout = timeout;
  const auto answer = sendHttp(request);
  if (!answer) return Status(answer.status().code(), describe() + ": " + answer.status().text());
  if (answer->status != 200) {
    return Status(Code::kUnavailable, describe() + " answered " + std::to_string(answer->status) +
                                          " to the question for " + logger + "'s level");
  }
  const auto name = levelIn(answer->body, options_.read_pointer);
  if (!name) return name.status();
  if (const auto level = options_.names.parse(*name)) return *level;
  return Status(Code::kDataLoss, "'" + singleLine(*name, 80) + "' is no level's name");
}

Result<std::vector<ApplicationLogger>> HttpLevels::list() {
  std::vector<ApplicationLogger> out;
  SystemClock& clock = SystemClock::forHolder();
  const ElapsedTime until = clock.elapsed() + limits::kLevelTimeout;
  for (const std::string& name : options_.loggers) {
    ApplicationLogger each{name, {}, {}};
    if (!options_.read_url.empty()) {
      const Duration left = std::max(until - clock.elapsed(), Duration::millis(1));
      const auto level = read(name, left);
      if (!level) return level.status();
      each.configured = each.effective = *level;
    }
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace muster::agent
