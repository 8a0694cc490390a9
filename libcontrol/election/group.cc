#include "libcontrol/election/group.h"

#include <algorithm>

#include "libcontrol/base/text.h"

namespace muster::election {
namespace {

Status outOfRange(const char* field, const std::string& right) {
  return {Code::kInvalidArgument, std::string(field) + " must be " + right, field};
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
  if (config.backoff_first <= zero || config.backoff_last < config.backoff_first) {
    return outOfRange("backoff_first", "positive and at most backoff_last");
  }
  if (!(config.choose.level_floor >= 0 && config.choose.level_floor <= 100)) {
    return outOfRange("level_floor", "0 to 100");
  }
  return Status::ok();
}

GroupMachine::GroupMachine(GroupConfig config, GroupRecord record, Random& random, ElapsedTime now)
    : config_(std::move(config)),
      record_(std::move(record)),
      random_(&random),
      now_(now),
      last_grant_(now),
      settle_until_(now + config_.settle),
      hold_until_(now) {
  if (record_.group.empty()) record_.group = config_.name;
  record_.highest_epoch = std::max(record_.highest_epoch, record_.epoch);
  if (record_.phase == Phase::kVacant) return;
  // A record that doesn't say how long its lease may last is waited out as the longest there is.
  if (record_.lease_ttl <= Duration{}) record_.lease_ttl = limits::kMaxLeaseTtl;
  recovered_ = true;
  drain_deadline_ = now + config_.drain_deadline;
  next_drain_ = now;
  demand_nonce_ = makeNonce(random);
  confirm_deadline_ = now + config_.promote_timeout;
}

group::Effects GroupMachine::step(const group::Event& event, ElapsedTime now) {
  now_ = std::max(now_, now);
  effects_.clear();
  const GroupRecord before = record_;
  expire();
  std::visit([this](const auto& e) { on(e); }, event);
  watchTwins();
  pursue();
  if (record_ != before) effects_.insert(effects_.begin(), group::Persist{record_});
  return std::move(effects_);
}

// What time alone brings about. Runs before the event, so that a late one meets the phase that it
// should have met.
void GroupMachine::expire() {
  if (record_.phase == Phase::kVacant) return;
  if (record_.phase == Phase::kOffered && !recovered_) {
    // No grant was ever answered under this offer, and none will be: nothing needs waiting out.
    if (now_ >= offer_deadline_) offerFailed("did not take up the offer in time");
    return;
  }
  if (now_ < leaseGoneAt()) return;
  const std::string whose = nameOf(record_.jid);
  if (record_.phase == Phase::kOffered) {
    vacate("whatever was offered to " + whose + " before the restart is over by now");
    return;
  }
  // Its presence may outlive it for long: others come first for a moment.
  memberFailed(record_.jid, "let its lease run out");
  vacate("the lease of " + whose + " ran out");
}

ElapsedTime GroupMachine::leaseGoneAt() const {
  return last_grant_ + waitOut(record_.lease_ttl, config_.clock_rate_bound, config_.wait_margin);
}

// What the phase calls for now.
void GroupMachine::pursue() {
  if (record_.phase == Phase::kActive) pursueMove();
  if (record_.phase == Phase::kDraining && now_ >= next_drain_) sendDrain();
  if (record_.phase == Phase::kVacant) fillVacancy();
}

void GroupMachine::changePhase(Phase to, const Jid& whose, std::string cause) {
  effects_.push_back(
      group::PhaseChanged{record_.phase, to, record_.epoch, whose, std::move(cause)});
  record_.phase = to;
}

void GroupMachine::vacate(std::string cause) {
  const Jid whose = record_.jid;
  changePhase(Phase::kVacant, whose, std::move(cause));
  record_.jid = Jid();
  record_.instance = InstanceId();
  record_.offer_nonce = Id128();
  record_.lease_ttl = Duration();
  recovered_ = false;
  confirmed_active_ = false;
  demand_nonce_ = 0;
}

void GroupMachine::beginDrain(std::string cause) {
  changePhase(Phase::kDraining, record_.jid, std::move(cause));
  drain_deadline_ = now_ + config_.drain_deadline;
  demand_nonce_ = makeNonce(*random_);
  sendDrain();
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
  if (now_ < hold_until_) return;
  if (move_) fillForMove();
  if (record_.phase != Phase::kVacant || !isSettled(now_)) return;
  Decision decision = candidates(now_);
  if (!decision.best()) return;
  const Jid best = decision.best()->jid;
  offerTo(best, std::move(decision));
}

void GroupMachine::offerTo(const Jid& bare, Decision decision) {
  const Presence* target = onlyLive(members_.at(bare), now_);
  if (!target) return;
  const Jid full = target->facts.jid;
  record_.epoch = record_.highest_epoch + 1;
  record_.highest_epoch = record_.epoch;
  record_.jid = bare;
  record_.instance = target->facts.instance;
  record_.offer_nonce = Id128::make(*random_);
  record_.lease_ttl = config_.lease_ttl;
  offer_deadline_ = now_ + config_.offer_timeout;
  recovered_ = false;
  changePhase(Phase::kOffered, bare, nameOf(bare) + " is the best candidate");
  if (move_) std::get<group::PhaseChanged>(effects_.back()).cause = "moved to " + nameOf(bare);
  last_decision_ = std::move(decision);
  effects_.push_back(group::SendOffer{
      full, Offer{record_.group, record_.epoch, record_.lease_ttl, record_.offer_nonce}});
}

void GroupMachine::offerFailed(const std::string& why) {
  const Jid whose = record_.jid;
  memberFailed(whose, why);
  vacate(nameOf(whose) + " " + why);
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
  const bool matches = message.group == record_.group && from == record_.jid &&
                       message.epoch == record_.epoch && message.instance == record_.instance &&
                       message.offer_nonce == record_.offer_nonce;
  const bool first = record_.phase == Phase::kOffered;
  if (!matches || !(first || record_.phase == Phase::kActive)) {
    effects_.push_back(group::Reply{
        event.token,
        Denied{message.request_nonce, denialReason(from, message.epoch, message.instance),
               record_.highest_epoch}});
    return;
  }
  last_grant_ = now_;
  if (first) {
    recovered_ = false;
    confirmed_active_ = false;
    confirm_deadline_ = now_ + config_.promote_timeout;
    changePhase(Phase::kActive, from, nameOf(from) + " took up the offer");
  }
  effects_.push_back(group::Reply{
      event.token, Granted{record_.epoch, record_.lease_ttl, message.request_nonce, false}});
}

void GroupMachine::on(const group::RenewReceived& event) {
  const Renew& message = event.message;
  const Jid from = event.from.bare();
  const bool matches = message.group == record_.group && from == record_.jid &&
                       message.epoch == record_.epoch && message.instance == record_.instance;
  const bool draining = record_.phase == Phase::kDraining;
  const bool renewable = record_.phase == Phase::kActive || (draining && now_ < drain_deadline_);
  if (!matches || !renewable) {
    effects_.push_back(group::Reply{
        event.token,
        Denied{message.request_nonce, denialReason(from, message.epoch, message.instance),
               record_.highest_epoch}});
    return;
  }
  // Not persisted: after a restart every lease on record counts as granted at that moment.
  last_grant_ = now_;
  effects_.push_back(group::Reply{
      event.token, Granted{record_.epoch, record_.lease_ttl, message.request_nonce, draining}});
}

void GroupMachine::on(const group::ReleaseReceived& event) {
  const Release& message = event.message;
  const bool matches = message.group == record_.group && event.from.bare() == record_.jid &&
                       message.epoch == record_.epoch && message.instance == record_.instance;
  if (matches && record_.phase != Phase::kVacant) {
    const std::string whose = nameOf(record_.jid);
    // Left alone for a moment even if it was active: it mostly gives up because it is going away.
    if (record_.phase != Phase::kDraining) memberFailed(record_.jid, "gave the lease back");
    vacate(whose + " gave the lease back");
  }
  effects_.push_back(group::Reply{event.token, Accepted{}});
}

void GroupMachine::on(const group::OfferAccepted&) {
  // Only heard: what counts is the acquire, and that has the offer's own deadline.
}

void GroupMachine::on(const group::OfferDeclined& event) {
  const Jid from = event.from.bare();
  if (record_.phase != Phase::kOffered || recovered_ || from != record_.jid ||
      event.offer_nonce != record_.offer_nonce) {
    return;
  }
  noteEpoch(from, event.message.highest_epoch);
  offerFailed("declined: " + singleLine(event.message.reason, 200));
}

void GroupMachine::on(const group::DrainedReceived& event) {
  const Drained& message = event.message;
  if (record_.phase != Phase::kDraining || event.from.bare() != record_.jid ||
      message.epoch != record_.epoch || message.instance != record_.instance ||
      message.demand_nonce != demand_nonce_) {
    return;
  }
  vacate(nameOf(record_.jid) + " has stopped");
}

void GroupMachine::on(const group::HolderFenced& event) {
  const bool held = record_.phase == Phase::kActive || record_.phase == Phase::kDraining;
  if (!held || event.instance != record_.instance) return;
  memberFailed(record_.jid, "was fenced");
  vacate(nameOf(record_.jid) + " was fenced, says " + singleLine(event.by, 200));
}

void GroupMachine::on(const group::Tick&) {}

std::optional<ElapsedTime> GroupMachine::nextWake() const {
  ElapsedTime wake = ElapsedTime::max();
  // What was due was done in the last step; an instant that has passed awaits something else.
  const auto consider = [&](ElapsedTime at) {
    if (at > now_) wake = std::min(wake, at);
  };
  switch (record_.phase) {
    case Phase::kVacant:
      consider(hold_until_);
      consider(settle_until_);
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
      consider(leaseGoneAt());
      if (move_) consider(confirm_deadline_);
      break;
  }
  for (const auto& [jid, member] : members_) {
    if (member.query_at) consider(*member.query_at);
  }
  if (wake == ElapsedTime::max()) return std::nullopt;
  return wake;
}

}  // namespace muster::election
