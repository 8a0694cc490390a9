// Frames of the sidecar socket: a varint with the length, then so many bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster::agent {

// Takes bytes as they come. After an error nothing more is to be expected of it.
class FrameReader {
 public:
  explicit FrameReader(size_t max_bytes) : max_bytes_(max_bytes) {}

  void add(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame's content, if there is one. kInvalidArgument: its length is no varint or
  // above the bound; that is found out before it has come.
  Result<std::optional<std::string>> next();
  size_t buffered() const { return buffer_.size() - begin_; }

 private:
  const size_t max_bytes_;
  std::string buffer_;
  size_t begin_ = 0;
};

std::string frame(std::string_view content);

}  // namespace muster::agent
