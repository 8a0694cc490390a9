#include "libcontrol/records/template.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "libcontrol/records/plain_text.h"

namespace muster::records {
namespace {

enum Class : uint8_t { kOther = 0, kDigit = 1, kHexLetter = 2, kLetter = 4 };

constexpr std::array<uint8_t, 256> makeClasses() {
  std::array<uint8_t, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = kDigit;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = c <= 'f' ? kHexLetter : kLetter;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = c <= 'F' ? kHexLetter : kLetter;
  for (int c = 0x80; c <= 0xff; ++c) table[c] = kLetter;
  table['_'] = kLetter;
  return table;
}
constexpr std::array<uint8_t, 256> kClasses = makeClasses();

uint8_t classOf(char c) {
  return kClasses[static_cast<unsigned char>(c)];
}
bool isDigit(char c) {
  return classOf(c) == kDigit;
}
bool isHex(char c) {
  return (classOf(c) & (kDigit | kHexLetter)) != 0;
}
bool isWord(char c) {
  return classOf(c) != kOther;
}

// A word that changes between letters and digits so often is made by a machine.
constexpr size_t kMinIdBytes = 8;
constexpr size_t kMinMixedBytes = 16;
constexpr size_t kMinChanges = 4;
constexpr size_t kMaxQuotedBytes = 256;

class Folder {
 public:
  Folder(std::string_view text, std::string& out) : text_(text), out_(out) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (isWord(c)) {
        word();
      } else if ((c == '"' || c == '\'') && quoted(c)) {
        continue;
      } else if (c == ':' && at_ + 1 < text_.size() && text_[at_ + 1] == ':' && address6(at_)) {
        continue;
      } else if (c == '@' && email()) {
        continue;
      } else {
        out_ += c;
        ++at_;
      }
    }
  }

 private:
  size_t endOf(size_t from, bool (*is)(char)) const {
    while (from < text_.size() && is(text_[from])) ++from;
    return from;
  }
  bool isAt(size_t i, char c) const { return i < text_.size() && text_[i] == c; }
  size_t digitsAt(size_t i) const { return endOf(i, isDigit) - i; }
  void put(std::string_view placeholder, size_t end) {
    out_ += placeholder;
    at_ = end;
  }

  void word() {
    const size_t begin = at_;
    uint8_t classes = 0;
    size_t changes = 0;
    size_t end = begin;
    uint8_t before = 0;
    for (; end < text_.size(); ++end) {
      const uint8_t c = classOf(text_[end]);
      if (c == kOther) break;
      classes |= c;
      const uint8_t digit = c & kDigit;
      changes += end > begin && digit != before ? 1 : 0;
      before = digit;
    }
    // Where a mail address would begin.
    if (!is_in_name_) name_begin_ = out_.size();
    is_in_name_ = isAt(end, '.') || isAt(end, '@') || isAt(end, '+') || isAt(end, '-');
    const bool may_be_address = isAt(end, ':') && (classes & kLetter) == 0;
    if (may_be_address && address6(begin)) return;
    if ((classes & kDigit) == 0) {
      if (end - begin == 8 && uuid(begin)) return;
      out_.append(text_, begin, end - begin);
      at_ = end;
      return;
    }
    if ((classes & kLetter) == 0 && end - begin == 8 && uuid(begin)) return;
    if (classes == kDigit) return number(begin, end);
    mixed(begin, end, classes, changes);
  }

  // Digits, and what may belong to them behind.
  void number(size_t begin, size_t end) {
    if (address4(begin) || date(begin) || clock(begin)) return;
    // 1.5, 1.2.3
    while (isAt(end, '.') && end + 1 < text_.size() && isDigit(text_[end + 1])) {
      const size_t more = endOf(end + 1, isWord);
      if (endOf(end + 1, isDigit) != more) {
        unitOrWord(begin, more);
        return;
      }
      end = more;
    }
    put("<n>", end);
  }

  // "1.5ms" behind its dot, and other words that begin with a number.
  void unitOrWord(size_t begin, size_t end) {
    const size_t unit = end - (end - begin > 0 ? lettersBefore(end) : 0);
    if (isTimeUnit(text_.substr(unit, end - unit))) return put("<time>", end);
    out_ += "<n>";
    out_.append(text_, unit, end - unit);
    at_ = end;
  }
  size_t lettersBefore(size_t end) const {
    size_t begin = end;
    while (begin > 0 && isWord(text_[begin - 1]) && !isDigit(text_[begin - 1])) --begin;
    return end - begin;
  }

  static bool isTimeUnit(std::string_view unit) {
    return unit == "ms" || unit == "s" || unit == "us" || unit == "ns" || unit == "m" ||
           unit == "h" || unit == "d" || unit == "min" || unit == "sec" || unit == "\xc2\xb5s" ||
           unit == "\xce\xbcs";
  }

  // Letters and digits.
  void mixed(size_t begin, size_t end, uint8_t classes, size_t changes) {
    const std::string_view all = text_.substr(begin, end - begin);
    if (all.size() > 2 && all[0] == '0' && (all[1] == 'x' || all[1] == 'X') &&
        endOf(begin + 2, isHex) == end) {
      return put("<id>", end);
    }
    if ((classes & kLetter) == 0 && all.size() >= kMinIdBytes) return put("<id>", end);
    if (isDuration(all)) return put("<time>", end);
    if (isDigit(all[0]) && isDateWord(begin)) return;
    if (all.size() >= kMinMixedBytes && changes >= kMinChanges) return put("<id>", end);
    for (size_t i = begin; i < end;) {
      if (isDigit(text_[i])) {
        out_ += "<n>";
        i = endOf(i, isDigit);
      } else {
        out_ += text_[i++];
      }
    }
    at_ = end;
  }

  // "12ms", "1m30s".
  static bool isDuration(std::string_view all) {
    size_t i = 0;
    while (i < all.size()) {
      const size_t digits = i;
      while (i < all.size() && isDigit(all[i])) ++i;
      const size_t unit = i;
      while (i < all.size() && !isDigit(all[i])) ++i;
      if (unit == digits || !isTimeUnit(all.substr(unit, i - unit))) return false;
    }
    return true;
  }

  bool uuid(size_t begin) {
    static constexpr size_t kParts[] = {8, 4, 4, 4, 12};
    size_t i = begin;
    for (size_t part = 0; part < 5; ++part) {
      if (part > 0 && !isAt(i++, '-')) return false;
      if (endOf(i, isHex) != i + kParts[part]) return false;
      i += kParts[part];
    }
    if (i < text_.size() && isWord(text_[i])) return false;
    put("<uuid>", i);
    return true;
  }

  bool address4(size_t begin) {
    size_t i = begin;
    for (int part = 0; part < 4; ++part) {
      if (part > 0 && !isAt(i++, '.')) return false;
      const size_t digits = digitsAt(i);
      if (digits == 0 || digits > 3) return false;
      if (digits == 3 && text_.substr(i, 3) > "255") return false;
      i += digits;
    }
    if (i < text_.size() && (isWord(text_[i]) || (text_[i] == '.' && digitsAt(i + 1) > 0))) {
      return false;
    }
    put("<ip>", i);
    return true;
  }

  bool address6(size_t begin) {
    if (begin > 0 && (isWord(text_[begin - 1]) || text_[begin - 1] == ':')) return false;
    size_t end = begin;
    size_t colons = 0;
    bool has_digit = false;
    while (end < text_.size() && (isHex(text_[end]) || text_[end] == ':' || text_[end] == '.')) {
      colons += text_[end] == ':' ? 1 : 0;
      has_digit = has_digit || isDigit(text_[end]);
      ++end;
    }
    while (end > begin && text_[end - 1] == '.') --end;
    if (isAt(end - 1, ':') && !isAt(end - 2, ':')) --end;
    // Names of C++ have two colons as well.
    if (colons < 2 || !has_digit || end - begin > 45 || end - begin < 3) return false;
    char address[46];
    std::copy_n(text_.data() + begin, end - begin, address);
    address[end - begin] = '\0';
    in6_addr parsed;
    if (inet_pton(AF_INET6, address, &parsed) != 1) return false;
    put("<ip>", end);
    return true;
  }

  // Behind a time of day with its fraction and its zone; `from`: there is none.
  size_t behindClock(size_t from) const {
    if (digitsAt(from) != 2 || !isAt(from + 2, ':') || digitsAt(from + 3) != 2) return from;
    size_t i = from + 5;
    if (isAt(i, ':') && digitsAt(i + 1) == 2) i += 3;
    if ((isAt(i, '.') || isAt(i, ',')) && digitsAt(i + 1) > 0) i = endOf(i + 1, isDigit);
    if (isAt(i, 'Z')) return i + 1;
    if ((isAt(i, '+') || isAt(i, '-')) && digitsAt(i + 1) == 2 && isAt(i + 3, ':') &&
        digitsAt(i + 4) == 2) {
      return i + 6;
    }
    if ((isAt(i, '+') || isAt(i, '-')) && digitsAt(i + 1) == 4) return i + 5;
    return i;
  }

  bool clock(size_t begin) {
    const size_t end = behindClock(begin);
    if (end == begin || (end < text_.size() && isWord(text_[end]))) return false;
    put("<time>", end);
    return true;
  }

  // 2026-11-23, 2026/11/23, with a time of day behind it or without.
  bool date(size_t begin) {
    if (digitsAt(begin) != 4) return false;
    const char dash = begin + 4 < text_.size() ? text_[begin + 4] : '\0';
    if ((dash != '-' && dash != '/') || digitsAt(begin + 5) != 2 || !isAt(begin + 7, dash)) {
      return false;
    }
    const size_t day = digitsAt(begin + 8);
    if (day != 2) return false;
    size_t end = begin + 10;
    if (isAt(end, 'T') || isAt(end, ' ')) {
      const size_t behind = behindClock(end + 1);
      if (behind > end + 1) end = behind;
    }
    if (end < text_.size() && isWord(text_[end])) return false;
    put("<time>", end);
    return true;
  }

  // "20261123T190001Z".
  bool isDateWord(size_t begin) {
    if (digitsAt(begin) != 8 || !isAt(begin + 8, 'T') || digitsAt(begin + 9) != 6) return false;
    put("<time>", endOf(begin, isWord));
    return true;
  }

  bool quoted(char quote) {
    // An apostrophe is within or behind a word.
    if (at_ > 0 && isWord(text_[at_ - 1])) return false;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos || end - at_ > kMaxQuotedBytes || end == at_ + 1) {
      return false;
    }
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    if (inside.find(' ') != std::string_view::npos || isAt(end + 1, ':') || isAt(end + 1, '=')) {
      return false;
    }
    out_ += quote;
    out_ += "<s>";
    out_ += quote;
    at_ = end + 1;
    return true;
  }

  // At the '@': what has been put out of the name is taken back.
  bool email() {
    if (!is_in_name_ || at_ == 0 || !isWord(text_[at_ - 1])) return false;
    size_t end = at_ + 1;
    bool has_dot = false;
    while (end < text_.size() &&
           (isWord(text_[end]) || text_[end] == '-' ||
            (text_[end] == '.' && end + 1 < text_.size() && isWord(text_[end + 1])))) {
      has_dot = has_dot || text_[end] == '.';
      ++end;
    }
    if (!has_dot) return false;
    out_.resize(name_begin_);
    put("<email>", end);
    is_in_name_ = false;
    return true;
  }

  const std::string_view text_;
  std::string& out_;
  size_t at_ = 0;
  size_t name_begin_ = 0;
  bool is_in_name_ = false;
};

}  // namespace

void foldText(std::string_view text, std::string& out) {
  out.clear();
  text = text.substr(0, std::min(text.find('\n'), limits::kMaxTemplateBytes));
  Folder(text, out).run();
}

TemplateGroups::TemplateGroups(const TemplateOptions& options) : options_(options) {
  others_.histogram.resize(std::max<size_t>(1, options_.bins));
}

size_t TemplateGroups::binOf(WallTime at) const {
  const size_t bins = others_.histogram.size();
  const int64_t span = options_.until.unix_ms - options_.since.unix_ms;
  if (span <= 0 || at < options_.since) return 0;
  const double share =
      static_cast<double>(at.unix_ms - options_.since.unix_ms) / static_cast<double>(span);
  return share >= 1 ? bins - 1 : static_cast<size_t>(share * static_cast<double>(bins));
}

void TemplateGroups::add(const Record& record) {
  ++records_;
  foldText(record.text, folded_);
  auto it = groups_.find(std::string_view(folded_));
  if (it == groups_.end()) {
    if (groups_.size() >= std::max<size_t>(2, options_.max_groups)) merge();
    it = groups_.emplace(folded_, TemplateGroup()).first;
    it->second.first = it->second.last = record.at;
    it->second.histogram.resize(others_.histogram.size());
  }
  TemplateGroup& group = it->second;
  const bool is_example = group.count == 0 || record.level > group.level ||
                          (record.level == group.level && record.at >= group.example.at);
  ++group.count;
  ++group.histogram[binOf(record.at)];
  group.level = std::max(group.level, record.level);
  group.first = std::min(group.first, record.at);
  group.last = std::max(group.last, record.at);
  if (!is_example) return;
  group.example.at = record.at;
  group.example.level = record.level;
  group.example.logger = record.logger;
  group.example.text.assign(record.text, 0, limits::kMaxTemplateExampleBytes + 1);
  cutText(group.example.text, limits::kMaxTemplateExampleBytes);
}

void TemplateGroups::merge() {
  std::vector<uint64_t> counts;
  counts.reserve(groups_.size());
  for (const auto& [text, group] : groups_) counts.push_back(group.count);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  const uint64_t median = *middle;
  size_t to_go = counts.size() / 2;
  for (auto it = groups_.begin(); it != groups_.end() && to_go > 0;) {
    TemplateGroup& group = it->second;
    if (group.count > median) {
      ++it;
      continue;
    }
    const bool is_first = others_.count == 0;
    others_.count += group.count;
    others_.level = std::max(others_.level, group.level);
    others_.first = is_first ? group.first : std::min(others_.first, group.first);
    others_.last = is_first ? group.last : std::max(others_.last, group.last);
    for (size_t i = 0; i < group.histogram.size(); ++i) {
      others_.histogram[i] += group.histogram[i];
    }
    it = groups_.erase(it);
    --to_go;
  }
}

std::vector<TemplateGroup> TemplateGroups::top(size_t limit) const {
  std::vector<std::pair<const std::string*, const TemplateGroup*>> all;
  all.reserve(groups_.size());
  for (const auto& [text, group] : groups_) all.emplace_back(&text, &group);
  limit = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(limit), all.end(),
                    [](const auto& a, const auto& b) {
                      if (a.second->count != b.second->count) {
                        return a.second->count > b.second->count;
                      }
                      return *a.first < *b.first;
                    });
  std::vector<TemplateGroup> out;
  for (size_t i = 0; i < limit; ++i) {
    out.push_back(*all[i].second);
    out.back().text = *all[i].first;
  }
  return out;
}

}  // namespace muster::records
