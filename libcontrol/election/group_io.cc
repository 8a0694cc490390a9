#include "libcontrol/election/group_io.h"

namespace muster::election::group {

const char* alarmKindName(AlarmKind kind) {
  switch (kind) {
    case AlarmKind::kOther:
      return "other";
    case AlarmKind::kTwins:
      return "twins";
    case AlarmKind::kPoisonedEpoch:
      return "poisoned-epoch";
    case AlarmKind::kStaleRecord:
      return "stale-record";
    case AlarmKind::kCrashLoop:
      return "crash-loop";
    case AlarmKind::kFlapHold:
      return "flap-hold";
    case AlarmKind::kSlowPromotion:
      return "slow-promotion";
  }
  return "?";
}

}  // namespace muster::election::group
