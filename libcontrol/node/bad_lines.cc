#include "libcontrol/node/bad_lines.h"

#include <algorithm>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster {

void BadLines::add(const std::string& service, std::string_view logger, std::string_view text,
                   WallTime at) {
  const std::lock_guard lock(mutex_);
  std::deque<Line>& lines = lines_[service];
  Line line;
  if (lines.size() >= limits::kMaxBadLines) {
    line = std::move(lines.front());  // its memory serves again
    lines.pop_front();
  }
  line.at = at;
  line.logger.assign(logger);
  // One byte more than is shown, for the cut to be seen.
  line.text.assign(text.substr(0, limits::kMaxIncidentLogLineBytes + 1));
  lines.push_back(std::move(line));
}

std::vector<v1::BadLines> BadLines::of(const std::vector<std::string>& services,
                                       WallTime now) const {
  std::vector<v1::BadLines> out;
  const size_t count = std::min(services.size(), limits::kMaxBadLineServices);
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < count; ++i) {
    const auto found = lines_.find(services[i]);
    if (found == lines_.end()) continue;
    v1::BadLines of_service;
    for (const Line& line : found->second) {
      if (now.unix_ms - line.at.unix_ms > limits::kBadLineLife.toMillis()) continue;
      v1::BadLine& shown = *of_service.add_lines();
      shown.set_at_unix_ms(line.at.unix_ms);
      shown.set_text(singleLine(line.logger.empty() ? line.text : line.logger + ": " + line.text,
                                limits::kMaxIncidentLogLineBytes));
    }
    if (of_service.lines().empty()) continue;
    of_service.set_service(services[i]);
    out.push_back(std::move(of_service));
  }
  return out;
}

}  // namespace muster
