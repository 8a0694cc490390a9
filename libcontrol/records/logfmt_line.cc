#include <charconv>

#include "libcontrol/records/layouts.h"

namespace muster::records {
namespace {

bool isKeyByte(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != '=' && c != '"';
}

// What stands behind the opening quote, up to the closing one, which is taken off.
bool takeQuoted(std::string_view& text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    } else {
      out += text[i];
    }
  }
  return false;
}

}  // namespace

bool parseLogfmt(std::string_view line, FieldSink& sink) {
  std::string quoted;
  bool any = false;
  for (;;) {
    while (!line.empty() && (line[0] == ' ' || line[0] == '\t')) line.remove_prefix(1);
    if (line.empty()) return any;
    size_t length = 0;
    while (length < line.size() && isKeyByte(line[length])) ++length;
    if (length == 0) return false;
    const std::string_view key = line.substr(0, length);
    line.remove_prefix(length);
    if (line.empty() || line[0] != '=') {
      // A key alone is one that is true, but a line must not begin so.
      if (!any || (!line.empty() && line[0] != ' ')) return false;
      sink.other(key, "true");
      continue;
    }
    line.remove_prefix(1);
    any = true;
    if (!line.empty() && line[0] == '"') {
      line.remove_prefix(1);
      if (!takeQuoted(line, quoted)) return false;
      sink.text(key, quoted);
      continue;
    }
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view value = line.substr(0, end);
    line.remove_prefix(end);
    double number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && stop == value.data() + value.size()) {
      sink.number(key, number, value);
    } else {
      sink.text(key, value);
    }
  }
}

}  // namespace muster::records
