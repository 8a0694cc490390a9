#include "libcontrol/election/wording.h"

#include "libcontrol/base/text.h"

namespace muster::election {

std::string shownTime(Duration time) {
  if (time <= Duration{}) return "0s";
  const int64_t ms = (time.ns + 999'999) / 1'000'000;
  if (ms <= 2000) return formatDuration(Duration::millis(ms));
  return formatDuration(Duration::seconds((ms + 999) / 1000));
}

}  // namespace muster::election
