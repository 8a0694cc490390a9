#include "libcontrol/election/group.h"

#include <algorithm>

#include "libcontrol/base/text.h"
#include "libcontrol/election/rules.h"

namespace muster::election {
namespace {

Status outOfRange(const char* field, const std::string& right) {
  return {Code::kInvalidArgument, std::string(field) + " must be " + right, field};
}

bool isPercent(double value) {
  return value >= 0 && value <= 100;
}

bool isElectionTime(Duration time) {
  return time >= Duration{} && time <= limits::kMaxElectionTime;
}

Status checkAutomatic(const GroupConfig& config) {
  const std::string times = "0s to " + formatDuration(limits::kMaxElectionTime);
  if (!isElectionTime(config.floor_time)) return outOfRange("floor_time", times);
  if (!isPercent(config.better_by)) return outOfRange("better_by", "0 to 100");
  if (!isPercent(config.floor_margin)) return outOfRange("floor_margin", "0 to 100");
  if (config.max_moves_per_hour < 0 || config.max_moves_per_hour > limits::kMaxMovesPerHour) {
    return outOfRange("max_moves_per_hour", "0 to " + std::to_string(limits::kMaxMovesPerHour));
  }
  if (!isElectionTime(config.min_between_moves)) return outOfRange("min_between_moves", times);
  if (config.crash_loop_count < limits::kMinCrashLoopCount ||
      config.crash_loop_count > limits::kMaxCrashLoopCount) {
    return outOfRange("crash_loop_count", std::to_string(limits::kMinCrashLoopCount) + " to " +
                                              std::to_string(limits::kMaxCrashLoopCount));
  }
  if (!isElectionTime(config.crash_loop_young)) return outOfRange("crash_loop_young", times);
  if (!isElectionTime(config.crash_loop_window)) return outOfRange("crash_loop_window", times);
  if (!isElectionTime(config.crash_loop_hold)) return outOfRange("crash_loop_hold", times);
  return Status::ok();
}

uint64_t makeNonce(Random& random) {
  const uint64_t nonce = random.next();
  return nonce == 0 ? 1 : nonce;
}

}  // namespace

Status check(const GroupConfig& config) {
  const Duration zero{};
  if (config.name.empty() || config.name.size() > limits::kMaxNameBytes) {
    return outOfRange("name", "1 to " + std::to_string(limits::kMaxNameBytes) + " bytes long");
  }
  if (config.lease_ttl < limits::kMinLeaseTtl || config.lease_ttl > limits::kMaxLeaseTtl) {
    return outOfRange("lease_ttl", formatDuration(limits::kMinLeaseTtl) + " to " +
                                       formatDuration(limits::kMaxLeaseTtl));
  }
  if (!(config.clock_rate_bound >= 0 && config.clock_rate_bound <= 0.1)) {
    return outOfRange("clock_rate_bound", "0 to 0.1");
  }
  if (config.wait_margin < zero || config.wait_margin > Duration::seconds(10)) {
    return outOfRange("wait_margin", "0s to 10s");
  }
  if (config.drain_deadline < zero || config.offer_timeout <= zero || config.settle < zero ||
      config.promote_timeout <= zero) {
    return outOfRange("drain_deadline, offer_timeout, settle and promote_timeout", "positive");
  }
  if (config.query_timeout < limits::kMinQueryTimeout ||
      config.query_timeout > limits::kMaxQueryTimeout) {
    return outOfRange("query_timeout", formatDuration(limits::kMinQueryTimeout) + " to " +
                                           formatDuration(limits::kMaxQueryTimeout));
  }
  if (config.failsafe_limit < zero || config.failsafe_limit > limits::kMaxFailsafeLimit) {
    return outOfRange("failsafe_limit", "0s to " + formatDuration(limits::kMaxFailsafeLimit));
  }
  if (config.backoff_first <= zero || config.backoff_last < config.backoff_first) {
    return outOfRange("backoff_first", "positive and at most backoff_last");
  }
  if (!isPercent(config.choose.level_floor)) return outOfRange("level_floor", "0 to 100");
  if (config.choose.max_lag && *config.choose.max_lag < zero) {
    return outOfRange("max_lag", "positive");
  }
  return checkAutomatic(config);
}

GroupMachine::GroupMachine(GroupConfig config, GroupRecord record, Random& random, ElapsedTime now,
                           std::vector<group::KnownMove> known)
    : config_(std::move(config)),
      record_(std::move(record)),
      random_(&random),
      now_(now),
      last_grant_(now),
      settle_until_(now + config_.settle),
      started_(now),
      hold_until_(now),
      phase_since_(now),
      vacant_since_(now),
      granted_at_(now),
      confirmed_at_(now),
      known_moves_(std::make_shared<const std::vector<KnownMove>>()) {
  if (record_.group.empty()) record_.group = config_.name;
  record_.highest_epoch = std::max(record_.highest_epoch, record_.epoch);
  for (KnownMove& move : known) {
    if (move.outcome) rememberMove(move.request, std::move(move.outcome));
  }
  resume(now);
}

// What was under way before this start goes on.
void GroupMachine::resume(ElapsedTime now) {
  if (!keeps(Rule::kMovePromised)) record_.move.reset();
  if (record_.move) {
    move_ = Move{*record_.move, now, true, true, {}, {}};
    rememberMove(requestOf(*record_.move), std::nullopt);
  }
  if (record_.phase == Phase::kVacant) return;
  // A record that doesn't say how long its lease may last is waited out as the longest there is.
  if (record_.lease_ttl <= Duration{}) record_.lease_ttl = limits::kMaxLeaseTtl;
  recovered_ = inherited_ = true;
  if (!keeps(Rule::kRestartCountsAsGrant)) last_grant_ = now - record_.lease_ttl;
  if (!keeps(Rule::kRestartOfferWaits) && record_.phase == Phase::kOffered) {
    recovered_ = false;
    offer_deadline_ = now;
  }
  // Of a holder that a move has brought the end is still to be told.
  takeover_told_ = !(record_.move && record_.jid != record_.move->from);
  drain_for_ = record_.move ? DrainFor::kMove : DrainFor::kRemoved;
  drain_deadline_ = now + config_.drain_deadline;
  next_drain_ = now;
  demand_nonce_ = makeNonce(*random_);
  confirm_deadline_ = now + config_.promote_timeout;
}

group::Effects GroupMachine::step(const group::Event& event, ElapsedTime now) {
  now_ = std::max(now_, now);
  effects_.clear();
  outcomes_.clear();
  const GroupRecord before = record_;
  expire();
  std::visit([this](const auto& e) { on(e); }, event);
  watchTwins();
  pursue();
  askCandidates();
  if (record_ != before || !outcomes_.empty()) {
    effects_.insert(effects_.begin(), group::Persist{record_, std::move(outcomes_)});
  }
  return std::move(effects_);
}

// What time alone brings about. Runs before the event, so that a late one meets the phase that it
// should have met.
void GroupMachine::expire() {
  if (crash_hold_until_ && now_ >= *crash_hold_until_) endCrashLoopHold();
  if (pause_ && now_ >= pause_->until) pause_.reset();
  if (!isHeld() && record_.failsafe_limit > Duration{} && now_ >= goesOnUntil()) endGoingOn();
  if (record_.phase == Phase::kVacant) return;
  if (record_.phase == Phase::kOffered && !recovered_) {
    // No grant was ever answered under this offer, and none will be: nothing needs waiting out.
    if (now_ >= offer_deadline_) offerFailed("did not take up the offer in time");
    return;
  }
  if (now_ < leaseGoneAt()) return;
  if (record_.phase == Phase::kOffered) {
    vacate("whatever was offered to " + nameOf(record_.jid) + " before the restart is over by now");
    return;
  }
  holderExpired();
}

ElapsedTime GroupMachine::leaseGoneAt() const {
  const Duration length = keeps(Rule::kRecordedLength) ? record_.lease_ttl : config_.lease_ttl;
  if (!keeps(Rule::kWaitOut)) return last_grant_ + length;
  return last_grant_ + waitOut(length, config_.clock_rate_bound, config_.wait_margin);
}

// From when on a holder has missed a renewal and its retry, so that a successor may be needed.
ElapsedTime GroupMachine::silentAt() const {
  return last_grant_ + record_.lease_ttl * 2 / 3;
}

bool GroupMachine::isHeld() const {
  return record_.phase == Phase::kActive || record_.phase == Phase::kDraining;
}

// What the phase calls for now.
void GroupMachine::pursue() {
  watchLevel();
  if (isMovePending()) pursueAsking();
  // A crash may have come between the removal of the holder and the record of its drain.
  if (record_.phase == Phase::kActive && inherited_ && members_listed_ &&
      !members_.contains(record_.jid)) {
    beginDrain(nameOf(record_.jid) + " is no longer a member", DrainFor::kRemoved);
  }
  if (record_.phase == Phase::kActive) pursueMove();
  if (record_.phase == Phase::kActive) watchPromotion();
  if (record_.phase == Phase::kDraining && now_ >= next_drain_) sendDrain();
  if (record_.phase == Phase::kVacant) fillVacancy();
}

void GroupMachine::changePhase(Phase to, const Jid& whose, std::string cause) {
  group::PhaseChanged change{record_.phase, to, record_.epoch, whose, std::move(cause)};
  change.after = now_ - phase_since_;
  if (record_.move) {
    change.asked_by = record_.move->caller;
    change.move_key = record_.move->key;
  }
  effects_.push_back(std::move(change));
  record_.phase = to;
  phase_since_ = now_;
}

void GroupMachine::vacate(std::string cause) {
  const Jid whose = record_.jid;
  changePhase(Phase::kVacant, whose, std::move(cause));
  record_.jid = Jid();
  record_.instance = InstanceId();
  record_.offer_nonce = Id128();
  record_.lease_ttl = Duration();
  recovered_ = inherited_ = false;
  confirmed_active_ = false;
  slow_alarmed_ = false;
  demand_nonce_ = 0;
}

void GroupMachine::beginDrain(std::string cause, DrainFor why) {
  changePhase(Phase::kDraining, record_.jid, std::move(cause));
  drain_for_ = why;
  drain_deadline_ = now_ + config_.drain_deadline;
  demand_nonce_ = makeNonce(*random_);
  sendDrain();
  if (!keeps(Rule::kVacantBeforeOffer))
    holderEnded(nameOf(record_.jid) + " was told to stop", false);
}

void GroupMachine::sendDrain() {
  next_drain_ = now_ + std::max(record_.lease_ttl / 3, Duration::millis(100));
  const Presence* holder = findInstance(record_.jid, record_.instance);
  // Without presence there is no address; the answer to its next renewal tells it as well.
  if (!holder) return;
  effects_.push_back(group::SendDrain{
      holder->facts.jid, Drain{record_.group, record_.epoch, record_.instance, demand_nonce_}});
}

void GroupMachine::fillVacancy() {
  if (now_ < hold_until_ || isMovePending() || mayBeHeldUnseen(now_)) return;
  // From here on every lease is on record.
  may_be_stale_ = false;
  if (move_) {
    fillForMove();
    if (move_) return;
  }
  if (record_.phase != Phase::kVacant || !isSettled(now_) || isCrashLoopHeld(now_)) return;
  if (isPaused(now_) && !owes_active_) return;
  const Choice choice = pick(candidates(now_), nullptr);
  if (!choice.jid.isEmpty()) offerTo(choice.jid);
}

void GroupMachine::offerTo(const Jid& bare) {
  const Presence* target = onlyLive(members_.at(bare), now_);
  if (!target) return;
  const Jid full = target->facts.jid;
  last_decision_ = candidates(now_);
  record_.epoch = keeps(Rule::kEpochAboveAll) ? record_.highest_epoch + 1
                                              : std::max<uint64_t>(record_.epoch, 1);
  record_.highest_epoch = std::max(record_.highest_epoch, record_.epoch);
  record_.jid = bare;
  record_.instance = target->facts.instance;
  record_.offer_nonce = Id128::make(*random_);
  record_.lease_ttl = config_.lease_ttl;
  offer_deadline_ = now_ + config_.offer_timeout;
  recovered_ = inherited_ = false;
  takeover_.steps.vacant = now_ - vacant_since_;
  changePhase(Phase::kOffered, bare,
              move_ ? "moved to " + nameOf(bare) : nameOf(bare) + " is the best candidate");
  effects_.push_back(group::SendOffer{full, Offer{record_.group, record_.epoch, record_.lease_ttl,
                                                  record_.offer_nonce, freshMembersWait()}});
}

void GroupMachine::offerFailed(const std::string& why) {
  const Jid whose = record_.jid;
  memberFailed(whose, why);
  vacate(nameOf(whose) + " " + why);
}

// The target says until when it can't: that is no failure of its own.
void GroupMachine::offerPutOff(const Denied& denied) {
  const Jid whose = record_.jid;
  const std::string why = "declined: " + singleLine(denied.reason, 200);
  if (const auto found = members_.find(whose); found != members_.end()) {
    found->second.not_before = now_ + std::min(denied.retry_after, limits::kMaxPromise);
    found->second.last_failure = why;
  }
  if (move_ && whose != move_->record.from) move_->last_failure = nameOf(whose) + " " + why;
  vacate(nameOf(whose) + " " + why);
}

void GroupMachine::deny(ReplyToken token, uint64_t request_nonce, std::string reason) {
  effects_.push_back(
      group::Reply{token, Denied{request_nonce, std::move(reason), record_.highest_epoch}});
}

std::string GroupMachine::denialReason(const Jid& from, uint64_t epoch,
                                       const InstanceId& instance) const {
  const std::string state = record_.group + " is " + phaseName(record_.phase) + " at epoch " +
                            std::to_string(record_.epoch);
  if (record_.phase == Phase::kVacant) return state;
  if (from != record_.jid) return state + " for another node";
  if (epoch != record_.epoch) return state + ", not " + std::to_string(epoch);
  if (instance != record_.instance) return state + " for another process of this node";
  if (record_.phase == Phase::kDraining) return state + " and the time to stop in order is over";
  return state;
}

void GroupMachine::on(const group::AcquireReceived& event) {
  const Acquire& message = event.message;
  const Jid from = event.from.bare();
  heardFrom(event.from);
  const bool matches =
      message.group == record_.group && from == record_.jid && message.epoch == record_.epoch &&
      message.instance == record_.instance &&
      (message.offer_nonce == record_.offer_nonce || !keeps(Rule::kAcquireByNonce));
  // An offer from before a restart may be to somebody who has been removed since.
  const bool member = members_.contains(from) || !keeps(Rule::kEligibleMember);
  const bool first = record_.phase == Phase::kOffered && member;
  const bool again = record_.phase == Phase::kActive ||
                     (record_.phase == Phase::kDraining && !keeps(Rule::kAcquireInPhase));
  if (!matches || !(first || again)) {
    return deny(event.token, message.request_nonce,
                denialReason(from, message.epoch, message.instance));
  }
  last_grant_ = now_;
  if (first) {
    recovered_ = inherited_ = false;
    confirmed_active_ = takeover_told_ = owes_active_ = false;
    confirm_deadline_ = now_ + config_.promote_timeout;
    granted_at_ = now_;
    grantedAnew();
    takeover_.steps.offer = now_ - phase_since_;
    changePhase(Phase::kActive, from, nameOf(from) + " took up the offer");
  }
  effects_.push_back(group::Reply{
      event.token,
      Granted{record_.epoch, record_.lease_ttl, message.request_nonce, false, failsafeFor(from)}});
}

void GroupMachine::on(const group::RenewReceived& event) {
  const Renew& message = event.message;
  const Jid from = event.from.bare();
  heardFrom(event.from);
  const bool matches = message.group == record_.group &&
                       (from == record_.jid || !keeps(Rule::kRenewByJid)) &&
                       (message.epoch == record_.epoch || !keeps(Rule::kRenewByEpoch)) &&
                       (message.instance == record_.instance || !keeps(Rule::kRenewByInstance));
  const bool draining = record_.phase == Phase::kDraining;
  const bool in_time = now_ < drain_deadline_ || !keeps(Rule::kDrainDeadline);
  const bool renewable = record_.phase == Phase::kActive || (draining && in_time);
  if (!matches || !renewable) {
    return deny(event.token, message.request_nonce,
                denialReason(from, message.epoch, message.instance));
  }
  // Not persisted: after a restart every lease on record counts as granted at that moment.
  if (keeps(Rule::kWaitFromRenewal)) last_grant_ = now_;
  may_be_stale_ = false;
  if (tracksMembers()) renewedWith(message.members_version);
  const bool told = draining && keeps(Rule::kDrainTold);
  effects_.push_back(group::Reply{
      event.token,
      Granted{record_.epoch, record_.lease_ttl, message.request_nonce, told, failsafeFor(from)}});
}

void GroupMachine::on(const group::ReleaseReceived& event) {
  const Release& message = event.message;
  heardFrom(event.from);
  const bool matches = (message.group == record_.group && event.from.bare() == record_.jid &&
                        message.epoch == record_.epoch && message.instance == record_.instance) ||
                       !keeps(Rule::kReleaseMatches);
  if (matches && record_.phase != Phase::kVacant) {
    const std::string reason = singleLine(message.reason, limits::kMaxReleaseReasonBytes);
    const std::string did = "gave the lease back" + (reason.empty() ? "" : ": " + reason);
    const std::string cause = nameOf(record_.jid) + " " + did;
    // Left alone for a moment even if it was active: it mostly gives up because it is going away.
    if (record_.phase != Phase::kDraining || !message.orderly) memberFailed(record_.jid, did);
    if (isHeld()) {
      holderEnded(cause, !message.orderly);
    } else {
      vacate(cause);
    }
  }
  effects_.push_back(group::Reply{event.token, Accepted{}});
}

// Beyond that only heard: what counts is the acquire, and that has the offer's own deadline.
void GroupMachine::on(const group::OfferAccepted& event) {
  heardFrom(event.from);
}

void GroupMachine::on(const group::OfferDeclined& event) {
  const Jid from = event.from.bare();
  heardFrom(event.from);
  if (record_.phase != Phase::kOffered || recovered_ || from != record_.jid ||
      event.offer_nonce != record_.offer_nonce) {
    return;
  }
  noteEpoch(event.from, event.message.highest_epoch);
  if (event.message.retry_after > Duration{}) return offerPutOff(event.message);
  offerFailed("declined: " + singleLine(event.message.reason, 200));
}

void GroupMachine::on(const group::DrainedReceived& event) {
  const Drained& message = event.message;
  heardFrom(event.from);
  const bool matches =
      (event.from.bare() == record_.jid && message.epoch == record_.epoch &&
       message.instance == record_.instance && message.demand_nonce == demand_nonce_) ||
      !keeps(Rule::kDrainedMatches);
  if (record_.phase != Phase::kDraining || !matches) return;
  if (drain_for_ == DrainFor::kSlow) memberFailed(record_.jid, "did not become active in time");
  holderEnded(nameOf(record_.jid) + " has stopped", false);
}

void GroupMachine::on(const group::HolderFenced& event) {
  const bool matches = event.instance == record_.instance || !keeps(Rule::kFenceMatches);
  if (record_.phase == Phase::kVacant || !matches) return;
  const std::string did = "was fenced, says " + singleLine(event.by, 200);
  // The target of an offer: it won't take it up any more, and what it may have got before a restart
  // can't be used.
  if (!isHeld()) return offerFailed(did);
  memberFailed(record_.jid, did);
  holderEnded(nameOf(record_.jid) + " " + did, true);
}

void GroupMachine::on(const group::Tick&) {}

std::optional<ElapsedTime> GroupMachine::nextWake() const {
  ElapsedTime wake = ElapsedTime::max();
  // What was due was done in the last step; an instant that has passed awaits something else.
  const auto consider = [&](std::optional<ElapsedTime> at) {
    if (at && *at > now_) wake = std::min(wake, *at);
  };
  switch (record_.phase) {
    case Phase::kVacant:
      consider(hold_until_);
      consider(settle_until_);
      if (may_be_stale_) consider(unseenUntil());
      if (record_.failsafe_limit > Duration{}) consider(goesOnUntil());
      consider(crash_hold_until_);
      if (pause_) consider(pause_->until);
      for (const auto& [jid, member] : members_) consider(member.not_before);
      break;
    case Phase::kOffered:
      consider(recovered_ ? leaseGoneAt() : offer_deadline_);
      break;
    case Phase::kDraining:
      consider(next_drain_);
      consider(leaseGoneAt());
      break;
    case Phase::kActive:
      consider(silentAt());
      consider(leaseGoneAt());
      if (!confirmed_active_ || move_) consider(confirm_deadline_);
      if (under_floor_since_) consider(*under_floor_since_ + config_.floor_time);
      if (const auto hold = moveHold(now_)) consider(hold->until);
      if (pause_) consider(pause_->until);
      break;
  }
  if (isMovePending()) consider(move_->begun + config_.query_timeout);
  consider(ask_at_);
  for (const auto& [jid, member] : members_) consider(member.query_at);
  if (wake == ElapsedTime::max()) return std::nullopt;
  return wake;
}

}  // namespace muster::election
