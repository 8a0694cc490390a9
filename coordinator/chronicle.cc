#include "coordinator/chronicle.h"

#include <utility>

#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

namespace eg = election::group;

constexpr int kFlushMs = 50;
// While the disk can't be written; more than this is lost anyway.
constexpr size_t kMaxUnwritten = 1000;
// An alarm that nothing has put right is no news after this.
constexpr int64_t kAlarmShownMs = 3'600'000;

// Who asked, if it was a person; a part that acts by itself has no address.
std::string person(const std::string& caller) {
  return caller.find('@') == std::string::npos ? "" : caller;
}

v1::HistoryEvent toProto(const store::HistoryRow& row) {
  v1::HistoryEvent out;
  out.set_seq(row.seq);
  out.set_at(toRfc3339(row.at));
  out.set_group(row.group);
  out.set_what(row.what);
  out.set_from(row.from);
  out.set_to(row.to);
  out.set_epoch(row.epoch);
  out.set_duration_ms(static_cast<uint64_t>(row.duration_ms));
  out.set_cause(row.cause);
  out.set_who(row.who);
  out.set_drain_ms(static_cast<uint64_t>(row.drain_ms));
  out.set_wait_ms(static_cast<uint64_t>(row.wait_ms));
  out.set_offer_ms(static_cast<uint64_t>(row.offer_ms));
  out.set_promote_ms(static_cast<uint64_t>(row.promote_ms));
  return out;
}

}  // namespace

Chronicle::Chronicle(Cluster& cluster, store::HistoryStore& store, const Contacts& contacts,
                     const catalogue::Authority& authority, Clock& clock, Say say,
                     IncidentsOf incidents_of)
    : cluster_(cluster),
      store_(store),
      contacts_(contacts),
      authority_(authority),
      clock_(clock),
      say_(std::move(say)),
      incidents_of_(std::move(incidents_of)) {
  Cluster::Listener listener;
  listener.phase_changed = [this](const auto& group, const auto& e) { onPhaseChanged(group, e); };
  listener.took_over = [this](const auto& group, const auto& e) { onTookOver(group, e); };
  listener.move_started = [this](const auto& group, const auto& e) { onMoveStarted(group, e); };
  listener.move_finished = [this](const auto& group, const auto& e) { onMoveFinished(group, e); };
  listener.alarm = [this](const auto& group, const auto& e) { onAlarm(group, e); };
  cluster_.addListener(std::move(listener));
  flush_.setSingleShot(true);
  QObject::connect(&flush_, &QTimer::timeout, &flush_, [this] { (void)flush(); });
}

Chronicle::~Chronicle() {
  (void)flush();
}

std::string Chronicle::nameOf(const Jid& bare) const {
  return bare.isEmpty() ? "" : cluster_.nameOf(bare);
}

void Chronicle::add(const GroupDriver& group, store::HistoryRow row) {
  row.at = clock_.wall();
  row.group = group.name();
  if (unwritten_.size() < kMaxUnwritten) unwritten_.push_back(std::move(row));
  if (!flush_.isActive()) flush_.start(kFlushMs);
}

void Chronicle::note(const GroupDriver& group, const std::string& what, const std::string& who,
                     const std::string& cause) {
  store::HistoryRow row;
  row.what = what;
  row.epoch = group.machine().record().epoch;
  row.who = who;
  row.cause = cause;
  add(group, std::move(row));
  (void)flush();  // says itself what went wrong, and tries again
}

Status Chronicle::flush() {
  flush_.stop();
  if (unwritten_.empty()) return Status::ok();
  const Status written = store_.append(unwritten_);
  if (!written) {
    logger("muster.store")->error("the history can't be written: {}", written.text());
    return written;  // the next event tries again
  }
  unwritten_.clear();
  return written;
}

// Of a change on request the new holder's line says all; a vacancy that nobody asked for has one of
// its own, since it may last.
void Chronicle::onPhaseChanged(const GroupDriver& group, const eg::PhaseChanged& event) {
  const bool was_held =
      event.from == election::Phase::kActive || event.from == election::Phase::kDraining;
  if (event.to != election::Phase::kVacant || !was_held || !event.asked_by.empty()) return;
  store::HistoryRow row;
  row.what = "vacant";
  row.from = nameOf(event.jid);
  row.epoch = event.epoch;
  row.cause = event.cause;
  add(group, std::move(row));
}

void Chronicle::onTookOver(const GroupDriver& group, const eg::TookOver& event) {
  const eg::Steps& steps = event.steps;
  store::HistoryRow row;
  row.what = event.asked_by.empty() ? "active" : "moved";
  row.from = nameOf(event.from);
  row.to = nameOf(event.to);
  row.epoch = event.epoch;
  row.cause = event.cause;
  if (const std::string open = incidents_of_(group.name()); !open.empty()) {
    row.cause += (row.cause.empty() ? "see " : "; see ") + open;
  }
  row.who = person(event.asked_by);
  row.drain_ms = steps.drain.toMillis();
  row.wait_ms = steps.wait.toMillis();
  row.offer_ms = (steps.vacant + steps.offer).toMillis();
  row.promote_ms = steps.promote.toMillis();
  row.duration_ms =
      steps.ask.toMillis() + row.drain_ms + row.wait_ms + row.offer_ms + row.promote_ms;
  add(group, std::move(row));
  alarms_.erase(group.name());
}

void Chronicle::onMoveStarted(const GroupDriver& group, const eg::MoveStarted&) {
  moving_.insert(group.name());
}

void Chronicle::onMoveFinished(const GroupDriver& group, const eg::MoveFinished& event) {
  // What was refused has moved nothing: that is the audit trail's. A move that arrived has the new
  // holder's line.
  const bool moved = moving_.erase(group.name()) > 0 || event.resumed;
  if (!moved || (event.status && !event.to.isEmpty())) return;
  store::HistoryRow row;
  row.what = event.status ? "vacant" : "move-failed";
  row.from = nameOf(event.from);
  row.to = nameOf(event.to);
  row.epoch = event.epoch;
  row.duration_ms = event.duration.toMillis();
  row.cause = event.text;
  row.who = person(event.caller);
  add(group, std::move(row));
}

void Chronicle::raise(const GroupDriver& group, const std::string& what, const std::string& text) {
  logger("muster.election")->error("{}: {}", group.name(), text);
  tellAlarm(group, what, text, text);
}

void Chronicle::onAlarm(const GroupDriver& group, const eg::Alarm& event) {
  tellAlarm(group, "alarm", std::string(eg::alarmKindName(event.kind)) + ": " + event.text,
            event.text);
}

void Chronicle::tellAlarm(const GroupDriver& group, const std::string& what,
                          const std::string& cause, const std::string& text) {
  store::HistoryRow row;
  row.what = what;
  row.epoch = group.machine().record().epoch;
  row.cause = cause;
  add(group, std::move(row));
  alarms_[group.name()] = {text, clock_.wall()};
  const Jid contact = cluster_.contactOf(group.name());
  for (const Jid& subscriber : contacts_.subscribersOf(contact)) {
    const auto role = authority_.roleOf(subscriber);
    if (role && catalogue::reaches(*role, v1::ROLE_OPERATOR)) {
      say_(contact, subscriber, "Alarm of group " + group.name() + ": " + text);
    }
  }
}

std::string Chronicle::alarmOf(const std::string& group) const {
  const auto found = alarms_.find(group);
  if (found == alarms_.end()) return {};
  const AlarmNote& alarm = found->second;
  if (clock_.wall().unix_ms - alarm.at.unix_ms > kAlarmShownMs) return {};
  return "alarm at " + toRfc3339(alarm.at) + ": " + alarm.text;
}

Result<v1::HistoryReply> Chronicle::query(const v1::HistoryRequest& request, WallTime now) {
  if (Status s = flush(); !s) return s;
  store::HistoryQuery query;
  if (request.has_group()) query.group = request.group();
  if (request.has_since_ms()) {
    query.from = WallTime{now.unix_ms - static_cast<int64_t>(request.since_ms())};
  }
  if (request.has_before()) query.before_seq = request.before();
  query.limit = request.limit();
  const auto rows = store_.query(query);
  if (!rows) return rows.status();
  v1::HistoryReply reply;
  for (const store::HistoryRow& row : *rows) *reply.add_events() = toProto(row);
  return reply;
}

}  // namespace muster::coordinator
