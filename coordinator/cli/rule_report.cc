#include "coordinator/cli/rule_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "coordinator/cli/layout.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/level_chart.h"

namespace muster::cli {
namespace {

constexpr size_t kMinChart = 20;
constexpr size_t kMaxChart = 60;

const char* stateName(service::LevelState state) {
  switch (state) {
    case service::LevelState::kOk:
      return "ok";
    case service::LevelState::kNoData:
      return "no data";
    case service::LevelState::kBurning:
      return "burning";
    case service::LevelState::kBreached:
      return "breached";
  }
  return "no data";
}

// As logs write it: without zone, since the log's is not known.
std::string timeText(WallTime at) {
  std::string text = toRfc3339(WallTime{at.unix_ms - at.unix_ms % 1000});
  if (text.size() > 10) text[10] = ' ';
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  return text;
}

std::string exampleText(const char* label, const RuleTrial::Example& example, size_t width) {
  const std::string line = std::string("    ") + label + " line " + std::to_string(example.line) +
                           (example.at ? ", " + timeText(*example.at) : "") + ": " + example.text;
  return (width == kAnyWidth ? line : clipped(line, width)) + "\n";
}

std::string ruleText(const rules::Rule& rule, const RuleTrial::RuleResult& result, size_t width) {
  std::string out = "  " + rule.name + ": ";
  if (result.hits == 0) return out + "no hits\n";
  out += std::to_string(result.hits) + (result.hits == 1 ? " hit" : " hits");
  if (result.unreadable > 0) {
    out += ", " + std::to_string(result.unreadable) +
           " of them without effect, since the figure can't be read";
  }
  out += "\n" + exampleText("first", result.first, width);
  if (result.hits > 1) out += exampleText("last ", result.last, width);
  return out;
}

std::string serviceText(const RuleTrial& trial, const RuleTrial::ServiceResult& service,
                        size_t width) {
  std::string out =
      "  " + service.last.level.text + " " + stateName(service.last.level.state) + "\n";
  if (!trial.from()) return out;
  if (service.worst && service.worst->percent) {
    out += "    lowest " + formatPercent(*service.worst->percent) + "% at " +
           timeText(service.worst->at) + "; objective " +
           formatPercent(service.last.objective_percent) + "% within " +
           service::durationInWords(service.last.window) + "\n";
  }
  return out + "    " + levelChart(trial, service, width) + "\n";
}

size_t chartWidth(size_t width) {
  if (width == kAnyWidth) return kMaxChart;
  return std::clamp(width > 4 ? width - 4 : 0, kMinChart, kMaxChart);
}

nlohmann::ordered_json exampleJson(const RuleTrial::Example& example) {
  nlohmann::ordered_json out;
  out["line"] = example.line;
  if (example.at) out["at"] = timeText(*example.at);
  out["text"] = example.text;
  return out;
}

nlohmann::ordered_json levelJson(std::optional<double> percent, service::LevelState state) {
  nlohmann::ordered_json out;
  out["percent"] = percent ? nlohmann::ordered_json(*percent) : nlohmann::ordered_json(nullptr);
  out["state"] = stateName(state);
  return out;
}

}  // namespace

std::string levelChart(const RuleTrial& trial, const RuleTrial::ServiceResult& service,
                       size_t width) {
  std::string out;
  if (!trial.from() || width == 0) return out;
  const auto& samples = service.samples;
  const int64_t begin = trial.from()->unix_ms;
  const int64_t length = std::max<int64_t>(1, trial.to()->unix_ms - begin);
  size_t next = 0;
  RuleTrial::Sample shown;
  for (size_t column = 0; column < width; ++column) {
    const int64_t end =
        begin + length * static_cast<int64_t>(column + 1) / static_cast<int64_t>(width);
    // A column in which nothing was looked at is as the one before; the first as what follows.
    bool fresh = false;
    while (next < samples.size() &&
           (samples[next].at.unix_ms <= end || column + 1 == width || (column == 0 && !fresh))) {
      if (!fresh || isWorse(samples[next], shown)) shown = samples[next];
      fresh = true;
      ++next;
    }
    const bool known = shown.state != service::LevelState::kNoData && shown.percent.has_value();
    out += known ? service::levelBlock(*shown.percent, service.last.objective_percent)
                 : service::kNoDataBlock;
  }
  return out;
}

std::string trialText(const rules::RuleSet& set, const RuleTrial& trial, size_t lines,
                      size_t width) {
  std::string out =
      std::to_string(trial.records()) + " records in " + std::to_string(lines) + " lines";
  if (trial.from()) out += ", " + timeText(*trial.from()) + " to " + timeText(*trial.to());
  out += "\n\nRules\n";
  for (size_t i = 0; i < set.rules().size(); ++i) {
    out += ruleText(set.rules()[i], trial.rules()[i], width);
  }
  out += "\nServices, at the end of the log\n";
  for (const RuleTrial::ServiceResult& service : trial.services()) {
    out += serviceText(trial, service, chartWidth(width));
  }
  if (!trial.from()) {
    return out +
           "  No line has a time as in [2026-01-01 14:03:00.123] [logger] [level] text, so there "
           "are no levels over time.\n";
  }
  return out + "    " + service::blockLegend() + "\n";
}

std::string trialJson(const rules::RuleSet& set, const RuleTrial& trial, size_t lines) {
  nlohmann::ordered_json out;
  out["lines"] = lines;
  out["records"] = trial.records();
  if (trial.from()) {
    out["from"] = timeText(*trial.from());
    out["to"] = timeText(*trial.to());
  }
  out["rules"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < set.rules().size(); ++i) {
    const RuleTrial::RuleResult& result = trial.rules()[i];
    nlohmann::ordered_json rule;
    rule["name"] = set.rules()[i].name;
    rule["service"] = set.services()[set.rules()[i].service].name;
    rule["effect"] = rules::effectName(set.rules()[i].effect);
    rule["hits"] = result.hits;
    rule["unreadable"] = result.unreadable;
    if (result.hits > 0) {
      rule["first"] = exampleJson(result.first);
      rule["last"] = exampleJson(result.last);
    }
    out["rules"].push_back(std::move(rule));
  }
  out["services"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < set.services().size(); ++i) {
    const RuleTrial::ServiceResult& result = trial.services()[i];
    nlohmann::ordered_json service;
    service["name"] = set.services()[i].name;
    service["kind"] = rules::kindName(set.services()[i].kind);
    service["objective_percent"] = result.last.objective_percent;
    service["level"] = levelJson(result.last.level.percent, result.last.level.state);
    service["level"]["text"] = result.last.level.text;
    service["samples"] = nlohmann::ordered_json::array();
    for (const RuleTrial::Sample& sample : result.samples) {
      nlohmann::ordered_json entry = levelJson(sample.percent, sample.state);
      entry["at"] = timeText(sample.at);
      service["samples"].push_back(std::move(entry));
    }
    out["services"].push_back(std::move(service));
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace muster::cli
