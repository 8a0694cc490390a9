// What people ask for: subscriptions, incidents and silences by command.
#include <utility>

#include "coordinator/alert_records.h"
#include "coordinator/alerts.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

// Callers are stamped by the server, so they parse; an empty one matches nobody.
Jid personOf(const commands::Origin& origin) {
  const auto jid = Jid::parse(origin.by);
  return jid ? jid->bare() : Jid();
}

Jid placeOf(const commands::Origin& origin) {
  const auto jid = Jid::parse(origin.place);
  return jid ? jid->bare() : Jid();
}

}  // namespace

// --- subscriptions ------------------------------------------------------------------------------

Result<v1::SubscribeReply> Alerts::subscribe(const v1::SubscribeRequest& request,
                                             const commands::Origin& origin) {
  const auto target = parts_.resolve(request.target());
  if (!target) return target.status();
  incident::Subscription wish;
  wish.who = personOf(origin);
  wish.target = *target;
  wish.place = placeOf(origin);
  if (wish.place.isEmpty()) wish.place = parts_.policy.address;
  if (request.has_below()) wish.below = request.below();
  if (request.has_for_ms()) {
    wish.for_time = Duration::millis(static_cast<int64_t>(request.for_ms()));
  }
  if (request.severity() == v1::INCIDENT_SEVERITY_TICKET) {
    wish.severity = incident::Severity::kTicket;
  }
  wish.since = parts_.clock.wall();
  v1::SubscribeReply reply;
  for (const incident::Subscription& known : machine_->subscriptionsOf(wish.who)) {
    if (known.target == wish.target) reply.set_replaced(true);
  }
  if (Status s = apply(incident::Subscribe{wish}); !s) return s;
  parts_.follow(wish.who);
  *reply.mutable_subscription() = toProto(wish);
  return reply;
}

Result<v1::UnsubscribeReply> Alerts::unsubscribe(const std::optional<std::string>& target,
                                                 const commands::Origin& origin) {
  const Jid who = personOf(origin);
  v1::UnsubscribeReply reply;
  for (const incident::Subscription& known : machine_->subscriptionsOf(who)) {
    if (!target || known.target == *target) reply.add_targets(known.target);
  }
  if (Status s = apply(incident::Unsubscribe{who, target}); !s) return s;
  return reply;
}

v1::SubscriptionsReply Alerts::subscriptionsOf(const std::string& who) {
  v1::SubscriptionsReply reply;
  const auto jid = Jid::parse(who);
  if (!jid) return reply;
  for (const incident::Subscription& known : machine_->subscriptionsOf(jid->bare())) {
    *reply.add_subscriptions() = toProto(known);
  }
  return reply;
}

// --- incidents ----------------------------------------------------------------------------------

Result<v1::IncidentsReply> Alerts::list(const v1::IncidentsRequest& request, WallTime now) {
  store::IncidentQuery query;
  query.open_only = !request.has_id() && request.which() != v1::INCIDENTS_WHICH_ALL;
  if (request.has_id()) query.id = request.id();
  if (request.has_since_ms()) {
    query.since = WallTime{now.unix_ms - static_cast<int64_t>(request.since_ms())};
  }
  if (request.has_before()) query.before_id = request.before();
  query.limit = request.limit();
  const auto rows = parts_.store.incidents(query);
  if (!rows) return rows.status();
  v1::IncidentsReply reply;
  for (const store::IncidentRow& row : *rows) {
    const auto one = fromRow(row);
    if (!one) return one.status();
    *reply.add_incidents() = toProto(*one, now);
  }
  if (request.has_id()) {
    const auto notes = parts_.store.notes(request.id());
    if (!notes) return notes.status();
    for (const store::IncidentNoteRow& note : *notes) *reply.add_notes() = toProto(note);
  } else {
    for (const incident::Silence& each : machine_->silences()) {
      *reply.add_silences() = toProto(each);
    }
  }
  return reply;
}

Result<v1::IncidentRecord> Alerts::change(uint64_t id, const incident::Event& event,
                                          const commands::Origin& origin) {
  // Whoever answers to an incident has read of it.
  personWrote(personOf(origin));
  if (Status s = apply(event); !s) return s;
  const incident::Incident* incident = machine_->find(id);
  if (incident == nullptr) return Status(Code::kInternal, "the incident is gone");
  return toProto(*incident, parts_.clock.wall());
}

Result<v1::IncidentRecord> Alerts::acknowledge(uint64_t id, const std::string& text,
                                               const commands::Origin& origin) {
  return change(id, incident::Acknowledge{id, personOf(origin), text}, origin);
}

Result<v1::IncidentRecord> Alerts::addNote(uint64_t id, const std::string& text,
                                           const commands::Origin& origin) {
  return change(id, incident::AddNote{id, personOf(origin), text}, origin);
}

Result<v1::IncidentRecord> Alerts::assign(uint64_t id, const std::string& jid,
                                          const commands::Origin& origin) {
  const auto to = Jid::parse(jid);
  const std::string shown = "'" + singleLine(jid, 200) + "' ";
  if (!to) return Status(Code::kInvalidArgument, shown + to.status().text(), "jid");
  const auto role = parts_.authority.roleOf(to->bare());
  if (!role || !catalogue::reaches(*role, v1::ROLE_OPERATOR)) {
    return Status(Code::kInvalidArgument, shown + "is no operator here; roles lists those who are",
                  "jid");
  }
  parts_.follow(to->bare());
  return change(id, incident::Assign{id, personOf(origin), to->bare()}, origin);
}

Result<v1::IncidentRecord> Alerts::resolve(uint64_t id, const std::string& text,
                                           const commands::Origin& origin) {
  return change(id, incident::Resolve{id, personOf(origin), text}, origin);
}

// --- silences -----------------------------------------------------------------------------------

Result<v1::SilenceRecord> Alerts::silence(const std::string& target, Duration time,
                                          const std::string& reason,
                                          const commands::Origin& origin) {
  const auto resolved = parts_.resolve(target);
  if (!resolved) return resolved.status();
  const WallTime wall = parts_.clock.wall();
  const incident::Silence silence{*resolved, origin.by, reason, wall,
                                  WallTime{wall.unix_ms + time.toMillis()}};
  if (Status s = apply(incident::BeginSilence{silence}); !s) return s;
  return toProto(silence);
}

Result<v1::SilenceRecord> Alerts::unsilence(const std::string& target,
                                            const commands::Origin& origin) {
  v1::SilenceRecord record;
  for (const incident::Silence& each : machine_->silences()) {
    if (each.target == target) record = toProto(each);
  }
  if (Status s = apply(incident::EndSilence{target, personOf(origin)}); !s) return s;
  return record;
}

}  // namespace muster::coordinator
