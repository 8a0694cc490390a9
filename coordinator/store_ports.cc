#include "coordinator/store_ports.h"

namespace muster::coordinator {

Status StoreAuthority::load() {
  auto rows = store_.list();
  if (!rows) return rows.status();
  const auto version = store_.version();
  if (!version) return version.status();
  roles_.clear();
  grants_.Clear();
  grants_.set_version(*version);
  for (const store::GrantRow& row : *rows) {
    const auto jid = Jid::parse(row.jid);
    if (!jid) return {Code::kDataLoss, "grant to " + row.jid + ": " + jid.status().text()};
    if (row.role < v1::ROLE_OBSERVER || row.role > v1::ROLE_ADMIN) {
      return {Code::kDataLoss,
              "grant to " + row.jid + ": there is no role " + std::to_string(row.role)};
    }
    const auto role = static_cast<v1::Role>(row.role);
    roles_[*jid] = role;
    v1::Grant* grant = grants_.add_grants();
    grant->set_jid(row.jid);
    grant->set_role(role);
  }
  return Status::ok();
}

std::optional<v1::Role> StoreAuthority::roleOf(const Jid& bare) const {
  const auto it = roles_.find(bare);
  return it == roles_.end() ? std::nullopt : std::optional(it->second);
}

Status StoreAudit::record(const catalogue::AuditEntry& entry) {
  store::AuditEntry row;
  row.at = entry.when;
  row.who = entry.who.toString();
  row.face = catalogue::faceName(entry.face);
  row.place = entry.place;
  row.verb = entry.verb;
  row.arguments = entry.arguments;
  const bool begun = entry.stage == catalogue::AuditEntry::Stage::kBegun;
  row.code = begun ? catalogue::stageName(entry.stage) : codeName(entry.outcome);
  row.text = entry.text;
  return store_.append(row).status();
}

}  // namespace muster::coordinator
