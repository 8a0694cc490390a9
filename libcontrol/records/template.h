// What records have in common that say the same of different things: their text with everything
// that varies folded into placeholders, and how many there are of each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/records/record.h"

namespace muster::records {

// The template of the text's first line, of which limits::kMaxTemplateBytes count:
//   <n>      a number, also within a word: "node<n>"; of several parts: "1.2.3"
//   <time>   a date, a time of day or both; a number with a unit of time: "12ms", "1m30s"
//   <id>     at least 8 hexadecimal digits with a letter and a digit among them, 0x..., or a long
//            word in which letters and digits alternate
//   <uuid>, <ip> (IPv4 and IPv6; a port stays a number), <email>
//   "<s>"    a word in quotes; sentences in quotes, and keys before a colon, stay
// Replaces `out`.
void foldText(std::string_view text, std::string& out);

struct TemplateGroup {
  std::string text;  // the template; empty: the others, see TemplateGroups
  uint64_t count = 0;
  Severity level = Severity::kTrace;  // the worst
  WallTime first;
  WallTime last;
  Record example;                   // the latest of the worst level
  std::vector<uint32_t> histogram;  // counts of equal parts of the time that was asked for
};

struct TemplateOptions {
  // Of the histogram; records outside count in its first or last part.
  WallTime since;
  WallTime until;
  size_t bins = 24;
  size_t max_groups = limits::kMaxTemplateGroups;
};

// Groups records by their templates in bounded memory: when there are too many groups, the less
// frequent half is merged into "the others", which counts what can't be told apart any more. What
// is frequent all the time is never merged; one that was, and comes again, counts anew. For one
// thread.
class TemplateGroups {
 public:
  explicit TemplateGroups(const TemplateOptions& options);

  void add(const Record& record);

  // The most frequent ones, most frequent first, at most `limit`.
  std::vector<TemplateGroup> top(size_t limit) const;
  // Of all that was merged; without text and example.
  const TemplateGroup& others() const { return others_; }
  // How many groups there are besides.
  size_t size() const { return groups_.size(); }
  uint64_t records() const { return records_; }

 private:
  void merge();
  size_t binOf(WallTime at) const;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  const TemplateOptions options_;
  std::unordered_map<std::string, TemplateGroup, Hash, std::equal_to<>> groups_;
  TemplateGroup others_;
  uint64_t records_ = 0;
  std::string folded_;
};

}  // namespace muster::records
