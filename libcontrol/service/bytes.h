// Numbers as bytes and back, for what a service keeps across restarts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::service {

// Unsigned numbers, seven bits a byte, the lowest first; the top bit says that more follow.
class ByteWriter {
 public:
  void number(uint64_t value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<char>(value));
  }
  // Its length, then the bytes themselves.
  void bytes(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads any bytes; after a mistake isGood() is false and every further number 0. `bytes` must
// outlive it.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) break;
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      // The tenth byte has room for one bit only.
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return good_ ? value : 0;
    }
    good_ = false;
    return 0;
  }
  std::string_view bytes() {
    const uint64_t size = number();
    if (size > left_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }
  bool isGood() const { return good_; }
  bool isAtEnd() const { return left_.empty(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

}  // namespace muster::service
