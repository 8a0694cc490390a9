#include "coordinator/drain_marks.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// A node that did not take an order, or shows an old mark, is told again after this; the same for a
// role that can't be moved away yet.
constexpr Duration kAgain = Duration::seconds(10);

store::DrainRow fromProto(const v1::DrainMark& mark, WallTime now) {
  store::DrainRow row;
  row.drained = mark.drained();
  row.by = singleLine(mark.by(), limits::kMaxArgumentBytes);
  row.reason = singleLine(mark.reason(), limits::kMaxDrainReasonBytes);
  row.changed_at = {std::clamp<int64_t>(mark.changed_at_ms(), 0, now.unix_ms)};
  return row;
}

bool saysTheSame(const store::DrainRow& a, const store::DrainRow& b) {
  return a.drained == b.drained && a.by == b.by && a.reason == b.reason;
}

// Whether something was done for that JID within kAgain; if not, notes that it is done now.
bool isTooSoon(std::map<Jid, ElapsedTime>& done, const Jid& jid, ElapsedTime now) {
  const auto [at, is_new] = done.try_emplace(jid, now);
  if (is_new || now - at->second >= kAgain) {
    at->second = now;
    return false;
  }
  return true;
}

}  // namespace

DrainMarks::DrainMarks(Cluster& cluster, Orders& orders, Clock& clock)
    : cluster_(cluster), orders_(orders), clock_(clock) {
  Cluster::Listener listener;
  listener.present = [this](const Member& member, const Jid& full) { onPresent(member, full); };
  listener.tick = [this] { tick(); };
  cluster_.addListener(std::move(listener));
}

Status DrainMarks::set(const Member& member, store::DrainRow mark) {
  // Later than what any process of the node has, even if that one's clock is ahead.
  mark.changed_at = clock_.wall();
  for (const auto& [full, instance] : member.present) {
    const int64_t theirs = instance.status.drain().changed_at_ms();
    if (theirs >= mark.changed_at.unix_ms && theirs < INT64_MAX) mark.changed_at = {theirs + 1};
  }
  mark.changed_at.unix_ms = std::max(mark.changed_at.unix_ms, member.drain.changed_at.unix_ms + 1);
  store::MemberRow row = member.row();
  row.drain = std::move(mark);
  if (Status s = cluster_.putMember(row, false); !s) return s;
  moved_.erase(member.jid);
  for (const auto& [full, instance] : member.present) {
    ordered_[full] = clock_.elapsed();
    order(member, full);
  }
  return Status::ok();
}

void DrainMarks::onPresent(const Member& member, const Jid& full) {
  const v1::NodeStatus& status = member.present.at(full).status;
  const store::DrainRow theirs = fromProto(status.drain(), clock_.wall());
  if (saysTheSame(theirs, member.drain)) {
    ordered_.erase(full);
    return;
  }
  if (theirs.changed_at > member.drain.changed_at) {
    store::MemberRow row = member.row();
    row.drain = theirs;
    logger("muster.cluster")
        ->info("{} was {} at the node by {}", member.name, theirs.drained ? "drained" : "undrained",
               theirs.by);
    if (const Status s = cluster_.putMember(row, false); !s) {
      logger("muster.store")->error("{}'s drain mark is not kept: {}", member.name, s.text());
      return;
    }
    return moveAway(member);
  }
  if (!isTooSoon(ordered_, full, clock_.elapsed())) order(member, full);
}

void DrainMarks::order(const Member& member, const Jid& full) {
  v1::Order order;
  order.set_by(member.drain.by);
  v1::DrainMark& mark = *order.mutable_drain();
  mark.set_drained(member.drain.drained);
  mark.set_by(member.drain.by);
  mark.set_reason(member.drain.reason);
  mark.set_changed_at_ms(member.drain.changed_at.unix_ms);
  orders_.send(full, order, limits::kIqTimeout,
               [full](const Status& status, const v1::OrderReply&) {
                 if (status) return;
                 logger("muster.cluster")
                     ->warn("{} did not take its drain mark: {}", full.toString(), status.text());
               });
}

void DrainMarks::moveAway(const Member& member) {
  GroupDriver* group = cluster_.find(member);
  if (group == nullptr || !member.drain.drained || !cluster_.holdsRole(member)) return;
  if (group->machine().moveRunning() || isTooSoon(moved_, member.jid, clock_.elapsed())) return;
  election::group::MoveRequested request;
  request.caller = member.name + " was drained by " + member.drain.by;
  request.away_from = member.jid;
  if (!gate_) return group->step(request);
  gate_(*group, request, [this, group = group->name(), request](const Status& may) {
    if (may) cluster_.find(group)->step(request);
  });
}

void DrainMarks::tick() {
  const ElapsedTime now = clock_.elapsed();
  std::erase_if(ordered_, [&](const auto& entry) { return now - entry.second >= kAgain; });
  for (const Member* member : cluster_.members().all()) {
    if (!member->drain.drained && member->drain.changed_at.unix_ms == 0) continue;
    moveAway(*member);
    for (const auto& [full, instance] : member->present) {
      const store::DrainRow theirs = fromProto(instance.status.drain(), clock_.wall());
      const bool older = theirs.changed_at <= member->drain.changed_at;
      if (older && !saysTheSame(theirs, member->drain) && !isTooSoon(ordered_, full, now)) {
        order(*member, full);
      }
    }
  }
}

}  // namespace muster::coordinator
