// What all rounds came to, as a table and as JSON.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/failover/contest.h"

namespace muster::bench {

using Samples = std::map<std::pair<Kind, System>, std::vector<Sample>>;

std::string failoverTable(const Samples& samples, Duration lease);
std::string failoverJson(const Samples& samples, Duration lease);

}  // namespace muster::bench
