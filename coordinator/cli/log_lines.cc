#include "coordinator/cli/log_lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::cli {
namespace {

// Kept of a line: what the rules look at, and what stands before the text.
constexpr size_t kMaxLineBytes = limits::kMaxRuleTextBytes + 512;

std::unique_ptr<records::Format> spdlogFormat() {
  records::FormatOptions options;
  options.name = "spdlog";
  options.zone = "UTC";
  return std::move(records::Format::make(options)).value();
}

}  // namespace

LogLines::LogLines(std::istream& in) : in_(in), format_(spdlogFormat()), joiner_(*format_) {}

bool LogLines::next(LogRecord& out) {
  // The time of arrival is nobody's business here, and nothing is waited for.
  std::optional<records::JoinedRecord> whole;
  while (!whole && readLine()) whole = joiner_.add(line_, {lines_, lines_}, {}, {});
  if (!whole) whole = joiner_.flush();
  if (!whole) return false;
  records::Record& record = whole->line.record;
  out = {};
  if (whole->line.has_time) out.at = record.at;
  out.level = record.level;
  if (!record.logger.empty()) out.logger = std::move(record.logger);
  out.text = record.text.substr(0, limits::kMaxRuleTextBytes);
  out.line = whole->stretch.begin;
  return true;
}

// Without its end, of whatever system; at most kMaxLineBytes of it.
bool LogLines::readLine() {
  line_.clear();
  std::array<char, 4096> part;
  bool any = false;
  for (;;) {
    in_.getline(part.data(), part.size());
    const auto count = static_cast<size_t>(in_.gcount());
    any = any || count > 0;
    // A full part without a line feed in it sets the fail bit, and so does an end at once.
    const bool cut = in_.fail() && !in_.eof() && count > 0;
    const size_t kept = in_.eof() || cut ? count : count - (count > 0 ? 1 : 0);
    line_.append(part.data(), std::min(kept, kMaxLineBytes - line_.size()));
    if (!cut) break;
    in_.clear();
  }
  if (!any) return false;
  ++lines_;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

}  // namespace muster::cli
