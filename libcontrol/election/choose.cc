#include "libcontrol/election/choose.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/text.h"
#include "libcontrol/election/rules.h"

namespace muster::election {
namespace {

// Whole percents, so that noise in the last digits decides nothing; no data comes last.
int64_t roundedLevel(const Candidate& candidate) {
  return candidate.level_percent ? std::llround(*candidate.level_percent) : -1;
}

Duration lagOf(const Candidate& candidate) {
  return candidate.lag.value_or(Duration{});
}

struct Objection {
  Obstacle obstacle = Obstacle::kNone;
  std::string why;
};

// What is wrong whoever asks.
Objection fact(const Candidate& candidate) {
  if (candidate.instances == 0) return {Obstacle::kAbsent, "not present"};
  if (candidate.live > 1) {
    return {Obstacle::kTwins, std::to_string(candidate.live) + " live processes under one account"};
  }
  if (candidate.live == 0 && candidate.instances > 1) {
    return {Obstacle::kUnknownLive, "asking which of the " + std::to_string(candidate.instances) +
                                        " processes under its account is alive"};
  }
  if (candidate.live == 0) {
    return {Obstacle::kSilent,
            "present, but it does not answer; it may be what is left of a killed process"};
  }
  if (!candidate.distrusted.empty()) return {Obstacle::kDistrusted, candidate.distrusted};
  return {};
}

Objection taste(const ChooseOptions& options, const Candidate& candidate) {
  if (candidate.drained && keeps(Rule::kEligibleDrained)) {
    return {Obstacle::kDrained,
            candidate.drain_note.empty() ? "drained" : "drained " + candidate.drain_note};
  }
  if (candidate.nofailover && keeps(Rule::kEligibleTagged))
    return {Obstacle::kNoFailover, "tagged nofailover"};
  if (!candidate.barred.empty()) return {Obstacle::kBarred, candidate.barred};
  const bool fit = !candidate.level_percent || *candidate.level_percent >= options.level_floor;
  if (!fit && keeps(Rule::kEligibleLevel)) {
    return {Obstacle::kLevel, "level " + formatPercent(*candidate.level_percent) +
                                  "% is under the floor of " + formatPercent(options.level_floor) +
                                  "%"};
  }
  if (candidate.lag && options.max_lag && *candidate.lag > *options.max_lag) {
    return {Obstacle::kLag, "lag " + formatDuration(*candidate.lag) + " is over the bound of " +
                                formatDuration(*options.max_lag)};
  }
  return {};
}

// How the first in order stands.
std::string standing(const Candidate& candidate) {
  std::string text = "first in order: priority " + std::to_string(candidate.priority);
  text += candidate.level_percent ? ", level " + formatPercent(*candidate.level_percent) + "%"
                                  : ", no data on its level";
  if (candidate.lag) text += ", lag " + formatDuration(*candidate.lag);
  return text;
}

// Empty if nothing but the JID puts `second` behind `first`.
std::string whyBehind(const Candidate& first, const Candidate& second) {
  if (first.priority != second.priority) {
    return "priority " + std::to_string(second.priority) + " is below the " +
           std::to_string(first.priority) + " of " + first.name;
  }
  if (roundedLevel(first) != roundedLevel(second)) {
    if (!second.level_percent) return "has no data on its level";
    return "level " + formatPercent(*second.level_percent) + "% is below the " +
           formatPercent(*first.level_percent) + "% of " + first.name;
  }
  if (lagOf(first) != lagOf(second)) {
    return "lag " + formatDuration(lagOf(second)) + " is over the " + formatDuration(lagOf(first)) +
           " of " + first.name;
  }
  if (first.present_since != second.present_since) {
    return "present for a shorter time than " + first.name;
  }
  return {};
}

bool before(const Candidate& a, const Candidate& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  if (roundedLevel(a) != roundedLevel(b)) return roundedLevel(a) > roundedLevel(b);
  if (lagOf(a) != lagOf(b)) return lagOf(a) < lagOf(b);
  if (a.present_since != b.present_since) return a.present_since < b.present_since;
  return a.jid < b.jid;
}

}  // namespace

const Candidate* Decision::best() const {
  return !verdicts.empty() && verdicts.front().eligible ? &verdicts.front().candidate : nullptr;
}

const Verdict* Decision::find(const Jid& bare) const {
  for (const Verdict& verdict : verdicts) {
    if (verdict.candidate.jid == bare) return &verdict;
  }
  return nullptr;
}

Decision choose(const ChooseOptions& options, std::vector<Candidate> candidates) {
  Decision decision{options, {}};
  for (Candidate& candidate : candidates) {
    Objection objection = fact(candidate);
    if (objection.obstacle == Obstacle::kNone) objection = taste(options, candidate);
    const bool eligible = objection.obstacle == Obstacle::kNone;
    decision.verdicts.push_back(
        {std::move(candidate), eligible, std::move(objection.why), objection.obstacle});
  }
  std::sort(
      decision.verdicts.begin(), decision.verdicts.end(), [](const Verdict& a, const Verdict& b) {
        if (a.eligible != b.eligible) return a.eligible;
        return a.eligible ? before(a.candidate, b.candidate) : a.candidate.jid < b.candidate.jid;
      });
  const Verdict* ahead = nullptr;
  for (Verdict& verdict : decision.verdicts) {
    if (!verdict.eligible) break;
    verdict.why =
        ahead ? whyBehind(ahead->candidate, verdict.candidate) : standing(verdict.candidate);
    if (verdict.why.empty()) verdict.why = "equal, but later by its JID";
    if (verdict.candidate.active) verdict.why = "active; " + verdict.why;
    ahead = &verdict;
  }
  return decision;
}

Decision withoutTaste(const Decision& decision, bool keep_barred) {
  std::vector<Candidate> candidates;
  candidates.reserve(decision.verdicts.size());
  for (const Verdict& verdict : decision.verdicts) {
    Candidate candidate = verdict.candidate;
    candidate.drained = candidate.nofailover = false;
    if (!keep_barred) candidate.barred.clear();
    candidates.push_back(std::move(candidate));
  }
  return choose({}, std::move(candidates));
}

}  // namespace muster::election
