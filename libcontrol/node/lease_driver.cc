#include "libcontrol/node/lease_driver.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/convert/lease.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"

namespace muster {
namespace {

using election::node::Event;

// A release is a courtesy that spares others the wait; a process that ends doesn't wait longer for
// its answer.
constexpr Duration kReleaseTimeout = Duration::seconds(2);
// Requests that a drained or crashed coordinator will never answer are forgotten after this many.
constexpr size_t kMaxReplies = 64;

Demotion::Cause causeOf(election::node::DemoteCause cause) {
  switch (cause) {
    case election::node::DemoteCause::kDrain:
      return Demotion::Cause::kDrain;
    case election::node::DemoteCause::kLeaseOver:
      return Demotion::Cause::kLeaseOver;
    case election::node::DemoteCause::kShutdown:
      return Demotion::Cause::kShutdown;
  }
  return Demotion::Cause::kLeaseOver;
}

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

// A promise is kept whichever group the node belongs to by now.
election::node::Persist onDisk(const store::NodeState& state, const std::string& group) {
  const auto promised = static_cast<int64_t>(
      std::min(state.promised_ms, static_cast<uint64_t>(limits::kMaxPromise.toMillis())));
  return {state.highestEpochOf(group), Duration::millis(promised)};
}

}  // namespace

LeaseDriver::LeaseDriver(Parts parts, LeaseAddresses addresses, election::NodeConfig config,
                         Callbacks callbacks)
    : parts_(parts),
      addresses_(std::move(addresses)),
      config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      machine_(config_, onDisk(parts.store.state(), config_.group), parts.random),
      role_since_(parts.clock.wall()) {
  timer_.setSingleShot(true);
  timer_.setTimerType(Qt::PreciseTimer);
  QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] {
    parts_.endpoint.beat();
    step(election::node::Tick{});
  });
  parts_.endpoint.handleIq(
      xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onLease(iq, reply); });
  xmpp::Endpoint::Listener listener;
  listener.up = [this] { step(election::node::LinkUp{}); };
  listener.down = [this](const xmpp::DownEvent&) { step(election::node::LinkDown{}); };
  listener.loop_gap = [this](Duration gap) { step(election::node::LoopGap{gap}); };
  listener_ = parts_.endpoint.addListener(std::move(listener));
  armTimer();
}

LeaseDriver::~LeaseDriver() {
  parts_.endpoint.removeListener(listener_);
  parts_.endpoint.removeIqHandler(xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease);
}

void LeaseDriver::shutdown(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  step(election::node::ShutdownRequested{});
}

void LeaseDriver::applicationGone(const std::string& why) {
  logger("muster.lease")->warn("the application is gone: {}", why);
  step(election::node::ApplicationGone{singleLine(why, limits::kMaxReleaseReasonBytes)});
}

void LeaseDriver::declineOffers(const std::string& why) {
  logger("muster.lease")->info("offers are {}", why.empty() ? "taken again" : "declined: " + why);
  declining_ = singleLine(why, limits::kMaxReleaseReasonBytes);
  step(election::node::OffersDeclined{declining_});
}

void LeaseDriver::resign(const std::string& why) {
  logger("muster.lease")->info("giving up the active role: {}", why);
  step(election::node::ResignRequested{singleLine(why, limits::kMaxReleaseReasonBytes)});
}

std::unique_ptr<Lease> LeaseDriver::currentLease() const {
  const std::lock_guard lock(lease_mutex_);
  return lease_ == nullptr ? nullptr : std::make_unique<Lease>(lease_);
}

// Works on a copy: an epoch that can't be made durable must leave no trace in what we say.
bool LeaseDriver::step(const Event& event) {
  election::NodeMachine next = machine_;
  const election::node::Effects effects = next.step(event, parts_.clock.elapsed());
  for (const auto& effect : effects) {
    const auto* write = std::get_if<election::node::Persist>(&effect);
    if (write != nullptr && !persist(*write)) {
      armTimer();
      return false;
    }
  }
  machine_ = std::move(next);
  for (const auto& effect : effects) carryOut(effect);
  armTimer();
  checkStopped();
  return true;
}

bool LeaseDriver::persist(const election::node::Persist& write) {
  store::NodeState state = parts_.store.state();
  state.group = config_.group;
  state.highest_epoch = write.highest_epoch;
  state.promised_ms = static_cast<uint64_t>((write.promised + Duration{999'999}).toMillis());
  const Status saved = parts_.store.save(state);
  if (!saved) {
    logger("muster.lease")
        ->error("the epoch {} can't be written: {}", write.highest_epoch, saved.text());
  }
  // Nobody can say what is on disk: the next process reads it. Nothing is held at an offer.
  if (saved.code() == Code::kDataLoss) callbacks_.kill(saved.text());
  return saved.isOk();
}

void LeaseDriver::carryOut(const election::node::Effect& effect) {
  namespace en = election::node;
  std::visit(Overloaded{
                 [](const en::Persist&) {},
                 [this](const en::SendAcquire& e) { request(convert::toProto(e.message)); },
                 [this](const en::SendRenew& e) { request(convert::toProto(e.message)); },
                 [this](const en::SendRelease& e) { release(convert::toProto(e.message)); },
                 [this](const en::Reply& e) { answer(e); },
                 [this](const en::AskPromise& e) { askPromise(e); },
                 [this](const en::FailsafeChanged& e) {
                   logger("muster.lease")->warn("{}", e.text);
                   callbacks_.changed();
                 },
                 [this](const en::Promote& e) { promote(e); },
                 [this](const en::Demote& e) { demote(e); },
                 [this](const en::LeaseExtended& e) { extend(e); },
                 [this](const en::LeaseOver&) { endLease(); },
                 [this](const en::Kill& e) { callbacks_.kill(e.why); },
                 [this](const en::DropLink& e) { parts_.endpoint.link().drop(e.why); },
                 [this](const en::RoleChanged& e) {
                   if (e.role == en::Role::kStandby) {
                     parts_.warden.relax();
                     if (parts_.watchdog != nullptr) parts_.watchdog->stopped();
                   }
                   role_since_ = parts_.clock.wall();
                   callbacks_.changed();
                 },
             },
             effect);
}

void LeaseDriver::onLease(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  // Only the coordinators' own addresses and the other members speak this protocol; nobody else
  // learns that we do.
  const auto from = xmpp::jidAttribute(iq, "from");
  const bool coordinator = from && addresses_.isOne(*from);
  if (!coordinator && !(from && callbacks_.is_peer(from->bare()))) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto message = xmpp::readLease(*iq.firstChild());
  if (!message) return reply.error(message.status());
  coordinator ? fromCoordinator(*from, *message, reply) : fromPeer(*message, reply);
}

void LeaseDriver::fromCoordinator(const Jid& from, const v1::LeaseMessage& message,
                                  const xmpp::IqReply& reply) {
  const election::ReplyToken token = next_token_++;
  if (message.has_offer()) {
    const auto offer = convert::fromProto(message.offer());
    if (!offer) return reply.error(offer.status());
    addresses_.leads(from);
    keep(token, reply);
    if (!onOffer(token, *offer)) replies_.erase(token);
  } else if (message.has_drain()) {
    const auto drain = convert::fromProto(message.drain());
    if (!drain) return reply.error(drain.status());
    take(reply, token, election::node::DrainReceived{token, *drain});
  } else {
    reply.error(xmpp::Condition::kBadRequest, "a node takes only offer and drain");
  }
}

void LeaseDriver::fromPeer(const v1::LeaseMessage& message, const xmpp::IqReply& reply) {
  if (!message.has_promise()) {
    return reply.error(xmpp::Condition::kBadRequest,
                       "a node takes only a request for a promise from another one");
  }
  const auto request = convert::fromProto(message.promise());
  if (!request) return reply.error(request.status());
  const election::ReplyToken token = next_token_++;
  take(reply, token, election::node::PromiseAsked{token, *request});
}

// What could not be written has not happened, and is not answered.
void LeaseDriver::take(const xmpp::IqReply& reply, election::ReplyToken token, const Event& event) {
  keep(token, reply);
  if (!step(event)) replies_.erase(token);
}

void LeaseDriver::keep(election::ReplyToken token, const xmpp::IqReply& reply) {
  if (replies_.size() >= kMaxReplies) replies_.erase(replies_.begin());
  replies_.emplace(token, reply);
}

void LeaseDriver::askPromise(const election::node::AskPromise& effect) {
  send(
      effect.to, convert::toProto(effect.message), limits::kIqTimeout,
      [this, to = effect.to, nonce = effect.message.request_nonce](const xmpp::IqOutcome& outcome) {
        election::Denied denied;
        denied.request_nonce = nonce;
        if (outcome.payload() != nullptr) {
          const auto message = xmpp::readLease(*outcome.payload());
          if (message && message->has_promised()) {
            step(election::node::PromiseGiven{to, convert::fromProto(message->promised())});
            return;
          }
          if (message && message->has_denied()) {
            if (auto read = convert::fromProto(message->denied())) denied = *read;
          }
        } else if (outcome.error) {
          denied.reason = outcome.status.text();
        } else {
          return;  // silence is no event: the next round asks anew
        }
        step(election::node::PromiseRefused{to, denied});
      });
}

// A lease that could not be guarded by a watchdog that is required is not begun.
bool LeaseDriver::onOffer(election::ReplyToken token, const election::Offer& offer) {
  const election::node::OfferReceived event{token, offer};
  if (parts_.watchdog == nullptr || !declining_.empty()) return step(event);
  const Status guarded = parts_.watchdog->tryFor(offer.lease_ttl);
  if (guarded) return step(event);
  step(election::node::OffersDeclined{singleLine(guarded.text(), limits::kMaxReleaseReasonBytes)});
  const bool answered = step(event);
  step(election::node::OffersDeclined{});
  return answered;
}

// One that can't be reached says so at once, through its server, and then there is time to ask the
// others the very same.
void LeaseDriver::request(const v1::LeaseMessage& message) {
  const std::vector<Jid> asked = addresses_.ask();
  for (const Jid& to : asked) {
    send(to, message, limits::kIqTimeout,
         [this, to, message, alone = asked.size() == 1](const xmpp::IqOutcome& outcome) {
           onAnswer(to, outcome);
           if (!alone || !outcome.error) return;
           for (const Jid& other : addresses_.askInstead(to)) {
             send(other, message, limits::kIqTimeout,
                  [this, other](const xmpp::IqOutcome& second) { onAnswer(other, second); });
           }
         });
  }
}

void LeaseDriver::send(const Jid& to, const v1::LeaseMessage& message, Duration timeout,
                       std::function<void(const xmpp::IqOutcome&)> answered) {
  xmpp::Element iq = xmpp::makeIq("set", to);
  iq.add(xmpp::writeLease(message));
  parts_.endpoint.request(std::move(iq), timeout, std::move(answered));
}

void LeaseDriver::onAnswer(const Jid& from, const xmpp::IqOutcome& outcome) {
  if (!outcome.isOk()) {
    logger("muster.lease")
        ->debug("no answer to a request by {}: {}", from.toString(), outcome.status.text());
    return;
  }
  if (outcome.payload() == nullptr) return;
  const auto message = xmpp::readLease(*outcome.payload());
  if (!message) {
    logger("muster.lease")
        ->warn("the coordinator's answer can't be read: {}", message.status().text());
    return;
  }
  addresses_.leads(from);
  if (message->has_granted()) {
    if (const auto granted = convert::fromProto(message->granted())) {
      step(election::node::GrantedReceived{*granted});
    }
  } else if (message->has_denied()) {
    if (const auto denied = convert::fromProto(message->denied())) {
      step(election::node::DeniedReceived{*denied});
    }
  }
}

void LeaseDriver::release(const v1::LeaseMessage& message) {
  releasing_ = true;
  send(addresses_.leader(), message, kReleaseTimeout, [this](const xmpp::IqOutcome&) {
    releasing_ = false;
    checkStopped();
  });
}

void LeaseDriver::answer(const election::node::Reply& reply) {
  const auto it = replies_.find(reply.token);
  if (it == replies_.end()) return;
  const v1::LeaseMessage message =
      std::visit([](const auto& m) { return convert::toProto(m); }, reply.message);
  it->second.result(xmpp::writeLease(message));
  replies_.erase(it);
}

void LeaseDriver::extend(const election::node::LeaseExtended& effect) {
  {
    const std::lock_guard lock(lease_mutex_);
    if (lease_ == nullptr || lease_->epoch != effect.epoch) {
      lease_ = std::make_shared<LeaseState>(effect.epoch, config_.instance.toHex(), parts_.clock);
    }
    lease_->use_until_ns.store(effect.deadline.ns, std::memory_order_release);
  }
  // A renewal that was under way when the application stopped must not put it under watch again.
  if (stopped_epoch_.load() != effect.epoch) parts_.warden.watch(effect.end, effect.epoch);
  if (parts_.watchdog != nullptr) guard(effect);
}

void LeaseDriver::guard(const election::node::LeaseExtended& effect) {
  const Status guarded = parts_.watchdog->extended(effect.epoch, effect.end);
  if (guarded) return;
  // Later: this step has to be carried out first.
  mailbox_.post([this, why = guarded.text()] { resign(why); });
}

void LeaseDriver::endLease() {
  const std::lock_guard lock(lease_mutex_);
  if (lease_ == nullptr) return;
  lease_->use_until_ns.store(0, std::memory_order_release);
  lease_.reset();
}

void LeaseDriver::promote(const election::node::Promote& effect) {
  std::shared_ptr<LeaseState> lease;
  {
    const std::lock_guard lock(lease_mutex_);
    lease = lease_;
  }
  logger("muster.lease")->info("becoming active under epoch {}", effect.epoch);
  parts_.app.post([this, lease, epoch = effect.epoch] {
    Status status = parts_.watchdog == nullptr ? Status::ok() : parts_.watchdog->armedFor(epoch);
    if (lease == nullptr || !Lease(lease).valid()) {
      status = {Code::kConflict, "the lease was over before the promotion began"};
    }
    if (status) status = callPromote(Lease(lease));
    mailbox_.post([this, epoch, status] {
      if (!status) {
        logger("muster.lease")
            ->error("the promotion under epoch {} failed: {}", epoch, status.text());
      }
      step(election::node::PromoteFinished{epoch, status});
    });
  });
}

// An application that can't become active says so by an exception as well.
Status LeaseDriver::callPromote(const Lease& lease) {
  try {
    return callbacks_.promote(lease);
  } catch (const std::exception& error) {
    return {Code::kInternal, std::string("onPromote threw: ") + error.what()};
  }
}

void LeaseDriver::demote(const election::node::Demote& effect) {
  const Duration within = effect.deadline - parts_.clock.elapsed();
  const Demotion demotion{causeOf(effect.cause), effect.epoch, std::chrono::nanoseconds(within.ns)};
  logger("muster.lease")->info("stopping to be active under epoch {}", effect.epoch);
  parts_.app.post([this, demotion] {
    callbacks_.demote(demotion);
    applicationStopped(demotion.epoch);
    mailbox_.post([this, epoch = demotion.epoch] { step(election::node::DemoteFinished{epoch}); });
  });
}

// From the application's thread, so that a stuck event loop doesn't get a stopped application
// killed, or its machine reset.
void LeaseDriver::applicationStopped(uint64_t epoch) {
  stopped_epoch_ = epoch;
  parts_.warden.relax(epoch);
  if (parts_.watchdog != nullptr) parts_.watchdog->stopped(epoch);
}

void LeaseDriver::armTimer() {
  const auto wake = machine_.nextWake();
  if (!wake) return timer_.stop();
  const int64_t ns = std::max<int64_t>(0, (*wake - parts_.clock.elapsed()).ns);
  // Rounded up, so that the tick is not a moment early and spins.
  timer_.start(static_cast<int>(std::min<int64_t>(ns / 1'000'000 + 1, 3'600'000)));
}

void LeaseDriver::checkStopped() {
  if (stopped_ == nullptr || !machine_.isStopped() || releasing_) return;
  std::exchange(stopped_, nullptr)();
}

}  // namespace muster
