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

std::string textOf(const Jid& jid) {
  return jid.isEmpty() ? "" : jid.toString();
}

std::string textOf(const std::optional<Jid>& jid) {
  return jid ? textOf(*jid) : "";
}

// Reads JIDs of one group's rows and keeps the first error.
class JidReader {
 public:
  explicit JidReader(std::string group) : group_(std::move(group)) {}
  Jid jid(const std::string& text) { return optional(text).value_or(Jid()); }
  std::optional<Jid> optional(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto jid = Jid::parse(text);
    if (jid) return *jid;
    if (status_) status_ = {Code::kDataLoss, "group " + group_ + ": " + jid.status().text()};
    return std::nullopt;
  }
  const Status& status() const { return status_; }

 private:
  const std::string group_;
  Status status_;
};

std::optional<Code> codeNamed(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    if (name == codeName(static_cast<Code>(i))) return static_cast<Code>(i);
  }
  return std::nullopt;
}

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
  row.holder = textOf(record.jid);
  row.instance = record.instance;
  row.offer_nonce = record.offer_nonce;
  row.lease_ttl_ms = record.lease_ttl.toMillis();
  row.moved_at = moved_at;
  if (!record.move) return row;
  const election::MoveRecord& move = *record.move;
  store::MoveRow& out = row.move.emplace();
  out.group = record.group;
  out.key = move.key;
  out.target = textOf(move.target);
  out.away_from = textOf(move.away_from);
  out.expect_epoch = move.expect_epoch;
  out.caller = move.caller;
  out.cause = move.cause;
  out.force = move.force;
  out.leave_vacant = move.leave_vacant;
  out.automatic = move.automatic;
  out.from = textOf(move.from);
  out.from_epoch = move.from_epoch;
  out.context = move.context;
  return row;
}

Result<election::GroupRecord> toRecord(const store::GroupRow& row) {
  JidReader read(row.name);
  election::GroupRecord record;
  record.group = row.name;
  record.phase = static_cast<election::Phase>(row.phase);
  record.epoch = row.epoch;
  record.highest_epoch = row.highest_epoch;
  record.instance = row.instance;
  record.offer_nonce = row.offer_nonce;
  record.lease_ttl = Duration::millis(row.lease_ttl_ms);
  record.jid = read.jid(row.holder);
  if (row.move) {
    election::MoveRecord& move = record.move.emplace();
    move.key = row.move->key;
    move.target = read.optional(row.move->target);
    move.away_from = read.optional(row.move->away_from);
    move.expect_epoch = row.move->expect_epoch;
    move.caller = row.move->caller;
    move.cause = row.move->cause;
    move.force = row.move->force;
    move.leave_vacant = row.move->leave_vacant;
    move.automatic = row.move->automatic;
    move.from = read.jid(row.move->from);
    move.from_epoch = row.move->from_epoch;
    move.context = row.move->context;
  }
  if (!read.status()) return read.status();
  return record;
}

store::MoveRow toRow(const std::string& group, const eg::KnownMove& move) {
  store::MoveRow row;
  row.group = group;
  row.key = move.request.key;
  row.target = textOf(move.request.target);
  row.away_from = textOf(move.request.away_from);
  row.expect_epoch = move.request.expect_epoch;
  row.caller = move.request.caller;
  row.force = move.request.force;
  row.leave_vacant = move.request.leave_vacant;
  row.context = move.request.context;
  if (!move.outcome) return row;
  const eg::MoveFinished& outcome = *move.outcome;
  row.automatic = outcome.automatic;
  row.from = textOf(outcome.from);
  row.from_epoch = outcome.from_epoch;
  row.code = codeName(outcome.status.code());
  row.field = outcome.status.field();
  row.text = outcome.text;
  row.to = textOf(outcome.to);
  row.epoch = outcome.epoch;
  row.duration_ms = outcome.duration.toMillis();
  row.resumed = outcome.resumed;
  return row;
}

Result<eg::KnownMove> toKnownMove(const store::MoveRow& row) {
  JidReader read(row.group);
  eg::KnownMove known;
  known.request.key = row.key;
  known.request.target = read.optional(row.target);
  known.request.away_from = read.optional(row.away_from);
  known.request.expect_epoch = row.expect_epoch;
  known.request.caller = row.caller;
  known.request.force = row.force;
  known.request.leave_vacant = row.leave_vacant;
  known.request.context = row.context;
  eg::MoveFinished& outcome = known.outcome.emplace();
  outcome.key = row.key;
  const auto code = codeNamed(row.code);
  if (!code) {
    return Status(Code::kDataLoss, "group " + row.group + ": the move " + row.key +
                                       " has the outcome '" + row.code + "', which is none");
  }
  if (*code != Code::kOk) outcome.status = Status(*code, row.text, row.field);
  outcome.from = read.jid(row.from);
  outcome.to = read.jid(row.to);
  outcome.epoch = row.epoch;
  outcome.duration = Duration::millis(row.duration_ms);
  outcome.text = row.text;
  outcome.caller = row.caller;
  outcome.from_epoch = row.from_epoch;
  outcome.automatic = row.automatic;
  outcome.forced = row.force;
  outcome.resumed = row.resumed;
  outcome.context = row.context;
  if (!read.status()) return read.status();
  return known;
}

GroupDriver::GroupDriver(xmpp::Endpoint& component, store::GroupStore& store, Clock& clock,
                         Random& random, election::GroupConfig config, election::GroupRecord record,
                         Hooks hooks, std::vector<eg::KnownMove> known)
    : component_(component),
      store_(store),
      clock_(clock),
      hooks_(std::move(hooks)),
      machine_(std::move(config), std::move(record), random, clock.elapsed(), std::move(known)) {
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

eg::Plan GroupDriver::plan(const eg::MoveRequested& request) const {
  return machine_.plan(request, clock_.elapsed());
}

// Works on a copy, which becomes the machine only once its record is on disk.
void GroupDriver::step(const eg::Event& event) {
  if (failed_) return;
  election::GroupMachine next = machine_;
  const eg::Effects effects = next.step(event, clock_.elapsed());
  for (const eg::Effect& effect : effects) {
    const auto* write = std::get_if<eg::Persist>(&effect);
    if (write != nullptr && !persist(*write)) return;
  }
  machine_ = std::move(next);
  for (const eg::Effect& effect : effects) carryOut(effect);
  armTimer();
}

bool GroupDriver::persist(const eg::Persist& write) {
  std::vector<store::MoveRow> ended;
  for (const eg::KnownMove& move : write.outcomes) ended.push_back(toRow(name(), move));
  const Status saved = store_.save(toRow(write.record, clock_.wall()), ended);
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
                   if (hooks_.alarm) hooks_.alarm(e);
                 },
                 [this](const eg::PhaseChanged& e) {
                   logger("muster.election")
                       ->info("{}: {} -> {}, epoch {}, {}: {}", name(), election::phaseName(e.from),
                              election::phaseName(e.to), e.epoch, e.jid.toString(), e.cause);
                   if (hooks_.phase_changed) hooks_.phase_changed(e);
                   hooks_.changed();
                 },
                 [this](const eg::TookOver& e) {
                   if (hooks_.took_over) hooks_.took_over(e);
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
