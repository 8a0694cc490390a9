// Ad-hoc commands (XEP-0050) and data forms (XEP-0004) between values and XML. Reading takes
// whatever comes over the wire: it is bounded and ends with a value or an error, never otherwise.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {

// A <command/> in a request. Errors: bad-request, with malformed-action (an action that isn't one)
// or bad-payload (no form where one is, several of them, over the bounds of limits.h). The
// requester's status and notes are ignored, as the XEP has it.
std::variant<adhoc::Command, adhoc::Error> readCommandRequest(const Element& command);
// A <command/> in a result, as a program sees it. An unknown note type is read as info, a missing
// status as completed.
Result<adhoc::Command> readCommandResult(const Element& command);
Element writeCommand(const adhoc::Command& command);

Result<adhoc::Form> readForm(const Element& x);
// Line breaks in title, label and desc become spaces; instructions are one element a line.
Element writeForm(const adhoc::Form& form);

StanzaError writeError(const adhoc::Error& error);
// What stands beside the error on a later stage: <command node sessionid/>, or nothing.
std::optional<Element> commandBesideError(const adhoc::Error& error);
adhoc::CommandCondition readCommandCondition(const StanzaError& error);

Condition conditionOf(adhoc::ErrorCondition condition);
// The nearest one of those that a command can be answered with.
adhoc::ErrorCondition adhocConditionOf(Condition condition);

// RFC 4648, section 4, strictly: no line breaks, padding in place, no stray bits.
std::string toBase64(const std::string& bytes);
std::optional<std::string> fromBase64(const std::string& text);

}  // namespace muster::xmpp
