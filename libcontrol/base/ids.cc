#include "libcontrol/base/ids.h"

#include <algorithm>
#include <cstring>

namespace muster {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Id128 Id128::make(Random& random) {
  Id128 id;
  const uint64_t halves[2] = {random.next(), random.next()};
  std::memcpy(id.bytes.data(), halves, sizeof halves);
  return id;
}

std::optional<Id128> Id128::fromBytes(std::string_view raw) {
  Id128 id;
  if (raw.size() != id.bytes.size()) return std::nullopt;
  std::memcpy(id.bytes.data(), raw.data(), raw.size());
  return id;
}

std::optional<Id128> Id128::fromHex(std::string_view hex) {
  Id128 id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = hexDigit(hex[2 * i]);
    const int low = hexDigit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return id;
}

std::string Id128::toBytes() const {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Id128::toHex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string nodeResource(const InstanceId& instance) {
  return "node-" + instance.toHex().substr(0, 8);
}

}  // namespace muster
