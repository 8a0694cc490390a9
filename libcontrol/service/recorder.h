// All that one service of a node remembers, and what is told of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/include/muster/service.h"
#include "libcontrol/service/history.h"
#include "libcontrol/service/level.h"
#include "libcontrol/service/state_tracker.h"
#include "libcontrol/service/window.h"

namespace muster::service {

// The newest outages, limits::kMaxRecentOutages of them. Plain value.
class OutageLog {
 public:
  // Idempotent. `bad` is the service's total of bad amounts before the outage, and at its end.
  void begin(ElapsedTime at, uint64_t bad);
  void end(ElapsedTime at, uint64_t bad);
  bool isOpen() const { return open_.has_value(); }
  // The oldest first; `bad` is the total now.
  std::vector<Outage> list(ElapsedTime now, WallTime wall, uint64_t bad) const;

  void write(ByteWriter& out, ElapsedTime now, uint64_t bad) const;
  bool read(ByteReader& in, ElapsedTime now);

 private:
  struct Ended {
    ElapsedTime begin;
    ElapsedTime end;
    uint64_t bad;
  };
  struct Open {
    ElapsedTime begin;
    uint64_t bad_before;
  };
  void keep(const Ended& ended);

  std::vector<Ended> ended_;
  std::optional<Open> open_;
};

// A service's figures over every window, its state and its outages: at most
// limits::kMaxServiceStateBytes. Pure; one thread; times run forward, each call's at least the last
// one's.
class Recorder {
 public:
  // `options` are within limits.
  Recorder(std::string name, Kind kind, const ServiceOptions& options, ElapsedTime now);

  Kind kind() const { return figures_.kind; }

  // Requests.
  void count(ElapsedTime now, uint64_t good, uint64_t bad);
  // Availability and gauge. What lies between two calls is as the first one has left it; a service
  // begins up, and watched.
  void outageBegin(ElapsedTime at);
  void outageEnd(ElapsedTime at);
  void pause(ElapsedTime at);
  void resume(ElapsedTime at);
  bool isPaused() const { return paused_; }
  // To be called after all that happened up to `now` was told: books it and steps the state.
  void settle(ElapsedTime now);

  // With what happened since the last settle() left out of all but the sliding window. `wall` is
  // the same instant; without it state_since is not set.
  ServiceSnapshot snapshot(ElapsedTime now, std::optional<WallTime> wall = std::nullopt) const;
  // The oldest first.
  std::vector<Outage> outages(ElapsedTime now, WallTime wall) const;
  size_t bytes() const;

  // What another process has encoded becomes the past; an outage that went on ended there, and for
  // `gap` nobody has watched. kDataLoss, and nothing has changed, if it is none of this kind. To be
  // called before anything is counted.
  std::string encode(ElapsedTime now) const;
  Status restore(std::string_view bytes, ElapsedTime now, Duration gap);

 private:
  bool isTimed() const { return figures_.kind != Kind::kRequests; }
  // Milliseconds since the last time that was booked are what they are as of now.
  void book(ElapsedTime to);
  void readFigures(ElapsedTime now, ServiceSnapshot& out) const;
  WindowTotal windowTotal(Duration window, ElapsedTime now) const;
  void logBreach(ElapsedTime now, LevelState before, const ServiceSnapshot& judged);

  ServiceSnapshot figures_;  // what never changes of it
  std::vector<Duration> lengths_;
  History history_;
  AvailabilityWindow window_;  // of those that are judged by time
  OutageLog log_;
  StateTracker tracker_;
  ElapsedTime booked_;
  bool down_ = false;
  bool paused_ = false;
};

}  // namespace muster::service
