// Filling in somebody's form (XEP-0004) from what was typed. Pure; the form came over the wire and
// may say anything.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

// Values by the name (var) of their field; several for a field that takes several.
using Given = std::map<std::string, std::vector<std::string>>;

// From words "name=value". kInvalidArgument names the word that isn't one.
Result<Given> parseGiven(const std::vector<std::string>& words);

// The same words from those of a verb, "--name value", "--name=value" and "name=value"; a --name
// that nothing follows is true. kInvalidArgument for a word without a name: which field it is for
// only the application knows.
Result<std::vector<std::string>> namedValues(const std::vector<std::string>& words);

// Whether a person fills it in: not fixed, not hidden, and with a name.
bool isAsked(const adhoc::Field& field);
// Without a type a field is text-single (XEP-0004, section 3.2).
adhoc::FieldType typeOf(const adhoc::Field& field);
bool takesSeveral(adhoc::FieldType type);
// "text", "one of a, b and c", "yes or no", ...: what would be right.
std::string expectationOf(const adhoc::Field& field);

// One field's values as they are to be submitted; options may be given by value or by label.
Result<std::vector<std::string>> checkValues(const adhoc::Field& field,
                                             const std::vector<std::string>& values);

struct Filled {
  adhoc::Form form;            // to submit: every field with its value, hidden ones as they came
  std::vector<Status> errors;  // of values, and required fields without one; field() set
  std::vector<std::string> unknown;  // names given that the form does not have
};
Filled fillForm(const adhoc::Form& form, const Given& given);

// "; did you mean 'x'?" among the fields that are asked.
std::string fieldSuggestion(const adhoc::Form& form, const std::string& name);

}  // namespace muster::cli
