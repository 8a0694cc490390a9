// The last log lines that counted as bad by the log rules, for whoever is told that something is
// wrong.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/wire.pb.h"

namespace muster {

// Any thread. Holds limits::kMaxBadLines of each service, cut when they come in, so that a flood of
// them costs little more than its matching did.
class BadLines {
 public:
  void add(const std::string& service, std::string_view logger, std::string_view text, WallTime at);
  // Of these services, at most limits::kMaxBadLineServices of them: those of the last
  // limits::kBadLineLife. A service without any is left out.
  std::vector<v1::BadLines> of(const std::vector<std::string>& services, WallTime now) const;

 private:
  struct Line {
    WallTime at;
    std::string logger;
    std::string text;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Line>> lines_;  // by service, the oldest first
};

}  // namespace muster
