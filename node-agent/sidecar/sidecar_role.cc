#include "node-agent/sidecar/sidecar_role.h"

#include <time.h>

#include <algorithm>

#include "node-agent/limits.h"

namespace muster::agent {
namespace {

constexpr Duration kTellEvery = Duration::seconds(1);

uint64_t boottimeMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

// The clock first, so that the end is never told too late.
wire::LeaseInfo infoOf(const Lease& lease) {
  wire::LeaseInfo out;
  out.set_epoch(lease.epoch());
  const uint64_t now = boottimeMs();
  const int64_t left_ms = lease.remaining().count() / 1'000'000;
  out.set_use_until_boottime_ms(now + static_cast<uint64_t>(std::max<int64_t>(0, left_ms)));
  return out;
}

uint64_t atLeastOneMs(Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(1, duration.toMillis()));
}

}  // namespace

Status SidecarRole::promote(const Lease& lease, Duration within) {
  const Duration left{lease.remaining().count()};
  wire::FromAgent message;
  wire::Promote& promote = *message.mutable_promote();
  promote.set_epoch(lease.epoch());
  promote.set_instance(lease.instance());
  promote.set_deadline_ms(atLeastOneMs(within));
  *promote.mutable_lease() = infoOf(lease);
  if (left <= Duration{}) return {Code::kUnavailable, "the lease is over already"};
  return hub_.ask(message, within, [lease] { return lease.valid(); });
}

Status SidecarRole::demote(uint64_t epoch, const std::string& cause, Duration within) {
  wire::FromAgent message;
  wire::Demote& demote = *message.mutable_demote();
  demote.set_epoch(epoch);
  demote.set_cause(cause);
  demote.set_deadline_ms(atLeastOneMs(within));
  return hub_.ask(message, within);
}

void SidecarRole::renewed(const Lease& lease) {
  const ElapsedTime now = clock_.elapsed();
  if (now - told_ < kTellEvery) return;
  told_ = now;
  wire::FromAgent message;
  *message.mutable_lease() = infoOf(lease);
  hub_.tell(message);
}

Status SidecarLevels::set(const std::string& logger, std::optional<LogLevel> level) {
  wire::FromAgent message;
  message.mutable_set_level()->set_logger(logger);
  if (level) message.mutable_set_level()->set_level(toWire(*level));
  return hub_.ask(message, limits::kLevelTimeout);
}

}  // namespace muster::agent
