#include "libcontrol/archive/plan.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "libcontrol/archive/index.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/records/tokens.h"

namespace muster::archive {
namespace {

constexpr int kGramLength = 3;
// Of a block's lines that were looked at in vain before they are read one by one.
constexpr size_t kMaxVainLines = 64;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

re2::RE2::Options options() {
  re2::RE2::Options out;
  out.set_log_errors(false);
  out.set_max_mem(static_cast<int64_t>(limits::kMaxQueryMemory));
  return out;
}

// Where the expression looks at the ends of a text in a way that ends of lines don't stand for, or
// sets flags that might.
bool minds(const std::string& pattern) {
  return pattern.find("\\A") != std::string::npos || pattern.find("\\z") != std::string::npos ||
         pattern.find("\\C") != std::string::npos || pattern.find("(?") != std::string::npos ||
         pattern.find("\\Q") != std::string::npos;
}

// Lower-case letters that characters beyond ASCII are in another case: U+017F and U+212A.
bool hasForeignCase(std::string_view literal) {
  return literal.find_first_of("ks") != std::string_view::npos;
}

bool isAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Plan::Plan(const records::Query& query) : matcher_(query), has_loggers_(!query.loggers.empty()) {
  for (const records::Term& term : query.terms) {
    if (term.negated) continue;
    if (term.expression != nullptr) {
      expressions_.push_back(expressionOf(*term.expression));
    } else {
      planWords(term);
    }
  }
}

Plan::~Plan() = default;

void Plan::planWords(const records::Term& term) {
  for (size_t i = 0; i < term.words.size(); ++i) {
    const bool prefix = term.prefix && i + 1 == term.words.size();
    // Words are indexed by their beginning.
    const std::string word = term.words[i].substr(0, records::kMaxTokenBytes);
    if (!words_.empty()) words_ += " AND ";
    words_ += '"' + word + (prefix ? "\"*" : "\"");
    if (word.size() > literal_.size()) literal_ = word;
  }
}

Plan::Expression Plan::expressionOf(const re2::RE2& expression) {
  Expression out;
  out.filter = std::make_unique<re2::FilteredRE2>(kGramLength);
  int id = 0;
  if (out.filter->Add(piece(expression.pattern()), options(), &id) == re2::RE2::NoError) {
    out.filter->Compile(&out.atoms);
  }
  for (size_t i = 0; i < out.atoms.size(); ++i) {
    std::vector<int> others;
    for (size_t k = 0; k < out.atoms.size(); ++k) {
      if (k != i) others.push_back(static_cast<int>(k));
    }
    std::vector<int> potentials;
    out.filter->AllPotentials(others, &potentials);
    const std::string& atom = out.atoms[i];
    if (potentials.empty() && isAscii(atom) && atom.size() > out.required.size()) {
      out.required = atom;
    }
  }
  if (!minds(expression.pattern())) {
    auto over_lines =
        std::make_unique<const re2::RE2>("(?m:" + expression.pattern() + ")", options());
    if (over_lines->ok()) out.over_lines = std::move(over_lines);
  }
  return out;
}

bool Plan::Expression::mayMatch(std::string_view grams) const {
  if (atoms.empty()) return true;
  std::vector<int> there;
  for (size_t i = 0; i < atoms.size(); ++i) {
    if (archive::mayHave(grams, atoms[i])) there.push_back(static_cast<int>(i));
  }
  std::vector<int> potentials;
  filter->AllPotentials(there, &potentials);
  return !potentials.empty();
}

bool Plan::mayMatch(const Summary& summary) const {
  const records::Query& query = matcher_.query();
  if (query.since && summary.newest < *query.since) return false;
  return !query.until || summary.oldest < *query.until;
}

bool Plan::mayMatch(const SegmentReader::Filter& filter) const {
  for (const Expression& expression : expressions_) {
    if (!expression.mayMatch(filter.grams)) return false;
  }
  if (!has_loggers_ || filter.loggers.empty()) return true;
  const auto& terms = matcher_.query().loggers;
  std::string_view rest = filter.loggers;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (records::loggersMatch(terms, rest.substr(0, end))) return true;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return false;
}

bool Plan::check(const Block& block, size_t i, std::vector<uint32_t>& out) const {
  if (!matcher_.matches(block.at(i), block.level(i), block.logger(i), block.text(i))) return false;
  out.push_back(static_cast<uint32_t>(i));
  return true;
}

void Plan::matchesIn(const Block& block, std::vector<uint32_t>& out) {
  out.clear();
  if (!literal_.empty()) return byLiteral(block, literal_, out);
  for (const Expression& expression : expressions_) {
    if (expression.required.empty()) continue;
    return byLiteral(block, expression.required, out);
  }
  for (const Expression& expression : expressions_) {
    if (expression.over_lines == nullptr) continue;
    return byExpression(block, *expression.over_lines, out);
  }
  for (size_t i = 0; i < block.size(); ++i) check(block, i, out);
}

// Records that have the literal, in any case of its letters.
void Plan::byLiteral(const Block& block, std::string_view literal, std::vector<uint32_t>& out) {
  const std::string_view texts = block.texts();
  if (literal_.empty() && hasForeignCase(literal) && !isAscii(texts)) {
    for (size_t i = 0; i < block.size(); ++i) check(block, i, out);
    return;
  }
  lowerInto(texts, lower_);
  size_t from = 0;
  while (from < lower_.size()) {
    const void* found =
        memmem(lower_.data() + from, lower_.size() - from, literal.data(), literal.size());
    if (found == nullptr) return;
    const size_t at = static_cast<size_t>(static_cast<const char*>(found) - lower_.data());
    const size_t i = block.recordAt(at);
    check(block, i, out);
    from = block.textEnd(i) + 1;
  }
}

// All lines are one text to it: where that has no match none of them has one, and before the line
// in which its first match begins there is none.
void Plan::byExpression(const Block& block, const re2::RE2& over_lines,
                        std::vector<uint32_t>& out) {
  const std::string_view texts = block.texts();
  size_t from = 0;
  size_t vain = 0;
  while (from < texts.size() && vain < kMaxVainLines) {
    re2::StringPiece match;
    if (!over_lines.Match(piece(texts), from, texts.size(), re2::RE2::UNANCHORED, &match, 1)) {
      return;
    }
    const size_t i = block.recordAt(static_cast<size_t>(match.data() - texts.data()));
    if (!check(block, i, out)) ++vain;
    from = block.textEnd(i) + 1;
  }
  if (from >= texts.size()) return;
  for (size_t i = block.recordAt(from); i < block.size(); ++i) check(block, i, out);
}

}  // namespace muster::archive
