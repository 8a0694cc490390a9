#include "libcontrol/base/status.h"

namespace muster {

const char* codeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalidArgument:
      return "invalid-argument";
    case Code::kNotFound:
      return "not-found";
    case Code::kForbidden:
      return "forbidden";
    case Code::kStranger:
      return "service-unavailable";
    case Code::kRefusedUnsafe:
      return "refused-unsafe";
    case Code::kConflict:
      return "conflict";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimeout:
      return "timeout";
    case Code::kResourceExhausted:
      return "resource-exhausted";
    case Code::kDataLoss:
      return "data-loss";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace muster
