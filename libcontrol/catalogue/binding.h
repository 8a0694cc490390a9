// From what was typed, submitted or passed to a request message. This is the only validator: every
// face hands its arguments in here as text, and nothing reaches a handler unchecked.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/catalogue/ports.h"

namespace muster::catalogue {

struct RawArguments {
  std::vector<std::string> positionals;
  std::vector<std::pair<std::string, std::string>> named;  // in the order given
  bool operator==(const RawArguments&) const = default;
};

// What a caller has before them: the role they have, the group that the address implies (empty
// where it implies none) and the names to choose from.
struct Scope {
  Role role = v1::ROLE_UNSPECIFIED;
  std::string group;
  const Directory* directory = nullptr;  // never null when used
};

struct Bound {
  std::unique_ptr<google::protobuf::Message> request;  // null if there are errors
  // All that is wrong at once, each with field() set to the argument's name where there is one:
  // kInvalidArgument, kNotFound (a name that isn't there) or kForbidden (the argument's role).
  std::vector<Status> errors;
  // An argument was given whose role is above the command's own.
  bool raised = false;
};

// An empty value counts as given; forms, where it means "not given", leave it out before this.
Bound bind(const Command& command, const RawArguments& raw, const Scope& scope);

// Whether this argument is asked for at all in that scope: not hidden, within the role, not
// implied.
bool isAsked(const Argument& argument, const Scope& scope);

// One value as text in the form that bind() reads back: durations with units, enums by label,
// booleans as true and false. Empty if the field isn't set.
std::string argumentText(const Argument& argument, const google::protobuf::Message& request);
// The whole request as a line of the chat grammar without the verb, hidden arguments left out.
std::string argumentLine(const Command& command, const google::protobuf::Message& request);

// Errors as one Status: the text of one, or all of them in one sentence each, joined by "; ".
Status combine(const std::vector<Status>& errors);

}  // namespace muster::catalogue
