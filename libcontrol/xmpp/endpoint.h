// All that one link says and hears: requests with their deadlines, answers to what others ask, and
// the fan-out of the rest.
#pragma once

#include <QObject>
#include <QTimer>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/link.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {

class Endpoint;

// Answers one incoming IQ, at once or later. Copies answer the same request; the first answer
// counts and the rest are ignored. If the last copy is gone without an answer, the request is
// answered with internal-server-error, so that nobody waits in vain. While there is no connection,
// or after the endpoint ended, an answer goes nowhere.
class IqReply {
 public:
  void result() const;
  void result(Element payload) const;
  void error(const StanzaError& error) const;
  void error(Condition condition, std::string text = {}) const;
  // With a payload beside the error, as XEP-0050 wants it on a later stage.
  void error(const StanzaError& error, Element payload) const;
  // By conditionFor(status.code()), with its text; kStranger goes without a text.
  void error(const Status& status) const;

 private:
  friend class Endpoint;
  class State;
  explicit IqReply(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// What became of a request.
struct IqOutcome {
  // ok: `iq` is the result. Otherwise why there is none: kUnavailable (not sent, or the link went
  // down: it may still have been carried out), kTimeout (likewise), kResourceExhausted (too many
  // pending, not sent), else the other side's error by codeFor().
  Status status = {};
  // The result or the error as it came; not set if none did.
  std::optional<Element> iq = {};
  // The <error/> of an answer with type='error'.
  std::optional<StanzaError> error = {};

  bool isOk() const { return status.isOk(); }
  // The payload of a result, or null.
  const Element* payload() const { return isOk() && iq ? iq->firstChild() : nullptr; }
};

// Lives on the thread of the link's event loop, which makes every call and gets every callback.
// Takes the link's three callbacks for itself; the link, the clock and the random source must
// outlive it. Make it before link.start().
class Endpoint {
 public:
  enum class IqType { kGet, kSet };
  using IqHandler = std::function<void(const Element& iq, IqReply reply)>;
  using RequestDone = std::function<void(const IqOutcome& outcome)>;

  // Any of them may be empty. Called in the order in which they were added.
  struct Listener {
    std::function<void()> up;
    std::function<void(const DownEvent&)> down;
    std::function<void(const Element&)> message;
    std::function<void(const Element&)> presence;
    // The event loop stood still that long; the link has been told to drop.
    std::function<void(Duration)> loop_gap;
  };
  using ListenerId = uint64_t;

  Endpoint(Link& link, Clock& clock, Random& random);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // One handler for each (type, name, ns); a second registration replaces the first. What has no
  // handler is answered with service-unavailable, an IQ without id, or a get or set without exactly
  // one payload, with bad-request.
  void handleIq(IqType type, const std::string& name, const std::string& ns, IqHandler handler);
  void removeIqHandler(IqType type, const std::string& name, const std::string& ns);

  // Whose pings (XEP-0199) get a pong; the others get service-unavailable. Unset: everybody's. The
  // own server's always are.
  void setPingPolicy(std::function<bool(const Jid& from, const Jid& to)> answers);

  ListenerId addListener(Listener listener);
  // May be called from within a callback.
  void removeListener(ListenerId id);

  // Sends an IQ of type get or set, to be answered within `timeout` (at most an hour); gives it an
  // id of its own and, at a component, a `from` if it has none. `done` is called exactly once,
  // later (never from inside this call), unless the endpoint ends first. Only an answer with the id
  // from the very JID that was asked counts; for no `to` that is the own account or server.
  void request(Element iq, Duration timeout, RequestDone done);
  size_t pendingRequests() const { return pending_.size(); }

  // Anything else; false if there is no connection. Fills in `from` at a component like request().
  bool send(Element stanza);
  // Answers a message or presence with an error; never one that is an error itself.
  void sendError(const Element& stanza, const StanzaError& error);
  // A fresh id for a message: 64 random bits and a counter.
  std::string newId();

  // Rule 1 of docs/election.md: from now on a heartbeat watches for gaps in the event loop. After
  // one longer than `max_gap` on the endpoint's clock nothing that comes in is handled until the
  // link has been up anew, and link.drop() is called first of all.
  void watchLoop(Duration max_gap = limits::kMaxLoopGap);

  // Called by timers; tests with a clock of their own call it themselves.
  void checkDeadlines();
  void beat();

  Link& link() { return link_; }
  ElapsedTime now() const { return clock_.elapsed(); }
  bool isUp() const { return link_.isUp(); }
  // The full JID of a client, the domain of a component.
  Jid jid() const { return link_.jid(); }
  bool isComponent() const { return !jid().isEmpty() && jid().local().empty(); }

 private:
  friend class IqReply;
  struct Pending {
    Jid to;  // empty: the own account
    ElapsedTime deadline;
    RequestDone done;
  };
  using HandlerKey = std::tuple<IqType, std::string, std::string>;

  void onReceived(const Element& stanza);
  void onUp();
  void onDown(const DownEvent& event);
  void onIq(const Element& iq);
  void onIqRequest(const Element& iq, IqType type);
  void onIqAnswer(const Element& iq);
  void answerPing(const Element& iq, const IqReply& reply);
  bool isFrom(const Element& iq, const Jid& expected) const;
  bool isOwnServerOrAccount(const Element& iq) const;
  void failAll(const Status& why);
  void failLater(RequestDone done, Code code, std::string text);
  void addOwnFrom(Element& stanza) const;
  From answerFrom() const { return isComponent() ? From::kAsAddressed : From::kLeftOut; }
  void armTimer();
  // True if there was a gap; then the link has been dropped.
  bool checkLoop();
  void tell(const std::function<void(const Listener&)>& call);

  Link& link_;
  Clock& clock_;
  Random& random_;
  std::map<HandlerKey, std::shared_ptr<const IqHandler>> handlers_;
  std::function<bool(const Jid&, const Jid&)> ping_policy_;

  std::map<ListenerId, std::shared_ptr<const Listener>> listeners_;
  ListenerId next_listener_ = 1;

  std::map<std::string, Pending> pending_;  // by id
  std::set<std::pair<ElapsedTime, std::string>> deadlines_;
  uint64_t next_id_ = 0;

  QObject context_;  // what is posted to the loop ends with it
  QTimer deadline_timer_;
  std::optional<ElapsedTime> armed_for_;
  QTimer heartbeat_;
  std::optional<Duration> max_gap_;
  ElapsedTime last_beat_;
  bool deaf_ = false;  // dropped after a gap and not up again yet

  // Null once the endpoint has ended; shared with the IqReplies that were handed out.
  std::shared_ptr<Endpoint*> self_;
};

}  // namespace muster::xmpp
