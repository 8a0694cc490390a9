// How patterns are read: RE2's syntax over UTF-8, within bounds, nothing written to stderr.
#pragma once

#include <re2/re2.h>

#include "libcontrol/base/limits.h"

namespace muster::rules {

inline re2::RE2::Options expressionOptions() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<int64_t>(limits::kMaxRulePatternMemory));
  return options;
}

}  // namespace muster::rules
