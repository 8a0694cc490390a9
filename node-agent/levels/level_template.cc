#include "node-agent/levels/level_template.h"

#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

constexpr std::string_view kLogger = "{logger}";
constexpr std::string_view kLevel = "{level}";

bool isUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string escapedForUrl(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  // Of its own a dot, or two, would be another place of the path (RFC 3986, section 5.2.4).
  const bool dots = text == "." || text == "..";
  std::string out;
  for (const char c : text) {
    if (isUnreserved(c) && !dots) {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string escapedForJson(std::string_view text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

std::string escapedForLine(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  }
  return out;
}

// In one pass, so that what is filled in is never taken for a placeholder.
std::string fillIn(std::string_view text, std::string_view logger, std::string_view level,
                   const Escape& escape) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with(kLogger)) {
      out += escape(logger);
      text.remove_prefix(kLogger.size());
    } else if (text.starts_with(kLevel)) {
      out += escape(level);
      text.remove_prefix(kLevel.size());
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

bool mentions(std::string_view text, std::string_view placeholder) {
  return text.find(placeholder) != std::string_view::npos;
}

}  // namespace muster::agent
