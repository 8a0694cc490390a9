#include "libcontrol/node/node_audit.h"

#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster {
namespace {

v1::AuditRecord toProto(const store::AuditEntry& entry) {
  v1::AuditRecord out;
  out.set_seq(entry.seq);
  out.set_at(toRfc3339(entry.at));
  out.set_who(entry.who);
  out.set_face(entry.face);
  out.set_place(entry.place);
  out.set_verb(entry.verb);
  out.set_arguments(entry.arguments);
  out.set_outcome(entry.code);
  out.set_text(entry.text);
  out.set_call(entry.call);
  return out;
}

std::string sentence(const store::AuditEntry& row) {
  std::string out = row.who + " by " + row.face + " at " + row.place + ": " + row.verb;
  if (!row.arguments.empty()) out += " " + row.arguments;
  out += " -> " + row.code;
  if (!row.text.empty()) out += " " + row.text;
  return out;
}

}  // namespace

Status NodeAudit::record(const catalogue::AuditEntry& entry) {
  const bool begun = entry.stage == catalogue::AuditEntry::Stage::kBegun;
  store::AuditEntry row;
  row.at = entry.when;
  row.who = entry.who.bare().toString();
  row.face = catalogue::faceName(entry.face);
  row.place = entry.place;
  row.verb = entry.verb;
  row.arguments = entry.arguments;
  row.code = begun ? catalogue::stageName(entry.stage) : codeName(entry.outcome);
  row.text = entry.text;
  row.call = entry.call.toHex();
  const auto log = logger("muster.audit");
  const auto level = begun ? spdlog::level::debug : spdlog::level::info;
  if (log->should_log(level)) log->log(level, sentence(row));
  const Status written = store_.append(row).status();
  if (!written) log->error("{}", written.text());
  return written;
}

Result<v1::AuditReply> NodeAudit::query(const v1::AuditRequest& request, WallTime now) {
  store::AuditQuery query;
  if (request.has_who()) query.who = request.who();
  if (request.has_verb()) query.verb = asciiLower(request.verb());
  if (request.has_since_ms()) {
    query.from = WallTime{now.unix_ms - static_cast<int64_t>(request.since_ms())};
  }
  if (request.has_before()) query.before_seq = request.before();
  if (request.has_limit()) query.limit = request.limit();
  const auto entries = store_.query(query);
  if (!entries) return entries.status();
  v1::AuditReply reply;
  for (const store::AuditEntry& entry : *entries) *reply.add_records() = toProto(entry);
  return reply;
}

}  // namespace muster
