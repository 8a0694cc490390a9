#include "libcontrol/convert/lease.h"

#include <optional>
#include <string>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::convert {
namespace {

Status wrong(const char* field, const std::string& why) {
  return {Code::kInvalidArgument, std::string("lease message: ") + field + " " + why, field};
}

Status checkGroup(const std::string& group) {
  if (group.empty() || group.size() > limits::kMaxNameBytes) {
    return wrong("group", "must have 1 to " + std::to_string(limits::kMaxNameBytes) + " bytes");
  }
  return Status::ok();
}

Status readId(const char* field, const std::string& bytes, Id128& out) {
  const auto id = Id128::fromBytes(bytes);
  if (!id || id->isNull()) return wrong(field, "must have 16 bytes that are not all zero");
  out = *id;
  return Status::ok();
}

// The instance and nothing else: shared by all messages that name one.
template <typename Message, typename Out>
Status readInstance(const Message& m, Out& out) {
  return readId("instance", m.instance(), out.instance);
}

Status readTtl(uint64_t ms, Duration& out) {
  const auto max = static_cast<uint64_t>(limits::kMaxLeaseTtl.toMillis());
  const auto min = static_cast<uint64_t>(limits::kMinLeaseTtl.toMillis());
  if (ms < min || ms > max) {
    return wrong("lease_ttl_ms",
                 "must be from " + std::to_string(min) + " to " + std::to_string(max));
  }
  out = Duration::millis(static_cast<int64_t>(ms));
  return Status::ok();
}

}  // namespace

v1::LeaseMessage toProto(const election::Offer& m) {
  v1::LeaseMessage out;
  auto* offer = out.mutable_offer();
  offer->set_group(m.group);
  offer->set_epoch(m.epoch);
  offer->set_lease_ttl_ms(static_cast<uint64_t>(m.lease_ttl.toMillis()));
  offer->set_offer_nonce(m.offer_nonce.toBytes());
  return out;
}

v1::LeaseMessage toProto(const election::Acquire& m) {
  v1::LeaseMessage out;
  auto* acquire = out.mutable_acquire();
  acquire->set_group(m.group);
  acquire->set_epoch(m.epoch);
  acquire->set_offer_nonce(m.offer_nonce.toBytes());
  acquire->set_instance(m.instance.toBytes());
  acquire->set_request_nonce(m.request_nonce);
  return out;
}

v1::LeaseMessage toProto(const election::Renew& m) {
  v1::LeaseMessage out;
  auto* renew = out.mutable_renew();
  renew->set_group(m.group);
  renew->set_epoch(m.epoch);
  renew->set_instance(m.instance.toBytes());
  renew->set_request_nonce(m.request_nonce);
  return out;
}

v1::LeaseMessage toProto(const election::Granted& m) {
  v1::LeaseMessage out;
  auto* granted = out.mutable_granted();
  granted->set_epoch(m.epoch);
  granted->set_lease_ttl_ms(static_cast<uint64_t>(m.lease_ttl.toMillis()));
  granted->set_request_nonce(m.request_nonce);
  granted->set_draining(m.draining);
  return out;
}

v1::LeaseMessage toProto(const election::Denied& m) {
  v1::LeaseMessage out;
  auto* denied = out.mutable_denied();
  denied->set_request_nonce(m.request_nonce);
  denied->set_reason(m.reason);
  denied->set_highest_epoch(m.highest_epoch);
  return out;
}

v1::LeaseMessage toProto(const election::Drain& m) {
  v1::LeaseMessage out;
  auto* drain = out.mutable_drain();
  drain->set_group(m.group);
  drain->set_epoch(m.epoch);
  drain->set_instance(m.instance.toBytes());
  drain->set_demand_nonce(m.demand_nonce);
  return out;
}

v1::LeaseMessage toProto(const election::Drained& m) {
  v1::LeaseMessage out;
  auto* drained = out.mutable_drained();
  drained->set_epoch(m.epoch);
  drained->set_instance(m.instance.toBytes());
  drained->set_demand_nonce(m.demand_nonce);
  return out;
}

v1::LeaseMessage toProto(const election::Release& m) {
  v1::LeaseMessage out;
  auto* release = out.mutable_release();
  release->set_group(m.group);
  release->set_epoch(m.epoch);
  release->set_instance(m.instance.toBytes());
  release->set_reason(m.reason);
  release->set_orderly(m.orderly);
  return out;
}

v1::LeaseMessage toProto(const election::Accepted&) {
  v1::LeaseMessage out;
  out.mutable_accepted();
  return out;
}

Result<election::Offer> fromProto(const v1::Offer& m) {
  election::Offer out;
  out.group = m.group();
  out.epoch = m.epoch();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readTtl(m.lease_ttl_ms(), out.lease_ttl); !s) return s;
  if (Status s = readId("offer_nonce", m.offer_nonce(), out.offer_nonce); !s) return s;
  return out;
}

Result<election::Acquire> fromProto(const v1::Acquire& m) {
  election::Acquire out;
  out.group = m.group();
  out.epoch = m.epoch();
  out.request_nonce = m.request_nonce();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readId("offer_nonce", m.offer_nonce(), out.offer_nonce); !s) return s;
  if (Status s = readInstance(m, out); !s) return s;
  return out;
}

Result<election::Renew> fromProto(const v1::Renew& m) {
  election::Renew out;
  out.group = m.group();
  out.epoch = m.epoch();
  out.request_nonce = m.request_nonce();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readInstance(m, out); !s) return s;
  return out;
}

Result<election::Granted> fromProto(const v1::Granted& m) {
  election::Granted out;
  out.epoch = m.epoch();
  out.request_nonce = m.request_nonce();
  out.draining = m.draining();
  if (Status s = readTtl(m.lease_ttl_ms(), out.lease_ttl); !s) return s;
  return out;
}

Result<election::Denied> fromProto(const v1::Denied& m) {
  election::Denied out;
  out.request_nonce = m.request_nonce();
  out.reason = singleLine(m.reason(), 500);
  out.highest_epoch = m.highest_epoch();
  return out;
}

Result<election::Drain> fromProto(const v1::Drain& m) {
  election::Drain out;
  out.group = m.group();
  out.epoch = m.epoch();
  out.demand_nonce = m.demand_nonce();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readInstance(m, out); !s) return s;
  return out;
}

Result<election::Drained> fromProto(const v1::Drained& m) {
  election::Drained out;
  out.epoch = m.epoch();
  out.demand_nonce = m.demand_nonce();
  if (Status s = readInstance(m, out); !s) return s;
  return out;
}

Result<election::Release> fromProto(const v1::Release& m) {
  election::Release out;
  out.group = m.group();
  out.epoch = m.epoch();
  out.reason = singleLine(m.reason(), limits::kMaxReleaseReasonBytes);
  out.orderly = m.orderly();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readInstance(m, out); !s) return s;
  return out;
}

}  // namespace muster::convert
