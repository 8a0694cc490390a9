#include "node-agent/sidecar/framing.h"

#include <cstdint>

namespace muster::agent {
namespace {

// Of a length that fits 32 bits.
constexpr size_t kMaxLengthBytes = 5;

}  // namespace

Result<std::optional<std::string>> FrameReader::next() {
  uint64_t length = 0;
  size_t used = 0;
  for (bool more = true; more;) {
    if (used == kMaxLengthBytes) {
      return Status(Code::kInvalidArgument, "a frame does not begin with its length");
    }
    if (used == buffered()) return std::optional<std::string>();
    const auto byte = static_cast<unsigned char>(buffer_[begin_ + used]);
    length |= static_cast<uint64_t>(byte & 0x7f) << (7 * used++);
    more = (byte & 0x80) != 0;
  }
  if (length > max_bytes_) {
    return Status(Code::kInvalidArgument, "a frame of " + std::to_string(length) +
                                              " bytes; at most " + std::to_string(max_bytes_));
  }
  if (buffered() - used < length) return std::optional<std::string>();
  std::string content = buffer_.substr(begin_ + used, length);
  begin_ += used + length;
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  return std::optional(std::move(content));
}

std::string frame(std::string_view content) {
  std::string out;
  size_t left = content.size();
  for (; left >= 0x80; left >>= 7) out += static_cast<char>((left & 0x7f) | 0x80);
  out += static_cast<char>(left);
  return out.append(content);
}

}  // namespace muster::agent
