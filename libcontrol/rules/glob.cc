#include "libcontrol/rules/glob.h"

#include <cstddef>

namespace muster::rules {

bool globMatches(std::string_view glob, std::string_view name) {
  size_t g = 0;
  size_t n = 0;
  // Where to go on if what follows the last star doesn't fit: one byte further. Earlier stars never
  // have to be tried again.
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace muster::rules
