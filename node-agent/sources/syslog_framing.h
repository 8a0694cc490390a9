// How messages of syslog follow one another on a connection: RFC 6587, both ways.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "libcontrol/base/limits.h"

namespace muster::agent {

// Of one connection. Each message is told from its first byte: a digit begins its length (octet
// counting), anything else goes up to the next line feed or NUL.
class SyslogFraming {
 public:
  // Calls `use` with each whole message. False: what has come makes no sense, and the connection is
  // to be closed. Of a message, limits::kMaxLogLineBytes are kept.
  template <typename Use>
  bool add(std::string_view bytes, const Use& use) {
    while (!bytes.empty()) {
      if (state_ == State::kBegin) begin(bytes[0]);
      if (state_ == State::kLength && !takeLength(bytes)) return false;
      if (state_ == State::kCounted && takeCounted(bytes)) give(use);
      if (state_ == State::kLine && takeLine(bytes)) give(use);
    }
    return true;
  }
  // The connection has ended: a last message without its end.
  template <typename Use>
  void flush(const Use& use) {
    if (!message_.empty()) give(use);
  }

 private:
  enum class State { kBegin, kLength, kCounted, kLine };
  // A message of RFC 5424 has no bound; one of this size is no message.
  static constexpr size_t kMaxLength = 16 * 1024 * 1024;

  void begin(char first) {
    length_ = 0;
    state_ = first >= '0' && first <= '9' ? State::kLength : State::kLine;
  }
  bool takeLength(std::string_view& bytes) {
    while (!bytes.empty() && bytes[0] >= '0' && bytes[0] <= '9') {
      length_ = length_ * 10 + static_cast<size_t>(bytes[0] - '0');
      if (length_ > kMaxLength) return false;
      bytes.remove_prefix(1);
    }
    if (bytes.empty()) return true;
    if (bytes[0] != ' ' || length_ == 0) return false;
    bytes.remove_prefix(1);
    state_ = State::kCounted;
    return true;
  }
  bool takeCounted(std::string_view& bytes) {
    const size_t part = std::min(length_, bytes.size());
    keep(bytes.substr(0, part));
    bytes.remove_prefix(part);
    length_ -= part;
    return length_ == 0;
  }
  bool takeLine(std::string_view& bytes) {
    const size_t end = bytes.find_first_of(std::string_view("\n\0", 2));
    keep(bytes.substr(0, end));
    if (end == std::string_view::npos) {
      bytes = {};
      return false;
    }
    bytes.remove_prefix(end + 1);
    return true;
  }
  void keep(std::string_view part) {
    message_.append(part.substr(0, limits::kMaxLogLineBytes - message_.size()));
  }
  template <typename Use>
  void give(const Use& use) {
    if (!message_.empty()) use(std::string_view(message_));
    message_.clear();
    state_ = State::kBegin;
  }

  State state_ = State::kBegin;
  size_t length_ = 0;
  std::string message_;
};

}  // namespace muster::agent
