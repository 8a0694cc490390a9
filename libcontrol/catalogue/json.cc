#include "libcontrol/catalogue/json.h"

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>

#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::catalogue {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

// Deeper than any reply may be; a message that holds its own kind ends here.
constexpr int kMaxDepth = 16;

ordered_json objectOf(const Message& message, int depth);

ordered_json text(const FieldDescriptor& field, const std::string& value) {
  return field.type() == FieldDescriptor::TYPE_BYTES ? hexOf(value) : value;
}

ordered_json single(const Message& message, const FieldDescriptor& field, int depth) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return enumLabel(*r.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return text(field, r.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return objectOf(r.GetMessage(message, &field), depth + 1);
  }
  return nullptr;
}

ordered_json element(const Message& message, const FieldDescriptor& field, int index, int depth) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r.GetRepeatedFloat(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return enumLabel(*r.GetRepeatedEnum(message, &field, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return text(field, r.GetRepeatedString(message, &field, index));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return objectOf(r.GetRepeatedMessage(message, &field, index), depth + 1);
  }
  return nullptr;
}

ordered_json valueOf(const Message& message, const FieldDescriptor& field, int depth) {
  const Reflection& r = *message.GetReflection();
  if (field.is_repeated()) {
    ordered_json list = ordered_json::array();
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
      list.push_back(element(message, field, i, depth));
    }
    return list;
  }
  const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!is_message && field.has_presence() && !r.HasField(message, &field)) return nullptr;
  return single(message, field, depth);
}

ordered_json objectOf(const Message& message, int depth) {
  if (depth > kMaxDepth) return nullptr;
  ordered_json object = ordered_json::object();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    object[field.name()] = valueOf(message, field, depth);
  }
  return object;
}

ordered_json errorObject(const Status& status) {
  ordered_json error = ordered_json::object();
  error["code"] = codeName(status.code());
  error["text"] = status.text();
  error["field"] = status.field();
  return error;
}

std::string dump(const ordered_json& json) {
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

ordered_json toJson(const Message& message) {
  return objectOf(message, 0);
}

ordered_json errorJson(const Status& status, const std::vector<Status>& errors) {
  ordered_json error = errorObject(status);
  error["errors"] = ordered_json::array();
  for (const Status& each : errors) error["errors"].push_back(errorObject(each));
  ordered_json out = ordered_json::object();
  out["error"] = std::move(error);
  return out;
}

std::string jsonText(const Message& message) {
  return dump(toJson(message));
}

std::string errorJsonText(const Status& status, const std::vector<Status>& errors) {
  return dump(errorJson(status, errors));
}

}  // namespace muster::catalogue
