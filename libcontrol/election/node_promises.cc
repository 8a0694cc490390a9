// How a holder goes on while no coordinator answers: by the promises of all other members to take
// nothing from anybody else meanwhile. docs/election.md has the reasons.
#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/election/node.h"
#include "libcontrol/election/rules.h"

namespace muster::election {

// --- whoever promises -------------------------------------------------------------------------

std::string NodeMachine::whyNoPromise(const PromiseRequest& request) const {
  if (request.group != config_.group) {
    return "this node belongs to " + config_.group + ", not to " + request.group;
  }
  if (request.epoch < on_disk_.highest_epoch) {
    return "epoch " + std::to_string(request.epoch) + " is below " +
           std::to_string(on_disk_.highest_epoch) + ", which this node has seen";
  }
  if (request.wait <= Duration{} || request.wait > limits::kMaxPromise) {
    return "a promise for " + formatDuration(request.wait) + " is out of bounds: 1ms to " +
           formatDuration(limits::kMaxPromise);
  }
  if (state_ != State::kIdle) {
    return "this node has the role or is about to take it under epoch " + std::to_string(epoch_);
  }
  return {};
}

void NodeMachine::on(const node::PromiseAsked& event) {
  const PromiseRequest& request = event.message;
  if (std::string why = whyNoPromise(request); !why.empty()) {
    effects_.push_back(node::Reply{
        event.token, Denied{request.request_nonce, std::move(why), on_disk_.highest_epoch, {}}});
    return;
  }
  // From now, which is later than the request was sent; the holder's lease counts from then.
  if (keeps(Rule::kPromiseKept)) promised_until_ = std::max(promised_until_, now_ + request.wait);
  node::Persist next = on_disk_;
  next.highest_epoch = std::max(next.highest_epoch, request.epoch);
  next.promised = std::max(next.promised, request.wait);
  // The disk says only how long a promise may be, so the next one mostly finds it there.
  const bool there =
      next.highest_epoch == on_disk_.highest_epoch && next.promised == on_disk_.promised;
  on_disk_ = next;
  if (!there && keeps(Rule::kPromiseOnDisk)) effects_.push_back(on_disk_);
  effects_.push_back(node::Reply{event.token, Promised{request.request_nonce}});
}

// Before that no offer may be taken up. Whoever has just started can't know what it promised before
// but by its disk; and if that was lost, by what the coordinator says of the group.
ElapsedTime NodeMachine::promisedUntil(const Offer& offer) const {
  ElapsedTime until = promised_until_;
  if (keeps(Rule::kPromiseOnDisk)) until = std::max(until, *started_ + on_disk_.promised);
  if (keeps(Rule::kFreshStartWaits)) until = std::max(until, *started_ + offer.failsafe_wait);
  return until;
}

// --- the holder -------------------------------------------------------------------------------

void NodeMachine::learn(const Granted& granted, ElapsedTime sent) {
  if (sent < granted_sent_) return;
  granted_sent_ = sent;
  round_.reset();
  no_promise_.clear();
  endFailsafe("the coordinator answers again");
  if (!granted.failsafe) {
    failsafe_.reset();
  } else if (!failsafe_ || granted.failsafe->members_version >= failsafe_->members_version) {
    failsafe_ = granted.failsafe;
  }
}

// Once a renewal and its repetition have had no answer, for as long as the coordinator has allowed.
bool NodeMachine::mayAskPromises() const {
  const bool running = state_ == State::kPromoting || state_ == State::kActive;
  return failsafe_ && in_use_ && running && !refused_ && link_up_ &&
         now_ < granted_sent_ + failsafe_->limit;
}

ElapsedTime NodeMachine::nextAsking() const {
  return std::max(granted_sent_ + ttl_ * 2 / 3, next_round_);
}

void NodeMachine::askPromises() {
  if (round_ && !round_->missing.empty()) {
    no_promise_ = round_->missing.begin()->local() + " did not promise to take nothing else";
  }
  next_round_ = now_ + retryInterval();
  round_.reset();
  const std::vector<Jid>& others = failsafe_->others;
  const auto unknown = std::find_if(others.begin(), others.end(),
                                    [](const Jid& jid) { return jid.resource().empty(); });
  if (others.empty() || unknown != others.end()) {
    no_promise_ = others.empty() ? "there is nobody else in the group"
                                 : unknown->local() + " was not present when it was granted";
    return;
  }
  round_ = Round{std::max<uint64_t>(random_->next(), 1), now_, {others.begin(), others.end()}};
  for (const Jid& to : others) {
    effects_.push_back(node::AskPromise{to, PromiseRequest{config_.group, epoch_, config_.instance,
                                                           failsafe_->wait, round_->nonce}});
  }
}

void NodeMachine::on(const node::PromiseGiven& event) {
  if (!round_ || event.message.request_nonce != round_->nonce) return;
  if (round_->missing.erase(event.from) == 0) return;
  if (round_->missing.empty() || !keeps(Rule::kAllPromise)) goOn();
}

void NodeMachine::on(const node::PromiseRefused& event) {
  if (!round_ || event.message.request_nonce != round_->nonce) return;
  if (!round_->missing.contains(event.from)) return;
  no_promise_ = event.from.local() + " refused to promise to take nothing else: " +
                singleLine(event.message.reason, 200);
  round_.reset();
}

// The lease goes on from the moment at which the promises were asked for.
void NodeMachine::goOn() {
  const Round round = *std::exchange(round_, std::nullopt);
  if (!mayAskPromises()) return;
  const ElapsedTime sent = keeps(Rule::kLeaseFromSending) ? round.sent : now_;
  if (sent + ttl_ <= lease_end_) return;
  lease_end_ = sent + ttl_;
  next_round_ = std::max(now_, sent + ttl_ / 3);
  no_promise_.clear();
  effects_.push_back(node::LeaseExtended{epoch_, useUntil(), lease_end_});
  if (std::exchange(failsafe_on_, true)) return;
  effects_.push_back(node::FailsafeChanged{
      true,
      "no coordinator answers; all other members have promised to take nothing else, so the "
      "lease of epoch " +
          std::to_string(epoch_) + " goes on, for " + formatDuration(failsafe_->limit) +
          " at most"});
}

void NodeMachine::endFailsafe(const std::string& why) {
  if (std::exchange(failsafe_on_, false)) effects_.push_back(node::FailsafeChanged{false, why});
}

}  // namespace muster::election
