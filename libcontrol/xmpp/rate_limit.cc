#include "libcontrol/xmpp/rate_limit.h"

#include <algorithm>

namespace muster::xmpp {

RateLimit::Verdict RateLimit::take(const Jid& bare, ElapsedTime now) {
  if (buckets_.size() >= kMaxKeys && !buckets_.contains(bare)) {
    forgetFull(now);
    if (buckets_.size() >= kMaxKeys) return Verdict::kRefused;
  }
  Bucket& bucket = buckets_.try_emplace(bare, Bucket{now}).first->second;
  const ElapsedTime full_at = std::max(bucket.full_at, now) + every_;
  if (full_at - now > full_) {
    const bool first = !bucket.refused;
    bucket.refused = true;
    return first ? Verdict::kRefusedFirst : Verdict::kRefused;
  }
  bucket.full_at = full_at;
  bucket.refused = false;
  return Verdict::kAllowed;
}

Duration RateLimit::wait(const Jid& bare, ElapsedTime now) const {
  const auto found = buckets_.find(bare);
  // Of whoever found no place: some bucket is full again by then.
  if (found == buckets_.end()) return buckets_.size() < kMaxKeys ? Duration{} : full_;
  return std::max(found->second.full_at + every_ - now - full_, Duration{});
}

void RateLimit::forgetFull(ElapsedTime now) {
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.full_at <= now; });
}

}  // namespace muster::xmpp
