// The AlertStore in memory.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/store/coordinator_store.h"

namespace muster::store {

class MemoryAlertStore : public AlertStore {
 public:
  MemoryAlertStore(size_t incident_capacity, size_t delivery_capacity)
      : incident_capacity_(incident_capacity), delivery_capacity_(delivery_capacity) {}

  Status commit(const AlertCommit& commit) override;
  Result<std::vector<AlertSubscriptionRow>> subscriptions() override;
  Result<std::vector<IncidentRow>> incidents(const IncidentQuery& query) override;
  Result<uint64_t> lastIncident() override { return last_incident_; }
  Result<std::vector<IncidentNoteRow>> notes(uint64_t incident) override;
  Result<std::vector<SilenceRow>> silences() override;
  Result<std::vector<OutboxRow>> outbox() override { return outbox_; }
  Result<std::vector<DeliveryRow>> deliveries(std::optional<uint64_t> incident,
                                              size_t limit) override;

 private:
  void makeRoom();

  const size_t incident_capacity_;
  const size_t delivery_capacity_;
  std::map<std::pair<std::string, std::string>, AlertSubscriptionRow> subscriptions_;
  std::map<uint64_t, IncidentRow> incidents_;
  std::multimap<uint64_t, IncidentNoteRow> notes_;
  std::map<std::string, SilenceRow> silences_;
  std::vector<OutboxRow> outbox_;
  std::deque<DeliveryRow> deliveries_;
  uint64_t last_incident_ = 0;
  uint64_t last_note_ = 0;
  uint64_t last_delivery_ = 0;
};

}  // namespace muster::store
