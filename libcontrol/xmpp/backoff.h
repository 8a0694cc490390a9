// How long to wait before the next attempt to connect.
#pragma once

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/xmpp/link.h"

namespace muster::xmpp {

// Pure. A retry comes within 100 to 300 ms, since most losses are a server that restarts: a
// connection that is refused costs nobody anything, and leases of a few seconds have to outlive the
// restart. After kQuickTries of them, or after trouble that the server had work with, the wait
// doubles up to `longest`. Two thirds of each wait are random, so that a thousand nodes that lost
// their server in one instant do not come back in one. Whoever is not urgent waits ten times as
// long at first, so that those who hold a lease find a server that has time for them. What another
// try is unlikely to mend (a conflict, a wrong password) waits 30 to 60 s at once.
class Backoff {
 public:
  // `random` must outlive it.
  explicit Backoff(Random& random, Duration longest = kLongest)
      : random_(random), longest_(longest) {}

  // After an attempt that failed, or a connection that was up for `up_for` and ended. One that was
  // up for less than kStable counts as failed: a server that accepts and throws out at once must
  // not be called three times a second.
  Duration next(DownReason reason, Duration up_for, bool urgent = true);

  static constexpr Duration kFirst = Duration::millis(200);
  static constexpr int64_t kPatience = 10;
  static constexpr int kQuickTries = 15;  // Three seconds, the longest restart that is quick.
  static constexpr Duration kLongest = Duration::seconds(30);
  static constexpr Duration kPause = Duration::seconds(30);
  static constexpr Duration kStable = Duration::seconds(10);

 private:
  Random& random_;
  const Duration longest_;
  int failures_ = 0;
  int quick_ = 0;  // Of them, those that cost the server nothing.
};

}  // namespace muster::xmpp
