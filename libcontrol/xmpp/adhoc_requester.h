// The caller's side of an ad-hoc command (XEP-0050): one stage or several.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::xmpp {

// What a stage was answered with.
struct AdhocOutcome {
  // ok: `command` is the answer, which may still carry an error note. Otherwise see
  // IqOutcome::status; kInternal if the answer is not a command.
  Status status;
  adhoc::Command command;
  // Set if the other side answered with an error stanza.
  std::optional<StanzaError> error;
  adhoc::CommandCondition command_condition = adhoc::CommandCondition::kNone;

  bool isOk() const { return status.isOk(); }
  bool isExecuting() const { return isOk() && command.status == adhoc::CommandStatus::kExecuting; }
};

struct AdhocCall {
  Jid to;                           // a full JID, or an address of a component
  Jid from;                         // of a component with several addresses; else empty
  std::string node;                 // the command
  std::optional<adhoc::Form> form;  // submitted at once; its type is made kSubmit
  bool wants_reply = false;         // ask for the reply as a message instead (payload.h)
  Duration timeout = limits::kIqTimeout;
};

// Stateless but for the endpoint, which must outlive it. Callbacks come as of Endpoint::request().
class AdhocRequester {
 public:
  using Done = std::function<void(const AdhocOutcome& outcome)>;

  explicit AdhocRequester(Endpoint& endpoint) : endpoint_(endpoint) {}

  // The first stage: action execute. A reply that comes in parts is fetched whole; each part has
  // the call's time.
  void execute(const AdhocCall& call, Done done);
  // A later stage: `action` within the session of an answer that was executing.
  void proceed(const AdhocCall& call, const std::string& session_id, adhoc::Action action,
               Done done);

 private:
  void send(const AdhocCall& call, adhoc::Command command, Done done);
  void collect(AdhocCall call, std::string so_far, size_t expected_part, AdhocOutcome outcome,
               const Done& done);

  Endpoint& endpoint_;
};

}  // namespace muster::xmpp
