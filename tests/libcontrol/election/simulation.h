// A whole group in virtual time: one coordinator, three nodes and a twin, a network, disks, an
// application on each node and a resource that checks fencing tokens. Both production machines run
// in it under drivers that behave as the real ones must. Everything follows from the seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::election {

// What is done to the group. Each must occur at least once over a set of seeds, or the simulation
// no longer tests what it says.
enum class Fault {
  kLoss,
  kDuplicate,
  kReorder,
  kLongDelay,
  kPartition,
  kLinkDrop,
  kNodeCrash,
  kCoordinatorCrash,
  kWriteLost,
  kWriteKept,
  kWriteFailed,
  kPromoteFailed,
  kSlowPromote,
  kSlowDemote,
  kHungDemote,
  kKill,
  kPause,
  kLoopGap,
  kCoordinatorPause,
  kGhostPresence,
  kFalseGone,
  kTwin,
  kShutdown,
  kDeclined,
  kTokenRefused,
  kFenced,
  kMove,
  kMoveRepeated,
  kMoveRefused,
  kMoveFailed,
  kMoveDone,
  kCount
};
const char* faultName(Fault fault);

struct RunResult {
  uint64_t seed = 0;
  std::string violation;  // empty if all held
  std::array<int64_t, static_cast<size_t>(Fault::kCount)> faults{};
  int failovers = 0;                  // grants to another process than the one before
  int64_t steps = 0;                  // of both machines
  double seconds = 0;                 // of virtual time
  std::vector<std::string> timeline;  // only if asked for
};

RunResult simulate(uint64_t seed, bool with_timeline);

}  // namespace muster::election
