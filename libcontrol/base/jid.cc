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
  Jid jid;
  std::string_view rest = text;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    jid.resource_ = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (jid.resource_.empty()) return bad(text, "nothing follows the '/'");
  }
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    jid.local_ = lowerAscii(rest.substr(0, at));
    rest = rest.substr(at + 1);
    if (jid.local_.empty()) return bad(text, "nothing stands before the '@'");
    if (jid.local_.find_first_of("\"&'/:<>@ ") != std::string::npos) {
      return bad(text, "the part before the '@' has a character that is not allowed there");
    }
  }
  if (!rest.empty() && rest.back() == '.') rest.remove_suffix(1);
  jid.domain_ = lowerAscii(rest);
  if (jid.domain_.empty()) return bad(text, "the domain is missing");
  if (jid.domain_.find_first_of("\"&'<>@ ") != std::string::npos) {
    return bad(text, "the domain has a character that is not allowed there");
  }
  for (const std::string* part : {&jid.local_, &jid.domain_, &jid.resource_}) {
    if (part->size() > kMaxPartBytes) return bad(text, "a part is longer than 1023 bytes");
    if (hasControl(*part)) return bad(text, "it has a control character");
  }
  return jid;
}

Jid Jid::bare() const {
  Jid out = *this;
  out.resource_.clear();
  return out;
}

Jid Jid::withResource(std::string resource) const {
  Jid out = *this;
  out.resource_ = std::move(resource);
  return out;
}

std::string Jid::toString() const {
  std::string out;
  if (!local_.empty()) out += local_ + "@";
  out += domain_;
  if (!resource_.empty()) out += "/" + resource_;
  return out;
}

}  // namespace muster
