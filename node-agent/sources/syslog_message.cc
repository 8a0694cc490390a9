#include "node-agent/sources/syslog_message.h"

#include <algorithm>
#include <optional>

#include "libcontrol/base/limits.h"
#include "libcontrol/records/plain_text.h"

namespace muster::agent {
namespace {

using records::Record;
using records::Severity;

constexpr Severity kSeverities[] = {Severity::kCritical, Severity::kCritical, Severity::kCritical,
                                    Severity::kError,    Severity::kWarn,     Severity::kInfo,
                                    Severity::kInfo,     Severity::kDebug};

// "<34>": the facility times eight, and the severity.
bool takePriority(std::string_view& text, Severity& level) {
  if (!text.starts_with('<')) return false;
  int number = 0;
  size_t i = 1;
  for (; i < text.size() && i <= 3 && text[i] >= '0' && text[i] <= '9'; ++i) {
    number = number * 10 + (text[i] - '0');
  }
  if (i == 1 || i >= text.size() || text[i] != '>' || number > 191) return false;
  level = kSeverities[number % 8];
  text.remove_prefix(i + 1);
  return true;
}

std::string_view takeWord(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// "-" or elements "[id name="value"]" one behind the other.
bool takeStructuredData(std::string_view& text, std::string_view& data) {
  if (text.starts_with('-')) {
    data = {};
    text.remove_prefix(1);
    return text.empty() || text[0] == ' ';
  }
  size_t i = 0;
  bool is_quoted = false;
  while (i < text.size() && text[i] == '[') {
    for (++i; i < text.size(); ++i) {
      if (is_quoted && text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        is_quoted = !is_quoted;
      } else if (!is_quoted && text[i] == ']') {
        break;
      }
    }
    if (i >= text.size()) return false;
    ++i;
  }
  if (i == 0 || (i < text.size() && text[i] != ' ')) return false;
  data = text.substr(0, i);
  text.remove_prefix(i);
  return true;
}

// Behind the priority: "1 TIME HOST APP PROCID MSGID SD MSG".
bool parse5424(std::string_view text, const records::Zone& zone, Record& out) {
  if (!text.starts_with("1 ")) return false;
  text.remove_prefix(2);
  std::string_view time = takeWord(text);
  if (time != "-") {
    const auto at = records::takeIsoTime(time, zone);
    if (!at || !time.empty()) return false;
    out.at = *at;
  }
  const std::string_view host = takeWord(text);
  const std::string_view application = takeWord(text);
  const std::string_view process = takeWord(text);
  const std::string_view id = takeWord(text);
  std::string_view data;
  if (host.empty() || application.empty() || process.empty() || id.empty()) return false;
  if (!takeStructuredData(text, data)) return false;
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (application != "-") out.logger = application;
  out.text = text;
  if (!data.empty()) out.text += (out.text.empty() ? "" : " ") + std::string(data);
  return true;
}

bool isTagByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '/' || c == '(' || c == ')' || c == '@';
}

// "tag: text", "tag[12]: text". False: there is none, and the text stays.
bool takeTag(std::string_view& text, std::string_view& tag) {
  size_t end = 0;
  while (end < text.size() && end <= limits::kMaxLoggerNameBytes && isTagByte(text[end])) ++end;
  if (end == 0 || end >= text.size()) return false;
  size_t behind = end;
  if (text[end] == '[') {
    behind = text.find(']', end);
    if (behind == std::string_view::npos || behind - end > 16) return false;
    ++behind;
  }
  if (behind >= text.size() || text[behind] != ':') return false;
  tag = text.substr(0, end);
  text.remove_prefix(behind + 1);
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

// Behind the priority: "TIME HOST TAG: MSG", of which senders leave out what they like.
void parse3164(std::string_view text, WallTime arrival, const records::Zone& zone, Record& out) {
  auto at = records::takeSyslogTime(text, zone, arrival);
  if (!at) at = records::takeIsoTime(text, zone);
  if (at) out.at = *at;
  if (at && text.starts_with(' ')) text.remove_prefix(1);
  std::string_view tag;
  if (!takeTag(text, tag) && at) {
    std::string_view rest = text;
    (void)takeWord(rest);
    if (takeTag(rest, tag)) text = rest;
  }
  out.logger = tag;
  out.text = text;
}

}  // namespace

Record parseSyslog(std::string_view message, WallTime arrival, const records::Zone& zone) {
  message = message.substr(0, limits::kMaxLogLineBytes);
  while (!message.empty() &&
         (message.back() == '\n' || message.back() == '\0' || message.back() == '\r')) {
    message.remove_suffix(1);
  }
  Record out;
  out.at = arrival;
  if (!takePriority(message, out.level)) {
    out.text = message;
  } else if (!parse5424(message, zone, out)) {
    out.at = arrival;
    parse3164(message, arrival, zone, out);
  }
  records::makeText(out.text);
  records::makeText(out.logger);
  records::cutText(out.logger, limits::kMaxLoggerNameBytes);
  return out;
}

}  // namespace muster::agent
