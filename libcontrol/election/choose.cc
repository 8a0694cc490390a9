#include "libcontrol/election/choose.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/text.h"

namespace muster::election {
namespace {

// Whole percents, so that noise in the last digits decides nothing; no data comes last.
int64_t roundedLevel(const Candidate& candidate) {
  return candidate.level_percent ? std::llround(*candidate.level_percent) : -1;
}

Duration lagOf(const Candidate& candidate) {
  return candidate.lag.value_or(Duration{});
}

std::string whyNot(const ChooseOptions& options, const Candidate& candidate) {
  if (candidate.instances == 0) return "not present";
  if (candidate.drained) return "drained";
  if (candidate.nofailover) return "tagged nofailover";
  if (candidate.live > 1) {
    return std::to_string(candidate.live) + " live processes under one account";
  }
  if (candidate.live == 0) {
    return "asking which of the " + std::to_string(candidate.instances) +
           " processes under its account is alive";
  }
  if (!candidate.barred.empty()) return candidate.barred;
  if (candidate.level_percent && !(*candidate.level_percent >= options.level_floor)) {
    return "level " + formatPercent(*candidate.level_percent) + "% is under the floor of " +
           formatPercent(options.level_floor) + "%";
  }
  if (candidate.lag && options.max_lag && *candidate.lag > *options.max_lag) {
    return "lag " + formatDuration(*candidate.lag) + " is over the bound of " +
           formatDuration(*options.max_lag);
  }
  return {};
}

// Empty if nothing but the JID puts `second` behind `first`.
std::string whyBehind(const Candidate& first, const Candidate& second) {
  if (first.priority != second.priority) {
    return "priority " + std::to_string(second.priority) + " is below " +
           std::to_string(first.priority);
  }
  if (roundedLevel(first) != roundedLevel(second)) {
    if (!second.level_percent) return "has no data on its level";
    return "level " + formatPercent(*second.level_percent) + "% is below " +
           formatPercent(*first.level_percent) + "%";
  }
  if (lagOf(first) != lagOf(second)) {
    return "lag " + formatDuration(lagOf(second)) + " is over " + formatDuration(lagOf(first));
  }
  if (first.present_since != second.present_since) return "present for a shorter time";
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
    std::string why = whyNot(options, candidate);
    const bool eligible = why.empty();
    decision.verdicts.push_back({std::move(candidate), eligible, std::move(why)});
  }
  std::sort(
      decision.verdicts.begin(), decision.verdicts.end(), [](const Verdict& a, const Verdict& b) {
        if (a.eligible != b.eligible) return a.eligible;
        return a.eligible ? before(a.candidate, b.candidate) : a.candidate.jid < b.candidate.jid;
      });
  const Verdict* ahead = nullptr;
  for (Verdict& verdict : decision.verdicts) {
    if (!verdict.eligible) break;
    verdict.why = ahead ? whyBehind(ahead->candidate, verdict.candidate) : "first in order";
    if (verdict.why.empty()) verdict.why = "equal, but later by its JID";
    ahead = &verdict;
  }
  return decision;
}

}  // namespace muster::election
