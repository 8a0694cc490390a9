// Which of the processes that the server shows are alive: asked of whoever may be needed soon, and
// only then.
#include <algorithm>

#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"

namespace muster::election {
namespace {

// Between two queries: a third of the lease, but not so often that it is a burden nor so seldom
// that an answer says little.
constexpr Duration kShortestPause = Duration::millis(100);
constexpr Duration kUsualPause = Duration::seconds(5);
// The same to somebody who does not answer, at the most.
constexpr Duration kLongestPause = Duration::seconds(10);
// For how long a query that went unanswered says something.
constexpr Duration kSilenceCounts = Duration::seconds(30);
// Unanswered queries until the pauses get longer.
constexpr int kQuickQueries = 3;

}  // namespace

void GroupMachine::on(const group::QueryAnswered& event) {
  heardFrom(event.jid);
}

// Something that came from this full JID: its process was alive.
void GroupMachine::heardFrom(const Jid& full) {
  const auto member = members_.find(full.bare());
  if (member == members_.end()) return;
  const auto presence = member->second.present.find(full);
  if (presence == member->second.present.end()) return;
  presence->second.answered = now_;
  presence->second.asked.reset();
  presence->second.unanswered = 0;
  presence->second.doubted = false;
}

bool GroupMachine::isSilent(const Presence& presence, ElapsedTime now) const {
  return presence.asked && now - *presence.asked >= config_.query_timeout &&
         now - presence.last_query <= kSilenceCounts;
}

bool GroupMachine::hasAnswered(const Presence& presence, ElapsedTime now) const {
  if (!keeps(Rule::kOfferToTheLiving)) return true;
  return presence.answered && now - *presence.answered <= config_.lease_ttl;
}

// How many instances count as live; of several 0 while that isn't known.
int GroupMachine::liveCount(const Member& member, ElapsedTime now) const {
  if (member.present.empty()) return 0;
  if (member.present.size() == 1) return isSilent(member.present.begin()->second, now) ? 0 : 1;
  int live = 0;
  bool unknown = false;
  for (const auto& [full, presence] : member.present) {
    if (hasAnswered(presence, now)) {
      ++live;
    } else if (now - presence.since <= config_.lease_ttl) {
      unknown = true;
    }
  }
  if (live > 1 && !keeps(Rule::kTwinsGetNothing)) return 1;
  return live == 1 && unknown ? 0 : live;
}

const GroupMachine::Presence* GroupMachine::onlyLive(const Member& member, ElapsedTime now) const {
  if (liveCount(member, now) != 1) return nullptr;
  if (member.present.size() == 1) return &member.present.begin()->second;
  for (const auto& [full, presence] : member.present) {
    if (hasAnswered(presence, now)) return &presence;
  }
  return nullptr;
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
                                        ": none of these processes is offered anything",
                                    group::AlarmKind::kTwins});
  }
}

// Whether somebody may have to be chosen soon. While a lease runs out or a holder stops the answers
// are kept fresh, so that a vacancy costs no round trip more.
bool GroupMachine::isDecisionPending() const {
  if (isMovePending()) return true;
  switch (record_.phase) {
    case Phase::kVacant:
      return move_ || owes_active_ || !(isCrashLoopHeld(now_) || isPaused(now_));
    case Phase::kOffered:
    case Phase::kDraining:
      return true;
    case Phase::kActive:
      return now_ >= silentAt() || isPromotionSlow();
  }
  return false;
}

// Members with one instance, the best first, as if all of them were alive. Of those that may well
// be alive only so many are asked at once; as they turn out to be silent the next ones come.
std::vector<Jid> GroupMachine::worthAsking() const {
  std::vector<Candidate> all;
  for (const auto& [bare, member] : members_) {
    if (member.present.size() != 1) continue;
    if (bare == record_.jid) continue;
    all.push_back(candidate(member, now_));
    all.back().live = 1;
    all.back().level_percent = member.present.begin()->second.facts.level_percent;
    all.back().lag = member.present.begin()->second.facts.lag;
  }
  Decision decision = choose(config_.choose, std::move(all));
  const bool forced = move_ && move_->record.force;
  if (forced) decision = withoutTaste(decision, true);
  std::vector<Jid> out;
  size_t hopeful = 0;
  size_t silent = 0;
  const auto take = [&](const Jid& bare) {
    size_t& count = liveCount(members_.at(bare), now_) == 1 ? hopeful : silent;
    if (count++ < limits::kMaxQueried) out.push_back(bare);
  };
  // A move's target comes before all, however it stands in the order.
  const Jid target = move_ ? move_->record.target.value_or(Jid()) : Jid();
  const Verdict* wanted = decision.find(target);
  if (wanted && wanted->eligible) take(target);
  for (const Verdict& verdict : decision.verdicts) {
    if (!verdict.eligible) break;
    if (verdict.candidate.jid != target) take(verdict.candidate.jid);
  }
  if (!mayBeHeldUnseen(now_)) return out;
  // Those who can't be chosen as well: they may hold a lease that isn't on record.
  for (const Verdict& verdict : decision.verdicts) {
    if (!verdict.eligible && verdict.candidate.jid != target) take(verdict.candidate.jid);
  }
  return out;
}

void GroupMachine::askCandidates() {
  ask_at_.reset();
  if (!isDecisionPending()) return;
  const auto wakeAt = [this](ElapsedTime at) {
    if (at > now_) ask_at_ = std::min(ask_at_.value_or(at), at);
  };
  const Duration usual = std::clamp(config_.lease_ttl / 3, kShortestPause, kUsualPause);
  for (const Jid& bare : worthAsking()) {
    Presence& presence = members_.at(bare).present.begin()->second;
    Duration pause = usual;
    for (int i = kQuickQueries; i < presence.unanswered && pause < kLongestPause; ++i) {
      pause = pause * 2;
    }
    ElapsedTime due = now_;
    if (presence.asked) {
      due = presence.last_query + std::min(pause, kLongestPause);
    } else if (presence.answered && !presence.doubted) {
      due = *presence.answered + usual;
    }
    if (now_ >= due) {
      ask(presence);
      due = now_ + usual;
    }
    wakeAt(due);
    if (presence.asked && !isSilent(presence, now_)) {
      wakeAt(*presence.asked + config_.query_timeout);
    }
  }
}

void GroupMachine::ask(Presence& presence) {
  // What went unanswered long ago says nothing any more.
  const bool forgotten = presence.asked && now_ - presence.last_query > kSilenceCounts;
  if (!presence.asked || forgotten) {
    presence.asked = now_;
    presence.unanswered = 0;
  }
  presence.last_query = now_;
  ++presence.unanswered;
  effects_.push_back(group::SendQuery{presence.facts.jid});
}

// For somebody who asks now, those who were silent a while ago are asked again.
void GroupMachine::forgetOldSilence() {
  for (auto& [bare, member] : members_) {
    for (auto& [full, presence] : member.present) {
      if (presence.asked && now_ - presence.last_query >= config_.query_timeout) {
        presence.asked.reset();
        presence.unanswered = 0;
        presence.doubted = true;
      }
    }
  }
}

// The best that has answered. Whoever comes before it and is still being asked is waited for, which
// takes query_timeout at the longest. For `move` only those count that it wants.
GroupMachine::Choice GroupMachine::pick(const Decision& decision, const MoveRecord* move) const {
  for (const Verdict& verdict : decision.verdicts) {
    const Jid& jid = verdict.candidate.jid;
    if (move ? !isWanted(*move, jid) : jid == record_.jid) continue;
    if (verdict.eligible) {
      return verdict.candidate.answered ? Choice{jid, false} : Choice{Jid(), true};
    }
    const bool being_told_apart = verdict.obstacle == Obstacle::kUnknownLive && move &&
                                  move->target && isMovePending() &&
                                  now_ - move_->begun < config_.query_timeout;
    if (being_told_apart) return {Jid(), true};
  }
  return {};
}

}  // namespace muster::election
