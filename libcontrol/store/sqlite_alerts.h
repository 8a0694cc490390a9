// Incidents, their subscribers and the outbox in SQLite, on one connection that outlives this.
#pragma once

#include <vector>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"

namespace muster::store {

class SqliteAlertStore : public AlertStore {
 public:
  SqliteAlertStore(Database& database, size_t incident_capacity, size_t delivery_capacity);
  Status commit(const AlertCommit& commit) override;
  Result<std::vector<AlertSubscriptionRow>> subscriptions() override;
  Result<std::vector<IncidentRow>> incidents(const IncidentQuery& query) override;
  Result<uint64_t> lastIncident() override;
  Result<std::vector<IncidentNoteRow>> notes(uint64_t incident) override;
  Result<std::vector<SilenceRow>> silences() override;
  Result<std::vector<OutboxRow>> outbox() override;
  Result<std::vector<DeliveryRow>> deliveries(std::optional<uint64_t> incident,
                                              size_t limit) override;

 private:
  Status write(const AlertCommit& commit);
  Status writeSubscriptions(const AlertCommit& commit);
  Status writeIncidents(const AlertCommit& commit);
  Status writeOutbox(const AlertCommit& commit);
  Status makeRoom(const AlertCommit& commit);

  Database& database_;
  const size_t incident_capacity_;
  const size_t delivery_capacity_;
  Statement subscriptions_;
  Statement subscribe_;
  Statement unsubscribe_;
  Statement incidents_;
  Statement put_incident_;
  Statement last_incident_;
  Statement notes_;
  Statement add_note_;
  Statement silences_;
  Statement put_silence_;
  Statement drop_silence_;
  Statement outbox_;
  Statement put_message_;
  Statement drop_message_;
  Statement deliveries_;
  Statement add_delivery_;
  Statement drop_incidents_;
  Statement drop_notes_;
  Statement drop_deliveries_;
};

}  // namespace muster::store
