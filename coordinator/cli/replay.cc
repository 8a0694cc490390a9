#include "coordinator/cli/replay.h"

#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/cli/layout.h"
#include "coordinator/cli/terminal.h"
#include "libcontrol/base/file.h"
#include "libcontrol/catalogue/json.h"
#include "libcontrol/catalogue/reply_view.h"
#include "libcontrol/convert/decision.h"

namespace muster::cli {
namespace {

using Json = nlohmann::json;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxFileBytes = 16 * 1024 * 1024;

Status wrong(const std::string& at, const std::string& right) {
  return {Code::kInvalidArgument, at + " must be " + right, at};
}

Status setInteger(Message& message, const FieldDescriptor* field, const Json& value,
                  const std::string& at) {
  const auto& reflection = *message.GetReflection();
  const bool fits_signed =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<uint64_t>() <= std::numeric_limits<int64_t>::max());
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      if (!fits_signed) return wrong(at, "a whole number");
      reflection.SetInt64(&message, field, value.get<int64_t>());
      return Status::ok();
    case FieldDescriptor::CPPTYPE_UINT64:
      if (!value.is_number_unsigned()) return wrong(at, "a whole number from 0 up");
      reflection.SetUInt64(&message, field, value.get<uint64_t>());
      return Status::ok();
    case FieldDescriptor::CPPTYPE_INT32:
      if (!fits_signed || value.get<int64_t>() != static_cast<int32_t>(value.get<int64_t>())) {
        return wrong(at, "a whole number of 32 bits");
      }
      reflection.SetInt32(&message, field, value.get<int32_t>());
      return Status::ok();
    default:
      if (!value.is_number_unsigned() ||
          value.get<uint64_t>() > std::numeric_limits<uint32_t>::max()) {
        return wrong(at, "a whole number from 0 to 2^32 - 1");
      }
      reflection.SetUInt32(&message, field, value.get<uint32_t>());
      return Status::ok();
  }
}

Status fill(Message& message, const Json& json, const std::string& at);

// The messages of a decision have no other kinds of fields.
Status setValue(Message& message, const FieldDescriptor* field, const Json& value,
                const std::string& at) {
  const auto& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (!value.is_string()) return wrong(at, "a text");
      reflection.SetString(&message, field, value.get<std::string>());
      return Status::ok();
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!value.is_boolean()) return wrong(at, "true or false");
      reflection.SetBool(&message, field, value.get<bool>());
      return Status::ok();
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (!value.is_number()) return wrong(at, "a number");
      reflection.SetDouble(&message, field, value.get<double>());
      return Status::ok();
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return fill(*reflection.MutableMessage(&message, field), value, at);
    default:
      return setInteger(message, field, value, at);
  }
}

// The fields of `message` from an object; what else the object has is left alone.
Status fill(Message& message, const Json& json, const std::string& at) {
  if (!json.is_object()) return wrong(at, "an object");
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor* field = descriptor.field(i);
    const std::string here = at + "." + field->name();
    const auto found = json.find(field->name());
    const bool absent = found == json.end() || found->is_null();
    if (absent && (field->has_optional_keyword() || field->is_repeated())) continue;
    if (absent) return {Code::kInvalidArgument, here + " is missing", here};
    if (!field->is_repeated()) {
      if (Status set = setValue(message, field, *found, here); !set) return set;
      continue;
    }
    if (!found->is_array()) return wrong(here, "a list");
    for (size_t n = 0; n < found->size(); ++n) {
      Message* one = message.GetReflection()->AddMessage(&message, field);
      if (Status s = fill(*one, (*found)[n], here + "[" + std::to_string(n) + "]"); !s) return s;
    }
  }
  return Status::ok();
}

// Empty if both say the same of everybody.
std::string difference(const v1::ExplainReply& saved, const v1::ExplainReply& made) {
  if (saved.candidates_size() != made.candidates_size()) {
    return "there were " + std::to_string(saved.candidates_size()) + " candidates";
  }
  for (int i = 0; i < saved.candidates_size(); ++i) {
    const v1::CandidateState& before = saved.candidates(i);
    const v1::CandidateState& now = made.candidates(i);
    const std::string place = "place " + std::to_string(i + 1);
    if (before.node() != now.node()) return place + " was " + before.node() + "'s";
    if (before.eligible() != now.eligible()) {
      return now.node() + " was " + (before.eligible() ? "" : "not ") + "eligible";
    }
    if (before.why() != now.why()) return "of " + now.node() + " it said: " + before.why();
  }
  return {};
}

}  // namespace

Result<v1::ExplainReply> readExplanation(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return Status(Code::kInvalidArgument,
                  "it is no JSON object; save one with: muster explain GROUP -o json");
  }
  v1::ExplainReply out;
  const auto inputs = json.find("inputs");
  if (inputs == json.end()) {
    return Status(Code::kInvalidArgument,
                  "it has no 'inputs'; save one with: muster explain GROUP -o json", "inputs");
  }
  if (Status s = fill(*out.mutable_inputs(), *inputs, "inputs"); !s) return s;
  const auto candidates = json.find("candidates");
  if (candidates == json.end() || !candidates->is_array()) return wrong("candidates", "a list");
  for (size_t i = 0; i < candidates->size(); ++i) {
    const std::string at = "candidates[" + std::to_string(i) + "]";
    if (Status s = fill(*out.add_candidates(), (*candidates)[i], at); !s) return s;
  }
  if (const auto group = json.find("group"); group != json.end() && group->is_string()) {
    out.set_group(group->get<std::string>());
  }
  return out;
}

Exit replay(bool json, const std::string& file) {
  const auto text = readFile(file, kMaxFileBytes);
  if (!text) return report(json, text.status());
  const auto named = [&](const Status& status) {
    return Status(status.code(), file + ": " + status.text(), status.field());
  };
  const auto saved = readExplanation(*text);
  if (!saved) return report(json, named(saved.status()));
  const auto decision = convert::decide(saved->inputs());
  if (!decision) return report(json, named(decision.status()));
  v1::ExplainReply made;
  made.set_group(saved->group());
  convert::addCandidates(*decision, *made.mutable_candidates());
  const std::string other = difference(*saved, made);
  made.set_note(other.empty() ? "The same choice as was saved."
                              : "Not the choice that was saved: " + other + ".");
  if (json) {
    *made.mutable_inputs() = convert::toProto(*decision);
    std::cout << catalogue::jsonText(made) << "\n";
  } else {
    std::cout << replyText(catalogue::viewOf(made), outputWidth()) << "\n";
  }
  return other.empty() ? Exit::kDone : Exit::kFailed;
}

}  // namespace muster::cli
