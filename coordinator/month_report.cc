#include "coordinator/month_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include "coordinator/alert_records.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/month_report.h"

namespace muster::coordinator {
namespace {

using service::DayAmounts;
using service::Month;
using service::MonthFigures;
using service::Outcome;
using service::RecordedOutage;
using service::RecordKey;

constexpr std::string_view kNodePrefix = "node:";
constexpr size_t kIncidentPage = 500;

// One service with what the month made of it.
struct Row {
  LevelRecord::Subject subject;
  MonthFigures figures;
  bool own = false;  // the target's, not one of its nodes'
};

// Seconds are enough of what lasted for minutes.
Duration rounded(Duration length) {
  const int64_t ms = length.toMillis();
  return Duration::millis(ms < 60'000 ? ms : ms - ms % 1000);
}

uint64_t millisOf(Duration length) {
  return static_cast<uint64_t>(std::max<int64_t>(0, rounded(length).toMillis()));
}

v1::ReportOutcome toProto(Outcome outcome) {
  switch (outcome) {
    case Outcome::kKept:
      return v1::REPORT_OUTCOME_KEPT;
    case Outcome::kMissed:
      return v1::REPORT_OUTCOME_MISSED;
    case Outcome::kNoData:
      return v1::REPORT_OUTCOME_NO_DATA;
    case Outcome::kBelow:
      return v1::REPORT_OUTCOME_BELOW;
  }
  return v1::REPORT_OUTCOME_NO_DATA;
}

// "user.ledger", or "user at node1".
std::string nameOf(const RecordKey& key) {
  return key.node.empty() ? key.service + "." + key.group : key.service + " at " + key.node;
}

// Of the amounts of a service: "5 of 12000", "35 s of 3 hours".
std::string badInWords(const RecordKey& key, const MonthFigures& figures) {
  if (!figures.percent) return "";
  if (key.kind == service::Kind::kRequests) {
    return std::to_string(figures.bad) + " of " + std::to_string(figures.good + figures.bad);
  }
  const auto words = [](uint64_t ms) {
    return service::durationInWords(Duration::millis(static_cast<int64_t>(ms)));
  };
  return words(figures.bad) + " of " + words(figures.good + figures.bad);
}

// The target's own first; of each the one that spent most of its budget, then what has no data.
bool isBefore(const Row& a, const Row& b) {
  if (a.own != b.own) return a.own;
  const double spent_a = a.figures.budget_spent.value_or(-1);
  const double spent_b = b.figures.budget_spent.value_or(-1);
  if (spent_a != spent_b) return spent_a > spent_b;
  return a.subject.key < b.subject.key;
}

void addService(const Row& row, v1::ReportReply& reply) {
  const RecordKey& key = row.subject.key;
  const MonthFigures& figures = row.figures;
  v1::ReportService& out = *reply.add_services();
  out.set_service(key.service);
  out.set_group(key.group);
  out.set_node(key.node);
  if (figures.objective_percent) out.set_promised_percent(*figures.objective_percent);
  if (figures.percent) out.set_kept_percent(*figures.percent);
  out.set_outcome(toProto(figures.outcome));
  if (figures.budget_spent) out.set_budget_spent_percent(100 * *figures.budget_spent);
  out.set_outages(figures.outages);
  out.set_good(figures.good);
  out.set_bad(figures.bad);
  out.set_bad_in_words(badInWords(key, figures));
  out.set_known_ms(millisOf(figures.known));
  out.set_unknown_ms(millisOf(figures.unknown));
  out.set_kind(static_cast<v1::ServiceKind>(key.kind));
}

void addDays(const Row& row, v1::ReportReply& reply) {
  for (const auto& [day, amounts] : row.subject.days) {
    v1::ReportDay& out = *reply.add_days();
    out.set_day(service::dayText(day));
    out.set_service(row.subject.key.service);
    out.set_group(row.subject.key.group);
    out.set_node(row.subject.key.node);
    if (const auto percent = service::percentOf(amounts)) out.set_kept_percent(*percent);
    out.set_good(amounts.good);
    out.set_bad(amounts.bad);
    out.set_known_ms(millisOf(amounts.known));
  }
}

v1::ReportOutageState toProto(service::OutageEnd state) {
  switch (state) {
    case service::OutageEnd::kOver:
      return v1::REPORT_OUTAGE_STATE_OVER;
    case service::OutageEnd::kOngoing:
      return v1::REPORT_OUTAGE_STATE_ONGOING;
    case service::OutageEnd::kUnseen:
      return v1::REPORT_OUTAGE_STATE_UNSEEN;
  }
  return v1::REPORT_OUTAGE_STATE_UNSEEN;
}

v1::ReportOutage outageOf(const Row& row, const RecordedOutage& outage, Month month, WallTime now) {
  v1::ReportOutage out;
  out.set_begin(toRfc3339(outage.begin));
  if (outage.state != service::OutageEnd::kOngoing) out.set_end(toRfc3339(outage.end));
  out.set_length_ms(millisOf(Duration::millis(outage.end.unix_ms - outage.begin.unix_ms)));
  out.set_state(toProto(outage.state));
  out.set_service(row.subject.key.service);
  out.set_group(row.subject.key.group);
  out.set_node(row.subject.key.node);
  const auto spent = service::budgetSpentBy(outage, row.subject.key.kind, month, now, row.figures);
  if (spent) out.set_budget_spent_percent(100 * *spent);
  return out;
}

void addOutages(const std::vector<Row>& rows, Month month, WallTime now, v1::ReportReply& reply) {
  std::vector<std::pair<WallTime, v1::ReportOutage>> all;
  for (const Row& row : rows) {
    for (const RecordedOutage& outage : row.subject.outages) {
      all.emplace_back(outage.begin, outageOf(row, outage, month, now));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const size_t left_out = all.size() - std::min(all.size(), limits::kMaxReportOutages);
  for (size_t i = left_out; i < all.size(); ++i) *reply.add_outages() = std::move(all[i].second);
}

void addChart(const std::vector<Row>& rows, Month month, WallTime now, v1::ReportReply& reply) {
  std::vector<service::ChartLine> lines;
  for (const Row& row : rows) {
    if (!row.figures.percent || lines.size() >= limits::kMaxReportChart) continue;
    lines.push_back({nameOf(row.subject.key), service::dayBlocks(month, now, row.subject.days)});
  }
  for (std::string& line : service::monthChart(month, lines)) reply.add_chart(std::move(line));
}

std::string worstInWords(const Row& row) {
  const MonthFigures& figures = row.figures;
  return nameOf(row.subject.key) + ": " + formatPercent(*figures.percent) + "% kept of " +
         formatPercent(*figures.objective_percent) + "% promised, " +
         formatPercent(100 * *figures.budget_spent) + "% of the error budget spent";
}

// What stands in the target's own rows, in a few sentences.
std::string summaryOf(const std::vector<Row>& rows, Month month, bool goes_on) {
  size_t with_data = 0;
  size_t kept = 0;
  uint32_t outages = 0;
  Duration unknown{};
  const Row* worst = nullptr;
  for (const Row& row : rows) {
    if (!row.own || !row.figures.percent) continue;
    ++with_data;
    if (row.figures.outcome == Outcome::kKept) ++kept;
    outages += row.figures.outages;
    unknown = std::max(unknown, row.figures.unknown);
    if (worst == nullptr) worst = &row;
  }
  std::string out = service::monthInWords(month) + (goes_on ? ", up to now: " : ": ");
  out += std::to_string(kept) + " of " + std::to_string(with_data) +
         (with_data == 1 ? " objective kept" : " objectives kept");
  if (worst != nullptr) out += (with_data == 1 ? "; " : "; the worst, ") + worstInWords(*worst);
  out += outages == 0   ? ". No outage."
         : outages == 1 ? ". One outage."
                        : ". " + std::to_string(outages) + " outages.";
  if (unknown >= Duration::seconds(1)) {
    out += (with_data == 1 ? " Of " : " Of up to ") + service::durationInWords(unknown) +
           " nothing is known.";
  }
  return out;
}

bool hasData(const std::vector<Row>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const Row& row) { return row.own && row.figures.percent; });
}

// Without the incidents.
v1::ReportReply replyOf(const std::vector<Row>& rows, const std::string& target, Month month,
                        WallTime now) {
  const WallTime end = service::beginOf(service::next(month));
  v1::ReportReply reply;
  reply.set_target(target);
  reply.set_month(service::monthText(month));
  reply.set_from(toRfc3339(service::beginOf(month)));
  reply.set_until(toRfc3339(std::min(end, now)));
  reply.set_summary(summaryOf(rows, month, now < end));
  addChart(rows, month, now, reply);
  for (const Row& row : rows) {
    addService(row, reply);
    addDays(row, reply);
  }
  addOutages(rows, month, now, reply);
  return reply;
}

std::string nothingRecorded(const std::string& target, Month month,
                            std::optional<service::Day> first) {
  return "Nothing is recorded of " + target + " in " + service::monthInWords(month) +
         (first ? "; its record begins on " + service::dayText(*first) + "." : ".");
}

}  // namespace

// In case of doubt as Watchables has it: a group before a service before a node.
Result<MonthReport::Scope> MonthReport::scopeOf(const std::string& target,
                                                const std::vector<RecordKey>& recorded) const {
  if (target == incident::kOverall) return Scope{target, "", "", ""};
  const auto group_names = parts_.groups();
  const auto node_names = parts_.nodes();
  std::set<std::string> groups(group_names.begin(), group_names.end());
  std::set<std::string> nodes(node_names.begin(), node_names.end());
  std::set<std::string> services;
  for (const std::string& name : parts_.targets()) {
    if (!groups.contains(name) && !nodes.contains(name)) services.insert(name);
  }
  for (const RecordKey& key : recorded) {
    if (!key.group.empty()) groups.insert(key.group);
    if (!key.node.empty()) nodes.insert(key.node);
    if (key.node.empty()) services.insert(key.service + "." + key.group);
  }
  if (groups.contains(target)) return Scope{target, target, "", ""};
  // Services may have dots in their names: of the groups that fit the longest is the one.
  size_t dot = services.contains(target) ? target.find('.') : std::string::npos;
  for (; dot != std::string::npos; dot = target.find('.', dot + 1)) {
    const std::string group = target.substr(dot + 1);
    if (groups.contains(group)) return Scope{target, group, "", target.substr(0, dot)};
  }
  const bool prefixed = target.starts_with(kNodePrefix);
  const std::string node = prefixed ? target.substr(kNodePrefix.size()) : target;
  if (nodes.contains(node)) return Scope{target, "", node, ""};
  groups.merge(services);
  groups.merge(nodes);
  return Status(Code::kNotFound,
                "there is no service, group or node '" +
                    singleLine(target, limits::kMaxNameBytes * 3) + "'" +
                    suggestion(target, {groups.begin(), groups.end()}),
                "target");
}

bool MonthReport::isIn(const Scope& scope, const RecordKey& key) {
  if (scope.isOverall()) return key.node.empty() || key.group.empty();
  if (!scope.node.empty()) return key.node == scope.node;
  return key.group == scope.group && (scope.service.empty() || key.service == scope.service);
}

bool MonthReport::isOwn(const Scope& scope, const RecordKey& key) {
  return scope.isOverall() || !scope.node.empty() || key.node.empty();
}

bool MonthReport::concerns(const Scope& scope, const incident::Incident& incident) const {
  if (scope.isOverall()) return true;
  const auto names = [&](const std::string& target) {
    if (!scope.node.empty()) {
      return target == scope.node || target == std::string(kNodePrefix) + scope.node;
    }
    if (target == scope.target || target == scope.group) return true;
    return scope.service.empty() && target.ends_with("." + scope.group);
  };
  if (scope.service.empty() && !scope.group.empty() && incident.group == scope.group) return true;
  return names(incident.target) ||
         std::any_of(incident.covered.begin(), incident.covered.end(), names);
}

Status MonthReport::addIncidents(const Scope& scope, Month month, WallTime now,
                                 v1::ReportReply& reply) const {
  store::IncidentQuery query;
  query.since = service::beginOf(month);
  query.limit = kIncidentPage;
  const WallTime end = service::beginOf(service::next(month));
  for (;;) {
    const auto rows = parts_.incidents.incidents(query);
    if (!rows) return rows.status();
    for (const store::IncidentRow& row : *rows) {
      query.before_id = row.id;
      if (row.since >= end) continue;
      const auto incident = fromRow(row);
      if (!incident) return incident.status();
      if (!concerns(scope, *incident)) continue;
      if (reply.incidents_size() >= static_cast<int>(limits::kMaxReportIncidents)) {
        return Status::ok();
      }
      *reply.add_incidents() = toProto(*incident, now);
    }
    if (rows->size() < kIncidentPage) return Status::ok();
  }
}

Result<v1::ReportReply> MonthReport::report(const std::string& target, const std::string& month,
                                            WallTime now) {
  const auto when =
      month.empty() ? Result<Month>(service::monthOf(now)) : service::parseMonth(month, now);
  if (!when) return when.status();
  auto keys = parts_.record.subjects();
  if (!keys) return keys.status();
  const auto scope = scopeOf(target, *keys);
  if (!scope) return scope.status();
  std::erase_if(*keys, [&](const RecordKey& key) { return !isIn(*scope, key); });
  std::stable_partition(keys->begin(), keys->end(),
                        [&](const RecordKey& key) { return isOwn(*scope, key); });
  const size_t all = keys->size();
  if (all > limits::kMaxReportServices) keys->resize(limits::kMaxReportServices);

  std::vector<Row> rows;
  for (const RecordKey& key : *keys) {
    auto subject = parts_.record.month(key, *when);
    if (!subject) return subject.status();
    Row row{std::move(subject).value(), {}, isOwn(*scope, key)};
    row.figures = service::foldMonth(*when, now, row.subject.days);
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), isBefore);
  v1::ReportReply reply = replyOf(rows, target, *when, now);
  if (!hasData(rows)) {
    reply.set_summary(nothingRecorded(target, *when, parts_.record.firstDay(*keys)));
  }
  if (all > keys->size()) {
    reply.set_summary(reply.summary() + " Shown are " + std::to_string(keys->size()) +
                      " services of " + std::to_string(all) +
                      "; ask for a service or a node for the others.");
  }
  if (Status added = addIncidents(*scope, *when, now, reply); !added) return added;
  return reply;
}

}  // namespace muster::coordinator
