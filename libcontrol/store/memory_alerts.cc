#include "libcontrol/store/memory_alerts.h"

#include <algorithm>

#include "libcontrol/store/validate.h"

namespace muster::store {

Status MemoryAlertStore::commit(const AlertCommit& commit) {
  if (Status valid = checkAlerts(commit); !valid) return valid;
  for (const auto& key : commit.unsubscribed) subscriptions_.erase(key);
  for (const auto& row : commit.subscribed) subscriptions_[{row.jid, row.target}] = row;
  for (const IncidentRow& row : commit.incidents) {
    incidents_[row.id] = row;
    last_incident_ = std::max(last_incident_, row.id);
  }
  for (const IncidentNoteRow& row : commit.notes) {
    notes_.emplace(row.incident, row)->second.seq = ++last_note_;
  }
  for (const std::string& target : commit.silences_over) silences_.erase(target);
  for (const SilenceRow& row : commit.silences) silences_[row.target] = row;
  for (const OutboxRow& row : commit.outbox) {
    const auto known = std::find_if(outbox_.begin(), outbox_.end(),
                                    [&](const OutboxRow& each) { return each.id == row.id; });
    if (known == outbox_.end()) {
      outbox_.push_back(row);
    } else {
      *known = row;
    }
  }
  for (const DeliveryRow& row : commit.done) {
    std::erase_if(outbox_, [&](const OutboxRow& each) { return each.id == row.id; });
    deliveries_.push_back(row);
    deliveries_.back().seq = ++last_delivery_;
  }
  makeRoom();
  return Status::ok();
}

void MemoryAlertStore::makeRoom() {
  while (deliveries_.size() > delivery_capacity_) deliveries_.pop_front();
  auto over =
      static_cast<size_t>(std::count_if(incidents_.begin(), incidents_.end(), [](const auto& each) {
        return each.second.ended.has_value();
      }));
  for (auto it = incidents_.begin(); it != incidents_.end() && over > incident_capacity_;) {
    if (!it->second.ended) {
      ++it;
      continue;
    }
    notes_.erase(it->first);
    it = incidents_.erase(it);
    --over;
  }
}

Result<std::vector<AlertSubscriptionRow>> MemoryAlertStore::subscriptions() {
  std::vector<AlertSubscriptionRow> out;
  for (const auto& [key, row] : subscriptions_) out.push_back(row);
  return out;
}

Result<std::vector<IncidentRow>> MemoryAlertStore::incidents(const IncidentQuery& query) {
  if (Status valid = checkPage(query.limit); !valid) return valid;
  std::vector<IncidentRow> out;
  for (auto it = incidents_.rbegin(); it != incidents_.rend(); ++it) {
    const IncidentRow& row = it->second;
    const bool matches = (!query.open_only || !row.ended) && (!query.id || row.id == *query.id) &&
                         (!query.since || !row.ended || *row.ended >= *query.since) &&
                         (!query.before_id || row.id < *query.before_id);
    if (matches) out.push_back(row);
    if (out.size() == query.limit) break;
  }
  return out;
}

Result<std::vector<IncidentNoteRow>> MemoryAlertStore::notes(uint64_t incident) {
  std::vector<IncidentNoteRow> out;
  const auto [first, last] = notes_.equal_range(incident);
  for (auto it = first; it != last; ++it) out.push_back(it->second);
  return out;
}

Result<std::vector<SilenceRow>> MemoryAlertStore::silences() {
  std::vector<SilenceRow> out;
  for (const auto& [target, row] : silences_) out.push_back(row);
  return out;
}

Result<std::vector<DeliveryRow>> MemoryAlertStore::deliveries(std::optional<uint64_t> incident,
                                                              size_t limit) {
  if (Status valid = checkPage(limit); !valid) return valid;
  std::vector<DeliveryRow> out;
  for (auto it = deliveries_.rbegin(); it != deliveries_.rend() && out.size() < limit; ++it) {
    if (!incident || it->incident == *incident) out.push_back(*it);
  }
  return out;
}

}  // namespace muster::store
