// What a service level is, how it is judged and how it is said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"

namespace muster::service {

// Numbered as in muster.v1.LevelState; worse states have higher numbers.
enum class LevelState {
  kOk = 1,        // within its objective
  kNoData = 2,    // nothing was counted in the window
  kBurning = 3,   // more than half of the window's error budget is spent
  kBreached = 4,  // under its objective
};

// A service level as a number and as the sentence that people read.
struct Level {
  // 0 to 100; nullopt if and only if there is no data. 100 means that nothing bad happened at all.
  std::optional<double> percent;
  LevelState state = LevelState::kNoData;
  std::string text;
};

// Numbered as in muster.v1.ServiceKind.
enum class Kind {
  kAvailability = 1,  // time without outage
  kRequests = 2,      // good events of all events
};

// One service of a node, or, summed up, of a group, over its window; plain data.
struct ServiceSnapshot {
  std::string name;
  Kind kind = Kind::kRequests;
  Level level;
  double objective_percent = 99.9;  // 0 < x < 100
  Duration window = Duration::seconds(600);
  uint64_t good = 0;                       // requests
  uint64_t bad = 0;                        // requests
  Duration observed{};                     // availability: min(window, time since it was made)
  Duration outage{};                       // availability: of it, down
  uint32_t outages = 0;                    // availability: how many, with one that goes on
  std::optional<Duration> ongoing_outage;  // availability: since when it is down; not on the wire
  std::string bad_noun = "dropped";        // requests
};

// What a node has: its services, the worst first, and the level of the whole.
struct NodeSnapshot {
  Level level;
  std::vector<ServiceSnapshot> services;
};

// The level that the figures of a snapshot amount to (its own `level` is not read).
Level judge(const ServiceSnapshot& service);

// Orders by state, then by the share of the error budget that is spent, then by name.
bool isWorse(const ServiceSnapshot& a, const ServiceSnapshot& b);
void sortWorstFirst(std::vector<ServiceSnapshot>& services);

// The level of several services together: the worst state; the lowest percent among those that have
// data, but none if the whole has no data; the worst one's sentence.
Level worstOf(const std::vector<ServiceSnapshot>& worst_first);

// What is wrong with a service, without its figures: "user below its objective of 99.9%", "user
// spending its error budget too fast", "no data for user". Empty if it is well.
std::string troubleOf(const ServiceSnapshot& service);

// "Storage service level: 98.3%", or "NO DATA" for nullopt, and the reason in parentheses;
// `subject` is a service's name or "overall". Rounded down, to fewer digits the further it is from
// 100.
std::string levelSentence(std::string_view subject, std::optional<double> percent,
                          std::string_view reason);

// "user-front_end" -> "User front end".
std::string displayName(std::string_view name);

// "250 ms", "90 s", "10 mins.", "3 mins. 20 s", "1 hour", "2 hours 5 mins."; rounded down.
std::string durationInWords(Duration duration);

}  // namespace muster::service
