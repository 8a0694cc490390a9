#include "libcontrol/store/validate.h"

#include <algorithm>
#include <initializer_list>

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

void bound(std::initializer_list<std::string*> texts) {
  for (std::string* text : texts) {
    if (text->size() > limits::kMaxAuditTextBytes || !isValidUtf8(*text)) {
      *text = cleanText(*text, limits::kMaxAuditTextBytes);
    }
  }
}

// A move on record must be this group's, and one that runs has no outcome yet.
Status checkMove(const GroupRow& row) {
  if (!row.move || (row.move->group == row.name && row.move->isRunning())) return Status::ok();
  return {Code::kInvalidArgument,
          "group " + row.name + ": the move on its record is " +
              (row.move->isRunning() ? "of group " + row.move->group : "over"),
          "move"};
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
  if (Status move = checkMove(row); !move) return move;
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

Status memberMissing(const std::string& text, const std::string& field) {
  return {Code::kNotFound, "no node " + text + " is enrolled", field};
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

Status checkPause(const PauseRow& row, size_t others) {
  if (Status s = checkText(row.group, limits::kMaxNameBytes, "a group's name", "group"); !s) {
    return s;
  }
  if (Status s = checkText(row.by, kMaxJidBytes, "whoever paused the group", "by"); !s) return s;
  if (row.reason.size() > limits::kMaxDrainReasonBytes) {
    return checkText(row.reason, limits::kMaxDrainReasonBytes, "a pause's reason", "reason");
  }
  if (others >= limits::kMaxGroups) return full("pauses", limits::kMaxGroups);
  return Status::ok();
}

Status checkScheduled(const ScheduledMoveRow& row, size_t others) {
  if (Status s = checkText(row.group, limits::kMaxNameBytes, "a group's name", "group"); !s) {
    return s;
  }
  if (!row.to.empty()) {
    if (Status s = checkText(row.to, limits::kMaxNameBytes, "a node's name", "to"); !s) return s;
  }
  if (Status s = checkText(row.by, kMaxJidBytes, "whoever wants the move", "by"); !s) return s;
  if (row.place.size() > kMaxJidBytes) {
    return checkText(row.place, kMaxJidBytes, "the place", "place");
  }
  if (others >= limits::kMaxGroups) return full("scheduled moves", limits::kMaxGroups);
  return Status::ok();
}

Status checkHooks(const HookCommit& commit) {
  for (const HookHolderRow& row : commit.holders) {
    if (Status s = checkText(row.group, limits::kMaxNameBytes, "a group's name", "group"); !s) {
      return s;
    }
  }
  for (const HookRunRow& row : commit.runs) {
    if (Status s = checkText(row.group, limits::kMaxNameBytes, "a group's name", "group"); !s) {
      return s;
    }
    if (Status s = checkText(row.hook, limits::kMaxNameBytes, "a hook's name", "hook"); !s) {
      return s;
    }
    if (row.seq > kMaxStoredEpoch || row.epoch > kMaxStoredEpoch) {
      return {Code::kInvalidArgument, "a hook's number is above 2^63 - 1", "seq"};
    }
  }
  return Status::ok();
}

Status checkHookCount(size_t count) {
  const size_t most = limits::kMaxGroups * limits::kMaxHookRuns;
  return count > most ? full("hooks to run", most) : Status::ok();
}

Status checkOverride(const OverrideRow& row, size_t others) {
  if (Status logger = checkText(row.logger, limits::kMaxNameBytes * 2, "a logger's name", "logger");
      !logger) {
    return logger;
  }
  if (row.level <= 0) {
    return {Code::kInvalidArgument, "level " + std::to_string(row.level) + " is none to set",
            "level"};
  }
  if (row.kind == OverrideTarget::kAll) {
    if (!row.target.empty()) {
      return {Code::kInvalidArgument, "an override for all nodes names none", "target"};
    }
  } else if (Status target =
                 checkText(row.target, limits::kMaxNameBytes, "an override's target", "target");
             !target) {
    return target;
  }
  if (others >= limits::kMaxOverrides) return full("overrides", limits::kMaxOverrides);
  return Status::ok();
}

Status checkAlerts(const AlertCommit& commit) {
  for (const AlertSubscriptionRow& row : commit.subscribed) {
    if (Status s = checkText(row.jid, kMaxJidBytes, "a subscriber's JID", "jid"); !s) return s;
    if (Status s = checkText(row.target, kMaxJidBytes, "a target", "target"); !s) return s;
  }
  for (const SilenceRow& row : commit.silences) {
    if (Status s = checkText(row.target, kMaxJidBytes, "a target", "target"); !s) return s;
  }
  for (const IncidentRow& row : commit.incidents) {
    if (row.id == 0 || row.id > kMaxStoredEpoch) {
      return {Code::kInvalidArgument, "an incident's number is above 0 and below 2^63", "id"};
    }
    if (row.severity < 1 || row.severity > 2) {
      return {Code::kInvalidArgument,
              "severity " + std::to_string(row.severity) + " is none; 1 or 2", "severity"};
    }
  }
  for (const OutboxRow& row : commit.outbox) {
    if (Status s = checkText(row.id, limits::kMaxNameBytes, "a message's id", "id"); !s) return s;
    if (row.to.empty() != row.channel.empty()) continue;
    return {Code::kInvalidArgument, "message " + row.id + " is for a person or for a channel",
            "to"};
  }
  return Status::ok();
}

Status checkPage(size_t limit) {
  if (limit >= 1 && limit <= limits::kMaxAuditPage) return Status::ok();
  return {Code::kInvalidArgument,
          "limit " + std::to_string(limit) + " is out of range; from 1 to " +
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
  if (next.drain.by.size() > kMaxJidBytes) {
    return checkText(next.drain.by, kMaxJidBytes, "whoever drained the node", "drain");
  }
  if (next.drain.reason.size() > limits::kMaxDrainReasonBytes) {
    return checkText(next.drain.reason, limits::kMaxDrainReasonBytes, "a drain's reason", "drain");
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
  bound({&entry.who, &entry.face, &entry.place, &entry.verb, &entry.arguments, &entry.code,
         &entry.text, &entry.call});
  return entry;
}

HistoryRow bounded(HistoryRow row) {
  bound({&row.group, &row.what, &row.from, &row.to, &row.cause, &row.who});
  return row;
}

// The key and the context are left alone: cut, they would mean something else.
MoveRow bounded(MoveRow row) {
  bound({&row.caller, &row.cause, &row.field, &row.text});
  return row;
}

HookRunRow bounded(HookRunRow row) {
  bound({&row.old_node, &row.new_node, &row.cause, &row.by, &row.outcome});
  return row;
}

size_t auditBatch(size_t capacity) {
  return std::max<size_t>(1, capacity / 100);
}

}  // namespace muster::store
