// Commands as text, for chat and terminal: replies, help and errors.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::catalogue {

// Which grammar the text is about: `verb name=value` or `muster verb --name value`.
enum class Grammar { kChat, kCli };

// "Label: value" lines and aligned tables; no line feed at the end.
std::string replyText(const google::protobuf::Message& reply);

// "log-level [LOGGER] [NEW-LEVEL] [for=DURATION]" or "muster log-level ... [--for DURATION]".
std::string usageLine(const Command& command, const Scope& scope, Grammar grammar);
// All that this role may call, one line each.
std::string helpText(const Catalogue& catalogue, const Scope& scope);
// One command: what it does, usage, arguments with their ranges, examples. Arguments that the scope
// doesn't reach are left out.
std::string helpText(const Command& command, const Scope& scope, Grammar grammar);
// The `--help` of a verb on the command line; everything, whatever the role, hidden ones included.
std::string cliText(const Command& command);

// One line for one error, several lines for several.
std::string errorText(const Status& status, const std::vector<Status>& errors);

}  // namespace muster::catalogue
