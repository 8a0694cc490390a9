// What a GroupMachine knows of the group's members, and how it tells of it.
#include <algorithm>

#include "libcontrol/base/text.h"
#include "libcontrol/election/group.h"

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
}

void GroupMachine::on(const group::MemberRemoved& event) {
  const std::string name = nameOf(event.jid);
  if (record_.phase == Phase::kActive && record_.jid == event.jid) {
    beginDrain(name + " is no longer a member");
  }
  members_.erase(event.jid);
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
    member.present.insert_or_assign(event.jid, Presence{event, now_, std::nullopt});
    if (member.present.size() > 1) member.query_at = now_;
  }
  noteEpoch(bare, event.highest_epoch);

  const bool held = record_.phase == Phase::kActive || record_.phase == Phase::kDraining;
  if (!held || bare != record_.jid || event.instance != record_.instance) return;
  if (fresh && record_.phase == Phase::kDraining) next_drain_ = now_;
  if (event.active_epoch == record_.epoch) {
    confirmed_active_ = true;
    member.failures = 0;
  }
}

void GroupMachine::on(const group::MemberGone& event) {
  const auto found = members_.find(event.jid.bare());
  // Nothing else: presence starts things, it never ends a wait.
  if (found != members_.end()) found->second.present.erase(event.jid);
}

void GroupMachine::on(const group::QueryAnswered& event) {
  const auto member = members_.find(event.jid.bare());
  if (member == members_.end()) return;
  const auto presence = member->second.present.find(event.jid);
  if (presence != member->second.present.end()) presence->second.answered = now_;
}

// False if the epoch can't be true. A plausible one above the record means that the record is older
// than the truth (a restored backup, a lost disk): somebody may hold a lease that isn't on it.
bool GroupMachine::noteEpoch(const Jid& bare, uint64_t epoch) {
  const auto member = members_.find(bare);
  if (epoch <= record_.highest_epoch) {
    if (member != members_.end()) member->second.epoch_alarmed = false;
    return true;
  }
  if (epoch > kMaxEpoch || epoch - record_.highest_epoch > limits::kMaxEpochJump) {
    if (member == members_.end() || member->second.epoch_alarmed) return false;
    member->second.epoch_alarmed = true;
    effects_.push_back(
        group::Alarm{nameOf(bare) + " reports epoch " + std::to_string(epoch) + ", but " +
                     record_.group + " is at " + std::to_string(record_.highest_epoch) +
                     ": too far above to be true, so it is refused and this node gets no offer"});
    return false;
  }
  effects_.push_back(group::Alarm{
      nameOf(bare) + " has seen epoch " + std::to_string(epoch) + ", but the record of " +
      record_.group + " ends at " + std::to_string(record_.highest_epoch) +
      ": the record is older than the truth, so a lease that may be in force is waited out"});
  record_.highest_epoch = epoch;
  hold_until_ = std::max(hold_until_, now_ + waitOut(config_.lease_ttl, config_.clock_rate_bound,
                                                     config_.wait_margin));
  return true;
}

void GroupMachine::memberFailed(const Jid& bare, const std::string& why) {
  if (move_) move_->last_failure = nameOf(bare) + " " + why;
  const auto found = members_.find(bare);
  if (found == members_.end()) return;
  Member& member = found->second;
  Duration pause = config_.backoff_first;
  for (int i = 0; i < member.failures && pause < config_.backoff_last; ++i) pause = pause * 2;
  member.failures = std::min(member.failures + 1, 60);
  member.not_before = now_ + std::min(pause, config_.backoff_last);
  member.last_failure = why;
}

// While a JID has several instances present they are asked again and again which of them live.
void GroupMachine::watchTwins() {
  for (auto& [bare, member] : members_) {
    if (member.present.size() < 2) {
      member.query_at.reset();
      member.twins_alarmed = false;
      continue;
    }
    if (!member.query_at || now_ >= *member.query_at) {
      member.query_at = now_ + config_.lease_ttl / 3;
      for (const auto& [full, presence] : member.present) {
        effects_.push_back(group::SendQuery{full});
      }
    }
    if (member.twins_alarmed || liveCount(member, now_) < 2) continue;
    member.twins_alarmed = true;
    effects_.push_back(group::Alarm{nameOf(bare) + " runs more than once under " + bare.toString() +
                                    ": none of these processes is offered anything"});
  }
}

// How many instances count as live; 0 while that isn't known.
int GroupMachine::liveCount(const Member& member, ElapsedTime now) const {
  if (member.present.size() < 2) return static_cast<int>(member.present.size());
  int live = 0;
  bool unknown = false;
  for (const auto& [full, presence] : member.present) {
    if (presence.answered && now - *presence.answered <= config_.lease_ttl) {
      ++live;
    } else if (now - presence.since <= config_.lease_ttl) {
      unknown = true;
    }
  }
  return live == 1 && unknown ? 0 : live;
}

const GroupMachine::Presence* GroupMachine::onlyLive(const Member& member, ElapsedTime now) const {
  if (liveCount(member, now) != 1) return nullptr;
  if (member.present.size() == 1) return &member.present.begin()->second;
  for (const auto& [full, presence] : member.present) {
    if (presence.answered && now - *presence.answered <= config_.lease_ttl) return &presence;
  }
  return nullptr;
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
  candidate.nofailover = member.config.nofailover;
  candidate.instances = static_cast<int>(member.present.size());
  candidate.live = liveCount(member, now);
  if (const Presence* live = onlyLive(member, now)) {
    candidate.level_percent = live->facts.level_percent;
    candidate.lag = live->facts.lag;
    candidate.present_since = live->since;
  }
  if (member.epoch_alarmed) {
    candidate.barred = "reports an epoch that can't be true";
  } else if (now < member.not_before) {
    candidate.barred = member.last_failure + "; is asked again in " +
                       formatDuration(Duration::millis((member.not_before - now).toMillis() + 1));
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

GroupView GroupMachine::view(ElapsedTime now) const {
  GroupView view;
  view.phase = record_.phase;
  view.epoch = record_.epoch;
  if (record_.phase == Phase::kActive || record_.phase == Phase::kDraining) {
    view.active = record_.jid;
    view.instance = record_.instance;
  }
  view.note = record_.phase == Phase::kVacant ? vacantNote(now) : holderNote(now);
  return view;
}

std::string GroupMachine::vacantNote(ElapsedTime now) const {
  if (members_.empty()) return "the group has no members";
  if (now < hold_until_) {
    return "waiting until no lease from before the record can be in force, at most " +
           formatDuration(Duration::millis((hold_until_ - now).toMillis() + 1));
  }
  const Decision decision = candidates(now);
  if (decision.best()) {
    return isSettled(now) ? decision.best()->name + " is about to be offered the role"
                          : "just started; waiting for the other members to appear";
  }
  std::string note = "no node is eligible: ";
  for (size_t i = 0; i < decision.verdicts.size(); ++i) {
    const Verdict& verdict = decision.verdicts[i];
    if (i == 5) {
      return note + "; and " + std::to_string(decision.verdicts.size() - i) + " more";
    }
    note += (i ? "; " : "") + verdict.candidate.name + ": " + verdict.why;
  }
  return note;
}

std::string GroupMachine::holderNote(ElapsedTime now) const {
  const std::string whose = nameOf(record_.jid);
  const auto within = [&](ElapsedTime at) {
    return formatDuration(Duration::millis(std::max<int64_t>((at - now).toMillis(), 0) + 1));
  };
  if (record_.phase == Phase::kOffered) {
    return recovered_ ? "the coordinator restarted while " + whose +
                            " was offered the role; nobody else can have it for another " +
                            within(leaseGoneAt())
                      : whose + " was offered the role";
  }
  const bool silent = now - last_grant_ > record_.lease_ttl * 2 / 3;
  const bool present = findInstance(record_.jid, record_.instance) != nullptr;
  std::string note;
  if (record_.phase == Phase::kDraining) {
    note = now < drain_deadline_ ? whose + " was told to stop and has " + within(drain_deadline_)
                                 : whose + " has not stopped in time";
  } else if (!present) {
    note = whose + " is not present";
  } else if (silent) {
    note = whose + " does not renew its lease";
  } else if (!confirmed_active_) {
    note = whose + " holds the lease and has not said yet that it is active";
  }
  if (silent) {
    note += "; its lease ends for certain in " + within(leaseGoneAt());
  }
  return note;
}

}  // namespace muster::election
