#include "libcontrol/incident/people.h"

#include <algorithm>

namespace muster::incident {

bool People::came(const Jid& full, bool away) {
  return sessions_[full.bare()].insert_or_assign(full, away).second;
}

void People::gone(const Jid& full) {
  sessions_[full.bare()].erase(full);
}

void People::absent(const Jid& bare) {
  sessions_[bare].clear();
}

void People::forgetAll() {
  for (auto& [bare, sessions] : sessions_) sessions.clear();
}

Availability People::of(const Jid& bare) const {
  const auto person = sessions_.find(bare);
  if (person == sessions_.end()) return Availability::kUnknown;
  if (person->second.empty()) return Availability::kAbsent;
  const bool here = std::any_of(person->second.begin(), person->second.end(),
                                [](const auto& session) { return !session.second; });
  return here ? Availability::kHere : Availability::kAway;
}

std::optional<Jid> People::firstAvailable(const std::vector<Jid>& candidates) const {
  const auto best = std::min_element(candidates.begin(), candidates.end(),
                                     [this](const Jid& a, const Jid& b) { return of(a) < of(b); });
  if (best == candidates.end()) return std::nullopt;
  return *best;
}

}  // namespace muster::incident
