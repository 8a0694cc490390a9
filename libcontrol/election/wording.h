// How the machines tell of times.
#pragma once

#include <string>

#include "libcontrol/base/clock.h"

namespace muster::election {

// For people: rounded up, from two seconds on to whole seconds; never negative.
std::string shownTime(Duration time);

}  // namespace muster::election
