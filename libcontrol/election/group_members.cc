// What a GroupMachine knows of the group's members, and how it tells of it.
#include <algorithm>

#include "libcontrol/base/text.h"
#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"
#include "libcontrol/election/wording.h"

namespace muster::election {
namespace {

// Full JIDs kept of one member; more are ghosts, or somebody is playing.
constexpr size_t kMaxInstances = 8;
// The largest epoch that JSON numbers and the commands' arguments can carry.
constexpr uint64_t kMaxEpoch = 9'007'199'254'740'991;

}  // namespace

void GroupMachine::on(const group::MemberEnrolled& event) {
  if (members_.size() >= limits::kMaxMembers && !members_.contains(event.jid)) return;
  members_[event.jid].config = event;
  listMember(event.jid);
}

void GroupMachine::on(const group::MembersListed&) {
  members_listed_ = true;
  for (const auto& [bare, member] : members_) listMember(bare);
  // Removed while this was not running.
  const std::vector<Jid> listed = record_.listed;
  for (const Jid& bare : listed) {
    if (!members_.contains(bare)) unlistMember(bare);
  }
}

void GroupMachine::on(const group::MemberRemoved& event) {
  const std::string name = nameOf(event.jid);
  if (record_.phase == Phase::kActive && record_.jid == event.jid) {
    beginDrain(name + " is no longer a member", DrainFor::kRemoved);
  } else if (record_.phase == Phase::kOffered && record_.jid == event.jid && !recovered_) {
    vacate("the offer to " + name + " was withdrawn: it is no longer a member");
  }
  const auto member = members_.find(event.jid);
  if (member != members_.end() && !isAccountedFor(member->second, now_)) removed_unseen_ = true;
  members_.erase(event.jid);
  unlistMember(event.jid);
}

void GroupMachine::on(const group::MemberPresent& event) {
  const Jid bare = event.jid.bare();
  const auto found = members_.find(bare);
  if (found == members_.end()) return;
  Member& member = found->second;
  const auto known = member.present.find(event.jid);
  const bool fresh =
      known == member.present.end() || known->second.facts.instance != event.instance;
  if (!fresh) {
    known->second.facts = event;
  } else {
    if (known == member.present.end() && member.present.size() >= kMaxInstances) {
      member.present.erase(std::min_element(
          member.present.begin(), member.present.end(),
          [](const auto& a, const auto& b) { return a.second.since < b.second.since; }));
    }
    member.present.insert_or_assign(event.jid, Presence{event, now_, std::nullopt, std::nullopt});
    if (member.present.size() > 1) member.query_at = now_;
  }
  noteEpoch(event.jid, event.highest_epoch);
  // Somebody else who comes later may know of a longer lease.
  if (stale_since_ && now_ < hold_until_) {
    hold_until_ = std::max(
        hold_until_,
        *stale_since_ + waitOut(longestLease(), config_.clock_rate_bound, config_.wait_margin));
  }

  if (!isHeld() || bare != record_.jid || event.instance != record_.instance) return;
  if (fresh && record_.phase == Phase::kDraining) next_drain_ = now_;
  if (event.active_epoch == record_.epoch) {
    confirmActive();
    member.failures = 0;
  }
}

void GroupMachine::on(const group::MemberGone& event) {
  const auto found = members_.find(event.jid.bare());
  if (found == members_.end()) return;
  // Nothing else: presence starts things, it never ends a wait.
  found->second.present.erase(event.jid);
  const bool holds = isHeld() && record_.jid == event.jid.bare();
  if (holds && !keeps(Rule::kPresenceEndsNoWait)) holderEnded("it is not present", true);
}

bool GroupMachine::isImpossible(uint64_t epoch) const {
  if (epoch <= record_.highest_epoch || !keeps(Rule::kEpochJump)) return false;
  return epoch > kMaxEpoch || epoch - record_.highest_epoch > limits::kMaxEpochJump;
}

// What this process says that it has seen. A plausible epoch above the record means that the record
// is older than the truth (a restored backup, a lost disk): somebody may hold a lease that isn't on
// it.
void GroupMachine::noteEpoch(const Jid& full, uint64_t epoch) {
  const Jid bare = full.bare();
  const auto member = members_.find(bare);
  if (member == members_.end()) return;
  const auto known = member->second.present.find(full);
  Presence* presence = known == member->second.present.end() ? nullptr : &known->second;
  if (presence)
    epoch = presence->facts.highest_epoch = std::max(presence->facts.highest_epoch, epoch);
  if (isImpossible(epoch)) {
    if (!presence || presence->epoch_alarmed) return;
    presence->epoch_alarmed = true;
    effects_.push_back(
        group::Alarm{nameOf(bare) + " reports epoch " + std::to_string(epoch) + ", but " +
                         record_.group + " is at " + std::to_string(record_.highest_epoch) +
                         ": too far above to be true, so it is refused and this node gets no offer",
                     group::AlarmKind::kPoisonedEpoch});
    return;
  }
  if (presence) presence->epoch_alarmed = false;
  if (epoch <= record_.highest_epoch) return;
  const Duration wait = waitOut(longestLease(), config_.clock_rate_bound, config_.wait_margin);
  effects_.push_back(group::Alarm{nameOf(bare) + " has seen epoch " + std::to_string(epoch) +
                                      ", but the record of " + record_.group + " ends at " +
                                      std::to_string(record_.highest_epoch) +
                                      ": the record is older than the truth, so a lease that may "
                                      "be in force is waited out, for " +
                                      shownTime(wait),
                                  group::AlarmKind::kStaleRecord});
  if (keeps(Rule::kEpochAboveReported)) record_.highest_epoch = epoch;
  if (!keeps(Rule::kStaleRecordWaits)) return;
  if (!stale_since_ || now_ >= hold_until_) stale_since_ = now_;
  hold_until_ = std::max(hold_until_, now_ + wait);
  unknownHolder();
}

// The longest lease that may be in force without being on record, as far as anybody can tell.
Duration GroupMachine::longestLease() const {
  Duration longest = config_.lease_ttl;
  for (const auto& [bare, member] : members_) {
    for (const auto& [full, presence] : member.present) {
      if (presence.facts.lease_ttl) longest = std::max(longest, *presence.facts.lease_ttl);
    }
  }
  return std::min(longest, limits::kMaxLeaseTtl);
}

void GroupMachine::memberFailed(const Jid& bare, const std::string& why) {
  if (move_ && bare != move_->record.from) move_->last_failure = nameOf(bare) + " " + why;
  const auto found = members_.find(bare);
  if (found == members_.end()) return;
  Member& member = found->second;
  Duration pause = config_.backoff_first;
  for (int i = 0; i < member.failures && pause < config_.backoff_last; ++i) pause = pause * 2;
  member.failures = std::min(member.failures + 1, 60);
  if (keeps(Rule::kBackoff)) member.not_before = now_ + std::min(pause, config_.backoff_last);
  member.last_failure = why;
}

const GroupMachine::Presence* GroupMachine::findInstance(const Jid& bare,
                                                         const InstanceId& instance) const {
  const auto member = members_.find(bare);
  if (member == members_.end()) return nullptr;
  for (const auto& [full, presence] : member->second.present) {
    if (presence.facts.instance == instance) return &presence;
  }
  return nullptr;
}

Candidate GroupMachine::candidate(const Member& member, ElapsedTime now) const {
  Candidate candidate;
  candidate.jid = member.config.jid;
  candidate.name = member.config.name;
  candidate.priority = member.config.priority;
  candidate.drained = member.config.drained;
  candidate.drain_note = member.config.drain_note;
  candidate.nofailover = member.config.nofailover;
  candidate.instances = static_cast<int>(member.present.size());
  candidate.live = liveCount(member, now);
  // Of one process among several as well: which of them was right nobody can tell.
  for (const auto& [full, presence] : member.present) {
    if (isImpossible(presence.facts.highest_epoch)) {
      candidate.distrusted = "reports an epoch that can't be true";
    }
  }
  if (candidate.distrusted.empty()) candidate.distrusted = whyUntold(member.config.jid, now);
  if (const Presence* live = onlyLive(member, now)) {
    candidate.level_percent = live->facts.level_percent;
    candidate.lag = live->facts.lag;
    candidate.present_since = live->since;
    candidate.answered = hasAnswered(*live, now) && !live->doubted;
    if (live->facts.drained && !candidate.drained) {
      candidate.drained = true;
      candidate.drain_note = live->facts.drain_note;
    }
  }
  candidate.active = isHeld() && record_.jid == member.config.jid;
  if (now < member.not_before) {
    candidate.barred =
        member.last_failure + "; is asked again in " + shownTime(member.not_before - now);
  }
  return candidate;
}

Decision GroupMachine::candidates(ElapsedTime now) const {
  std::vector<Candidate> all;
  all.reserve(members_.size());
  for (const auto& [jid, member] : members_) all.push_back(candidate(member, now));
  return choose(config_.choose, std::move(all));
}

std::string GroupMachine::nameOf(const Jid& bare) const {
  const auto member = members_.find(bare);
  const bool named = member != members_.end() && !member->second.config.name.empty();
  return named ? member->second.config.name : bare.toString();
}

bool GroupMachine::isSettled(ElapsedTime now) const {
  if (now >= settle_until_) return true;
  return !members_.empty() && std::all_of(members_.begin(), members_.end(), [](const auto& entry) {
    const Member& member = entry.second;
    return member.config.drained || member.config.nofailover || !member.present.empty();
  });
}

// Until when a lease that isn't on record may be in force, if nobody reports a newer epoch.
ElapsedTime GroupMachine::unseenUntil() const {
  return started_ + waitOut(longestLease(), config_.clock_rate_bound, config_.wait_margin);
}

// Its process lives, is a standby, and has seen no epoch but those that were offered from this
// record, so it holds no lease. (Epochs alone would not tell: of a store that was lost and then
// restored from a copy there are two histories with the same numbers.) Whether it may be chosen
// doesn't matter: a drained member can hold one as well. What was only reported (highest_epoch)
// doesn't count: the wait for it may have been cut short by a restart.
bool GroupMachine::isAccountedFor(const Member& member, ElapsedTime now) const {
  const Presence* live = onlyLive(member, now);
  if (!live || !hasAnswered(*live, now)) return false;
  return std::all_of(member.present.begin(), member.present.end(), [&](const auto& entry) {
    const group::MemberPresent& facts = entry.second.facts;
    return facts.highest_epoch <= record_.epoch && facts.active_epoch == 0 && !facts.busy;
  });
}

// The record may be that of a lost or restored store. Somebody who isn't seen may hold a lease
// then, and would not report its epoch before it is too late.
bool GroupMachine::mayBeHeldUnseen(ElapsedTime now) const {
  if (!may_be_stale_ || now >= unseenUntil() || !keeps(Rule::kStaleRecordWaits)) return false;
  return removed_unseen_ || !std::all_of(members_.begin(), members_.end(), [&](const auto& entry) {
           return isAccountedFor(entry.second, now);
         });
}

}  // namespace muster::election
