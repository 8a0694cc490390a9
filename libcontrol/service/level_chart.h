// Levels as blocks of text. Pure.
#pragma once

#include <string>

namespace muster::service {

inline constexpr char kNoDataBlock[] = "·";

// Full when nothing bad happened at all, the lower half when more was bad than the objective
// allows.
const char* levelBlock(double percent, double objective_percent);

// What they mean, in one line.
std::string blockLegend();

}  // namespace muster::service
