#include "libcontrol/service/level_chart.h"

#include <cstddef>

namespace muster::service {
namespace {

constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

}  // namespace

const char* levelBlock(double percent, double objective_percent) {
  const double spent = (100 - percent) / (100 - objective_percent);
  if (spent <= 0) return kBlocks[7];
  constexpr double kSteps[] = {0.25, 0.5, 1, 2, 4, 10};
  size_t block = 6;
  for (const double step : kSteps) {
    if (spent <= step) return kBlocks[block];
    --block;
  }
  return kBlocks[0];
}

std::string blockLegend() {
  return std::string(kBlocks[7]) + " nothing bad, " + kBlocks[4] +
         " and above within the objective, " + kBlocks[0] +
         " more than ten times what it allows, " + kNoDataBlock + " no data";
}

}  // namespace muster::service
