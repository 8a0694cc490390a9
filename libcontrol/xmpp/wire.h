// The messages of wire.proto as the text of one child element: serialised, then base64.
#pragma once

#include <optional>
#include <string_view>

#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/wire.pb.h"

namespace muster::xmpp {

// Of the text in base64. A NodeStatus is under 1 KiB, grants for a thousand people under 64.
inline constexpr size_t kMaxWireBytes = 64 * 1024;

Element writeLease(const v1::LeaseMessage& message);    // <lease xmlns='urn:muster:lease:1'>
Element writeGrants(const v1::Grants& grants);          // <grants xmlns='urn:muster:grants:1'>
Element writeNodeStatus(const v1::NodeStatus& status);  // <status xmlns='urn:muster:status:1'>
Element writeOrder(const v1::Order& order);             // <order xmlns='urn:muster:order:1'>
Element writeOrderReply(const v1::OrderReply& reply);   // the same element

// kInvalidArgument, naming what was wrong: another element, too long, not base64, not such a
// message. A LeaseMessage and an Order must have one of their kinds.
Result<v1::LeaseMessage> readLease(const Element& element);
Result<v1::Grants> readGrants(const Element& element);
Result<v1::NodeStatus> readNodeStatus(const Element& element);
Result<v1::Order> readOrder(const Element& element);
Result<v1::OrderReply> readOrderReply(const Element& element);

}  // namespace muster::xmpp
