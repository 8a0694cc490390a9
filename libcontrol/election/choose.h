// Who of a group's members may become active, and who comes first. Pure; the inputs are kept with
// the outcome, so that a decision can be explained and replayed later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"

namespace muster::election {

struct ChooseOptions {
  // Percent, 0 to 100: a member whose known level is lower is not eligible.
  double level_floor = 0;
  // A member that reports a larger lag is not eligible; without a bound any lag will do.
  std::optional<Duration> max_lag;
};

// One member as the coordinator saw it at the moment of the decision.
struct Candidate {
  Jid jid;           // bare
  std::string name;  // as enrolled, for people
  int priority = 0;  // higher comes first
  bool drained = false;
  bool nofailover = false;  // tagged so
  int instances = 0;        // present under this JID
  // Of those, how many count as live. With several, those that have answered a query within T. With
  // one that one, unless it leaves a query unanswered; whether it has answered says `answered`.
  int live = 0;
  // Of the only live instance:
  std::optional<double> level_percent;  // none: no data
  std::optional<Duration> lag;          // none: the application doesn't report it
  ElapsedTime present_since;
  // Set for a member that can't be offered anything now; shown as the reason. For example that it
  // declined a moment ago, or that it reports an epoch that can't be true.
  std::string barred;
  // Set for a member that must not be offered anything whoever asks for it; shown as the reason.
  std::string distrusted{};
  std::string drain_note{};  // of a drained one: by whom, since when, why
  bool active = false;       // has the role now
  bool answered = false;     // the only live instance has answered a query within T
};

// Why a member is not eligible, the first of these that applies. What stands up to kDistrusted are
// facts that nobody can override; the others are matters of taste that `force` overrides.
enum class Obstacle {
  kNone,
  kAbsent,
  kTwins,        // several live processes
  kUnknownLive,  // several processes, being asked which one lives
  kSilent,       // present, but a query went unanswered: mostly the ghost of a killed process
  kDistrusted,
  kDrained,
  kNoFailover,
  kBarred,
  kLevel,
  kLag,
};
inline bool isTaste(Obstacle obstacle) {
  return obstacle > Obstacle::kDistrusted;
}

struct Verdict {
  Candidate candidate;
  bool eligible = false;
  // Of the ineligible: why. Of the eligible: what puts it behind the one before it, or for the
  // first, how it stands.
  std::string why;
  Obstacle obstacle = Obstacle::kNone;
};

struct Decision {
  ChooseOptions options;
  // The eligible first, best first, then the others by JID.
  std::vector<Verdict> verdicts;

  // None if nobody is eligible.
  const Candidate* best() const;
  const Verdict* find(const Jid& bare) const;
};

// Eligible: one live instance, not distrusted, not drained, not tagged nofailover, not barred,
// level at or above the floor, lag within its bound. A member without data is not under the floor,
// since standbys often count nothing, but it comes after every level that is known. Order:
// priority, level rounded to whole percents, lag (not reported counts as none), the longer present,
// JID. A decision can be replayed: choose(decision.options, its candidates) is the same decision.
Decision choose(const ChooseOptions& options, std::vector<Candidate> candidates);

// The same candidates with matters of taste left aside, for a person who insists; with
// `keep_barred` not the reasons in Candidate::barred.
Decision withoutTaste(const Decision& decision, bool keep_barred = false);

}  // namespace muster::election
