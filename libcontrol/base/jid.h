// An XMPP address (RFC 7622): [local@]domain[/resource].
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster {

// Immutable and normalised as far as ASCII goes: local part and domain in lower case. Servers have
// normalised what they stamp on a stanza; of addresses that people type, a local part outside ASCII
// is kept as it is, so it only matches if it was typed in the server's form.
class Jid {
 public:
  Jid() = default;

  // Fails with what is wrong: empty or over-long parts (1023 bytes each), characters that the RFC
  // excludes from a local part, control characters.
  static Result<Jid> parse(std::string_view text);

  const std::string& local() const { return local_; }
  const std::string& domain() const { return domain_; }
  const std::string& resource() const { return resource_; }

  bool isEmpty() const { return domain_.empty(); }
  bool isBare() const { return resource_.empty(); }
  Jid bare() const;
  Jid withResource(std::string resource) const;
  std::string toString() const;

  auto operator<=>(const Jid&) const = default;

 private:
  std::string domain_;
  std::string local_;
  std::string resource_;
};

}  // namespace muster
