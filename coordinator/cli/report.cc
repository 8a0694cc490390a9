#include "coordinator/cli/report.h"

#include <iostream>

#include "libcontrol/catalogue/json.h"
#include "libcontrol/catalogue/text.h"

namespace muster::cli {

Exit exitFor(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return Exit::kDone;
    case Code::kInvalidArgument:
    case Code::kNotFound:
      return Exit::kUsage;
    case Code::kForbidden:
    case Code::kStranger:
      return Exit::kNotAuthorised;
    case Code::kUnavailable:
    case Code::kTimeout:
      return Exit::kUnreachable;
    case Code::kRefusedUnsafe:
    case Code::kConflict:
      return Exit::kRefusedUnsafe;
    case Code::kResourceExhausted:
    case Code::kDataLoss:
    case Code::kInternal:
      return Exit::kFailed;
  }
  return Exit::kFailed;
}

Exit report(bool json, const Status& status, const std::vector<Status>& errors) {
  if (json) {
    std::cout << catalogue::errorJsonText(status, errors) << "\n";
  } else {
    std::cerr << "muster: " << catalogue::errorText(status, errors) << "\n";
  }
  return exitFor(status);
}

}  // namespace muster::cli
