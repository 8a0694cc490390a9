#include "examples/ledger/protocol.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;

Status bad(const std::string& sentence) {
  return {Code::kInvalidArgument, sentence};
}

// The next word; `rest` keeps what follows the one space after it.
std::string_view takeWord(std::string_view& rest) {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

std::optional<uint64_t> parseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool hasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Result<Request> parseAppend(std::string id, std::string_view text) {
  if (text.empty()) return bad("there is nothing to append; write: append TEXT");
  if (text.size() > kMaxTextBytes) {
    return bad("the text has " + std::to_string(text.size()) + " bytes; at most " +
               std::to_string(kMaxTextBytes) + " are kept");
  }
  if (hasControlCharacter(text)) return bad("the text must not have control characters");
  return Request(Append{std::move(id), std::string(text)});
}

Result<Request> parseAppendOnce(std::string_view rest) {
  const std::string_view id = takeWord(rest);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  // "-" alone stands for "no id" in what is read back.
  if (id.empty() || id == "-" || id.size() > kMaxIdBytes ||
      !std::all_of(id.begin(), id.end(), allowed)) {
    return bad("an id is 1 to " + std::to_string(kMaxIdBytes) +
               " letters, digits, '-', '_' or '.'; write: append-once ID TEXT");
  }
  return parseAppend(std::string(id), rest);
}

Result<Request> parseRead(std::string_view rest) {
  Read read;
  if (const std::string_view word = takeWord(rest); !word.empty()) {
    const auto from = parseNumber(word);
    // Sequence numbers are SQLite's, which are signed.
    if (!from || *from < 1 || *from > (uint64_t{1} << 62)) {
      return bad("FROM is a sequence number from 1 on; write: read [FROM] [LIMIT]");
    }
    read.from = *from;
  }
  if (const std::string_view word = takeWord(rest); !word.empty()) {
    const auto limit = parseNumber(word);
    if (!limit || *limit < 1 || *limit > kMaxRead) {
      return bad("LIMIT is a number from 1 to " + std::to_string(kMaxRead));
    }
    read.limit = *limit;
  }
  if (!rest.empty()) return bad("there is more than two numbers; write: read [FROM] [LIMIT]");
  return Request(read);
}

Result<Request> parseFault(std::string_view rest) {
  if (rest.empty()) return Request(FaultStatus{});
  const std::string_view which = takeWord(rest);
  if (which == "outage" && rest == "on") return Request(FaultOutage{true});
  if (which == "outage" && rest == "off") return Request(FaultOutage{false});
  if (which == "drop") {
    const auto count = parseNumber(rest);
    if (count && *count <= kMaxDrop) return Request(FaultDrop{*count});
    return bad("N is a number from 0 to " + std::to_string(kMaxDrop) + "; write: fault drop N");
  }
  return bad("write: fault, fault outage on, fault outage off, or fault drop N");
}

}  // namespace

Result<Request> parseRequest(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string_view rest = line;
  const std::string_view verb = takeWord(rest);
  if (verb == "append") return parseAppend({}, rest);
  if (verb == "append-once") return parseAppendOnce(rest);
  if (verb == "read") return parseRead(rest);
  if (verb == "fault") return parseFault(rest);
  if (verb == "help") return Request(Help{});
  if (verb == "whoami" && rest.empty()) return Request(WhoAmI{});
  if (verb == "quit" && rest.empty()) return Request(Quit{});
  if (verb == "whoami" || verb == "quit") return bad(std::string(verb) + " takes no argument");
  return bad("no such request; there are append, append-once, read, whoami, fault, help and quit");
}

std::string okReply(uint64_t seq, uint64_t epoch) {
  return "ok " + std::to_string(seq) + " " + std::to_string(epoch) + "\n";
}

std::string errorReply(const std::string& code, const std::string& sentence) {
  std::string line = sentence;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return "error " + code + " " + line + "\n";
}

std::string helpReply() {
  return "append TEXT            writes an entry; answered with its number and epoch once durable\n"
         "append-once ID TEXT    the same; sent again under its id it is still one entry\n"
         "read [FROM] [LIMIT]    entries from a number on, then a full stop\n"
         "whoami                 this node, whether it is active, and the epoch\n"
         "fault outage on|off    makes the journal fail\n"
         "fault drop N           drops the next N appends\n"
         "fault                  says which faults are on\n"
         "quit                   ends the connection\n"
         ".\n";
}

AppendAnswer parseAnswer(std::string_view line) {
  AppendAnswer answer;
  answer.text = line;
  std::string_view rest = line;
  const std::string_view first = takeWord(rest);
  const std::string_view second = takeWord(rest);
  if (first == "ok") {
    const auto seq = parseNumber(second);
    const auto epoch = parseNumber(rest);
    if (!seq || !epoch) return answer;
    return {AppendAnswer::Kind::kOk, *seq, *epoch, {}};
  }
  if (first != "error" || second.empty() || second == "unknown") return answer;
  answer.kind =
      second == "not-active" ? AppendAnswer::Kind::kNotActive : AppendAnswer::Kind::kRefused;
  return answer;
}

}  // namespace ledger
