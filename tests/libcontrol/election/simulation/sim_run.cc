#include "tests/libcontrol/election/simulation/sim_run.h"

#include <cstdio>

namespace muster::election {
namespace {

// Mostly absent or moderate, now and then heavy.
double share(Dice& dice, double present, double most) {
  return dice.chance(present) ? dice.between(0, most) : 0;
}

GroupConfig makeConfig(Dice& dice) {
  GroupConfig config;
  config.name = "storage";
  config.lease_ttl = anyTtl(dice);
  config.clock_rate_bound = kRateBound;
  config.wait_margin = Duration::millis(5);
  config.drain_deadline = dice.millis(1500, 6000);
  config.offer_timeout = dice.millis(500, 2000);
  config.promote_timeout = Duration::seconds(8);
  config.backoff_last = Duration::seconds(4);
  config.choose.level_floor = dice.chance(0.7) ? 50 : 0;
  config.floor_time = dice.millis(500, 4000);
  config.max_moves_per_hour = static_cast<int>(dice.below(6)) / 2;
  config.min_between_moves = dice.millis(0, 8000);
  config.query_timeout = dice.millis(100, 1000);
  config.crash_loop_count = 2 + static_cast<int>(dice.below(4));
  config.crash_loop_young = dice.millis(500, 5000);
  config.crash_loop_window = Duration::seconds(30);
  config.crash_loop_hold = dice.millis(2000, 10000);
  return config;
}

}  // namespace

Duration anyTtl(Dice& dice) {
  static constexpr Duration kTtls[] = {Duration::millis(1000), Duration::millis(1500),
                                       Duration::millis(2000), Duration::millis(3000), kLongestTtl};
  return dice.pick(kTtls);
}

Profile Profile::make(Dice& dice) {
  Profile profile;
  profile.loss = share(dice, 0.6, 0.25);
  profile.duplicate = share(dice, 0.7, 0.1);
  profile.long_delay = share(dice, 0.6, 0.04);
  profile.slow_disk = share(dice, 0.6, 0.15);
  profile.write_fails = share(dice, 0.5, 0.06);
  profile.crash_in_write = share(dice, 0.5, 0.06);
  profile.promote_slow = share(dice, 0.5, 0.3);
  profile.promote_fails = share(dice, 0.5, 0.3);
  profile.promote_hangs = share(dice, 0.3, 0.1);
  profile.demote_slow = share(dice, 0.6, 0.4);
  profile.demote_hangs = share(dice, 0.4, 0.2);
  profile.late_write = share(dice, 0.5, 0.02);
  profile.worst_moment = share(dice, 0.6, 0.2);
  profile.longest_gap = dice.millis(1000, 8000);
  if (dice.chance(0.8)) profile.absent = dice.below(~uint64_t{0}) & dice.below(~uint64_t{0});
  profile.lengths_change = dice.chance(0.3);
  profile.beyond_bound = dice.chance(0.15);
  profile.shared = dice.chance(0.35);
  profile.etcd_loses = share(dice, 0.6, 0.15);
  profile.failsafe = dice.chance(0.35);
  if (profile.failsafe) profile.lengths_change = dice.chance(0.5);
  return profile;
}

Run::Run(const Scenario& given)
    : scenario(given), dice(scenario.seed), nonces(scenario.seed ^ 0x5bd1e995u) {
  result.seed = scenario.seed;
  profile = Profile::make(dice);
  config = makeConfig(dice);
  if (!profile.failsafe) return;
  config.failsafe_limit = dice.millis(5000, 20000);
  // Long enough to be made shorter.
  if (profile.lengths_change && dice.chance(0.5)) config.lease_ttl = kLongestTtl;
}

Fate::Fate(Run& run, uint32_t part)
    : Dice(run.scenario.seed ^ (part + 1) * 0xd6e8feb86659fd93u), run_(run), part_(part) {}

bool Fate::mishap(double p) {
  if (!run_.stormy || !chance(p)) return false;
  const Mishap mishap{part_, mishaps_++};
  run_.result.mishaps.push_back(mishap);
  return !run_.scenario.omitted.mishaps.contains(mishap);
}

void Run::say(const std::string& line) {
  if (!recording()) return;
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%9.3f  ", agenda.now().ns * 1e-9);
  result.timeline.push_back(stamp + line);
}

const char* faultName(Fault fault) {
  static constexpr const char* kNames[] = {
#define MUSTER_SIM_NAME(name, text) text,
      MUSTER_SIM_FAULTS(MUSTER_SIM_NAME)
#undef MUSTER_SIM_NAME
  };
  return kNames[static_cast<size_t>(fault)];
}

}  // namespace muster::election
