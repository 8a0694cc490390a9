#include "coordinator/group_driver.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/convert/lease.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

namespace eg = election::group;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

xmpp::Element leaseIq(const Jid& to, const v1::LeaseMessage& message) {
  xmpp::Element iq = xmpp::makeIq("set", to);
  iq.add(xmpp::writeLease(message));
  return iq;
}

}  // namespace

store::GroupRow toRow(const election::GroupRecord& record, WallTime moved_at) {
  store::GroupRow row;
  row.name = record.group;
  row.phase = static_cast<store::GroupPhase>(record.phase);
  row.epoch = record.epoch;
  row.highest_epoch = record.highest_epoch;
  row.holder = record.jid.isEmpty() ? "" : record.jid.toString();
  row.instance = record.instance;
  row.offer_nonce = record.offer_nonce;
  row.lease_ttl_ms = record.lease_ttl.toMillis();
  row.moved_at = moved_at;
  return row;
}

Result<election::GroupRecord> toRecord(const store::GroupRow& row) {
  election::GroupRecord record;
  record.group = row.name;
  record.phase = static_cast<election::Phase>(row.phase);
  record.epoch = row.epoch;
  record.highest_epoch = row.highest_epoch;
  record.instance = row.instance;
  record.offer_nonce = row.offer_nonce;
  record.lease_ttl = Duration::millis(row.lease_ttl_ms);
  if (!row.holder.empty()) {
    const auto jid = Jid::parse(row.holder);
    if (!jid) return Status(Code::kDataLoss, "group " + row.name + ": " + jid.status().text());
    record.jid = *jid;
  }
  return record;
}

GroupDriver::GroupDriver(xmpp::Endpoint& component, store::GroupStore& store, Clock& clock,
                         Random& random, election::GroupConfig config, election::GroupRecord record,
                         Hooks hooks)
    : component_(component),
      store_(store),
      clock_(clock),
      hooks_(std::move(hooks)),
      machine_(std::move(config), std::move(record), random, clock.elapsed()) {
  timer_.setSingleShot(true);
  timer_.setTimerType(Qt::PreciseTimer);
  QObject::connect(&timer_, &QTimer::timeout, &context_, [this] {
    // After a pause the link is dropped before anything is decided that would be sent over it.
    component_.beat();
    step(eg::Tick{});
  });
  armTimer();
}

election::GroupView GroupDriver::view() const {
  return machine_.view(clock_.elapsed());
}

election::Decision GroupDriver::candidates() const {
  return machine_.candidates(clock_.elapsed());
}

// Works on a copy, which becomes the machine only once its record is on disk.
void GroupDriver::step(const eg::Event& event) {
  if (failed_) return;
  election::GroupMachine next = machine_;
  const eg::Effects effects = next.step(event, clock_.elapsed());
  for (const eg::Effect& effect : effects) {
    const auto* write = std::get_if<eg::Persist>(&effect);
    if (write != nullptr && !persist(write->record)) return;
  }
  machine_ = std::move(next);
  for (const eg::Effect& effect : effects) carryOut(effect);
  armTimer();
}

bool GroupDriver::persist(const election::GroupRecord& record) {
  const Status saved = store_.save(toRow(record, clock_.wall()));
  if (saved) return true;
  failed_ = true;
  timer_.stop();
  hooks_.store_failed(saved);
  return false;
}

void GroupDriver::onRequest(const Jid& from, const v1::LeaseMessage& message,
                            const xmpp::IqReply& reply) {
  const election::ReplyToken token = next_token_++;
  const auto take = [&](auto parsed, auto make_event) {
    if (!parsed) return reply.error(parsed.status());
    replies_.emplace(token, reply);
    step(make_event(std::move(parsed).value()));
    // Answered within the step or never: a machine that says nothing leaves the node to ask again.
    replies_.erase(token);
  };
  if (message.has_acquire()) {
    take(convert::fromProto(message.acquire()), [&](election::Acquire m) -> eg::Event {
      return eg::AcquireReceived{from, token, std::move(m)};
    });
  } else if (message.has_renew()) {
    take(convert::fromProto(message.renew()), [&](election::Renew m) -> eg::Event {
      return eg::RenewReceived{from, token, std::move(m)};
    });
  } else if (message.has_release()) {
    take(convert::fromProto(message.release()), [&](election::Release m) -> eg::Event {
      return eg::ReleaseReceived{from, token, std::move(m)};
    });
  } else {
    reply.error(xmpp::Condition::kBadRequest,
                "a coordinator takes only acquire, renew and release");
  }
}

void GroupDriver::carryOut(const eg::Effect& effect) {
  std::visit(Overloaded{
                 [](const eg::Persist&) {},
                 [this](const eg::Reply& e) { answer(e); },
                 [this](const eg::SendOffer& e) { sendOffer(e); },
                 [this](const eg::SendDrain& e) { sendDrain(e); },
                 [this](const eg::SendQuery& e) { sendQuery(e); },
                 [this](const eg::Alarm& e) {
                   logger("muster.election")->error("{}: {}", name(), e.text);
                 },
                 [this](const eg::PhaseChanged& e) {
                   logger("muster.election")
                       ->info("{}: {} -> {}, epoch {}, {}: {}", name(), election::phaseName(e.from),
                              election::phaseName(e.to), e.epoch, e.jid.toString(), e.cause);
                   hooks_.changed();
                 },
                 [this](const eg::MoveStarted& e) { hooks_.move_started(e); },
                 [this](const eg::MoveFinished& e) { hooks_.move_finished(e); },
             },
             effect);
}

void GroupDriver::answer(const eg::Reply& reply) {
  const auto it = replies_.find(reply.token);
  if (it == replies_.end()) return;
  it->second.result(xmpp::writeLease(
      std::visit([](const auto& m) { return convert::toProto(m); }, reply.message)));
}

void GroupDriver::sendOffer(const eg::SendOffer& effect) {
  component_.request(
      leaseIq(effect.to, convert::toProto(effect.message)), limits::kIqTimeout,
      [this, to = effect.to, nonce = effect.message.offer_nonce](const xmpp::IqOutcome& outcome) {
        election::Denied denied;
        if (outcome.payload() != nullptr) {
          const auto message = xmpp::readLease(*outcome.payload());
          if (message && message->has_accepted()) return step(eg::OfferAccepted{to, nonce});
          if (message && message->has_denied()) {
            if (auto parsed = convert::fromProto(message->denied())) denied = *parsed;
          }
        } else if (outcome.error) {
          denied.reason = outcome.status.text();
        } else {
          return;  // no answer is no event: the machine has a time of its own for it
        }
        step(eg::OfferDeclined{to, nonce, denied});
      });
}

void GroupDriver::sendDrain(const eg::SendDrain& effect) {
  // The answer comes once the application has stopped.
  const Duration timeout = machine_.config().drain_deadline + limits::kIqTimeout;
  component_.request(leaseIq(effect.to, convert::toProto(effect.message)), timeout,
                     [this, to = effect.to](const xmpp::IqOutcome& outcome) {
                       if (outcome.payload() == nullptr) return;
                       const auto message = xmpp::readLease(*outcome.payload());
                       if (!message || !message->has_drained()) return;
                       if (const auto drained = convert::fromProto(message->drained())) {
                         step(eg::DrainedReceived{to, *drained});
                       }
                     });
}

void GroupDriver::sendQuery(const eg::SendQuery& effect) {
  xmpp::Element iq = xmpp::makeIq("get", effect.to);
  iq.add("ping", xmpp::ns::kPing);
  component_.request(std::move(iq), limits::kIqTimeout,
                     [this, to = effect.to](const xmpp::IqOutcome& outcome) {
                       if (outcome.isOk()) step(eg::QueryAnswered{to});
                     });
}

void GroupDriver::armTimer() {
  const auto wake = machine_.nextWake();
  if (!wake) return timer_.stop();
  const int64_t ns = std::max<int64_t>(0, (*wake - clock_.elapsed()).ns);
  timer_.start(static_cast<int>(std::min<int64_t>(ns / 1'000'000 + 1, 3'600'000)));
}

}  // namespace muster::coordinator
