// The messages of the lease protocol between wire.proto and the structs of the state machines.
// Reading checks what a machine may rely on: sizes of ids and nonces, ranges of times; the Status
// names the field.
#pragma once

#include "libcontrol/base/status.h"
#include "libcontrol/election/messages.h"
#include "muster/wire.pb.h"

namespace muster::convert {

v1::LeaseMessage toProto(const election::Offer& m);
v1::LeaseMessage toProto(const election::Acquire& m);
v1::LeaseMessage toProto(const election::Renew& m);
v1::LeaseMessage toProto(const election::Granted& m);
v1::LeaseMessage toProto(const election::Denied& m);
v1::LeaseMessage toProto(const election::Drain& m);
v1::LeaseMessage toProto(const election::Drained& m);
v1::LeaseMessage toProto(const election::Release& m);
v1::LeaseMessage toProto(const election::Accepted& m);
v1::LeaseMessage toProto(const election::PromiseRequest& m);
v1::LeaseMessage toProto(const election::Promised& m);

Result<election::Offer> fromProto(const v1::Offer& m);
Result<election::Acquire> fromProto(const v1::Acquire& m);
Result<election::Renew> fromProto(const v1::Renew& m);
Result<election::Granted> fromProto(const v1::Granted& m);
Result<election::Denied> fromProto(const v1::Denied& m);
Result<election::Drain> fromProto(const v1::Drain& m);
Result<election::Drained> fromProto(const v1::Drained& m);
Result<election::Release> fromProto(const v1::Release& m);
Result<election::PromiseRequest> fromProto(const v1::PromiseRequest& m);
election::Promised fromProto(const v1::Promised& m);

}  // namespace muster::convert
