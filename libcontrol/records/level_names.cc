#include <array>
#include <utility>

#include "libcontrol/records/format.h"

namespace muster::records {
namespace {

constexpr std::pair<std::string_view, Severity> kNames[] = {
    {"info", Severity::kInfo},
    {"debug", Severity::kDebug},
    {"warn", Severity::kWarn},
    {"error", Severity::kError},
    {"warning", Severity::kWarn},
    {"trace", Severity::kTrace},
    {"critical", Severity::kCritical},
    {"fatal", Severity::kCritical},
    {"err", Severity::kError},
    {"crit", Severity::kCritical},
    {"notice", Severity::kInfo},
    {"information", Severity::kInfo},
    {"informational", Severity::kInfo},
    {"alert", Severity::kCritical},
    {"emerg", Severity::kCritical},
    {"emergency", Severity::kCritical},
    {"panic", Severity::kCritical},
    {"dpanic", Severity::kCritical},
    {"severe", Severity::kError},
    {"verbose", Severity::kDebug},
    {"config", Severity::kDebug},
    {"fine", Severity::kDebug},
    {"finer", Severity::kTrace},
    {"finest", Severity::kTrace},
    {"inf", Severity::kInfo},
    {"wrn", Severity::kWarn},
    {"dbg", Severity::kDebug},
    {"trc", Severity::kTrace},
    {"ftl", Severity::kCritical},
    {"log", Severity::kInfo},
    {"i", Severity::kInfo},
    {"w", Severity::kWarn},
    {"e", Severity::kError},
    {"d", Severity::kDebug},
    {"t", Severity::kTrace},
    {"v", Severity::kTrace},
    {"f", Severity::kCritical},
    {"c", Severity::kCritical},
};
constexpr size_t kLongestName = 13;

}  // namespace

std::optional<Severity> readLevel(std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return std::nullopt;
  std::array<char, kLongestName> lower;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  const std::string_view name(lower.data(), text.size());
  for (const auto& [known, level] : kNames) {
    if (known == name) return level;
  }
  return std::nullopt;
}

Severity levelOfNumber(double number) {
  if (number < 20) return Severity::kTrace;
  if (number < 30) return Severity::kDebug;
  if (number < 40) return Severity::kInfo;
  if (number < 50) return Severity::kWarn;
  if (number < 60) return Severity::kError;
  return Severity::kCritical;
}

}  // namespace muster::records
