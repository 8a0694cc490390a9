#include "bench/failover/contest.h"

namespace muster::bench {

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::kGraceful:
      return "graceful";
    case Kind::kResign:
      return "resign";
    case Kind::kCrash:
      return "crash";
    case Kind::kCut:
      return "cut";
  }
  return "?";
}

const char* systemName(System system) {
  switch (system) {
    case System::kMuster:
      return "muster";
    case System::kEtcd:
      return "etcd";
    case System::kSentinel:
      return "sentinel";
  }
  return "?";
}

double secondsOf(int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

}  // namespace muster::bench
