#include "libcontrol/store/validate.h"

#include <algorithm>

#include "libcontrol/base/text.h"

namespace muster::store {
namespace {

Status checkText(const std::string& text, size_t max_bytes, const std::string& what,
                 const std::string& field) {
  if (text.empty()) return {Code::kInvalidArgument, what + " must not be empty", field};
  if (text.size() > max_bytes) {
    return {Code::kInvalidArgument,
            what + " has " + std::to_string(text.size()) + " bytes; at most " +
                std::to_string(max_bytes) + " are kept",
            field};
  }
  return Status::ok();
}

// local@domain, each at most 1023 bytes.
constexpr size_t kMaxJidBytes = 2047;

Status full(const std::string& what, size_t bound) {
  return {Code::kResourceExhausted,
          "there are " + std::to_string(bound) + " " + what + " already, and no more are kept"};
}

// A record that couldn't say who to wait for, or for how long, must not reach the disk.
Status checkPhase(const GroupRow& row) {
  if (row.phase == GroupPhase::kVacant) return Status::ok();
  const bool held = row.phase == GroupPhase::kActive || row.phase == GroupPhase::kDraining;
  const char* missing = row.holder.empty()                  ? "holder"
                        : row.lease_ttl_ms <= 0             ? "lease_ttl_ms"
                        : held && row.instance.isNull()     ? "instance"
                        : !held && row.offer_nonce.isNull() ? "offer_nonce"
                        : row.epoch == 0                    ? "epoch"
                                                            : nullptr;
  if (!missing) return Status::ok();
  return {Code::kInvalidArgument,
          "group " + row.name + ": a record that is not vacant needs its " + missing, missing};
}

}  // namespace

Status checkGroup(const GroupRow& row, const GroupRow* before, size_t others) {
  if (Status name = checkText(row.name, limits::kMaxNameBytes, "a group's name", "name"); !name) {
    return name;
  }
  if (row.highest_epoch > kMaxStoredEpoch || row.epoch > row.highest_epoch) {
    return {Code::kInvalidArgument,
            "group " + row.name + ": epoch " + std::to_string(row.epoch) +
                " must not be above the highest epoch " + std::to_string(row.highest_epoch) +
                ", nor that above 2^63 - 1",
            "epoch"};
  }
  if (Status phase = checkPhase(row); !phase) return phase;
  if (before && (row.epoch < before->epoch || row.highest_epoch < before->highest_epoch)) {
    return {Code::kConflict,
            "group " + row.name + ": epoch " + std::to_string(row.epoch) + " (highest " +
                std::to_string(row.highest_epoch) + ") is below the recorded epoch " +
                std::to_string(before->epoch) + " (highest " +
                std::to_string(before->highest_epoch) + ")",
            "epoch"};
  }
  if (others >= limits::kMaxGroups) return full("groups", limits::kMaxGroups);
  return Status::ok();
}

Status checkMember(const MemberRow& row, size_t others) {
  if (Status name = checkText(row.name, limits::kMaxNameBytes, "a node's name", "name"); !name) {
    return name;
  }
  if (Status jid = checkText(row.jid, kMaxJidBytes, "a node's JID", "jid"); !jid) return jid;
  if (row.group.size() > limits::kMaxNameBytes) {
    return checkText(row.group, limits::kMaxNameBytes, "a group's name", "group");
  }
  if (others >= limits::kMaxMembers) return full("members", limits::kMaxMembers);
  return Status::ok();
}

Status memberTaken(const MemberRow& row, const MemberRow& existing) {
  if (existing.name == row.name) {
    return {Code::kConflict,
            "the name " + row.name + " is taken by " + existing.jid +
                "; remove that one first, or choose another name",
            "name"};
  }
  return {Code::kConflict, row.jid + " is enrolled already, as " + existing.name, "jid"};
}

Status checkGrant(const GrantRow& row, size_t others) {
  if (Status jid = checkText(row.jid, kMaxJidBytes, "a grant's JID", "jid"); !jid) return jid;
  if (row.role <= 0) {
    return {Code::kInvalidArgument, "role " + std::to_string(row.role) + " is none to grant",
            "role"};
  }
  if (others >= limits::kMaxGrants) return full("grants", limits::kMaxGrants);
  return Status::ok();
}

Status checkSubscription(const SubscriptionRow& row, size_t others) {
  if (Status contact = checkText(row.contact, kMaxJidBytes, "a contact's JID", "contact");
      !contact) {
    return contact;
  }
  if (Status subscriber =
          checkText(row.subscriber, kMaxJidBytes, "a subscriber's JID", "subscriber");
      !subscriber) {
    return subscriber;
  }
  if (others >= limits::kMaxSubscriptions) {
    return full("subscriptions", limits::kMaxSubscriptions);
  }
  return Status::ok();
}

Status checkQuery(const AuditQuery& query) {
  if (query.limit >= 1 && query.limit <= limits::kMaxAuditPage) return Status::ok();
  return {Code::kInvalidArgument,
          "limit " + std::to_string(query.limit) + " is out of range; from 1 to " +
              std::to_string(limits::kMaxAuditPage) + " entries are shown at once",
          "limit"};
}

Status checkNodeState(const NodeState& next, const NodeState& before) {
  if (next.grants.size() > kMaxGrantsBytes) {
    return {Code::kInvalidArgument,
            "grants of " + std::to_string(next.grants.size()) + " bytes; at most " +
                std::to_string(kMaxGrantsBytes) + " are kept",
            "grants"};
  }
  if (next.group.size() > limits::kMaxNameBytes) {
    return checkText(next.group, limits::kMaxNameBytes, "a group's name", "group");
  }
  if (next.group == before.group && next.highest_epoch < before.highest_epoch) {
    return {Code::kConflict,
            "epoch " + std::to_string(next.highest_epoch) + " is below the highest seen, " +
                std::to_string(before.highest_epoch),
            "highest_epoch"};
  }
  return Status::ok();
}

AuditEntry bounded(AuditEntry entry) {
  for (std::string* text : {&entry.who, &entry.face, &entry.place, &entry.verb, &entry.arguments,
                            &entry.code, &entry.text}) {
    if (text->size() > limits::kMaxAuditTextBytes || !isValidUtf8(*text)) {
      *text = cleanText(*text, limits::kMaxAuditTextBytes);
    }
  }
  return entry;
}

size_t auditBatch(size_t capacity) {
  return std::max<size_t>(1, capacity / 100);
}

}  // namespace muster::store
