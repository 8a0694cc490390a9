// A log record as it is kept, searched and shown.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/rules/rule.h"

namespace muster::records {

using rules::Severity;

struct Record {
  WallTime at;
  Severity level = Severity::kInfo;
  std::string logger;  // empty: the root
  std::string text;    // UTF-8; may have several lines
};

}  // namespace muster::records
