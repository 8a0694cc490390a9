// How a query is answered from blocks: what their index is asked, and how one is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/archive/block.h"
#include "libcontrol/archive/segment.h"
#include "libcontrol/records/query.h"

namespace re2 {
class FilteredRE2;
class RE2;
}  // namespace re2

namespace muster::archive {

// What it says of blocks it says of what they can't have; which records match is always decided by
// the matcher. One thread.
class Plan {
 public:
  explicit Plan(const records::Query& query);
  ~Plan();

  const records::Matcher& matcher() const { return matcher_; }
  // Whether records of such times may match.
  bool mayMatch(const Summary& summary) const;
  // For SegmentReader::rowsWith; empty: any block may match by its words.
  const std::string& words() const { return words_; }
  // Whether filters are worth fetching, and what they say.
  bool needsFilter() const { return !expressions_.empty() || has_loggers_; }
  bool mayMatch(const SegmentReader::Filter& filter) const;

  // Indices of the block's records that match, ascending.
  void matchesIn(const Block& block, std::vector<uint32_t>& out);

 private:
  // An expression that must hold, by the literals that any text that it matches must have.
  struct Expression {
    std::unique_ptr<re2::FilteredRE2> filter;
    std::vector<std::string> atoms;
    std::string required;  // one of them; empty: there is none without which it can't match
    // Matches within many lines wherever the expression matches one of them; null: there is none.
    std::unique_ptr<const re2::RE2> over_lines;
    bool mayMatch(std::string_view grams) const;
  };
  static Expression expressionOf(const re2::RE2& expression);
  void planWords(const records::Term& term);
  bool check(const Block& block, size_t i, std::vector<uint32_t>& out) const;
  void byLiteral(const Block& block, std::string_view literal, std::vector<uint32_t>& out);
  void byExpression(const Block& block, const re2::RE2& over_lines, std::vector<uint32_t>& out);

  const records::Matcher matcher_;
  std::string words_;
  std::string literal_;  // the longest word that must be there, or its beginning
  std::vector<Expression> expressions_;
  bool has_loggers_ = false;
  std::string lower_;
};

}  // namespace muster::archive
