#include "commands/log_chart.h"

#include <algorithm>
#include <iterator>

namespace muster::commands {

std::string chartOf(const google::protobuf::RepeatedField<uint64_t>& parts) {
  static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr uint64_t kSteps = std::size(kBlocks);
  if (parts.empty()) return {};
  const uint64_t most = *std::max_element(parts.begin(), parts.end());
  std::string out;
  for (const uint64_t part : parts) {
    if (part == 0) {
      out += "·";
    } else {
      const double share = static_cast<double>(part) / static_cast<double>(most);
      const auto step = static_cast<uint64_t>(share * kSteps);
      out += kBlocks[std::min(kSteps - 1, step)];
    }
  }
  return out;
}

}  // namespace muster::commands
