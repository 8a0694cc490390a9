#include "libcontrol/election/node.h"

#include <algorithm>

#include "libcontrol/base/text.h"
#include "libcontrol/election/rules.h"

namespace muster::election {
namespace {

// Requests awaited at once: with a retry every T/6, older ones could not extend the lease any more.
constexpr size_t kMaxOutstanding = 16;
// Drain demands to be answered; the coordinator repeats one until it is.
constexpr size_t kMaxPendingDrains = 64;

bool isLeaseLength(Duration ttl) {
  return ttl >= limits::kMinLeaseTtl && ttl <= limits::kMaxLeaseTtl;
}

}  // namespace

NodeMachine::NodeMachine(NodeConfig config, node::Persist on_disk, Random& random)
    : config_(std::move(config)), random_(&random), on_disk_(on_disk) {}

node::Effects NodeMachine::step(const node::Event& event, ElapsedTime now) {
  now_ = std::max(now_, now);
  if (!started_) started_ = now_;
  effects_.clear();
  // An application that has stopped needs no killing, however late its word comes.
  if (state_ != State::kKilled && !saysStopped(event)) checkLease();
  if (state_ != State::kKilled) {
    std::visit([this](const auto& e) { on(e); }, event);
    sendDue();
    announceRole();
  }
  return std::move(effects_);
}

bool NodeMachine::saysStopped(const node::Event& event) const {
  if (std::holds_alternative<node::ApplicationGone>(event)) return isHolding();
  if (const auto* demoted = std::get_if<node::DemoteFinished>(&event)) {
    return state_ == State::kStopping && !promote_runs_ && demoted->epoch == epoch_;
  }
  const auto* promoted = std::get_if<node::PromoteFinished>(&event);
  return promoted != nullptr && promote_runs_ && promoted->epoch == epoch_ && !promoted->status;
}

// Against the clock, before anything else is looked at: timers don't run through a suspend.
void NodeMachine::checkLease() {
  if (state_ == State::kAcquiring && now_ >= acquire_until_) becomeIdle();
  if (in_use_ && now_ >= useUntil()) {
    endUse();
    if (now_ < lease_end_ && keeps(Rule::kStopBeforeEnd)) {
      beginStop(node::DemoteCause::kLeaseOver);
    }
  }
  if (!isHolding() || now_ < lease_end_ || !keeps(Rule::kKillAtEnd)) return;
  effects_.push_back(node::Kill{"the lease of epoch " + std::to_string(epoch_) +
                                " is over and the application has not stopped"});
  state_ = State::kKilled;
  outstanding_.clear();
}

Duration NodeMachine::guard() const {
  if (!keeps(Rule::kGuard)) return {};
  return std::max(ttl_ / config_.guard_share, config_.guard_min);
}

Duration NodeMachine::retryInterval() const {
  return std::max(ttl_ / 6, Duration::millis(50));
}

bool NodeMachine::isHolding() const {
  return state_ == State::kPromoting || state_ == State::kActive || state_ == State::kStopping;
}

bool NodeMachine::mayRenew() const {
  if (!keeps(Rule::kNoRenewalAfterStop)) return link_up_ && on_disk_.highest_epoch > 0;
  if (!in_use_ || refused_ || !link_up_) return false;
  if (state_ == State::kPromoting || state_ == State::kActive) return true;
  // An orderly stop goes on under the lease, for as long as it was given.
  return state_ == State::kStopping && cause_ != node::DemoteCause::kLeaseOver &&
         now_ < demote_deadline_;
}

void NodeMachine::sendDue() {
  const bool acquiring = state_ == State::kAcquiring && link_up_;
  if ((acquiring || mayRenew()) && now_ >= next_send_) sendRequest();
  if (mayAskPromises() && now_ >= nextAsking()) askPromises();
}

void NodeMachine::sendRequest() {
  uint64_t nonce = random_->next();
  if (nonce == 0) nonce = 1;
  if (outstanding_.size() >= kMaxOutstanding) {
    outstanding_.erase(
        std::min_element(outstanding_.begin(), outstanding_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  outstanding_[nonce] = now_;
  next_send_ = now_ + retryInterval();
  if (state_ == State::kAcquiring) {
    effects_.push_back(
        node::SendAcquire{Acquire{config_.group, epoch_, offer_nonce_, config_.instance, nonce}});
  } else {
    const uint64_t epoch = keeps(Rule::kNoRenewalAfterStop) ? epoch_ : on_disk_.highest_epoch;
    const uint64_t version = failsafe_ ? failsafe_->members_version : 0;
    effects_.push_back(
        node::SendRenew{Renew{config_.group, epoch, config_.instance, nonce, version}});
  }
}

void NodeMachine::on(const node::OfferReceived& event) {
  const Offer& offer = event.message;
  if (state_ == State::kAcquiring && offer.epoch == epoch_ && offer.offer_nonce == offer_nonce_) {
    effects_.push_back(node::Reply{event.token, Accepted{}});
    return;
  }
  std::string refusal;
  Duration retry_after{};
  if (offer.group != config_.group) {
    refusal = "this node belongs to " + config_.group + ", not to " + offer.group;
  } else if (shutdown_) {
    refusal = "this node is shutting down";
  } else if (!declining_.empty()) {
    refusal = declining_;
  } else if (isHolding()) {
    refusal = "this node has not stopped yet under epoch " + std::to_string(epoch_);
  } else if (offer.epoch <= on_disk_.highest_epoch && keeps(Rule::kLowerEpochRejected)) {
    refusal = "epoch " + std::to_string(offer.epoch) + " is not above " +
              std::to_string(on_disk_.highest_epoch) + ", which this node has seen";
  } else if (!isLeaseLength(offer.lease_ttl)) {
    refusal = "a lease of " + std::to_string(offer.lease_ttl.toMillis()) + " ms is out of bounds";
  } else if (now_ < promisedUntil(offer)) {
    retry_after = promisedUntil(offer) - now_;
    refusal =
        "this node has promised, or may have before it started, to take no role for another " +
        formatDuration(Duration::millis(retry_after.toMillis() + 1));
  }
  if (!refusal.empty()) {
    const uint64_t seen = keeps(Rule::kEpochReported) ? on_disk_.highest_epoch : 0;
    effects_.push_back(node::Reply{event.token, Denied{0, refusal, seen, retry_after}});
    return;
  }
  becomeIdle();  // a newer offer replaces one whose grant never came
  release_.reset();
  on_disk_.highest_epoch = offer.epoch;
  on_disk_.promised = {};  // over; whoever starts in a group where this matters waits all the same
  if (keeps(Rule::kEpochOnDisk)) effects_.push_back(on_disk_);
  effects_.push_back(node::Reply{event.token, Accepted{}});
  state_ = State::kAcquiring;
  epoch_ = offer.epoch;
  offer_nonce_ = offer.offer_nonce;
  ttl_ = offer.lease_ttl;
  last_ttl_ = ttl_;
  acquire_until_ = now_ + ttl_;
  next_send_ = now_;
  if (!keeps(Rule::kGrantAnswersAcquire)) beginLease(now_, ttl_);
}

void NodeMachine::on(const node::GrantedReceived& event) {
  const Granted& granted = event.message;
  const auto request = outstanding_.find(granted.request_nonce);
  const bool known = request != outstanding_.end();
  if ((!known && keeps(Rule::kKnownNonce)) || granted.epoch != epoch_) return;
  if (!isLeaseLength(granted.lease_ttl)) return;
  const ElapsedTime sent = known && keeps(Rule::kLeaseFromSending) ? request->second : now_;
  // Earlier requests could only give less.
  std::erase_if(outstanding_, [&](const auto& entry) { return entry.second <= sent; });
  const bool revived = state_ == State::kIdle && !keeps(Rule::kStepDownVoids);
  learn(granted, sent);
  if (state_ == State::kAcquiring || revived) {
    beginLease(sent, granted.lease_ttl);
  } else if (in_use_) {
    extendLease(sent, granted.lease_ttl);
  }
  const bool running = state_ == State::kPromoting || state_ == State::kActive;
  if (granted.draining && running) beginStop(node::DemoteCause::kDrain);
}

// The lease runs from `sent`, not from now: the coordinator counts from no earlier than that.
void NodeMachine::beginLease(ElapsedTime sent, Duration ttl) {
  ttl_ = ttl;
  last_ttl_ = ttl;
  lease_end_ = sent + ttl;
  if (now_ >= useUntil()) {
    // Too late to be of use. Nothing ran under it, so it may be given back at once.
    giveBack("the grant came too late to be of use", false);
    becomeIdle();
    return;
  }
  in_use_ = true;
  refused_ = false;
  promote_runs_ = true;
  state_ = State::kPromoting;
  next_send_ = sent + ttl_ / 3;
  effects_.push_back(node::LeaseExtended{epoch_, useUntil(), lease_end_});
  effects_.push_back(node::Promote{epoch_, lease_end_});
}

void NodeMachine::extendLease(ElapsedTime sent, Duration ttl) {
  if (sent + ttl <= lease_end_) return;
  ttl_ = ttl;
  last_ttl_ = ttl;
  lease_end_ = sent + ttl;
  next_send_ = std::max(now_, sent + ttl_ / 3);
  effects_.push_back(node::LeaseExtended{epoch_, useUntil(), lease_end_});
}

void NodeMachine::on(const node::DeniedReceived& event) {
  const auto request = outstanding_.find(event.message.request_nonce);
  if (request == outstanding_.end()) return;
  outstanding_.clear();
  if (state_ == State::kAcquiring) {
    becomeIdle();
  } else if (state_ == State::kStopping) {
    // The time for an orderly stop is over: what is left of the lease is all there is.
    refused_ = true;
  } else if (isHolding()) {
    refused_ = true;
    endUse();
    beginStop(node::DemoteCause::kLeaseOver);
  }
}

void NodeMachine::on(const node::DrainReceived& event) {
  const Drain& drain = event.message;
  if (drain.group != config_.group || drain.instance != config_.instance ||
      drain.epoch > on_disk_.highest_epoch) {
    effects_.push_back(node::Reply{
        event.token, Denied{0, "this process holds no such lease", on_disk_.highest_epoch}});
    return;
  }
  if (!isHolding() || drain.epoch != epoch_) {
    // Nothing runs under it, and nothing will: a grant that is still on its way is void.
    if (state_ == State::kAcquiring && drain.epoch == epoch_) becomeIdle();
    answerDrain(event.token, drain);
    return;
  }
  if (drains_.size() >= kMaxPendingDrains) drains_.erase(drains_.begin());
  drains_.push_back({event.token, drain});
  if (state_ != State::kStopping) beginStop(node::DemoteCause::kDrain);
}

void NodeMachine::answerDrain(ReplyToken token, const Drain& drain) {
  effects_.push_back(
      node::Reply{token, Drained{drain.epoch, config_.instance, drain.demand_nonce}});
}

void NodeMachine::on(const node::PromoteFinished& event) {
  if (!promote_runs_ || event.epoch != epoch_) return;
  promote_runs_ = false;
  if (!event.status) {
    if (stop_reason_.empty()) stop_reason_ = "its promotion failed: " + event.status.text();
    orderly_stop_ = false;
    stopped();
  } else if (state_ == State::kStopping) {
    startDemote();  // asked to stop while it was starting
  } else {
    state_ = State::kActive;
  }
}

void NodeMachine::on(const node::DemoteFinished& event) {
  if (state_ == State::kStopping && !promote_runs_ && event.epoch == epoch_) stopped();
}

void NodeMachine::on(const node::LinkUp&) {
  link_up_ = true;
  next_send_ = std::min(next_send_, now_);
  if (release_ && now_ < release_until_) sendRelease();
}

void NodeMachine::on(const node::LinkDown&) {
  link_up_ = false;
}

void NodeMachine::on(const node::LoopGap& event) {
  if (!keeps(Rule::kGapDropsLink)) return;
  outstanding_.clear();
  round_.reset();
  link_up_ = false;
  effects_.push_back(node::DropLink{"the event loop stood still for " +
                                    std::to_string(event.gap.toMillis()) + " ms"});
}

void NodeMachine::on(const node::ShutdownRequested&) {
  shutdown_ = true;
  stopOfOwnAccord("it is shutting down", node::DemoteCause::kShutdown);
}

void NodeMachine::on(const node::ResignRequested& event) {
  stopOfOwnAccord(event.why, node::DemoteCause::kDrain);
}

void NodeMachine::on(const node::OffersDeclined& event) {
  declining_ = event.why;
}

// There is nobody left to be told to stop, nor anybody who could act under this lease.
void NodeMachine::on(const node::ApplicationGone& event) {
  if (!isHolding()) return;
  stop_reason_ = "its supervisor says that the application is gone: " + event.why;
  orderly_stop_ = false;
  stopped();
}

void NodeMachine::stopOfOwnAccord(const std::string& why, node::DemoteCause cause) {
  if (state_ == State::kAcquiring) {
    giveBack(why, true);
    becomeIdle();
  } else if (isHolding() && state_ != State::kStopping) {
    stop_reason_ = why;
    orderly_stop_ = true;
    beginStop(cause);
  }
}

void NodeMachine::on(const node::Tick&) {}

void NodeMachine::endUse() {
  if (!in_use_) return;
  in_use_ = false;
  outstanding_.clear();
  endFailsafe("the lease is over");
  effects_.push_back(node::LeaseOver{epoch_});
}

void NodeMachine::beginStop(node::DemoteCause cause) {
  if (state_ == State::kStopping) return;
  state_ = State::kStopping;
  cause_ = cause;
  if (cause == node::DemoteCause::kLeaseOver) {
    stop_reason_ =
        "it could not renew its lease" + (no_promise_.empty() ? "" : ", and " + no_promise_);
    orderly_stop_ = false;
    if (!no_promise_.empty()) {
      effects_.push_back(node::FailsafeChanged{false, "the lease can't go on: " + no_promise_});
    }
  }
  demote_deadline_ = now_ + config_.demote_timeout;
  // Callbacks run one at a time: on_demote comes when on_promote has returned.
  if (!promote_runs_) startDemote();
}

void NodeMachine::startDemote() {
  const bool orderly = in_use_ && !refused_ && cause_ != node::DemoteCause::kLeaseOver;
  effects_.push_back(
      node::Demote{cause_, epoch_, orderly ? std::max(demote_deadline_, lease_end_) : lease_end_});
}

// No callback runs any more and the application is not active.
void NodeMachine::stopped() {
  endUse();
  // A drain that is answered needs no release, but for a failure the coordinator should hear why.
  if (drains_.empty() || !orderly_stop_) giveBack(stop_reason_, orderly_stop_);
  for (const PendingDrain& drain : drains_) answerDrain(drain.token, drain.message);
  becomeIdle();
}

void NodeMachine::giveBack(std::string reason, bool orderly) {
  release_ = Release{config_.group, epoch_, config_.instance,
                     singleLine(reason, limits::kMaxReleaseReasonBytes), orderly};
  // The wait-out is a little longer than the lease; to say it once too often does no harm.
  release_until_ = now_ + ttl_ * 2;
  sendRelease();
}

void NodeMachine::sendRelease() {
  effects_.push_back(node::SendRelease{*release_});
}

void NodeMachine::becomeIdle() {
  state_ = State::kIdle;
  if (keeps(Rule::kStepDownVoids)) {
    epoch_ = 0;
    outstanding_.clear();
  }
  offer_nonce_ = Id128();
  in_use_ = false;
  refused_ = false;
  promote_runs_ = false;
  stop_reason_.clear();
  orderly_stop_ = true;
  drains_.clear();
  failsafe_.reset();
  round_.reset();
  failsafe_on_ = false;
  no_promise_.clear();
}

node::Role NodeMachine::role() const {
  switch (state_) {
    case State::kPromoting:
      return node::Role::kStarting;
    case State::kActive:
      return node::Role::kActive;
    case State::kStopping:
      return node::Role::kDraining;
    case State::kIdle:
    case State::kAcquiring:
    case State::kKilled:
      break;
  }
  return node::Role::kStandby;
}

uint64_t NodeMachine::heldEpoch() const {
  return in_use_ ? epoch_ : 0;
}

void NodeMachine::announceRole() {
  if (role() == announced_ && heldEpoch() == announced_epoch_) return;
  announced_ = role();
  announced_epoch_ = heldEpoch();
  effects_.push_back(node::RoleChanged{announced_, announced_epoch_});
}

std::optional<ElapsedTime> NodeMachine::nextWake() const {
  if (state_ == State::kIdle || state_ == State::kKilled) return std::nullopt;
  if (state_ == State::kAcquiring) {
    return link_up_ ? std::min(acquire_until_, next_send_) : acquire_until_;
  }
  ElapsedTime wake = in_use_ ? useUntil() : lease_end_;
  if (mayRenew()) wake = std::min(wake, next_send_);
  if (mayAskPromises()) wake = std::min(wake, nextAsking());
  return wake;
}

}  // namespace muster::election
