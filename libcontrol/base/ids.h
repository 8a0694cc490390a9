// 128-bit identifiers: of a process instance, of an offer, of a session.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libcontrol/base/random.h"

namespace muster {

struct Id128 {
  std::array<uint8_t, 16> bytes{};

  static Id128 make(Random& random);
  // Exactly 16 bytes, as on the wire.
  static std::optional<Id128> fromBytes(std::string_view raw);
  // Exactly 32 lower-case hex digits.
  static std::optional<Id128> fromHex(std::string_view hex);

  std::string toBytes() const;
  std::string toHex() const;
  bool isNull() const { return *this == Id128{}; }
  auto operator<=>(const Id128&) const = default;
};

// Made at each process start; a holder of a lease is a (JID, instance).
using InstanceId = Id128;

// The XMPP resource of a node: "node-" and the first eight hex digits of its instance, so that two
// processes under one account are seen as two instead of one kicking the other.
std::string nodeResource(const InstanceId& instance);

}  // namespace muster
