#include "libcontrol/records/query.h"

#include <re2/re2.h>

#include <cstring>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/records/tokens.h"
#include "libcontrol/rules/compile.h"
#include "libcontrol/rules/glob.h"

namespace muster::records {
namespace {

constexpr std::string_view kRoot = "root";
constexpr size_t kMaxQuotedBytes = 60;

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

Status wrong(const std::string& text) {
  return {Code::kInvalidArgument, text, "query"};
}

std::string inQuotes(std::string_view text) {
  return "'" + singleLine(text, kMaxQuotedBytes) + "'";
}

Result<std::shared_ptr<const re2::RE2>> compile(const std::string& pattern) {
  // First within the bounds of what a person may write, then with room for its automaton.
  const re2::RE2 small(pattern, rules::expressionOptions());
  if (!small.ok()) {
    return wrong("the expression " + inQuotes(pattern) +
                 " can't be used: " + singleLine(small.error(), 200));
  }
  re2::RE2::Options options = rules::expressionOptions();
  options.set_max_mem(static_cast<int64_t>(limits::kMaxQueryMemory));
  auto expression = std::make_shared<const re2::RE2>(pattern, options);
  if (!expression->ok()) {
    return wrong("the expression " + inQuotes(pattern) +
                 " can't be used: " + singleLine(expression->error(), 200));
  }
  return std::shared_ptr<const re2::RE2>(std::move(expression));
}

// Reads a query from its beginning to its end.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Query> parse() {
    if (text_.size() > limits::kMaxQueryBytes) {
      return wrong("the query is longer than " + std::to_string(limits::kMaxQueryBytes) + " bytes");
    }
    for (skipSpace(); at_ < text_.size(); skipSpace()) {
      if (Status done = term(); !done) return done;
      if (query_.terms.size() + query_.loggers.size() > limits::kMaxQueryTerms) {
        return wrong("the query has more than " + std::to_string(limits::kMaxQueryTerms) +
                     " terms");
      }
    }
    return std::move(query_);
  }

 private:
  void skipSpace() {
    while (at_ < text_.size() && isSpace(text_[at_])) ++at_;
  }
  bool atTermEnd() const { return at_ == text_.size() || isSpace(text_[at_]); }

  Status term() {
    bool negated = false;
    if (text_[at_] == '-' && at_ + 1 < text_.size() && !isSpace(text_[at_ + 1])) {
      negated = true;
      ++at_;
    }
    if (text_[at_] == '"') return phrase(negated);
    if (text_[at_] == '/') return expression(negated);
    const size_t begin = at_;
    while (!atTermEnd()) ++at_;
    return word(negated, text_.substr(begin, at_ - begin));
  }

  // What stands between here and the next delimiter of the same kind, which a backslash takes the
  // meaning of; nothing where there is none.
  std::optional<std::string> delimited(char delimiter) {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == delimiter) {
        ++at_;
        return out;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        if (text_[at_] != delimiter) out += '\\';
      }
      out += text_[at_];
    }
    return std::nullopt;
  }

  Status phrase(bool negated) {
    const std::string_view from_here = text_.substr(at_);
    const auto inside = delimited('"');
    if (!inside) return wrong("the quote that begins at " + inQuotes(from_here) + " is not closed");
    bool prefix = false;
    if (!atTermEnd() && text_[at_] == '*') {
      prefix = true;
      ++at_;
    }
    if (!atTermEnd()) {
      return wrong("behind the closing quote of " + inQuotes('"' + *inside + '"') +
                   " a space is missing");
    }
    return words(negated, *inside, prefix);
  }

  Status expression(bool negated) {
    const std::string_view from_here = text_.substr(at_);
    const auto pattern = delimited('/');
    if (!pattern) {
      return wrong("the expression that begins at " + inQuotes(from_here) +
                   " has no closing slash; a path is written in quotes");
    }
    if (!atTermEnd()) {
      return wrong("behind the closing slash of " + inQuotes("/" + *pattern + "/") +
                   " a space is missing; a path is written in quotes, and a slash within an "
                   "expression as \\/");
    }
    if (pattern->empty()) return wrong("// is an empty expression");
    auto compiled = compile(*pattern);
    if (!compiled) return compiled.status();
    Term term;
    term.negated = negated;
    term.expression = std::move(compiled).value();
    query_.terms.push_back(std::move(term));
    return Status::ok();
  }

  Status word(bool negated, std::string_view text) {
    const size_t op = text.find_first_of("=<>");
    if (op != std::string_view::npos && op > 0) {
      const std::string_view name = text.substr(0, op);
      if (name == "level") return level(negated, text.substr(op));
      if (name == "logger") return logger(negated, text.substr(op));
      if (name == "since" || name == "until" || name == "limit" || name == "context") {
        return wrong("'" + std::string(name) +
                     "' is no part of the query but an argument of its own; to search for it as "
                     "text, write it in quotes");
      }
    }
    bool prefix = false;
    if (text.ends_with('*')) {
      prefix = true;
      text.remove_suffix(1);
    }
    if (text.find('*') != std::string_view::npos) {
      return wrong("in " + inQuotes(text) +
                   " a * stands elsewhere than at the end; for a part of a word use an expression "
                   "such as /part/");
    }
    return words(negated, text, prefix);
  }

  Status words(bool negated, std::string_view text, bool prefix) {
    Term term;
    term.negated = negated;
    term.prefix = prefix;
    size_t from = 0;
    for (auto token = nextToken(text, from); !token.empty(); token = nextToken(text, from)) {
      term.words.push_back(asciiLower(token));
    }
    if (term.words.empty()) {
      return wrong(inQuotes(std::string(text) + (prefix ? "*" : "")) +
                   " has neither letters nor digits; to search for signs use an expression such as "
                   "/->/");
    }
    if (prefix && !isTokenByte(text.back())) {
      return wrong("before the * of " + inQuotes(std::string(text) + "*") + " there is no word");
    }
    query_.terms.push_back(std::move(term));
    return Status::ok();
  }

  Status level(bool negated, std::string_view rest) {
    std::string_view op = rest.substr(0, 1);
    if (rest.size() > 1 && rest[1] == '=') op = rest.substr(0, 2);
    if (op != "=" && op != ">=" && op != "<=") {
      return wrong("'level" + std::string(op) +
                   "' is not known; write level>=warn, level<=info or "
                   "level=error");
    }
    uint8_t levels = 0;
    for (std::string_view names = rest.substr(op.size());;) {
      const size_t comma = names.find(',');
      const std::string_view name = names.substr(0, comma);
      const auto severity = rules::parseSeverity(name);
      if (!severity) {
        return wrong(inQuotes(name) +
                     " is no level; there are trace, debug, info, warn, error and critical");
      }
      const auto bit = levelBit(*severity);
      if (op == "=") levels |= bit;
      if (op == ">=") levels |= static_cast<uint8_t>(kAllLevels & ~(bit - 1));
      if (op == "<=") levels |= static_cast<uint8_t>(bit | (bit - 1));
      if (comma == std::string_view::npos) break;
      if (op != "=") return wrong("several levels go with level= alone");
      names.remove_prefix(comma + 1);
    }
    query_.levels &= negated ? static_cast<uint8_t>(kAllLevels & ~levels) : levels;
    return Status::ok();
  }

  Status logger(bool negated, std::string_view rest) {
    if (rest[0] != '=') return wrong("a logger is written as logger=storage.*");
    rest.remove_prefix(1);
    if (rest.empty()) return wrong("behind logger= the name is missing, such as logger=storage.*");
    query_.loggers.push_back({negated, std::string(rest)});
    return Status::ok();
  }

  const std::string_view text_;
  size_t at_ = 0;
  Query query_;
};

bool sameWord(std::string_view token, std::string_view lower) {
  for (size_t i = 0; i < lower.size(); ++i) {
    char c = token[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c != lower[i]) return false;
  }
  return true;
}

bool fits(std::string_view token, std::string_view lower, bool prefix) {
  const bool length = prefix ? token.size() >= lower.size() : token.size() == lower.size();
  return length && sameWord(token, lower);
}

// The frequent ones last, as they are in logs of services; all else is rare.
constexpr std::string_view kFrequent = "qzjxkvywbghmpdfulcnorasite0123456789_";

size_t frequency(char c) {
  const size_t at = kFrequent.find(c);
  return at == std::string_view::npos ? 0 : at + 1;
}

char rarestOf(const std::vector<std::string>& words) {
  char out = words[0][0];
  for (const std::string& word : words) {
    for (const char c : word) {
      if (frequency(c) < frequency(out)) out = c;
    }
  }
  return out;
}

bool hasByte(std::string_view text, char byte) {
  return !text.empty() && std::memchr(text.data(), byte, text.size()) != nullptr;
}

}  // namespace

Result<Query> parseQuery(std::string_view text) {
  return Parser(text).parse();
}

bool hasWords(std::string_view text, const std::vector<std::string>& words, bool prefix) {
  size_t from = 0;
  for (auto token = nextToken(text, from); !token.empty(); token = nextToken(text, from)) {
    if (!fits(token, words[0], prefix && words.size() == 1)) continue;
    size_t ahead = from;
    size_t i = 1;
    while (i < words.size() &&
           fits(nextToken(text, ahead), words[i], prefix && i + 1 == words.size())) {
      ++i;
    }
    if (i == words.size()) return true;
  }
  return false;
}

bool loggersMatch(const std::vector<LoggerTerm>& terms, std::string_view logger) {
  if (logger.empty()) logger = kRoot;
  for (const LoggerTerm& term : terms) {
    if (rules::globMatches(term.glob, logger) == term.negated) return false;
  }
  return true;
}

Matcher::Matcher(Query query) : query_(std::move(query)) {
  for (const Term& term : query_.terms) {
    if (term.negated || term.words.empty()) continue;
    const char rarest = rarestOf(term.words);
    const bool letter = rarest >= 'a' && rarest <= 'z';
    rare_bytes_.push_back({rarest, letter ? static_cast<char>(rarest - 'a' + 'A') : rarest});
  }
}

bool Matcher::mayHaveWords(std::string_view text) const {
  for (const RareByte& byte : rare_bytes_) {
    if (hasByte(text, byte.lower)) continue;
    if (byte.upper == byte.lower || !hasByte(text, byte.upper)) return false;
  }
  return true;
}

bool Matcher::matches(WallTime at, Severity level, std::string_view logger,
                      std::string_view text) const {
  if ((query_.levels & levelBit(level)) == 0) return false;
  if (query_.since && at < *query_.since) return false;
  if (query_.until && at >= *query_.until) return false;
  if (!query_.loggers.empty() && !loggersMatch(query_.loggers, logger)) return false;
  if (!mayHaveWords(text)) return false;
  for (const Term& term : query_.terms) {
    const bool holds =
        term.expression == nullptr
            ? hasWords(text, term.words, term.prefix)
            : re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *term.expression);
    if (holds == term.negated) return false;
  }
  return true;
}

}  // namespace muster::records
