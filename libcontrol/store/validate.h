// What both implementations of each store refuse, and in which words.
#pragma once

#include <cstddef>

#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/node_state_store.h"
#include "libcontrol/store/records.h"

namespace muster::store {

// SQLite's integers are signed; an epoch of a cluster never comes near.
inline constexpr uint64_t kMaxStoredEpoch = (uint64_t{1} << 63) - 1;
// Roughly 10,000 grants with addresses of some length.
inline constexpr size_t kMaxGrantsBytes = 4 * 1024 * 1024;

// `before` is the row on record, null if there is none; `others` counts the rows beside it.
Status checkGroup(const GroupRow& row, const GroupRow* before, size_t others);
Status checkMember(const MemberRow& row, size_t others);
Status memberTaken(const MemberRow& row, const MemberRow& existing);
Status memberMissing(const std::string& text, const std::string& field);
Status checkGrant(const GrantRow& row, size_t others);
Status checkSubscription(const SubscriptionRow& row, size_t others);
Status checkPause(const PauseRow& row, size_t others);
Status checkScheduled(const ScheduledMoveRow& row, size_t others);
Status checkHooks(const HookCommit& commit);
// Of all runs, as they would be kept.
Status checkHookCount(size_t count);
Status checkOverride(const OverrideRow& row, size_t others);
Status checkAlerts(const AlertCommit& commit);
Status checkPage(size_t limit);
Status checkNodeState(const NodeState& next, const NodeState& before);

// The entry with its texts cut to their bound.
AuditEntry bounded(AuditEntry entry);
HistoryRow bounded(HistoryRow row);
MoveRow bounded(MoveRow row);
HookRunRow bounded(HookRunRow row);
// How many of the oldest entries go at once.
size_t auditBatch(size_t capacity);

}  // namespace muster::store
