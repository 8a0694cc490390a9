#include "coordinator/alert_records.h"

#include <algorithm>
#include <string>
#include <vector>

namespace muster::coordinator {
namespace {

using incident::NoticeKind;
using incident::Severity;

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Status lost(const std::string& what) {
  return {Code::kDataLoss, what};
}

// Empty is nobody.
Result<Jid> jidIn(const std::string& text, const std::string& where) {
  if (text.empty()) return Jid();
  auto jid = Jid::parse(text);
  if (!jid) return lost(where + " names '" + text + "', which is no address");
  return *jid;
}

Result<Severity> severityIn(int number, const std::string& where) {
  if (number == static_cast<int>(Severity::kTicket)) return Severity::kTicket;
  if (number == static_cast<int>(Severity::kPage)) return Severity::kPage;
  return lost(where + " has the severity " + std::to_string(number));
}

v1::IncidentSeverity toProto(Severity severity) {
  return severity == Severity::kTicket ? v1::INCIDENT_SEVERITY_TICKET : v1::INCIDENT_SEVERITY_PAGE;
}

}  // namespace

// --- to rows ------------------------------------------------------------------------------------

store::AlertSubscriptionRow toRow(const incident::Subscription& subscription) {
  store::AlertSubscriptionRow row;
  row.jid = subscription.who.toString();
  row.target = subscription.target;
  row.place = subscription.place.toString();
  row.below = subscription.below;
  row.for_ms = subscription.for_time.toMillis();
  row.severity = static_cast<int>(subscription.severity);
  row.since = subscription.since;
  return row;
}

store::IncidentRow toRow(const incident::Incident& incident) {
  store::IncidentRow row;
  row.id = incident.id;
  row.target = incident.target;
  row.group = incident.group;
  row.severity = static_cast<int>(incident.severity);
  row.storm = incident.storm;
  row.sentence = incident.sentence;
  row.percent = incident.percent;
  row.objective = incident.objective;
  row.budget_left = incident.budget_left;
  row.log_lines = joined(incident.log_lines);
  row.since = incident.since;
  row.opened = incident.opened;
  row.ended = incident.ended;
  row.recovered = incident.recovered;
  row.covered = joined(incident.covered);
  row.thresholds = incident.thresholds;
  std::vector<std::string> followers;
  for (const auto& [person, place] : incident.followers) {
    followers.push_back(person.toString() + " " + place.toString());
  }
  row.followers = joined(followers);
  row.announced = incident.announced;
  row.acked_by = incident.acked_by;
  row.acked_at = incident.acked_at;
  row.assignee = incident.assignee;
  row.resolved_by = incident.resolved_by;
  row.steps_done = incident.steps_done;
  return row;
}

store::IncidentNoteRow toRow(const incident::Note& note) {
  return {0, note.incident, note.at, note.who, note.what, note.text};
}

store::SilenceRow toRow(const incident::Silence& silence) {
  return {silence.target, silence.by, silence.reason, silence.from, silence.until};
}

store::OutboxRow toRow(const incident::Message& message) {
  const incident::Notice& notice = message.notice;
  store::OutboxRow row;
  row.id = message.id;
  row.channel = notice.channel;
  row.to = notice.to.toString();
  row.from = notice.from.toString();
  row.incident = notice.incident;
  row.kind = static_cast<int>(notice.kind);
  row.text = notice.text;
  row.gist = notice.gist;
  row.until_acked = notice.until_acked;
  row.created = message.created;
  row.attempts = message.attempts;
  row.sent = message.sent;
  row.confirmed = message.confirmed;
  return row;
}

store::DeliveryRow toRow(const incident::outbox::Done& done, WallTime at) {
  const incident::Message& message = done.message;
  store::DeliveryRow row;
  row.at = at;
  row.id = message.id;
  row.channel = message.notice.channel;
  row.to = message.notice.to.toString();
  row.incident = message.notice.incident;
  row.kind = static_cast<int>(message.notice.kind);
  row.attempts = message.attempts;
  row.outcome = done.outcome;
  return row;
}

// --- from rows ----------------------------------------------------------------------------------

Result<incident::Subscription> fromRow(const store::AlertSubscriptionRow& row) {
  const std::string where = "the subscription of '" + row.jid + "' to '" + row.target + "'";
  const auto who = jidIn(row.jid, where);
  if (!who) return who.status();
  const auto place = jidIn(row.place, where);
  if (!place) return place.status();
  const auto severity = severityIn(row.severity, where);
  if (!severity) return severity.status();
  return incident::Subscription{
      *who, row.target, *place, row.below, Duration::millis(row.for_ms), *severity, row.since};
}

Result<incident::Incident> fromRow(const store::IncidentRow& row) {
  const std::string where = "incident " + std::to_string(row.id);
  const auto severity = severityIn(row.severity, where);
  if (!severity) return severity.status();
  incident::Incident out;
  out.id = row.id;
  out.target = row.target;
  out.group = row.group;
  out.severity = *severity;
  out.storm = row.storm;
  out.sentence = row.sentence;
  out.percent = row.percent;
  out.objective = row.objective;
  out.budget_left = row.budget_left;
  out.log_lines = split(row.log_lines);
  out.since = row.since;
  out.opened = row.opened;
  out.ended = row.ended;
  out.recovered = row.recovered;
  out.covered = split(row.covered);
  out.thresholds = row.thresholds;
  for (const std::string& line : split(row.followers)) {
    const size_t blank = line.find(' ');
    const auto person = jidIn(line.substr(0, blank), where);
    if (!person) return person.status();
    const auto place = jidIn(blank == std::string::npos ? "" : line.substr(blank + 1), where);
    if (!place) return place.status();
    out.followers.emplace(*person, *place);
  }
  out.announced = row.announced;
  out.acked_by = row.acked_by;
  out.acked_at = row.acked_at;
  out.assignee = row.assignee;
  out.resolved_by = row.resolved_by;
  out.steps_done = row.steps_done;
  return out;
}

incident::Silence fromRow(const store::SilenceRow& row) {
  return {row.target, row.by, row.reason, row.from, row.until};
}

Result<incident::Message> fromRow(const store::OutboxRow& row) {
  const std::string where = "message " + row.id + " of the outbox";
  const auto to = jidIn(row.to, where);
  if (!to) return to.status();
  const auto from = jidIn(row.from, where);
  if (!from) return from.status();
  if (row.kind < 0 || row.kind > static_cast<int>(NoticeKind::kSummary)) {
    return lost(where + " has the kind " + std::to_string(row.kind));
  }
  incident::Message out;
  out.id = row.id;
  out.notice.to = *to;
  out.notice.from = *from;
  out.notice.channel = row.channel;
  out.notice.incident = row.incident;
  out.notice.kind = static_cast<NoticeKind>(row.kind);
  out.notice.text = row.text;
  out.notice.gist = row.gist;
  out.notice.until_acked = row.until_acked;
  out.created = row.created;
  out.attempts = row.attempts;
  out.sent = row.sent;
  out.confirmed = row.confirmed;
  return out;
}

// --- to people ----------------------------------------------------------------------------------

v1::AlertSubscription toProto(const incident::Subscription& subscription) {
  v1::AlertSubscription out;
  out.set_target(subscription.target);
  if (subscription.below) out.set_below(*subscription.below);
  out.set_for_ms(static_cast<uint64_t>(subscription.for_time.toMillis()));
  out.set_severity(toProto(subscription.severity));
  out.set_since(toRfc3339(subscription.since));
  return out;
}

v1::IncidentRecord toProto(const incident::Incident& incident, WallTime now) {
  v1::IncidentRecord out;
  out.set_id(incident.id);
  out.set_open(incident.isOpen());
  out.set_severity(toProto(incident.severity));
  out.set_target(incident.target);
  out.set_since(toRfc3339(incident.since));
  const int64_t lasted = incident.ended.value_or(now).unix_ms - incident.since.unix_ms;
  out.set_lasted_ms(static_cast<uint64_t>(std::max<int64_t>(0, lasted)));
  out.set_text(incident.sentence);
  out.set_recovered(incident.recovered);
  out.set_thresholds(incident.thresholds);
  out.set_acked_by(incident.acked_by);
  out.set_assignee(incident.assignee);
  out.set_announced(incident.announced);
  for (const std::string& target : incident.covered) out.add_covered(target);
  if (incident.percent) out.set_percent(*incident.percent);
  out.set_objective(incident.objective);
  out.set_group(incident.group);
  return out;
}

v1::IncidentNote toProto(const store::IncidentNoteRow& note) {
  v1::IncidentNote out;
  out.set_at(toRfc3339(note.at));
  out.set_who(note.who);
  out.set_what(note.what);
  out.set_text(note.text);
  return out;
}

v1::SilenceRecord toProto(const incident::Silence& silence) {
  v1::SilenceRecord out;
  out.set_target(silence.target);
  out.set_by(silence.by);
  out.set_until(toRfc3339(silence.until));
  out.set_reason(silence.reason);
  return out;
}

}  // namespace muster::coordinator
