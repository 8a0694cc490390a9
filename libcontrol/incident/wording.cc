#include "libcontrol/incident/wording.h"

#include <algorithm>

#include "libcontrol/base/text.h"
#include "libcontrol/service/level.h"

namespace muster::incident {
namespace {

constexpr size_t kMaxGistBytes = 200;

std::string percentText(double percent) {
  return formatPercent(percent) + "%";
}

// "Objective 99.9%; 12% of the error budget left."; empty if it has none.
std::string objectiveLine(const Incident& incident) {
  if (incident.objective <= 0) return {};
  std::string out = "Objective " + percentText(incident.objective);
  if (incident.budget_left)
    out += "; " + percentText(*incident.budget_left) + " of the error budget left";
  return out + ".";
}

std::string coveredLine(const Incident& incident) {
  if (incident.thresholds <= 1) return {};
  return "It covers " + std::to_string(incident.thresholds) +
         " thresholds: " + namesInShort(incident.covered, incident.covered.size()) + ".";
}

void addLine(std::string& text, const std::string& line) {
  if (!line.empty()) text += "\n" + line;
}

}  // namespace

const char* severityName(Severity severity) {
  return severity == Severity::kTicket ? "ticket" : "page";
}

std::string nameOf(const Incident& incident) {
  return "incident " + std::to_string(incident.id) + " (" + severityName(incident.severity) + ")";
}

std::string lengthOf(const Incident& incident, WallTime now) {
  const int64_t ms = incident.ended.value_or(now).unix_ms - incident.since.unix_ms;
  return service::durationInWords(Duration::millis(std::max<int64_t>(0, ms)));
}

std::string namesInShort(const std::vector<std::string>& names, size_t total) {
  const size_t shown = std::min(names.size(), limits::kMaxCoveredShown);
  std::vector<std::string> parts(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown));
  if (total > shown) parts.push_back(std::to_string(total - shown) + " more");
  return joinWithAnd(parts);
}

std::string suggestedLine(const Incident& incident) {
  if (incident.target == kOverall) return "status";
  if (!incident.group.empty()) return "explain " + incident.group;
  return "service-level " + incident.target;
}

// What finds the lines around it, in the logs that nodes keep.
std::string searchLine(const Incident& incident) {
  const std::string where = incident.target == kOverall ? "all"
                            : incident.group.empty()    ? incident.target
                                                        : incident.group;
  const WallTime before{incident.since.unix_ms - limits::kIncidentLogsBefore.toMillis()};
  const WallTime whole{before.unix_ms - before.unix_ms % 1000};
  return "logs " + where + " level>=warn since=" + toRfc3339(whole);
}

std::string suggestedLink(const Incident& incident, const std::string& component) {
  const std::string line = suggestedLine(incident);
  const std::string node = line.substr(0, line.find(' '));
  const std::string at =
      incident.group.empty() || incident.target == kOverall ? "" : incident.group + "@";
  return "xmpp:" + at + component + "?command;node=" + node;
}

std::string openedText(const Incident& incident, const Policy& policy) {
  std::string out = "Incident " + std::to_string(incident.id) + " (" +
                    severityName(incident.severity) + "), " + incident.target + ": " +
                    incident.sentence;
  if (incident.storm) {
    out += "\nMany things fell at once; this is the one message about them.";
  }
  const std::string objective = objectiveLine(incident);
  addLine(out, "Since " + toRfc3339(incident.since) + (objective.empty() ? "." : ". " + objective));
  addLine(out, coveredLine(incident));
  for (const std::string& line : incident.log_lines) {
    addLine(out, "> " + singleLine(line, limits::kMaxIncidentLogLineBytes));
  }
  addLine(out,
          "Look: " + suggestedLine(incident) + "  " + suggestedLink(incident, policy.component));
  addLine(out, "Logs: " + searchLine(incident));
  const std::string id = std::to_string(incident.id);
  if (!incident.acked_by.empty()) {
    addLine(out, incident.acked_by + " is looking into it.");
  } else {
    addLine(out, "Take it: ack " + id);
  }
  return out;
}

std::string updateText(const Incident& incident, const TargetLevel* level, WallTime now) {
  std::string out = "Incident " + std::to_string(incident.id) + " (" +
                    severityName(incident.severity) + "), " + incident.target + ", goes on since " +
                    lengthOf(incident, now) + ": " +
                    (level != nullptr ? level->sentence : incident.sentence);
  addLine(out, coveredLine(incident));
  if (!incident.acked_by.empty()) addLine(out, incident.acked_by + " is looking into it.");
  return out;
}

std::string endedText(const Incident& incident, WallTime now) {
  std::string out =
      "Incident " + std::to_string(incident.id) + ", " + incident.target + ", is over";
  out += " after " + lengthOf(incident, now) + ": " + incident.recovered;
  if (incident.thresholds > 1) {
    out += "\nIt covered " + std::to_string(incident.thresholds) + " thresholds.";
  }
  return out;
}

std::string escalatedText(const Incident& incident, const Policy& policy, WallTime now) {
  return "Nobody has acknowledged this for " + lengthOf(incident, now) + ", so it comes to you.\n" +
         openedText(incident, policy);
}

std::string escalatedInRoom(const Incident& incident, const std::vector<Jid>& whom, WallTime now) {
  std::vector<std::string> names;
  for (const Jid& person : whom) names.push_back(person.toString());
  return "Nobody has acknowledged incident " + std::to_string(incident.id) + ", " +
         incident.target + ", for " + lengthOf(incident, now) + "; it goes to " +
         joinWithAnd(names) + ".";
}

std::string inRoomLine(const Incident& incident, const Policy& policy) {
  return "\nIn this room: " + policy.room_nick + ": ack " + std::to_string(incident.id);
}

std::string openedGist(const Incident& incident) {
  return singleLine("#" + std::to_string(incident.id) + " (" + severityName(incident.severity) +
                        ") open since " + toRfc3339(incident.since) + ": " + incident.sentence,
                    kMaxGistBytes);
}

std::string endedGist(const Incident& incident, WallTime now) {
  return singleLine("#" + std::to_string(incident.id) + " " + incident.target + ": over after " +
                        lengthOf(incident, now) + ", since " + toRfc3339(incident.since) + "; " +
                        incident.recovered,
                    kMaxGistBytes);
}

}  // namespace muster::incident
