#include "coordinator/store_ports.h"

#include "libcontrol/base/text.h"

namespace muster::coordinator {

Status StoreAuthority::load() {
  auto rows = store_.list();
  if (!rows) return rows.status();
  const auto version = store_.version();
  if (!version) return version.status();
  std::map<Jid, v1::Role> roles;
  v1::Grants grants;
  grants.set_version(*version);
  for (const store::GrantRow& row : *rows) {
    const auto jid = Jid::parse(row.jid);
    if (!jid) return {Code::kDataLoss, "grant to " + row.jid + ": " + jid.status().text()};
    if (row.role < v1::ROLE_OBSERVER || row.role > v1::ROLE_ADMIN) {
      return {Code::kDataLoss,
              "grant to " + row.jid + ": there is no role " + std::to_string(row.role)};
    }
    const auto role = static_cast<v1::Role>(row.role);
    roles[*jid] = role;
    v1::Grant* grant = grants.add_grants();
    grant->set_jid(row.jid);
    grant->set_role(role);
  }
  roles_ = std::move(roles);
  grants_ = std::move(grants);
  return Status::ok();
}

std::optional<v1::Role> StoreAuthority::roleOf(const Jid& bare) const {
  if (bare == nobody_) return std::nullopt;
  const auto it = roles_.find(bare);
  return it == roles_.end() ? std::nullopt : std::optional(it->second);
}

Status StoreAudit::record(const catalogue::AuditEntry& entry) {
  store::AuditEntry row;
  row.at = entry.when;
  row.who = entry.who.bare().toString();
  row.face = catalogue::faceName(entry.face);
  row.place = entry.place;
  row.verb = entry.verb;
  row.arguments = entry.arguments;
  const bool begun = entry.stage == catalogue::AuditEntry::Stage::kBegun;
  row.code = begun ? catalogue::stageName(entry.stage) : codeName(entry.outcome);
  row.text = entry.text;
  row.call = entry.call.toHex();
  const Status appended = store_.append(row).status();
  if (appended && recorded_) recorded_(entry);
  return appended;
}

Result<v1::AuditReply> StoreAudit::query(const v1::AuditRequest& request, WallTime now) {
  store::AuditQuery query;
  if (request.has_who()) query.who = request.who();
  if (request.has_verb()) query.verb = asciiLower(request.verb());
  if (request.has_since_ms()) {
    query.from = WallTime{now.unix_ms - static_cast<int64_t>(request.since_ms())};
  }
  if (request.has_before()) query.before_seq = request.before();
  query.limit = request.limit();
  const auto entries = store_.query(query);
  if (!entries) return entries.status();
  v1::AuditReply reply;
  for (const store::AuditEntry& entry : *entries) {
    v1::AuditRecord* out = reply.add_records();
    out->set_seq(entry.seq);
    out->set_at(toRfc3339(entry.at));
    out->set_who(entry.who);
    out->set_face(entry.face);
    out->set_place(entry.place);
    out->set_verb(entry.verb);
    out->set_arguments(entry.arguments);
    out->set_outcome(entry.code);
    out->set_text(entry.text);
    out->set_call(entry.call);
  }
  return reply;
}

}  // namespace muster::coordinator
