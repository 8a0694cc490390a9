// How many chat lines or commands one person may send.
#pragma once

#include <cstddef>
#include <map>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"

namespace muster::xmpp {

// A token bucket for each bare JID: `burst` at once, then one each `every`. Pure; bounded: a bucket
// that is full again is forgotten, and with kMaxKeys others in use a newcomer is refused.
class RateLimit {
 public:
  enum class Verdict {
    kAllowed,
    kRefusedFirst,  // the first refusal since the last allowed one: worth an answer
    kRefused,
  };
  static constexpr size_t kMaxKeys = 4096;

  RateLimit(int burst, Duration every) : full_{every * burst}, every_(every) {}

  Verdict take(const Jid& bare, ElapsedTime now);
  // How long until the next one would be allowed.
  Duration wait(const Jid& bare, ElapsedTime now) const;
  size_t size() const { return buckets_.size(); }

 private:
  // Instead of counting tokens a bucket keeps the time that it lacks to be full.
  struct Bucket {
    ElapsedTime full_at;
    bool refused = false;
  };
  void forgetFull(ElapsedTime now);

  const Duration full_;
  const Duration every_;
  std::map<Jid, Bucket> buckets_;
};

}  // namespace muster::xmpp
