#include "libcontrol/records/layouts.h"

#include <algorithm>

#include "libcontrol/base/limits.h"

namespace muster::records {
namespace {

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

void skipSpaces(std::string_view& text) {
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
}

// What stands in brackets at the beginning, which is taken off with the space behind it.
std::optional<std::string_view> takeBracket(std::string_view& text) {
  if (text.empty() || text[0] != '[') return std::nullopt;
  const size_t end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  take(text, ' ');
  return inside;
}

// As takeBracket, but a thread's name may have brackets of its own: it ends before a space.
bool takeThread(std::string_view& text) {
  if (text.empty() || text[0] != '[') return false;
  const size_t end = text.find("] ");
  if (end == std::string_view::npos) return false;
  text.remove_prefix(end + 1);
  skipSpaces(text);
  return true;
}

std::string_view takeWord(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  skipSpaces(text);
  return word;
}

void setLogger(Record& record, std::string_view name) {
  record.logger = name.substr(0, limits::kMaxLoggerNameBytes);
}

// "logger - text" and "logger: text"; the separator is the first that there is.
bool takeLogger(std::string_view text, Record& record) {
  const size_t end = text.find(' ');
  std::string_view name = text.substr(0, end);
  std::string_view rest = end == std::string_view::npos ? "" : text.substr(end + 1);
  if (name.size() > 1 && name.back() == ':') {
    name.remove_suffix(1);
  } else {
    // Patterns may pad the name.
    skipSpaces(rest);
    // Logback puts key-value pairs between two dashes: "-- text", "- k=v - text".
    if (!take(rest, '-') && !take(rest, ':')) return false;
    take(rest, '-');
    if (!rest.empty() && !take(rest, ' ')) return false;
  }
  if (name.empty()) return false;
  setLogger(record, name);
  record.text = rest;
  return true;
}

}  // namespace

bool parseSpdlog(std::string_view line, const Zone& zone, ReadLine& out) {
  auto time = takeBracket(line);
  if (!time) return false;
  const auto at = takeIsoTime(*time, zone);
  if (!at || !time->empty()) return false;
  const auto first = takeBracket(line);
  if (!first) return false;
  std::string_view rest = line;
  const auto second = takeBracket(rest);
  // A logger may be named as a level is.
  const auto named = second ? rules::parseSeverity(*second) : std::nullopt;
  const auto unnamed = named ? named : rules::parseSeverity(*first);
  if (!unnamed) return false;
  out.record.at = *at;
  out.has_time = true;
  out.record.level = *unnamed;
  if (named) setLogger(out.record, *first);
  out.record.text = named ? rest : line;
  return true;
}

bool parseLog4j(std::string_view line, const Zone& zone, WallTime arrival, ReadLine& out) {
  auto at = takeIsoTime(line, zone);
  if (!at) at = takeClockTime(line, zone, arrival);
  if (!at || !take(line, ' ')) return false;
  skipSpaces(line);
  bool has_thread = takeThread(line);
  auto level = readLevel(takeWord(line));
  if (!level) return false;
  if (!has_thread) has_thread = takeThread(line);
  if (!takeLogger(line, out.record)) return false;
  out.record.at = *at;
  out.has_time = true;
  out.record.level = *level;
  return true;
}

bool parseSpring(std::string_view line, const Zone& zone, ReadLine& out) {
  const auto at = takeIsoTime(line, zone);
  if (!at || !take(line, ' ')) return false;
  skipSpaces(line);
  const auto level = readLevel(takeWord(line));
  if (!level) return false;
  const std::string_view process = takeWord(line);
  const bool is_number =
      !process.empty() &&
      std::all_of(process.begin(), process.end(), [](char c) { return c >= '0' && c <= '9'; });
  // Before 2.0 there may be no process, and applications may have no process id at all.
  if (process != "---" && !(is_number && takeWord(line) == "---")) return false;
  if (!takeThread(line)) return false;
  // With an application's name, and with trace ids, there are several brackets.
  while (takeThread(line)) {
  }
  const std::string_view logger = takeWord(line);
  if (logger.empty() || !take(line, ':')) return false;
  take(line, ' ');
  out.record.at = *at;
  out.has_time = true;
  out.record.level = *level;
  setLogger(out.record, logger);
  out.record.text = line;
  return true;
}

bool FieldSink::takes(Part part, const std::vector<std::string>& names, std::string_view key) {
  size_t& best = ranks_[static_cast<size_t>(part)];
  for (size_t rank = 0; rank < names.size() && rank < best; ++rank) {
    if (names[rank] != key) continue;
    best = rank;
    return true;
  }
  return false;
}

bool FieldSink::takeTime(std::string_view value) {
  auto at = time_.read(value, arrival_);
  if (!at) {
    std::string_view rest = value;
    at = takeIsoTime(rest, Zone());
    if (!rest.empty()) at = std::nullopt;
  }
  if (!at) return false;
  out_.record.at = *at;
  out_.has_time = true;
  return true;
}

void FieldSink::text(std::string_view key, std::string_view value) {
  if (takes(Part::kTime, keys_.time, key)) {
    if (takeTime(value)) return;
  } else if (takes(Part::kLevel, keys_.level, key)) {
    if (const auto level = readLevel(value)) {
      out_.record.level = *level;
      return;
    }
  } else if (takes(Part::kLogger, keys_.logger, key)) {
    setLogger(out_.record, value);
    return;
  } else if (takes(Part::kText, keys_.text, key)) {
    // What a key of lower rank has said is no longer the text, but is kept.
    if (!out_.record.text.empty()) append(text_key_, out_.record.text, true);
    out_.record.text = value;
    text_key_ = keys_.text[ranks_[static_cast<size_t>(Part::kText)]];
    return;
  } else if (value.find('\n') != std::string_view::npos &&
             std::find(keys_.stack.begin(), keys_.stack.end(), key) != keys_.stack.end()) {
    stack_ += '\n';
    stack_ += value;
    while (stack_.back() == '\n') stack_.pop_back();
    return;
  }
  append(key, value, true);
}

void FieldSink::number(std::string_view key, double number, std::string_view written) {
  if (takes(Part::kTime, keys_.time, key)) {
    if (const auto at = fromUnixNumber(number)) {
      out_.record.at = *at;
      out_.has_time = true;
      return;
    }
  } else if (takes(Part::kLevel, keys_.level, key)) {
    out_.record.level = levelOfNumber(number);
    return;
  }
  append(key, written, false);
}

void FieldSink::other(std::string_view key, std::string_view written) {
  append(key, written, false);
}

void FieldSink::append(std::string_view key, std::string_view value, bool quote) {
  if (rest_.size() > limits::kMaxLogLineBytes) return;
  rest_ += ' ';
  rest_ += key;
  rest_ += '=';
  const bool plain = !value.empty() && value.find_first_of(" \t\n\"=") == std::string_view::npos;
  if (!quote || plain) {
    rest_ += value;
    return;
  }
  rest_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') rest_ += '\\';
    if (c == '\n') {
      rest_ += "\\n";
    } else {
      rest_ += c;
    }
  }
  rest_ += '"';
}

bool FieldSink::finish() {
  const bool any = std::any_of(std::begin(ranks_), std::end(ranks_),
                               [](size_t rank) { return rank != SIZE_MAX; });
  std::string& text = out_.record.text;
  std::string_view rest = rest_;
  if (text.empty() && !rest.empty()) rest.remove_prefix(1);
  text += rest;
  text += stack_;
  return any;
}

}  // namespace muster::records
