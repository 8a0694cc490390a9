#include "libcontrol/catalogue/chat_line.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::catalogue {
namespace {

// Phones turn quotes into these while one types, and not always in pairs that match: any of a kind
// closes what any of that kind opened.
enum class Quote { kNone, kSingle, kDouble };
struct QuoteMark {
  std::string_view text;
  Quote kind;
};
constexpr std::array kQuoteMarks = {
    QuoteMark{"'", Quote::kSingle},
    QuoteMark{"\"", Quote::kDouble},
    QuoteMark{"\xe2\x80\x9c", Quote::kDouble},  // “
    QuoteMark{"\xe2\x80\x9d", Quote::kDouble},  // ”
    QuoteMark{"\xe2\x80\x9e", Quote::kDouble},  // „
    QuoteMark{"\xc2\xab", Quote::kDouble},      // «
    QuoteMark{"\xc2\xbb", Quote::kDouble},      // »
    QuoteMark{"\xe2\x80\x98", Quote::kSingle},  // ‘
    QuoteMark{"\xe2\x80\x99", Quote::kSingle},  // ’
    QuoteMark{"\xe2\x80\x9a", Quote::kSingle},  // ‚
};

// Spaces as phones write them too: no-break space, narrow no-break space, ideographic space.
constexpr std::array<std::string_view, 7> kSpaces = {
    " ", "\t", "\n", "\r", "\xc2\xa0", "\xe2\x80\xaf", "\xe3\x80\x80"};

struct Word {
  std::string text;
  std::optional<size_t> equals;  // of the first unquoted '='
  bool quoted = false;
  size_t column = 0;  // from 1, in characters
};

Status wrong(size_t column, const std::string& what) {
  return {Code::kInvalidArgument, "character " + std::to_string(column) + ": " + what};
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : rest_(text) {}

  Result<std::vector<Word>> run() {
    std::vector<Word> words;
    for (skipSpaces(); !rest_.empty(); skipSpaces()) {
      if (words.size() > limits::kMaxArguments) {
        return wrong(column_, "too many words; at most " + std::to_string(limits::kMaxArguments) +
                                  " after the command");
      }
      auto word = readWord();
      if (!word) return word.status();
      words.push_back(std::move(word).value());
    }
    return words;
  }

 private:
  Result<Word> readWord() {
    Word word;
    word.column = column_;
    if (const size_t bytes = patternBytes(); bytes > 0) {
      const size_t until = rest_.size() - bytes;
      while (rest_.size() > until) takeCharacterInto(word.text);
      word.quoted = true;
      return word;
    }
    while (!rest_.empty() && !startsWithSpace()) {
      if (const QuoteMark* mark = quoteMark()) {
        word.quoted = true;
        if (const Status status = readQuoted(*mark, word.text); !status) return status;
      } else if (rest_.front() == '\\') {
        const size_t column = column_;
        take(1);
        if (rest_.empty()) {
          return wrong(column, "nothing follows the '\\'; write '\\\\' for a backslash itself");
        }
        takeCharacterInto(word.text);
      } else {
        if (rest_.front() == '=' && !word.equals) word.equals = word.text.size();
        takeCharacterInto(word.text);
      }
    }
    return word;
  }

  // How long the pattern between slashes is that begins here; 0: none does. "/", "//" and
  // "/ a/" are none.
  size_t patternBytes() const {
    const size_t begin = rest_.starts_with("-/") ? 1 : 0;
    if (begin >= rest_.size() || rest_[begin] != '/') return 0;
    const Splitter inside(rest_.substr(begin + 1));
    if (inside.rest_.starts_with('/') || inside.startsWithSpace()) return 0;
    for (size_t i = begin + 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '/' && i > begin + 1) {
        const Splitter behind(rest_.substr(i + 1));
        if (behind.rest_.empty() || behind.startsWithSpace()) return i + 1;
      }
    }
    return 0;
  }

  Status readQuoted(const QuoteMark& opened, std::string& out) {
    const size_t column = column_;
    take(opened.text.size());
    while (!rest_.empty()) {
      const QuoteMark* mark = quoteMark();
      if (mark != nullptr && closes(opened, *mark)) {
        take(mark->text.size());
        return Status::ok();
      }
      if (rest_.front() == '\\' && opened.kind == Quote::kDouble && rest_.size() > 1) take(1);
      takeCharacterInto(out);
    }
    return wrong(column, "the quote that opens here is not closed; end it with " +
                             std::string(opened.kind == Quote::kSingle ? "'" : "\""));
  }

  // A plain quote is closed by a plain one only, so that "it’s" may stand within '…'.
  static bool closes(const QuoteMark& opened, const QuoteMark& mark) {
    if (opened.kind != mark.kind) return false;
    return opened.text.size() > 1 || mark.text.size() == 1;
  }

  const QuoteMark* quoteMark() const {
    for (const QuoteMark& mark : kQuoteMarks) {
      if (rest_.starts_with(mark.text)) return &mark;
    }
    return nullptr;
  }

  bool startsWithSpace() const { return spaceBytes() > 0; }
  size_t spaceBytes() const {
    for (const std::string_view space : kSpaces) {
      if (rest_.starts_with(space)) return space.size();
    }
    return 0;
  }
  void skipSpaces() {
    while (const size_t bytes = spaceBytes()) take(bytes);
  }

  // Bytes of one character.
  void take(size_t bytes) {
    rest_.remove_prefix(bytes);
    ++column_;
  }
  void takeCharacterInto(std::string& out) {
    size_t bytes = 1;
    while (bytes < rest_.size() && (static_cast<unsigned char>(rest_[bytes]) & 0xc0) == 0x80) {
      ++bytes;
    }
    out.append(rest_.substr(0, bytes));
    take(bytes);
  }

  std::string_view rest_;
  size_t column_ = 1;
};

bool isNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

std::string normalName(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// The name before an unquoted '=', if it could be one: "a=b" is, "2+2=4" and "=x" are plain words.
// "--" before it is dropped, also where a phone has made a dash of it.
std::optional<std::string_view> nameIn(const Word& word) {
  if (!word.equals) return std::nullopt;
  std::string_view name = std::string_view(word.text).substr(0, *word.equals);
  for (const std::string_view dashes : {"--", "\xe2\x80\x94", "\xe2\x80\x93"}) {
    if (name.starts_with(dashes)) {
      name.remove_prefix(dashes.size());
      break;
    }
  }
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name.front())) == 0) {
    return std::nullopt;
  }
  if (!std::all_of(name.begin(), name.end(), isNameCharacter)) return std::nullopt;
  return name;
}

bool isPlainCharacter(char c) {
  // UTF-8 beyond ASCII may be a quote or a space: quoting it is always right.
  return isNameCharacter(c) || c == '.' || c == ':' || c == '/' || c == '@' || c == '+' ||
         c == ',' || c == '%';
}

std::string inQuotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

bool needsQuotes(std::string_view text) {
  return text.empty() || !std::all_of(text.begin(), text.end(), isPlainCharacter);
}

}  // namespace

Result<ChatLine> parseChatLine(std::string_view text) {
  if (text.size() > limits::kMaxChatLineBytes) {
    return Status(Code::kInvalidArgument, "the line is " + std::to_string(text.size()) +
                                              " bytes long; at most " +
                                              std::to_string(limits::kMaxChatLineBytes));
  }
  if (!isValidUtf8(text)) return Status(Code::kInvalidArgument, "the line is not UTF-8");
  auto words = Splitter(text).run();
  if (!words) return words.status();
  ChatLine line;
  if (words->empty()) return line;
  line.verb = normalName(words->front().text);
  for (size_t i = 1; i < words->size(); ++i) {
    Word& word = (*words)[i];
    if (const auto name = nameIn(word)) {
      line.arguments.named.emplace_back(normalName(*name), word.text.substr(*word.equals + 1));
    } else {
      line.arguments.positionals.push_back(std::move(word.text));
    }
  }
  return line;
}

std::string quoteWord(std::string_view word) {
  return needsQuotes(word) ? inQuotes(word) : std::string(word);
}

std::string quoteNamed(std::string_view name, std::string_view value) {
  return std::string(name) + "=" + quoteWord(value);
}

}  // namespace muster::catalogue
