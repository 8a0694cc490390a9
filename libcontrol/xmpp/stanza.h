// The three stanzas of RFC 6120 and the errors they can be answered with: building and reading.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/element.h"

namespace muster::xmpp {

// All of RFC 6120, section 8.3.3.
enum class Condition {
  kBadRequest,
  kConflict,
  kFeatureNotImplemented,
  kForbidden,
  kGone,
  kInternalServerError,
  kItemNotFound,
  kJidMalformed,
  kNotAcceptable,
  kNotAllowed,
  kNotAuthorized,
  kPolicyViolation,
  kRecipientUnavailable,
  kRedirect,
  kRegistrationRequired,
  kRemoteServerNotFound,
  kRemoteServerTimeout,
  kResourceConstraint,
  kServiceUnavailable,
  kSubscriptionRequired,
  kUndefinedCondition,
  kUnexpectedRequest,
};

// RFC 6120, section 8.3.2: what the sender may do about it.
enum class ErrorType { kAuth, kCancel, kContinue, kModify, kWait };

// The content of an <error/>.
struct StanzaError {
  Condition condition = Condition::kUndefinedCondition;
  // Not set: the type that RFC 6120 recommends for the condition.
  std::optional<ErrorType> type = {};
  std::string text = {};
  // An application-specific condition (section 8.3.4), such as <bad-sessionid/> of XEP-0050.
  std::optional<Element> application = {};
};

const char* conditionName(Condition condition);  // "service-unavailable"
std::optional<Condition> conditionFromName(std::string_view name);
ErrorType recommendedType(Condition condition);

Element errorElement(const StanzaError& error);
// Of a stanza with type='error'; nullopt if it has no <error/>. An unknown condition is
// undefined-condition; the text is cleaned and cut.
std::optional<StanzaError> readError(const Element& stanza);

// How an error that came back looks as a Status: its code by the condition, and the other side's
// text or, without one, the condition's name. Never ok.
Status toStatus(const StanzaError& error);
// The condition that says the same as a code. kStranger and kUnavailable are both
// service-unavailable: whoever has no role is told what an address that isn't there would say.
Condition conditionFor(Code code);
Code codeFor(Condition condition);

// An empty <iq/> of that type ("get", "set"); the endpoint gives it its id.
Element makeIq(std::string_view type, const Jid& to);
// The answers to a request: addressed back, with its id. A component says from which of its
// addresses it speaks; a client leaves that to its server, which may end the stream over it.
enum class From { kAsAddressed, kLeftOut };
Element resultFor(const Element& request, From from);
// Also for messages and presence. The sender's payload is not sent back.
Element errorFor(const Element& stanza, const StanzaError& error, From from);

struct OutMessage {
  Jid from;  // empty: left to the server (client) or the endpoint (component)
  Jid to;
  std::string id;  // also sent as the origin-id (XEP-0359); empty: none
  std::string type = "chat";
  std::string body;
  std::string thread;
  // XEP-0334 no-store: not worth keeping for an absent reader.
  bool no_store = false;
  // XEP-0184: the reader's client is asked to confirm it; and XEP-0334 store, so that servers keep
  // it for whoever is away.
  bool ask_receipt = false;
};
Element makeMessage(const OutMessage& message);

// RFC 6121, section 4.7.2.1. `chat` and `xa` are never sent (some clients paint both as offline).
enum class Show { kNone, kAway, kChat, kDnd, kXa };
const char* showName(Show show);  // "" for kNone

struct OutPresence {
  Jid from;
  Jid to;            // empty: broadcast by the server
  std::string type;  // empty: available
  Show show = Show::kNone;
  std::string status;
  std::vector<Element> extra;
};
Element makePresence(const OutPresence& presence);

// An attribute that must be a JID; nullopt if it is missing or isn't one.
std::optional<Jid> jidAttribute(const Element& element, std::string_view name);
// The text of a child in the stanza's own namespace, "" if there is none.
const std::string& childText(const Element& element, std::string_view name);
// The id of the message that this one is an XEP-0184 receipt for.
std::optional<std::string> receiptIn(const Element& message);
// XEP-0203 or its forerunner XEP-0091: somebody kept this stanza back for a while.
bool isDelayed(const Element& stanza);

}  // namespace muster::xmpp
