#include "libcontrol/store/sqlite_alerts.h"

#include "libcontrol/store/sqlite_rows.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

#define INCIDENT_COLUMNS                                                                  \
  "id, target, \"group\", sentence, log_lines, recovered, covered, followers, acked_by, " \
  "assignee, resolved_by, severity, storm, percent, objective, budget_left, since_ms, "   \
  "opened_ms, ended_ms, acked_ms, thresholds, announced, steps_done"
#define OUTBOX_COLUMNS                                                                   \
  "id, channel, to_jid, from_jid, text, gist, incident, kind, until_acked, created_ms, " \
  "attempts, sent_ms, confirmed"
#define DELIVERY_COLUMNS "at_ms, id, channel, to_jid, incident, kind, attempts, outcome"

std::optional<double> realOrNull(const Run& run, int column) {
  return run.isNullAt(column) ? std::nullopt : std::optional(run.realAt(column));
}
std::optional<WallTime> timeOrNull(const Run& run, int column) {
  return run.isNullAt(column) ? std::nullopt : std::optional(WallTime{run.integerAt(column)});
}
void bind(Run& run, const std::optional<double>& value) {
  value ? run.real(*value) : run.null();
}
void bind(Run& run, const std::optional<WallTime>& value) {
  value ? run.integer(value->unix_ms) : run.null();
}

AlertSubscriptionRow readSubscription(const Run& run) {
  AlertSubscriptionRow row;
  row.jid = run.textAt(0);
  row.target = run.textAt(1);
  row.place = run.textAt(2);
  row.below = realOrNull(run, 3);
  row.for_ms = run.integerAt(4);
  row.severity = static_cast<int>(run.integerAt(5));
  row.since = {run.integerAt(6)};
  return row;
}

IncidentRow readIncident(const Run& run) {
  IncidentRow row;
  row.id = static_cast<uint64_t>(run.integerAt(0));
  int column = 1;
  for (std::string* text :
       {&row.target, &row.group, &row.sentence, &row.log_lines, &row.recovered, &row.covered,
        &row.followers, &row.acked_by, &row.assignee, &row.resolved_by}) {
    *text = run.textAt(column++);
  }
  row.severity = static_cast<int>(run.integerAt(11));
  row.storm = run.integerAt(12) != 0;
  row.percent = realOrNull(run, 13);
  row.objective = run.realAt(14);
  row.budget_left = realOrNull(run, 15);
  row.since = {run.integerAt(16)};
  row.opened = {run.integerAt(17)};
  row.ended = timeOrNull(run, 18);
  row.acked_at = timeOrNull(run, 19);
  row.thresholds = static_cast<uint32_t>(run.integerAt(20));
  row.announced = run.integerAt(21) != 0;
  row.steps_done = static_cast<uint32_t>(run.integerAt(22));
  return row;
}

void bindIncident(Run& run, const IncidentRow& row) {
  run.integer(static_cast<int64_t>(row.id));
  for (const std::string* text :
       {&row.target, &row.group, &row.sentence, &row.log_lines, &row.recovered, &row.covered,
        &row.followers, &row.acked_by, &row.assignee, &row.resolved_by}) {
    run.text(*text);
  }
  run.integer(row.severity).integer(row.storm ? 1 : 0);
  bind(run, row.percent);
  run.real(row.objective);
  bind(run, row.budget_left);
  run.integer(row.since.unix_ms).integer(row.opened.unix_ms);
  bind(run, row.ended);
  bind(run, row.acked_at);
  run.integer(row.thresholds).integer(row.announced ? 1 : 0).integer(row.steps_done);
}

IncidentNoteRow readNote(const Run& run) {
  return {static_cast<uint64_t>(run.integerAt(0)),
          static_cast<uint64_t>(run.integerAt(1)),
          {run.integerAt(2)},
          run.textAt(3),
          run.textAt(4),
          run.textAt(5)};
}

SilenceRow readSilence(const Run& run) {
  return {run.textAt(0), run.textAt(1), run.textAt(2), {run.integerAt(3)}, {run.integerAt(4)}};
}

OutboxRow readMessage(const Run& run) {
  OutboxRow row;
  int column = 0;
  for (std::string* text : {&row.id, &row.channel, &row.to, &row.from, &row.text, &row.gist}) {
    *text = run.textAt(column++);
  }
  row.incident = static_cast<uint64_t>(run.integerAt(6));
  row.kind = static_cast<int>(run.integerAt(7));
  row.until_acked = run.integerAt(8) != 0;
  row.created = {run.integerAt(9)};
  row.attempts = static_cast<uint32_t>(run.integerAt(10));
  row.sent = timeOrNull(run, 11);
  row.confirmed = run.integerAt(12) != 0;
  return row;
}

void bindMessage(Run& run, const OutboxRow& row) {
  for (const std::string* text :
       {&row.id, &row.channel, &row.to, &row.from, &row.text, &row.gist}) {
    run.text(*text);
  }
  run.integer(static_cast<int64_t>(row.incident)).integer(row.kind);
  run.integer(row.until_acked ? 1 : 0).integer(row.created.unix_ms).integer(row.attempts);
  bind(run, row.sent);
  run.integer(row.confirmed ? 1 : 0);
}

DeliveryRow readDelivery(const Run& run) {
  DeliveryRow row;
  row.seq = static_cast<uint64_t>(run.integerAt(0));
  row.at = {run.integerAt(1)};
  row.id = run.textAt(2);
  row.channel = run.textAt(3);
  row.to = run.textAt(4);
  row.incident = static_cast<uint64_t>(run.integerAt(5));
  row.kind = static_cast<int>(run.integerAt(6));
  row.attempts = static_cast<uint32_t>(run.integerAt(7));
  row.outcome = run.textAt(8);
  return row;
}

}  // namespace

SqliteAlertStore::SqliteAlertStore(Database& database, size_t incident_capacity,
                                   size_t delivery_capacity)
    : database_(database),
      incident_capacity_(incident_capacity),
      delivery_capacity_(delivery_capacity),
      subscriptions_(database,
                     "SELECT jid, target, place, below, for_ms, severity, since_ms "
                     "FROM alert_subscriptions ORDER BY jid, target"),
      subscribe_(database, "INSERT OR REPLACE INTO alert_subscriptions VALUES (?,?,?,?,?,?,?)"),
      unsubscribe_(database, "DELETE FROM alert_subscriptions WHERE jid = ? AND target = ?"),
      incidents_(database, "SELECT " INCIDENT_COLUMNS
                           " FROM incidents WHERE (?1 = 0 OR ended_ms IS NULL) "
                           "AND (?2 IS NULL OR id = ?2) "
                           "AND (?3 IS NULL OR ended_ms IS NULL OR ended_ms >= ?3) "
                           "AND (?4 IS NULL OR id < ?4) ORDER BY id DESC LIMIT ?5"),
      put_incident_(database, "INSERT OR REPLACE INTO incidents (" INCIDENT_COLUMNS
                              ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      last_incident_(database, "SELECT seq FROM sqlite_sequence WHERE name = 'incidents'"),
      notes_(database,
             "SELECT seq, incident, at_ms, who, what, text FROM incident_notes "
             "WHERE incident = ? ORDER BY seq"),
      add_note_(database,
                "INSERT INTO incident_notes (incident, at_ms, who, what, text) VALUES (?,?,?,?,?)"),
      silences_(database,
                "SELECT target, by, reason, from_ms, until_ms FROM silences "
                "ORDER BY target"),
      put_silence_(database, "INSERT OR REPLACE INTO silences VALUES (?,?,?,?,?)"),
      drop_silence_(database, "DELETE FROM silences WHERE target = ?"),
      outbox_(database, "SELECT " OUTBOX_COLUMNS " FROM outbox ORDER BY seq"),
      put_message_(database, "INSERT INTO outbox (" OUTBOX_COLUMNS
                             ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
                             "until_acked = excluded.until_acked, attempts = excluded.attempts, "
                             "sent_ms = excluded.sent_ms, confirmed = excluded.confirmed"),
      drop_message_(database, "DELETE FROM outbox WHERE id = ?"),
      deliveries_(database, "SELECT seq, " DELIVERY_COLUMNS
                            " FROM deliveries WHERE (?1 IS NULL OR incident = ?1) "
                            "ORDER BY seq DESC LIMIT ?2"),
      add_delivery_(database,
                    "INSERT INTO deliveries (" DELIVERY_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)"),
      drop_incidents_(database,
                      "DELETE FROM incidents WHERE ended_ms IS NOT NULL AND id <= "
                      "(SELECT id FROM incidents WHERE ended_ms IS NOT NULL "
                      "ORDER BY id DESC LIMIT 1 OFFSET ?)"),
      drop_notes_(database,
                  "DELETE FROM incident_notes WHERE incident < (SELECT min(id) FROM incidents) "
                  "OR incident NOT IN (SELECT id FROM incidents)"),
      drop_deliveries_(
          database, "DELETE FROM deliveries WHERE seq <= (SELECT max(seq) FROM deliveries) - ?") {}

Status SqliteAlertStore::commit(const AlertCommit& commit) {
  if (Status valid = checkAlerts(commit); !valid) return valid;
  return inTransaction(database_, [&] { return write(commit); });
}

Status SqliteAlertStore::write(const AlertCommit& commit) {
  if (Status s = writeSubscriptions(commit); !s) return s;
  if (Status s = writeIncidents(commit); !s) return s;
  if (Status s = writeOutbox(commit); !s) return s;
  return makeRoom(commit);
}

Status SqliteAlertStore::writeSubscriptions(const AlertCommit& commit) {
  for (const auto& [jid, target] : commit.unsubscribed) {
    if (Status s = Run(unsubscribe_).text(jid).text(target).done(); !s) return s;
  }
  for (const AlertSubscriptionRow& row : commit.subscribed) {
    Run run(subscribe_);
    run.text(row.jid).text(row.target).text(row.place);
    bind(run, row.below);
    run.integer(row.for_ms).integer(row.severity).integer(row.since.unix_ms);
    if (Status s = run.done(); !s) return s;
  }
  for (const std::string& target : commit.silences_over) {
    if (Status s = Run(drop_silence_).text(target).done(); !s) return s;
  }
  for (const SilenceRow& row : commit.silences) {
    Run run(put_silence_);
    run.text(row.target).text(row.by).text(row.reason);
    run.integer(row.from.unix_ms).integer(row.until.unix_ms);
    if (Status s = run.done(); !s) return s;
  }
  return Status::ok();
}

Status SqliteAlertStore::writeIncidents(const AlertCommit& commit) {
  for (const IncidentRow& row : commit.incidents) {
    Run run(put_incident_);
    bindIncident(run, row);
    if (Status s = run.done(); !s) return s;
  }
  for (const IncidentNoteRow& row : commit.notes) {
    Run run(add_note_);
    run.integer(static_cast<int64_t>(row.incident)).integer(row.at.unix_ms);
    run.text(row.who).text(row.what).text(row.text);
    if (Status s = run.done(); !s) return s;
  }
  return Status::ok();
}

Status SqliteAlertStore::writeOutbox(const AlertCommit& commit) {
  for (const OutboxRow& row : commit.outbox) {
    Run run(put_message_);
    bindMessage(run, row);
    if (Status s = run.done(); !s) return s;
  }
  for (const DeliveryRow& row : commit.done) {
    if (Status s = Run(drop_message_).text(row.id).done(); !s) return s;
    Run run(add_delivery_);
    run.integer(row.at.unix_ms).text(row.id).text(row.channel).text(row.to);
    run.integer(static_cast<int64_t>(row.incident)).integer(row.kind).integer(row.attempts);
    if (Status s = run.text(row.outcome).done(); !s) return s;
  }
  return Status::ok();
}

Status SqliteAlertStore::makeRoom(const AlertCommit& commit) {
  if (!commit.done.empty()) {
    Run run(drop_deliveries_);
    if (Status s = run.integer(static_cast<int64_t>(delivery_capacity_)).done(); !s) return s;
  }
  bool ended = false;
  for (const IncidentRow& row : commit.incidents) ended = ended || row.ended.has_value();
  if (!ended) return Status::ok();
  {
    Run run(drop_incidents_);
    if (Status s = run.integer(static_cast<int64_t>(incident_capacity_)).done(); !s) return s;
  }
  return database_.changes() > 0 ? Run(drop_notes_).done() : Status::ok();
}

Result<std::vector<AlertSubscriptionRow>> SqliteAlertStore::subscriptions() {
  Run run(subscriptions_);
  return allRows<AlertSubscriptionRow>(run, readSubscription);
}

Result<std::vector<IncidentRow>> SqliteAlertStore::incidents(const IncidentQuery& query) {
  if (Status valid = checkPage(query.limit); !valid) return valid;
  Run run(incidents_);
  run.integer(query.open_only ? 1 : 0);
  query.id ? run.integer(static_cast<int64_t>(*query.id)) : run.null();
  bind(run, query.since);
  query.before_id ? run.integer(static_cast<int64_t>(*query.before_id)) : run.null();
  run.integer(static_cast<int64_t>(query.limit));
  return allRows<IncidentRow>(run, readIncident);
}

Result<uint64_t> SqliteAlertStore::lastIncident() {
  Run run(last_incident_);
  Result<bool> row = run.step();
  if (!row) return row.status();
  return *row ? static_cast<uint64_t>(run.integerAt(0)) : uint64_t{0};
}

Result<std::vector<IncidentNoteRow>> SqliteAlertStore::notes(uint64_t incident) {
  Run run(notes_);
  run.integer(static_cast<int64_t>(incident));
  return allRows<IncidentNoteRow>(run, readNote);
}

Result<std::vector<SilenceRow>> SqliteAlertStore::silences() {
  Run run(silences_);
  return allRows<SilenceRow>(run, readSilence);
}

Result<std::vector<OutboxRow>> SqliteAlertStore::outbox() {
  Run run(outbox_);
  return allRows<OutboxRow>(run, readMessage);
}

Result<std::vector<DeliveryRow>> SqliteAlertStore::deliveries(std::optional<uint64_t> incident,
                                                              size_t limit) {
  if (Status valid = checkPage(limit); !valid) return valid;
  Run run(deliveries_);
  incident ? run.integer(static_cast<int64_t>(*incident)) : run.null();
  run.integer(static_cast<int64_t>(limit));
  return allRows<DeliveryRow>(run, readDelivery);
}

}  // namespace muster::store
