// What somebody asks of a log, and whether a record is what was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/records/record.h"

namespace re2 {
class RE2;
}

namespace muster::records {

// One thing that a record's text must have, or must not.
struct Term {
  bool negated = false;
  // Words that stand one behind the other, in lower case; whatever is between them counts for
  // nothing. Empty: the term is an expression. ASCII letters are alike in either case.
  std::vector<std::string> words;
  bool prefix = false;  // the last word need only begin so
  // RE2's syntax over UTF-8; tells cases apart unless it says (?i).
  std::shared_ptr<const re2::RE2> expression;
};

struct LoggerTerm {
  bool negated = false;
  std::string glob;  // as of rules::globMatches
};

inline constexpr uint8_t kAllLevels = 0x3f;
constexpr uint8_t levelBit(Severity level) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(level));
}

// All of it must hold. A default one is met by every record.
struct Query {
  std::vector<Term> terms;
  std::vector<LoggerTerm> loggers;
  uint8_t levels = kAllLevels;  // by levelBit
  // Not of the text. At or after, and before.
  std::optional<WallTime> since;
  std::optional<WallTime> until;
};

// Reads a question:
//
//   word              a whole word; 'a-b' or 'x=5' are words that follow one another
//   "some words"      the same, with spaces
//   begin*            a word that begins so; the last of several too
//   /expression/      RE2; a slash in it is written \/
//   level>=warn       also level<=info, level=error, level=warn,error
//   logger=storage.*  a glob; 'root' is the logger without a name
//   -anything         what comes behind must not hold
//
// An empty text asks for everything. kInvalidArgument says what was wrong and what would be right.
Result<Query> parseQuery(std::string_view text);

// Decides for one record after the other. Any number of threads, each with its own.
class Matcher {
 public:
  explicit Matcher(Query query);

  bool matches(const Record& record) const {
    return matches(record.at, record.level, record.logger, record.text);
  }
  bool matches(WallTime at, Severity level, std::string_view logger, std::string_view text) const;
  const Query& query() const { return query_; }

 private:
  bool mayHaveWords(std::string_view text) const;
  const Query query_;
  // A byte of each term's words that is rare in logs: most texts lack it. In both cases.
  struct RareByte {
    char lower = 0;
    char upper = 0;
  };
  std::vector<RareByte> rare_bytes_;
};

// Whether the text has these words, in lower case, one behind the other.
bool hasWords(std::string_view text, const std::vector<std::string>& words, bool prefix);
bool loggersMatch(const std::vector<LoggerTerm>& terms, std::string_view logger);

}  // namespace muster::records
