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
  kOk = 1,      // within its objective
  kNoData = 2,  // nothing, or too little to tell, was counted in the window
  kBurning =
      3,  // more than half of the window's error budget is spent, or a page's burn rate holds
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
  kGauge = 3,         // time within bounds
};

// What happened within the `window` that ends now. Every kind comes down to good and bad amounts:
// events of requests, milliseconds of the others.
struct WindowTotal {
  Duration window{};
  uint64_t good = 0;
  uint64_t bad = 0;
  Duration observed{};  // how much of the window was watched at all, at most `window`

  bool operator==(const WindowTotal&) const = default;
};

// How urgent a burn rate is; numbered as in muster.v1.BurnSeverity.
enum class Severity {
  kTicket = 1,  // somebody looks at it within days
  kPage = 2,    // somebody looks at it now
};

// A burn rate over two windows that is too much: 1 spends exactly the error budget within the
// period. The long window says that it matters, the short one that it goes on.
struct BurnRule {
  Severity severity = Severity::kPage;
  Duration long_window{};
  Duration short_window{};
  double factor = 1;

  bool operator==(const BurnRule&) const = default;
};

// A rule with what it was judged by.
struct BurnAlert {
  BurnRule rule;
  double long_rate = 0;
  double short_rate = 0;
  bool firing = false;  // both are at the factor or above, and enough was counted

  bool operator==(const BurnAlert&) const = default;
};

// A time in which a service was down (availability), out of bounds (gauge) or under its objective
// (requests).
struct Outage {
  WallTime begin;
  Duration length{};  // up to now if it goes on
  uint64_t bad = 0;   // milliseconds or requests
  bool ongoing = false;

  bool operator==(const Outage&) const = default;
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
  Duration observed{};                     // availability, gauge: of the window, watched
  Duration outage{};                       // availability, gauge: of it, down or out of bounds
  uint32_t outages = 0;                    // availability, gauge: how many, with one that goes on
  std::optional<Duration> ongoing_outage;  // availability, gauge: since when; not on the wire
  std::string bad_noun = "dropped";        // requests
  // Requests: with fewer in a window nothing is judged by it.
  uint64_t min_events = 1;

  // The error budget is (100 - objective) percent of what happens in a period.
  Duration period = Duration::seconds(30 * 86400);
  // Empty: by the table, see burnRules(). Not empty: these instead.
  std::vector<BurnRule> custom_burn_rules{};
  // Those of the burn rules and the period, each length once, the shortest first; empty if whoever
  // told of the service told of none.
  std::vector<WindowTotal> windows{};
  // The share of the period's error budget that is left: 1 is all, 0 none, below 0 overspent.
  // nullopt without data.
  std::optional<double> budget_left{};

  // Since when level.state is what it is, where somebody keeps track of it.
  std::optional<WallTime> state_since{};
  // Changes of state within the last hour, and whether for their number it is kept from getting
  // better too soon.
  uint32_t flaps = 0;
  bool damped = false;
  // Good and bad amounts since the history began; what nodes told one after the other adds up to.
  uint64_t good_total = 0;
  uint64_t bad_total = 0;
  // Availability, gauge: in an outage, or out of bounds, at this moment.
  bool down = false;
  // How long a worse, or a better, state must hold before it is told.
  Duration worse_for{};
  Duration better_for{};
};

// What a node has: its services, the worst first, and the level of the whole.
struct NodeSnapshot {
  Level level;
  std::vector<ServiceSnapshot> services;
};

// The level that the figures of a snapshot amount to (its own `level` is not read): percent and
// sentence by the sliding window, the state by it and by the burn rates.
Level judge(const ServiceSnapshot& service);
// Fills in budget_left and level from the figures.
void judgeAll(ServiceSnapshot& service);
// The same if the state was `before`: what is burning or breached stays so until it is clearly
// better, so that a level on the border doesn't flap.
LevelState judgeState(const ServiceSnapshot& service, LevelState before);

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
