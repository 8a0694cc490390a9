// What the levels look like as presence: show, status sentences and mood; and when to send it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// RFC 6121, section 4.7.2.1. `chat` and `xa` are never used: some clients paint both as offline.
enum class Show { kNone, kAway, kDnd };

// What else is worth a sentence besides the levels.
struct PresenceFacts {
  bool no_active_node = false;  // of a group
  std::optional<WallTime> no_coordinator_since;
  bool drained = false;  // told to leave the active role to others
  // Who wanted it so, since when and why: "ann since 2026-01-01T14:03:00Z: disk swap"; may be
  // empty.
  std::string drained_by = {};
};

struct PresenceText {
  Show show = Show::kAway;
  std::string status;  // sentences, one a line, the worst fact first
  std::string mood;    // XEP-0107: contented, worried, stressed, confused
  // For PresenceThrottle: what is told at once when it changes, and what may wait.
  std::string state_key;
  std::string rounded_key;
  int depth = 0;  // more is worse, and told at once: doublings of what the objective allows
};

// The value for <show/>; empty for kNone, which has no such element.
const char* showName(Show show);

// Of a node, or of a group with its services summed up. Services in any order. A node without any
// service has no data.
PresenceText presenceOf(const std::vector<ServiceSnapshot>& services, const PresenceFacts& facts);
// Of a level by itself whose sentence gives a reason without figures, such as the overall one.
PresenceText presenceOf(const Level& level);

// Says when a presence is worth waking every subscriber: at once when a state or a fact changes,
// when twice as much is bad as was told (a floor may be crossed, somebody may have to be told),
// otherwise only if the rounded figures have changed and at most once a minute.
class PresenceThrottle {
 public:
  explicit PresenceThrottle(Duration period = limits::kPresencePeriod) : period_(period) {}

  // Whether to send `text` now; true also notes it as sent.
  bool shouldSend(const PresenceText& text, ElapsedTime now);
  // When one that was held back may go, if one was.
  std::optional<ElapsedTime> nextAt() const;
  // Nothing counts as sent any more: after a new connection.
  void reset();

 private:
  const Duration period_;
  std::optional<ElapsedTime> sent_at_;
  std::string sent_state_;
  std::string sent_rounded_;
  int sent_depth_ = 0;
  bool held_back_ = false;
};

}  // namespace muster::service
