// Replies and errors as JSON for programs. Unlike protobuf's own mapping it leaves nothing out and
// writes every number as a number, 64 bits too; a field that was not set is null, an enum is its
// label ("" if it has none), bytes are hex, durations stay numbers in the unit of the field's name.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::catalogue {

nlohmann::ordered_json toJson(const google::protobuf::Message& message);
// {"error": {"code": "invalid-argument", "text": "...", "field": "to", "errors": [...]}}
nlohmann::ordered_json errorJson(const Status& status, const std::vector<Status>& errors = {});

// The same as text, indented by two, without a line feed at the end. Invalid UTF-8 is replaced.
std::string jsonText(const google::protobuf::Message& message);
std::string errorJsonText(const Status& status, const std::vector<Status>& errors = {});

}  // namespace muster::catalogue
