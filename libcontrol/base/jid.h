// An XMPP address (RFC 7622): [local@]domain[/resource].
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster {

// Immutable and normalised as far as ASCII goes: local part and domain in lower case. Servers have
// normalised what they stamp on a stanza; of addresses that people type, a local part outside ASCII
// is kept as it is, so it only matches if it was typed in the server's form.
//
// Copies share what they say: a coordinator holds each of thousands of addresses in many places.
// Any thread may copy, read and destroy.
class Jid {
 public:
  Jid() = default;

  // Fails with what is wrong: empty or over-long parts (1023 bytes each), characters that the RFC
  // excludes from a local part, control characters.
  static Result<Jid> parse(std::string_view text);

  // As long as this or a copy of it lives.
  const std::string& local() const { return parts().local; }
  const std::string& domain() const { return parts().domain; }
  const std::string& resource() const { return parts().resource; }

  bool isEmpty() const { return parts_ == nullptr; }
  bool isBare() const { return resource().empty(); }
  Jid bare() const;
  Jid withResource(std::string resource) const;
  std::string toString() const;

  // By domain, then local part, then resource; the empty one first.
  std::strong_ordering operator<=>(const Jid& other) const;
  bool operator==(const Jid& other) const { return (*this <=> other) == 0; }

 private:
  struct Parts {
    std::string domain;
    std::string local;
    std::string resource;

    auto operator<=>(const Parts&) const = default;
  };

  explicit Jid(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}
  const Parts& parts() const;

  std::shared_ptr<const Parts> parts_;  // null: empty
};

}  // namespace muster
