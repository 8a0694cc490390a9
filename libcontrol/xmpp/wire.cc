#include "libcontrol/xmpp/wire.h"

#include <string>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/adhoc_xml.h"

namespace muster::xmpp {
namespace {

template <typename Message>
Element writeWire(const char* name, const char* payload_ns, const Message& message) {
  Element element(name, payload_ns);
  element.setText(toBase64(message.SerializeAsString()));
  return element;
}

template <typename Message>
Result<Message> readWire(const char* name, const char* payload_ns, const Element& element) {
  const std::string what = std::string("<") + name + " xmlns='" + payload_ns + "'/>";
  const auto bad = [&what](const std::string& why) {
    return Status(Code::kInvalidArgument, what + ": " + why);
  };
  if (!element.is(name, payload_ns)) {
    return bad("expected, not <" + singleLine(element.name(), 64) + " xmlns='" +
               singleLine(element.ns(), 128) + "'/>");
  }
  if (element.text().size() > kMaxWireBytes) {
    return bad(std::to_string(element.text().size()) + " bytes of text; at most " +
               std::to_string(kMaxWireBytes));
  }
  const auto bytes = fromBase64(element.text());
  if (!bytes) return bad("its text is not base64 (RFC 4648, section 4)");
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return bad("its bytes are not a " + message.GetTypeName());
  }
  return message;
}

}  // namespace

Element writeLease(const v1::LeaseMessage& message) {
  return writeWire("lease", ns::kLease, message);
}

Element writeGrants(const v1::Grants& grants) {
  return writeWire("grants", ns::kGrants, grants);
}

Element writeNodeStatus(const v1::NodeStatus& status) {
  return writeWire("status", ns::kNodeStatus, status);
}

Element writeOrder(const v1::Order& order) {
  return writeWire("order", ns::kOrder, order);
}

Element writeOrderReply(const v1::OrderReply& reply) {
  return writeWire("order", ns::kOrder, reply);
}

Result<v1::LeaseMessage> readLease(const Element& element) {
  auto message = readWire<v1::LeaseMessage>("lease", ns::kLease, element);
  if (message && message->kind_case() == v1::LeaseMessage::KIND_NOT_SET) {
    return Status(Code::kInvalidArgument, "the lease message is of no kind that is known here");
  }
  return message;
}

Result<v1::Grants> readGrants(const Element& element) {
  return readWire<v1::Grants>("grants", ns::kGrants, element);
}

Result<v1::NodeStatus> readNodeStatus(const Element& element) {
  return readWire<v1::NodeStatus>("status", ns::kNodeStatus, element);
}

Result<v1::Order> readOrder(const Element& element) {
  auto order = readWire<v1::Order>("order", ns::kOrder, element);
  if (order && order->kind_case() == v1::Order::KIND_NOT_SET) {
    return Status(Code::kInvalidArgument, "the order is of no kind that is known here");
  }
  return order;
}

Result<v1::OrderReply> readOrderReply(const Element& element) {
  return readWire<v1::OrderReply>("order", ns::kOrder, element);
}

}  // namespace muster::xmpp
