// Cuts a stream of bytes into lines of bounded length.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "libcontrol/base/limits.h"

namespace muster::agent {

class LineCutter {
 public:
  // Calls `use` with each whole line, without its end ("\n" or "\r\n"); what a line has beyond
  // limits::kMaxLogLineBytes is left out. Returns how many lines were cut.
  template <typename Use>
  size_t add(std::string_view bytes, const Use& use) {
    size_t cut = 0;
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      if (end == std::string_view::npos) {
        keep(part);
        break;
      }
      bytes.remove_prefix(end + 1);
      if (begun_.empty() && part.size() <= limits::kMaxLogLineBytes) {
        use(withoutReturn(part));
        continue;
      }
      keep(part);
      cut += is_cut_ ? 1 : 0;
      flush(use);
    }
    return cut;
  }
  // A last line without its end.
  template <typename Use>
  void flush(const Use& use) {
    if (!begun_.empty()) use(withoutReturn(begun_));
    begun_.clear();
    is_cut_ = false;
  }

 private:
  static std::string_view withoutReturn(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  void keep(std::string_view part) {
    const size_t room = limits::kMaxLogLineBytes - begun_.size();
    is_cut_ = is_cut_ || part.size() > room;
    begun_.append(part.substr(0, room));
  }

  std::string begun_;
  bool is_cut_ = false;
};

}  // namespace muster::agent
