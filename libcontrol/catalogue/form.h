// Commands as data forms (XEP-0004): the form that asks, the one that was submitted, and the one
// that shows the result.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <vector>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::catalogue {

// The var of the `fixed` field that bears the error text of a stage sent again, and of the field of
// a failed result.
inline constexpr char kErrorVar[] = "muster-error";
// The var of the `fixed` field of a result that was cut.
inline constexpr char kCutVar[] = "muster-cut";
// "urn:muster:command:VERB" (XEP-0068).
std::string formTypeOf(const Command& command);

// The form that asks, with what is asked in that scope only. `filled` refills it after an error and
// `errors` are shown in it; a list of more than 50 names becomes a text field.
adhoc::Form requestForm(const Command& command, const Scope& scope, const RawArguments& filled = {},
                        const std::vector<Status>& errors = {});

// The values of a submitted form (types are not looked at; an empty value means not given). The
// form's own fields, FORM_TYPE and the error's, are left out; anything unknown stays, for bind() to
// refuse. Fails if FORM_TYPE is another's or a field has several values.
Result<RawArguments> submittedArguments(const Command& command, const adhoc::Form& form);

// For programs: the form to submit. Positionals become names; fails if there are too many or one is
// given twice.
Result<adhoc::Form> submitForm(const Command& command, const RawArguments& raw);

// The result: text-single fields (boolean for bool), and tables. The first table is sent as
// reported/items, which XEP-0004 allows once; `tables_as_text` adds every table as text-multi for
// clients without tables, and further tables are always sent so.
adhoc::Form resultForm(const Command& command, const google::protobuf::Message& reply,
                       bool tables_as_text);
// What cutToFit() left of the longest table.
struct FormCut {
  size_t shown = 0;
  size_t rows = 0;
};
// Takes rows off the ends of tables and long texts until the form has at most `max_bytes` as XML;
// nullopt if nothing had to go.
std::optional<FormCut> cutToFit(adhoc::Form& form, size_t max_bytes);

// The result of an action that failed: the error's text in a field.
adhoc::Form failureForm(const Command& command, const Status& status);

}  // namespace muster::catalogue
