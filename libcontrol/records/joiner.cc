#include "libcontrol/records/joiner.h"

#include <string>
#include <utility>

#include "libcontrol/records/plain_text.h"

namespace muster::records {

std::optional<JoinedRecord> Joiner::add(std::string_view line, Stretch stretch, WallTime arrival,
                                        ElapsedTime now) {
  if (line.empty()) {
    if (begun_) {
      ++empty_lines_;
      begun_->stretch.end = stretch.end;
    }
    return std::nullopt;
  }
  const bool begins = format_.begins(line, arrival, next_);
  if (!begins && begun_) {
    const bool more = is_begun_alone_ ? format_.looksLikeMore(line) : format_.continues(line);
    if (more) {
      append(line, stretch);
      last_ = now;
      return std::nullopt;
    }
  }
  auto whole = flush();
  begun_.emplace();
  begun_->line = begins ? std::move(next_) : format_.alone(line, arrival);
  cutText(begun_->line.record.text, options_.max_bytes);
  begun_->stretch = stretch;
  is_begun_alone_ = !begins;
  lines_ = 1;
  last_ = now;
  return whole;
}

void Joiner::append(std::string_view line, Stretch stretch) {
  begun_->stretch.end = stretch.end;
  std::string& text = begun_->line.record.text;
  const size_t lines = std::exchange(empty_lines_, 0) + 1;
  const size_t room = options_.max_bytes - std::min(options_.max_bytes, text.size());
  if (left_out_ > 0 || lines_ + lines > options_.max_lines || lines >= room) {
    left_out_ += lines;
    return;
  }
  lines_ += lines;
  text.append(lines, '\n');
  std::string own(line.substr(0, limits::kMaxLogLineBytes));
  makeText(own);
  cutText(own, room - lines);
  text += own;
}

std::optional<JoinedRecord> Joiner::due(ElapsedTime now) {
  return begun_ && now >= nextDue() ? flush() : std::nullopt;
}

ElapsedTime Joiner::nextDue() const {
  return begun_ ? last_ + options_.wait : ElapsedTime::max();
}

std::optional<JoinedRecord> Joiner::flush() {
  std::optional<JoinedRecord> out = std::exchange(begun_, std::nullopt);
  if (out && left_out_ > 0) {
    out->line.record.text += "\n(" + std::to_string(left_out_) + " more lines)";
  }
  left_out_ = 0;
  empty_lines_ = 0;
  return out;
}

}  // namespace muster::records
