#include "libcontrol/base/jid.h"

#include <algorithm>

namespace muster {
namespace {

constexpr size_t kMaxPartBytes = 1023;

std::string lowerAscii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool hasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Status bad(std::string_view text, const std::string& why) {
  return {Code::kInvalidArgument,
          "'" + std::string(text.substr(0, 80)) + "' is not a JID: " + why +
              "; a JID looks like name@example.org or name@example.org/home"};
}

}  // namespace

Result<Jid> Jid::parse(std::string_view text) {
  Parts parts;
  std::string_view rest = text;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    parts.resource = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (parts.resource.empty()) return bad(text, "nothing follows the '/'");
  }
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    parts.local = lowerAscii(rest.substr(0, at));
    rest = rest.substr(at + 1);
    if (parts.local.empty()) return bad(text, "nothing stands before the '@'");
    if (parts.local.find_first_of("\"&'/:<>@ ") != std::string::npos) {
      return bad(text, "the part before the '@' has a character that is not allowed there");
    }
  }
  if (!rest.empty() && rest.back() == '.') rest.remove_suffix(1);
  parts.domain = lowerAscii(rest);
  if (parts.domain.empty()) return bad(text, "the domain is missing");
  if (parts.domain.find_first_of("\"&'<>@ ") != std::string::npos) {
    return bad(text, "the domain has a character that is not allowed there");
  }
  for (const std::string* part : {&parts.local, &parts.domain, &parts.resource}) {
    if (part->size() > kMaxPartBytes) return bad(text, "a part is longer than 1023 bytes");
    if (hasControl(*part)) return bad(text, "it has a control character");
  }
  return Jid(std::move(parts));
}

Jid Jid::bare() const {
  if (isBare()) return *this;
  return Jid(Parts{domain(), local(), {}});
}

Jid Jid::withResource(std::string resource) const {
  if (isEmpty()) return *this;
  return Jid(Parts{domain(), local(), std::move(resource)});
}

std::string Jid::toString() const {
  std::string out;
  if (!local().empty()) out += local() + "@";
  out += domain();
  if (!resource().empty()) out += "/" + resource();
  return out;
}

std::strong_ordering Jid::operator<=>(const Jid& other) const {
  if (parts_ == other.parts_) return std::strong_ordering::equal;
  return parts() <=> other.parts();
}

const Jid::Parts& Jid::parts() const {
  static const Parts kNone;
  return parts_ ? *parts_ : kNone;
}

}  // namespace muster
