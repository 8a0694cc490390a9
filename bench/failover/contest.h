// One kind of failover of one system, time and again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/failover/run.h"
#include "libcontrol/base/status.h"

namespace muster::bench {

enum class Kind {
  kGraceful,  // somebody asks for it from outside
  kResign,    // the active process is told to give the role up; Sentinel has no such thing
  kCrash,     // the active process is killed
  kCut,       // the active process's host is cut off
};
inline constexpr Kind kKinds[] = {Kind::kGraceful, Kind::kResign, Kind::kCrash, Kind::kCut};
const char* kindName(Kind kind);  // "graceful", "resign", "crash", "cut"
// Of these two the active process has its part.
inline bool isInOrder(Kind kind) {
  return kind == Kind::kGraceful || kind == Kind::kResign;
}

enum class System { kMuster, kEtcd, kSentinel };
inline constexpr System kSystems[] = {System::kMuster, System::kEtcd, System::kSentinel};
const char* systemName(System system);  // "muster", "etcd", "sentinel"

// From when the requests of a member that is cut off go nowhere until the answers to them do as
// well: it is known then which of its renewals was the last.
inline constexpr Duration kLastAnswers = Duration::millis(20);

double secondsOf(int64_t ns);

// Of one round; seconds from the request or the fault.
struct Sample {
  double measured = 0;   // until the next one may act
  double minimum = 0;    // the earliest that its rules allow
  double gap = 0;        // between the old one's end and the next one's beginning; if isInOrder()
  bool overlap = false;  // the old one had not stopped when the next one began
};

// Used by one thread at a time.
class Contest {
 public:
  virtual ~Contest() = default;
  virtual System system() const = 0;
  virtual Kind kind() const = 0;
  // Blocks until three members are there and one of them is active: not counted.
  virtual Status makeReady() = 0;
  virtual Result<Sample> round() = 0;
};

// What comes one after the other, in one thread.
using Lane = std::vector<std::unique_ptr<Contest>>;

struct Settings {
  Duration lease;  // of leases, of etcd's leases, and until Sentinel takes a master for down
  std::vector<Kind> kinds;
};

}  // namespace muster::bench
