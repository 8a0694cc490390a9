// What a command was answered with, for people and for programs. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "coordinator/cli/client.h"
#include "libcontrol/adhoc/payload.h"

namespace muster::cli {

// Title, instructions and fields of a form that asks, as lines; each field with its name, type,
// options and present value.
std::vector<std::string> questionLines(const adhoc::Form& form, size_t width);
// One field of it.
std::vector<std::string> fieldLines(const adhoc::Field& field, size_t width);
// Notes, and what a result form says: values and table.
std::vector<std::string> answerLines(const adhoc::Command& answer, size_t width);

// {"status", "notes", "form": {"title", "instructions", "fields", "columns", "rows"}}
nlohmann::ordered_json answerJson(const adhoc::Command& answer);
nlohmann::ordered_json offersJson(const std::vector<OfferedCommand>& offers);

// "text-single" and the like.
const char* typeName(adhoc::FieldType type);
const char* actionName(adhoc::Action action);

}  // namespace muster::cli
