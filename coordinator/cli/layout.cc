#include "coordinator/cli/layout.h"

#include <algorithm>
#include <numeric>

#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using catalogue::ReplyView;

constexpr char kEllipsis[] = "\u2026";
constexpr size_t kGap = 2;
// A text column is not wrapped into a narrower one than this, which would be a word a line.
constexpr size_t kNarrowestText = 20;
// Cells longer than this are sentences, which can be wrapped; shorter ones are names and numbers.
constexpr size_t kLongCell = 24;

// The bytes that the first `columns` code points take.
size_t bytesOf(std::string_view text, size_t columns) {
  size_t at = 0;
  while (at < text.size()) {
    if (columns == 0) return at;
    --columns;
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return text.size();
}

// The columns of a table that are still in it.
class Fit {
 public:
  Fit(const ReplyView::Table& table, size_t width) : table_(table), width_(width) {
    shown_.resize(table.columns.size());
    std::iota(shown_.begin(), shown_.end(), size_t{0});
    for (size_t column = 0; column < table.columns.size(); ++column) {
      widths_.push_back(naturalWidth(column));
    }
  }

  FittedTable run() {
    if (width_ != kAnyWidth) {
      dropWhere([this](size_t column) { return isEmpty(column); });
      if (!fits()) wrapLongest();
      dropWhere([this](size_t column) { return isAddress(column); });
      while (!fits() && shown_.size() > 1) dropOne(shown_.back());
      if (!fits()) widths_[shown_[0]] = width_;
    }
    FittedTable out;
    out.left_out = left_out_;
    std::vector<std::string> heads;
    for (const size_t column : shown_) heads.push_back(table_.columns[column].label);
    add(heads, out.lines);
    for (const auto& row : table_.rows) {
      std::vector<std::string> cells;
      for (const size_t column : shown_) cells.push_back(textOf(row, column));
      add(cells, out.lines);
    }
    return out;
  }

 private:
  static std::string textOf(const std::vector<std::string>& row, size_t column) {
    return column >= row.size() || row[column].empty() ? "-" : row[column];
  }
  size_t naturalWidth(size_t column) const {
    size_t most = displayWidth(table_.columns[column].label);
    for (const auto& row : table_.rows) most = std::max(most, displayWidth(textOf(row, column)));
    return most;
  }
  size_t total() const {
    size_t sum = shown_.empty() ? 0 : kGap * (shown_.size() - 1);
    for (const size_t column : shown_) sum += widths_[column];
    return sum;
  }
  bool fits() const { return total() <= width_; }
  bool isEmpty(size_t column) const {
    return std::all_of(table_.rows.begin(), table_.rows.end(), [&](const auto& row) {
      return column >= row.size() || row[column].empty();
    });
  }
  bool isAddress(size_t column) const {
    return std::any_of(table_.rows.begin(), table_.rows.end(), [&](const auto& row) {
      return column < row.size() && row[column].find('@') != std::string::npos &&
             row[column].find(' ') == std::string::npos;
    });
  }

  void dropOne(size_t column) {
    shown_.erase(std::find(shown_.begin(), shown_.end(), column));
    if (!isEmpty(column)) left_out_.push_back(table_.columns[column].label);
    // What was wrapped for want of room may have it now.
    widths_[column] = 0;
    for (const size_t other : shown_) widths_[other] = naturalWidth(other);
    if (!fits()) wrapLongest();
  }
  template <typename Which>
  void dropWhere(Which which) {
    for (size_t i = shown_.size(); i-- > 1 && !fits();) {
      if (which(shown_[i])) dropOne(shown_[i]);
    }
  }

  // Takes the width that is missing from the widest texts.
  void wrapLongest() {
    while (!fits()) {
      const auto widest =
          std::max_element(shown_.begin(), shown_.end(),
                           [this](size_t a, size_t b) { return widths_[a] < widths_[b]; });
      if (widest == shown_.end() || widths_[*widest] <= kLongCell) return;
      const size_t missing = total() - width_;
      size_t& width = widths_[*widest];
      width = std::max(kNarrowestText, width > missing ? width - missing : kNarrowestText);
    }
  }

  void add(const std::vector<std::string>& cells, std::vector<std::string>& lines) const {
    std::vector<std::vector<std::string>> parts;
    size_t height = 1;
    for (size_t i = 0; i < cells.size(); ++i) {
      parts.push_back(wrapped(cells[i], widths_[shown_[i]]));
      height = std::max(height, parts.back().size());
    }
    for (size_t k = 0; k < height; ++k) {
      std::string line;
      for (size_t i = 0; i < parts.size(); ++i) {
        const std::string part = k < parts[i].size() ? parts[i][k] : "";
        line += i + 1 == parts.size() ? part : padded(part, widths_[shown_[i]] + kGap);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      lines.push_back(std::move(line));
    }
  }

  const ReplyView::Table& table_;
  const size_t width_;
  std::vector<size_t> shown_;
  std::vector<size_t> widths_;
  std::vector<std::string> left_out_;
};

void addValue(const ReplyView::Value& value, size_t width, std::vector<std::string>& out) {
  const std::string line = value.label + ": " + (value.text.empty() ? "-" : value.text);
  if (width == kAnyWidth || displayWidth(line) <= width) {
    out.push_back(line);
    return;
  }
  size_t begin = 0;
  while (begin <= line.size()) {
    const size_t end = std::min(line.find('\n', begin), line.size());
    for (std::string& part : wrapped(line.substr(begin, end - begin), width)) {
      out.push_back(std::move(part));
    }
    begin = end + 1;
  }
}

}  // namespace

std::string clipped(std::string_view text, size_t width) {
  if (displayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  return std::string(text.substr(0, bytesOf(text, width - 1))) + kEllipsis;
}

std::string padded(std::string_view text, size_t width) {
  std::string out = clipped(text, width);
  out.append(width - std::min(width, displayWidth(out)), ' ');
  return out;
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (width > 0 && displayWidth(text) > width) {
    const size_t most = bytesOf(text, width);
    // A space right after the last column that fits is as good.
    size_t cut = text.rfind(' ', most);
    if (cut == std::string_view::npos || cut == 0) cut = most;
    std::string line(text.substr(0, cut));
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
    text.remove_prefix(cut);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

FittedTable fitTable(const ReplyView::Table& table, size_t width) {
  if (table.rows.empty()) return {{"(none)"}, {}};
  return Fit(table, width).run();
}

std::string replyText(const ReplyView& view, size_t width) {
  std::vector<std::string> lines;
  for (const ReplyView::Value& value : view.values) addValue(value, width, lines);
  for (const ReplyView::Table& table : view.tables) {
    // Alone it needs no heading.
    if (view.tables.size() > 1 || !view.values.empty()) lines.push_back(table.label + ":");
    FittedTable fitted = fitTable(table, width);
    lines.insert(lines.end(), fitted.lines.begin(), fitted.lines.end());
    if (fitted.left_out.empty()) continue;
    for (std::string& line : wrapped("(too narrow for " + joinWithAnd(fitted.left_out) +
                                         "; a wider terminal or -o json has all)",
                                     width)) {
      lines.push_back(std::move(line));
    }
  }
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

}  // namespace muster::cli
