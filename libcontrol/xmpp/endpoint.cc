#include "libcontrol/xmpp/endpoint.h"

#include <QMetaObject>
#include <algorithm>
#include <cstdio>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {

// One incoming request; the last copy of its IqReply ends it.
class IqReply::State {
 public:
  State(std::shared_ptr<Endpoint*> endpoint, const Element& iq)
      : endpoint_(std::move(endpoint)), request_("iq", iq.ns()) {
    for (const char* name : {"id", "from", "to"}) {
      if (iq.hasAttribute(name)) request_.setAttribute(name, iq.attribute(name));
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Forgotten; or what was asked of has ended meanwhile, as a coordinator that leads no more.
  ~State() {
    error({.condition = Condition::kInternalServerError,
           .text = "this was dropped before it had an answer; whether it was carried out is not "
                   "known"},
          nullptr);
  }

  void result(Element* payload) {
    if (!begin()) return;
    Element answer = resultFor(request_, (*endpoint_)->answerFrom());
    if (payload != nullptr) answer.add(std::move(*payload));
    (*endpoint_)->send(std::move(answer));
  }

  void error(const StanzaError& error, Element* payload) {
    if (!begin()) return;
    Element answer = errorFor(request_, error, (*endpoint_)->answerFrom());
    if (payload != nullptr) {
      answer.children().insert(answer.children().begin(), std::move(*payload));
    }
    (*endpoint_)->send(std::move(answer));
  }

 private:
  bool begin() {
    if (answered_) return false;
    answered_ = true;
    return *endpoint_ != nullptr;
  }

  std::shared_ptr<Endpoint*> endpoint_;
  Element request_;  // without its payload
  bool answered_ = false;
};

void IqReply::result() const {
  state_->result(nullptr);
}
void IqReply::result(Element payload) const {
  state_->result(&payload);
}
void IqReply::error(const StanzaError& error) const {
  state_->error(error, nullptr);
}
void IqReply::error(Condition condition, std::string text) const {
  state_->error({.condition = condition, .text = std::move(text)}, nullptr);
}
void IqReply::error(const StanzaError& error, Element payload) const {
  state_->error(error, &payload);
}
void IqReply::error(const Status& status) const {
  error(conditionFor(status.code()), status.code() == Code::kStranger ? "" : status.text());
}

Endpoint::Endpoint(Link& link, Clock& clock, Random& random)
    : link_(link), clock_(clock), random_(random), self_(std::make_shared<Endpoint*>(this)) {
  link_.onReceived([this](const Element& stanza) { onReceived(stanza); });
  link_.onUp([this] { onUp(); });
  link_.onDown([this](const DownEvent& event) { onDown(event); });
  deadline_timer_.setSingleShot(true);
  deadline_timer_.setTimerType(Qt::PreciseTimer);
  QObject::connect(&deadline_timer_, &QTimer::timeout, &context_, [this] {
    armed_for_.reset();
    checkDeadlines();
  });
  QObject::connect(&heartbeat_, &QTimer::timeout, &context_, [this] { beat(); });
  handleIq(IqType::kGet, "ping", ns::kPing,
           [this](const Element& iq, const IqReply& reply) { answerPing(iq, reply); });
}

Endpoint::~Endpoint() {
  *self_ = nullptr;
  link_.onReceived({});
  link_.onUp({});
  link_.onDown({});
}

void Endpoint::handleIq(IqType type, const std::string& name, const std::string& ns,
                        IqHandler handler) {
  handlers_[{type, name, ns}] = std::make_shared<const IqHandler>(std::move(handler));
}

void Endpoint::removeIqHandler(IqType type, const std::string& name, const std::string& ns) {
  handlers_.erase({type, name, ns});
}

void Endpoint::setPingPolicy(std::function<bool(const Jid&, const Jid&)> answers) {
  ping_policy_ = std::move(answers);
}

Endpoint::ListenerId Endpoint::addListener(Listener listener) {
  const ListenerId id = next_listener_++;
  listeners_[id] = std::make_shared<const Listener>(std::move(listener));
  return id;
}

void Endpoint::removeListener(ListenerId id) {
  listeners_.erase(id);
}

void Endpoint::tell(const std::function<void(const Listener&)>& call) {
  const auto listeners = listeners_;
  const std::shared_ptr<Endpoint*> self = self_;
  for (const auto& [id, listener] : listeners) {
    if (*self == nullptr) return;
    if (listeners_.contains(id)) call(*listener);
  }
}

// --- what we ask ------------------------------------------------------------------------------

std::string Endpoint::newId() {
  char id[40];
  snprintf(id, sizeof id, "%016llx-%llx", static_cast<unsigned long long>(random_.next()),
           static_cast<unsigned long long>(++next_id_));
  return id;
}

void Endpoint::addOwnFrom(Element& stanza) const {
  if (isComponent() && !stanza.hasAttribute("from")) {
    stanza.setAttribute("from", jid().toString());
  }
}

bool Endpoint::send(Element stanza) {
  addOwnFrom(stanza);
  return link_.send(stanza);
}

void Endpoint::sendError(const Element& stanza, const StanzaError& error) {
  if (stanza.attribute("type") == "error") return;
  send(errorFor(stanza, error, answerFrom()));
}

void Endpoint::request(Element iq, Duration timeout, RequestDone done) {
  const std::optional<Jid> to = jidAttribute(iq, "to");
  if (iq.hasAttribute("to") && !to) {
    return failLater(std::move(done), Code::kInvalidArgument,
                     "'" + singleLine(iq.attribute("to"), 80) + "' is not a JID to ask");
  }
  if (pending_.size() >= limits::kMaxPendingIqs) {
    return failLater(
        std::move(done), Code::kResourceExhausted,
        std::to_string(limits::kMaxPendingIqs) + " requests are waiting for an answer already");
  }
  const std::string id = newId();
  iq.setAttribute("id", id);
  addOwnFrom(iq);
  if (deaf_ || !link_.send(iq)) {
    return failLater(std::move(done), Code::kUnavailable, "not connected to the XMPP server");
  }
  const ElapsedTime deadline = clock_.elapsed() + std::min(timeout, Duration::seconds(3600));
  pending_[id] = {to.value_or(Jid()), deadline, std::move(done)};
  deadlines_.emplace(deadline, id);
  armTimer();
}

void Endpoint::failLater(RequestDone done, Code code, std::string text) {
  if (!done) return;
  IqOutcome outcome{.status = {code, std::move(text)}};
  QMetaObject::invokeMethod(
      &context_, [done = std::move(done), outcome = std::move(outcome)] { done(outcome); },
      Qt::QueuedConnection);
}

void Endpoint::armTimer() {
  if (deadlines_.empty()) {
    deadline_timer_.stop();
    armed_for_.reset();
    return;
  }
  const ElapsedTime first = deadlines_.begin()->first;
  // Left running for a request that has been answered: it fires once for nothing, which is cheaper
  // than setting it anew for every request.
  if (armed_for_ && *armed_for_ <= first) return;
  armed_for_ = first;
  const int64_t ms = (first - clock_.elapsed()).toMillis() + 1;
  deadline_timer_.start(static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000)));
}

void Endpoint::checkDeadlines() {
  const ElapsedTime now = clock_.elapsed();
  const std::shared_ptr<Endpoint*> self = self_;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto entry = pending_.extract(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    const Pending& pending = entry.mapped();
    if (!pending.done) continue;
    const std::string whom = pending.to.isEmpty() ? "the server" : pending.to.toString();
    pending.done(
        {.status = {Code::kTimeout, "no answer from " + whom + " within the time allowed"}});
    if (*self == nullptr) return;
  }
  armTimer();
}

void Endpoint::failAll(const Status& why) {
  std::map<std::string, Pending> failed;
  failed.swap(pending_);
  deadlines_.clear();
  armTimer();
  const std::shared_ptr<Endpoint*> self = self_;
  for (auto& [id, pending] : failed) {
    if (*self == nullptr) return;
    if (pending.done) pending.done({.status = why});
  }
}

bool Endpoint::isOwnServerOrAccount(const Element& iq) const {
  if (!iq.hasAttribute("from")) return !isComponent();
  const std::optional<Jid> from = jidAttribute(iq, "from");
  if (!from) return false;
  const Jid own = jid();
  return *from == own || *from == own.bare() || from->toString() == own.domain();
}

bool Endpoint::isFrom(const Element& iq, const Jid& expected) const {
  if (expected.isEmpty()) return isOwnServerOrAccount(iq);
  // RFC 6120, section 8.1.2.1: without a `from` it is from the own account.
  if (!iq.hasAttribute("from")) return !isComponent() && expected == jid().bare();
  return jidAttribute(iq, "from") == expected;
}

void Endpoint::onIqAnswer(const Element& iq) {
  const auto found = pending_.find(iq.attribute("id"));
  if (found == pending_.end() || !isFrom(iq, found->second.to)) return;
  const auto entry = pending_.extract(found);
  deadlines_.erase({entry.mapped().deadline, entry.key()});
  if (!entry.mapped().done) return;
  IqOutcome outcome{.iq = iq};
  if (iq.attribute("type") == "error") {
    outcome.error = readError(iq).value_or(StanzaError{});
    outcome.status = toStatus(*outcome.error);
  }
  entry.mapped().done(outcome);
}

// --- what we are asked ------------------------------------------------------------------------

void Endpoint::onIq(const Element& iq) {
  const std::string& type = iq.attribute("type");
  if (type == "get") {
    onIqRequest(iq, IqType::kGet);
  } else if (type == "set") {
    onIqRequest(iq, IqType::kSet);
  } else if (type == "result" || type == "error") {
    onIqAnswer(iq);
  } else {
    sendError(iq, {.condition = Condition::kBadRequest,
                   .text = "the type of an iq is get, set, result or error"});
  }
}

void Endpoint::onIqRequest(const Element& iq, IqType type) {
  // From nobody there is no way back; a server doesn't pass such a stanza to a component.
  if (isComponent() && !iq.hasAttribute("from")) return;
  if (iq.attribute("id").empty()) {
    return sendError(iq, {.condition = Condition::kBadRequest, .text = "the iq has no id"});
  }
  if (iq.children().size() != 1) {
    return sendError(iq, {.condition = Condition::kBadRequest,
                          .text = "an iq of type " + iq.attribute("type") +
                                  " has exactly one child element, this one has " +
                                  std::to_string(iq.children().size())});
  }
  const Element& payload = *iq.firstChild();
  const auto found = handlers_.find({type, payload.name(), payload.ns()});
  if (found == handlers_.end()) {
    return sendError(iq, {.condition = Condition::kServiceUnavailable});
  }
  const std::shared_ptr<const IqHandler> handler = found->second;
  (*handler)(iq, IqReply(std::make_shared<IqReply::State>(self_, iq)));
}

void Endpoint::answerPing(const Element& iq, const IqReply& reply) {
  const Jid from = jidAttribute(iq, "from").value_or(Jid());
  const Jid to = jidAttribute(iq, "to").value_or(jid());
  if (isOwnServerOrAccount(iq) || !ping_policy_ || ping_policy_(from, to)) return reply.result();
  reply.error(Condition::kServiceUnavailable);
}

// --- the link ---------------------------------------------------------------------------------

void Endpoint::onReceived(const Element& stanza) {
  if (checkLoop() || deaf_) return;
  if (stanza.is("iq", ns::kClient)) {
    onIq(stanza);
  } else if (stanza.is("message", ns::kClient)) {
    tell([&stanza](const Listener& l) {
      if (l.message) l.message(stanza);
    });
  } else if (stanza.is("presence", ns::kClient)) {
    tell([&stanza](const Listener& l) {
      if (l.presence) l.presence(stanza);
    });
  }
}

void Endpoint::onUp() {
  deaf_ = false;
  tell([](const Listener& l) {
    if (l.up) l.up();
  });
}

void Endpoint::onDown(const DownEvent& event) {
  const std::shared_ptr<Endpoint*> self = self_;
  failAll({Code::kUnavailable, "the connection to the XMPP server was lost: " + event.text});
  if (*self == nullptr) return;
  tell([&event](const Listener& l) {
    if (l.down) l.down(event);
  });
}

void Endpoint::watchLoop(Duration max_gap) {
  max_gap_ = max_gap;
  last_beat_ = clock_.elapsed();
  heartbeat_.start(static_cast<int>(std::max<int64_t>(1, (max_gap / 5).toMillis())));
}

void Endpoint::beat() {
  checkLoop();
}

bool Endpoint::checkLoop() {
  if (!max_gap_) return false;
  const ElapsedTime now = clock_.elapsed();
  const Duration gap = now - last_beat_;
  last_beat_ = now;
  if (gap <= *max_gap_) return false;
  // Also of a login that is under way: its stream may hold old input already.
  deaf_ = true;
  const std::shared_ptr<Endpoint*> self = self_;
  link_.drop("the event loop stood still for " + formatDuration(Duration::millis(gap.toMillis())));
  if (*self == nullptr) return true;
  failAll({Code::kUnavailable, "the connection was given up after the process had stood still"});
  if (*self == nullptr) return true;
  tell([gap](const Listener& l) {
    if (l.loop_gap) l.loop_gap(gap);
  });
  return true;
}

}  // namespace muster::xmpp
