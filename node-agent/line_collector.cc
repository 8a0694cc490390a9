#include "node-agent/line_collector.h"

#include "libcontrol/base/text.h"
#include "node-agent/limits.h"

namespace muster::agent {

void LineCollector::add(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n') {
      endLine();
    } else if (line_.size() <= limits::kMaxHookLineBytes) {
      line_ += c;
    }
  }
}

void LineCollector::finish() {
  endLine();
  if (left_out_ > 0) emit_("(" + std::to_string(left_out_) + " more lines)");
}

void LineCollector::endLine() {
  if (line_.empty()) return;
  if (emitted_ < limits::kMaxHookLines) {
    ++emitted_;
    emit_(singleLine(line_, limits::kMaxHookLineBytes));
  } else {
    ++left_out_;
  }
  line_.clear();
}

}  // namespace muster::agent
