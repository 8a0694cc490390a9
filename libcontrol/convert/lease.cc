#include "libcontrol/convert/lease.h"

#include <algorithm>
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

uint64_t toMs(Duration duration) {
  return static_cast<uint64_t>(duration.toMillis());
}

Status readDuration(const char* field, uint64_t ms, Duration least, Duration most, Duration& out) {
  if (ms < toMs(least) || ms > toMs(most)) {
    return wrong(
        field, "must be from " + std::to_string(toMs(least)) + " to " + std::to_string(toMs(most)));
  }
  out = Duration::millis(static_cast<int64_t>(ms));
  return Status::ok();
}

constexpr Duration kLeastPromise = Duration::millis(1);

Status readFailsafe(const v1::Failsafe& m, election::Failsafe& out) {
  if (Status s = readDuration("failsafe.wait_ms", m.wait_ms(), kLeastPromise, limits::kMaxPromise,
                              out.wait);
      !s) {
    return s;
  }
  if (Status s = readDuration("failsafe.limit_ms", m.limit_ms(), Duration::millis(1),
                              limits::kMaxFailsafeLimit, out.limit);
      !s) {
    return s;
  }
  if (m.members_version() == 0) return wrong("failsafe.members_version", "must be at least 1");
  if (m.others_size() > static_cast<int>(limits::kMaxFailsafeMembers)) {
    return wrong("failsafe.others",
                 "must be at most " + std::to_string(limits::kMaxFailsafeMembers));
  }
  out.members_version = m.members_version();
  for (const std::string& text : m.others()) {
    const auto jid = Jid::parse(text);
    if (!jid) return wrong("failsafe.others", jid.status().text());
    out.others.push_back(*jid);
  }
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
  // Rounded up: it is a time to wait.
  offer->set_failsafe_wait_ms(toMs(m.failsafe_wait + Duration{999'999}));
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
  renew->set_members_version(m.members_version);
  return out;
}

v1::LeaseMessage toProto(const election::Granted& m) {
  v1::LeaseMessage out;
  auto* granted = out.mutable_granted();
  granted->set_epoch(m.epoch);
  granted->set_lease_ttl_ms(static_cast<uint64_t>(m.lease_ttl.toMillis()));
  granted->set_request_nonce(m.request_nonce);
  granted->set_draining(m.draining);
  if (!m.failsafe) return out;
  v1::Failsafe& failsafe = *granted->mutable_failsafe();
  failsafe.set_wait_ms(toMs(m.failsafe->wait + Duration{999'999}));
  failsafe.set_limit_ms(toMs(m.failsafe->limit));
  failsafe.set_members_version(m.failsafe->members_version);
  for (const Jid& other : m.failsafe->others) failsafe.add_others(other.toString());
  return out;
}

v1::LeaseMessage toProto(const election::Denied& m) {
  v1::LeaseMessage out;
  auto* denied = out.mutable_denied();
  denied->set_request_nonce(m.request_nonce);
  denied->set_reason(m.reason);
  denied->set_highest_epoch(m.highest_epoch);
  denied->set_retry_after_ms(toMs(m.retry_after + Duration{999'999}));
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

v1::LeaseMessage toProto(const election::PromiseRequest& m) {
  v1::LeaseMessage out;
  auto* promise = out.mutable_promise();
  promise->set_group(m.group);
  promise->set_epoch(m.epoch);
  promise->set_instance(m.instance.toBytes());
  promise->set_wait_ms(toMs(m.wait + Duration{999'999}));
  promise->set_request_nonce(m.request_nonce);
  return out;
}

v1::LeaseMessage toProto(const election::Promised& m) {
  v1::LeaseMessage out;
  out.mutable_promised()->set_request_nonce(m.request_nonce);
  return out;
}

Result<election::Offer> fromProto(const v1::Offer& m) {
  election::Offer out;
  out.group = m.group();
  out.epoch = m.epoch();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readTtl(m.lease_ttl_ms(), out.lease_ttl); !s) return s;
  if (Status s = readId("offer_nonce", m.offer_nonce(), out.offer_nonce); !s) return s;
  if (Status s = readDuration("failsafe_wait_ms", m.failsafe_wait_ms(), {}, limits::kMaxPromise,
                              out.failsafe_wait);
      !s) {
    return s;
  }
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
  out.members_version = m.members_version();
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
  if (m.has_failsafe()) {
    if (Status s = readFailsafe(m.failsafe(), out.failsafe.emplace()); !s) return s;
  }
  return out;
}

Result<election::Denied> fromProto(const v1::Denied& m) {
  election::Denied out;
  out.request_nonce = m.request_nonce();
  out.reason = singleLine(m.reason(), 500);
  out.highest_epoch = m.highest_epoch();
  // Nobody can promise for longer; and to be asked again too early does no harm.
  const uint64_t most = toMs(limits::kMaxPromise);
  out.retry_after = Duration::millis(static_cast<int64_t>(std::min(m.retry_after_ms(), most)));
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

Result<election::PromiseRequest> fromProto(const v1::PromiseRequest& m) {
  election::PromiseRequest out;
  out.group = m.group();
  out.epoch = m.epoch();
  out.request_nonce = m.request_nonce();
  if (Status s = checkGroup(m.group()); !s) return s;
  if (Status s = readInstance(m, out); !s) return s;
  if (Status s = readDuration("wait_ms", m.wait_ms(), kLeastPromise, limits::kMaxPromise, out.wait);
      !s) {
    return s;
  }
  return out;
}

election::Promised fromProto(const v1::Promised& m) {
  return {m.request_nonce()};
}

}  // namespace muster::convert
