#include "libcontrol/xmpp/stanza.h"

#include <array>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {
namespace {

struct ConditionRow {
  Condition condition;
  const char* name;
  ErrorType type;
  Code code;
};

// Types as in the subsections of RFC 6120, 8.3.3.
constexpr std::array kConditions = {
    ConditionRow{Condition::kBadRequest, "bad-request", ErrorType::kModify, Code::kInvalidArgument},
    ConditionRow{Condition::kConflict, "conflict", ErrorType::kCancel, Code::kConflict},
    ConditionRow{Condition::kFeatureNotImplemented, "feature-not-implemented", ErrorType::kCancel,
                 Code::kInvalidArgument},
    ConditionRow{Condition::kForbidden, "forbidden", ErrorType::kAuth, Code::kForbidden},
    ConditionRow{Condition::kGone, "gone", ErrorType::kCancel, Code::kNotFound},
    ConditionRow{Condition::kInternalServerError, "internal-server-error", ErrorType::kCancel,
                 Code::kInternal},
    ConditionRow{Condition::kItemNotFound, "item-not-found", ErrorType::kCancel, Code::kNotFound},
    ConditionRow{Condition::kJidMalformed, "jid-malformed", ErrorType::kModify,
                 Code::kInvalidArgument},
    ConditionRow{Condition::kNotAcceptable, "not-acceptable", ErrorType::kModify,
                 Code::kInvalidArgument},
    ConditionRow{Condition::kNotAllowed, "not-allowed", ErrorType::kCancel, Code::kRefusedUnsafe},
    ConditionRow{Condition::kNotAuthorized, "not-authorized", ErrorType::kAuth, Code::kForbidden},
    ConditionRow{Condition::kPolicyViolation, "policy-violation", ErrorType::kModify,
                 Code::kResourceExhausted},
    ConditionRow{Condition::kRecipientUnavailable, "recipient-unavailable", ErrorType::kWait,
                 Code::kUnavailable},
    ConditionRow{Condition::kRedirect, "redirect", ErrorType::kModify, Code::kUnavailable},
    ConditionRow{Condition::kRegistrationRequired, "registration-required", ErrorType::kAuth,
                 Code::kForbidden},
    ConditionRow{Condition::kRemoteServerNotFound, "remote-server-not-found", ErrorType::kCancel,
                 Code::kUnavailable},
    ConditionRow{Condition::kRemoteServerTimeout, "remote-server-timeout", ErrorType::kWait,
                 Code::kTimeout},
    ConditionRow{Condition::kResourceConstraint, "resource-constraint", ErrorType::kWait,
                 Code::kResourceExhausted},
    ConditionRow{Condition::kServiceUnavailable, "service-unavailable", ErrorType::kCancel,
                 Code::kUnavailable},
    ConditionRow{Condition::kSubscriptionRequired, "subscription-required", ErrorType::kAuth,
                 Code::kForbidden},
    ConditionRow{Condition::kUndefinedCondition, "undefined-condition", ErrorType::kCancel,
                 Code::kInternal},
    ConditionRow{Condition::kUnexpectedRequest, "unexpected-request", ErrorType::kWait,
                 Code::kConflict},
};

const ConditionRow& rowOf(Condition condition) {
  for (const ConditionRow& row : kConditions) {
    if (row.condition == condition) return row;
  }
  return rowOf(Condition::kUndefinedCondition);
}

constexpr std::array<std::pair<ErrorType, const char*>, 5> kTypes = {{
    {ErrorType::kAuth, "auth"},
    {ErrorType::kCancel, "cancel"},
    {ErrorType::kContinue, "continue"},
    {ErrorType::kModify, "modify"},
    {ErrorType::kWait, "wait"},
}};

const char* typeName(ErrorType type) {
  for (const auto& [value, name] : kTypes) {
    if (value == type) return name;
  }
  return "cancel";
}

Element answerTo(const Element& stanza, const char* type, From from) {
  Element answer(stanza.name(), stanza.ns());
  answer.setAttribute("type", type);
  if (stanza.hasAttribute("id")) answer.setAttribute("id", stanza.attribute("id"));
  if (stanza.hasAttribute("from")) answer.setAttribute("to", stanza.attribute("from"));
  if (from == From::kAsAddressed && stanza.hasAttribute("to")) {
    answer.setAttribute("from", stanza.attribute("to"));
  }
  return answer;
}

void address(Element& stanza, const Jid& from, const Jid& to) {
  if (!from.isEmpty()) stanza.setAttribute("from", from.toString());
  if (!to.isEmpty()) stanza.setAttribute("to", to.toString());
}

}  // namespace

const char* conditionName(Condition condition) {
  return rowOf(condition).name;
}

std::optional<Condition> conditionFromName(std::string_view name) {
  for (const ConditionRow& row : kConditions) {
    if (name == row.name) return row.condition;
  }
  return std::nullopt;
}

ErrorType recommendedType(Condition condition) {
  return rowOf(condition).type;
}

Element errorElement(const StanzaError& error) {
  Element out("error", ns::kClient);
  out.setAttribute("type", typeName(error.type.value_or(recommendedType(error.condition))));
  out.add(conditionName(error.condition), ns::kStanzas);
  if (!error.text.empty()) {
    out.add("text", ns::kStanzas).setText(cleanText(error.text, limits::kMaxReplyTextBytes));
  }
  if (error.application) out.add(*error.application);
  return out;
}

std::optional<StanzaError> readError(const Element& stanza) {
  const Element* element = stanza.child("error", stanza.ns());
  if (element == nullptr) return std::nullopt;
  StanzaError error;
  for (const auto& [value, name] : kTypes) {
    if (element->attribute("type") == name) error.type = value;
  }
  for (const Element& child : element->children()) {
    if (child.is("text", ns::kStanzas)) {
      if (error.text.empty()) error.text = cleanText(child.text(), limits::kMaxReplyTextBytes);
    } else if (child.ns() == ns::kStanzas) {
      error.condition = conditionFromName(child.name()).value_or(error.condition);
    } else if (!error.application) {
      error.application = child;
    }
  }
  return error;
}

Status toStatus(const StanzaError& error) {
  std::string text = error.text;
  if (text.empty()) text = std::string("the answer was ") + conditionName(error.condition);
  return {codeFor(error.condition), text};
}

Condition conditionFor(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return Condition::kBadRequest;
    case Code::kNotFound:
      return Condition::kItemNotFound;
    case Code::kForbidden:
      return Condition::kForbidden;
    case Code::kStranger:
    case Code::kUnavailable:
      return Condition::kServiceUnavailable;
    case Code::kRefusedUnsafe:
      return Condition::kNotAllowed;
    case Code::kConflict:
      return Condition::kConflict;
    case Code::kTimeout:
      return Condition::kRemoteServerTimeout;
    case Code::kResourceExhausted:
      return Condition::kResourceConstraint;
    case Code::kOk:
    case Code::kDataLoss:
    case Code::kInternal:
      break;
  }
  return Condition::kInternalServerError;
}

Code codeFor(Condition condition) {
  return rowOf(condition).code;
}

Element makeIq(std::string_view type, const Jid& to) {
  Element iq("iq", ns::kClient);
  iq.setAttribute("type", std::string(type));
  address(iq, {}, to);
  return iq;
}

Element resultFor(const Element& request, From from) {
  return answerTo(request, "result", from);
}

Element errorFor(const Element& stanza, const StanzaError& error, From from) {
  Element answer = answerTo(stanza, "error", from);
  answer.add(errorElement(error));
  return answer;
}

Element makeMessage(const OutMessage& message) {
  Element out("message", ns::kClient);
  if (!message.type.empty()) out.setAttribute("type", message.type);
  address(out, message.from, message.to);
  // What is said is shown as it stands; a control character would end the stream.
  out.add("body").setText(cleanText(message.body, limits::kMaxReplyTextBytes));
  if (!message.thread.empty()) out.add("thread").setText(message.thread);
  if (!message.id.empty()) {
    out.setAttribute("id", message.id);
    out.add("origin-id", ns::kStanzaIds).setAttribute("id", message.id);
  }
  if (message.no_store) out.add("no-store", ns::kHints);
  if (message.ask_receipt) {
    out.add("request", ns::kReceipts);
    out.add("store", ns::kHints);
  }
  return out;
}

const char* showName(Show show) {
  switch (show) {
    case Show::kNone:
      return "";
    case Show::kAway:
      return "away";
    case Show::kChat:
      return "chat";
    case Show::kDnd:
      return "dnd";
    case Show::kXa:
      return "xa";
  }
  return "";
}

Element makePresence(const OutPresence& presence) {
  Element out("presence", ns::kClient);
  if (!presence.type.empty()) out.setAttribute("type", presence.type);
  address(out, presence.from, presence.to);
  if (presence.show != Show::kNone) out.add("show").setText(showName(presence.show));
  if (!presence.status.empty()) {
    out.add("status").setText(cleanText(presence.status, limits::kMaxReplyTextBytes));
  }
  for (const Element& extra : presence.extra) out.add(extra);
  return out;
}

std::optional<Jid> jidAttribute(const Element& element, std::string_view name) {
  const std::string& text = element.attribute(name);
  if (text.empty()) return std::nullopt;
  auto jid = Jid::parse(text);
  if (!jid) return std::nullopt;
  return *jid;
}

const std::string& childText(const Element& element, std::string_view name) {
  static const std::string kNothing;
  const Element* child = element.child(name, element.ns());
  return child == nullptr ? kNothing : child->text();
}

std::optional<std::string> receiptIn(const Element& message) {
  if (message.name() != "message" || message.attribute("type") == "error") return std::nullopt;
  const Element* received = message.child("received", ns::kReceipts);
  if (received == nullptr || received->attribute("id").empty()) return std::nullopt;
  return received->attribute("id");
}

bool isDelayed(const Element& stanza) {
  return stanza.child("delay", ns::kDelay) != nullptr ||
         stanza.child("x", ns::kLegacyDelay) != nullptr;
}

}  // namespace muster::xmpp
