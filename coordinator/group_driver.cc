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

// Rounded up: what a restart waits by must not be shorter than what was granted.
int64_t wholeMillis(Duration duration) {
  return (duration + Duration{999'999}).toMillis();
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
  row.lease_ttl_ms = wholeMillis(record.lease_ttl);
  row.moved_at = moved_at;
  row.failsafe_ms = wholeMillis(record.failsafe_limit);
  row.failsafe_lease_ms = wholeMillis(record.failsafe_lease);
  row.members_version = record.members_version;
  for (const Jid& jid : record.listed) row.listed.push_back(textOf(jid));
  for (const Jid& jid : record.untold) row.untold.push_back(textOf(jid));
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
  record.failsafe_limit = Duration::millis(row.failsafe_ms);
  record.failsafe_lease = Duration::millis(row.failsafe_lease_ms);
  record.members_version = row.members_version;
  for (const std::string& jid : row.listed) record.listed.push_back(read.jid(jid));
  for (const std::string& jid : row.untold) record.untold.push_back(read.jid(jid));
  std::sort(record.listed.begin(), record.listed.end());
  std::sort(record.untold.begin(), record.untold.end());
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

GroupDriver::GroupDriver(xmpp::Endpoint& lease, store::GroupStore& store, Clock& clock,
                         Random& random, election::GroupConfig config, election::GroupRecord record,
                         Hooks hooks, std::vector<eg::KnownMove> known)
    : lease_(lease),
      store_(store),
      clock_(clock),
      hooks_(std::move(hooks)),
      machine_(std::move(config), std::move(record), random, clock.elapsed(), std::move(known)) {
  timer_.setSingleShot(true);
  timer_.setTimerType(Qt::PreciseTimer);
  QObject::connect(&timer_, &QTimer::timeout, &context_, [this] {
    // After a pause the link is dropped before anything is decided that would be sent over it.
    lease_.beat();
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

void GroupDriver::step(const eg::Event& event) {
  if (failed_) return;
  if (writing_) {
    waiting_.push_back(event);
  } else {
    decide(event);
  }
}

// Works on a copy, which becomes the machine only once its record is on disk.
void GroupDriver::decide(const eg::Event& event) {
  Decided decided{machine_, {}};
  decided.effects = decided.machine.step(event, clock_.elapsed());
  const auto* write =
      decided.effects.empty() ? nullptr : std::get_if<eg::Persist>(&decided.effects.front());
  if (write == nullptr) return adopt(std::move(decided), /*is_written=*/false);
  timer_.stop();
  const eg::Persist record = *write;
  writing_ = std::move(decided);
  persist(record);
}

void GroupDriver::persist(const eg::Persist& write) {
  std::vector<store::MoveRow> ended;
  for (const eg::KnownMove& move : write.outcomes) ended.push_back(toRow(name(), move));
  store_.saveThen(toRow(write.record, clock_.wall()), ended,
                  [this, alive = std::weak_ptr<bool>(alive_)](const Status& status) {
                    if (!alive.expired()) written(status);
                  });
}

void GroupDriver::written(const Status& status) {
  Decided decided = std::move(*writing_);
  writing_.reset();
  if (!status) return fail(status);
  adopt(std::move(decided), /*is_written=*/true);
  while (!failed_ && !writing_ && !waiting_.empty()) {
    const eg::Event next = std::move(waiting_.front());
    waiting_.pop_front();
    decide(next);
  }
}

void GroupDriver::adopt(Decided decided, bool is_written) {
  machine_ = std::move(decided.machine);
  for (const eg::Effect& effect : decided.effects) carryOut(effect, is_written);
  if (!writing_) armTimer();
}

void GroupDriver::fail(const Status& status) {
  if (std::exchange(failed_, true)) return;
  timer_.stop();
  hooks_.store_failed(status);
}

void GroupDriver::onRequest(const Jid& from, const v1::LeaseMessage& message,
                            const xmpp::IqReply& reply) {
  const election::ReplyToken token = next_token_++;
  const auto take = [&](auto parsed, auto make_event) {
    if (!parsed) return reply.error(parsed.status());
    replies_.emplace(token, reply);
    step(make_event(std::move(parsed).value()));
    // What has had its turn is answered or never will be: then the node asks again.
    if (!writing_) replies_.clear();
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

void GroupDriver::carryOut(const eg::Effect& effect, bool is_written) {
  std::visit(Overloaded{
                 [](const eg::Persist&) {},
                 [&](const eg::Reply& e) { answer(e, is_written); },
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

// What was written by then was written by the only one that may; else that has to be confirmed,
// also of a refusal: one that has been deposed would end a lease that is in force.
void GroupDriver::answer(const eg::Reply& reply, bool is_written) {
  const auto asked = replies_.extract(reply.token);
  if (asked.empty()) return;
  auto send = [iq = asked.mapped(),
               message = std::visit([](const auto& m) { return convert::toProto(m); },
                                    reply.message)] { iq.result(xmpp::writeLease(message)); };
  if (is_written) return send();
  store_.confirm(
      [this, send = std::move(send), alive = std::weak_ptr<bool>(alive_)](const Status& confirmed) {
        if (alive.expired()) return;
        confirmed ? send() : fail(confirmed);
      });
}

void GroupDriver::sendOffer(const eg::SendOffer& effect) {
  lease_.request(leaseIq(effect.to, convert::toProto(effect.message)), limits::kIqTimeout,
                 [this, alive = std::weak_ptr<bool>(alive_), to = effect.to,
                  nonce = effect.message.offer_nonce](const xmpp::IqOutcome& outcome) {
                   if (alive.expired()) return;
                   election::Denied denied;
                   if (outcome.payload() != nullptr) {
                     const auto message = xmpp::readLease(*outcome.payload());
                     if (message && message->has_accepted())
                       return step(eg::OfferAccepted{to, nonce});
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
  lease_.request(
      leaseIq(effect.to, convert::toProto(effect.message)), timeout,
      [this, alive = std::weak_ptr<bool>(alive_), to = effect.to](const xmpp::IqOutcome& outcome) {
        if (alive.expired() || outcome.payload() == nullptr) return;
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
  lease_.request(
      std::move(iq), limits::kIqTimeout,
      [this, alive = std::weak_ptr<bool>(alive_), to = effect.to](const xmpp::IqOutcome& outcome) {
        if (!alive.expired() && outcome.isOk()) step(eg::QueryAnswered{to});
      });
}

void GroupDriver::armTimer() {
  const auto wake = machine_.nextWake();
  if (!wake) return timer_.stop();
  const int64_t ns = std::max<int64_t>(0, (*wake - clock_.elapsed()).ns);
  timer_.start(static_cast<int>(std::min<int64_t>(ns / 1'000'000 + 1, 3'600'000)));
}

}  // namespace muster::coordinator
