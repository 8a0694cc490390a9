// From levels to incidents: what holds, what belongs together, and when it is over.
#include <algorithm>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/incident/incidents.h"
#include "libcontrol/incident/wording.h"

namespace muster::incident {
namespace {

constexpr size_t kRemembered = 200;

enum class Verdict { kUnder, kWell, kUnknown };

// NO DATA says neither that a level is under a threshold nor that it has recovered; that nobody
// serves is under every threshold.
Verdict judge(const Subscription& wish, const TargetLevel& level) {
  if (level.absent) return Verdict::kUnder;
  if (level.health == Health::kNoData) return Verdict::kUnknown;
  bool under = false;
  if (wish.below) {
    if (!level.percent) return Verdict::kUnknown;
    under = *level.percent < *wish.below;
  } else {
    under = level.health == Health::kBreached || (level.burns && *level.burns >= wish.severity) ||
            (level.health == Health::kBurning && wish.severity == Severity::kTicket);
  }
  return under ? Verdict::kUnder : Verdict::kWell;
}

std::string recoveredText(const TargetLevel* level) {
  return level == nullptr ? "it is well again" : level->sentence;
}

}  // namespace

void IncidentMachine::on(const LevelsSeen& event) {
  // First all of them: what one threshold joins depends on the others' groups.
  for (const TargetLevel& level : event.levels) levels_[level.target] = level;
  for (const TargetLevel& level : event.levels) look(level);
}

void IncidentMachine::look(const TargetLevel& level) {
  const auto people = by_target_.find(level.target);
  if (people == by_target_.end()) return;
  for (const Jid& who : people->second) {
    const Key key{who, level.target};
    look(key, watches_.at(key), level);
  }
}

void IncidentMachine::look(const Key& key, Watch& watch, const TargetLevel& level) {
  switch (judge(watch.wish, level)) {
    case Verdict::kUnknown:
      if (watch.holds && !watch.by_absence) return;
      watch.under_since.reset();
      return release(key, watch);
    case Verdict::kWell:
      watch.under_since.reset();
      return release(key, watch);
    case Verdict::kUnder:
      break;
  }
  watch.by_absence = level.absent;
  if (watch.holds) return;
  if (!watch.under_since) {
    watch.under_since = now_.elapsed;
    effects_.fell.emplace_back(level.target, level.group);
  }
  // After a restart: it held before, and the person was told.
  const bool told_before = std::any_of(open_.begin(), open_.end(), [&](const auto& each) {
    return each.second.record.followers.contains(key.first) &&
           each.second.covered.contains(key.second);
  });
  if (told_before || now_.elapsed - *watch.under_since >= watch.wish.for_time) {
    begin(key, watch, level);
  }
}

void IncidentMachine::begin(const Key& key, Watch& watch, const TargetLevel& level) {
  watch.holds = true;
  if (Open* open = relatedTo(level.target, level.group)) return join(key, watch, *open);
  waiting_.insert(key);
  if (now_.elapsed != watch.under_since) effects_.fell.emplace_back(level.target, level.group);
  if (!gather_until_) gather_until_ = now_.elapsed + policy_.gather;
}

void IncidentMachine::release(const Key& key, Watch& watch) {
  watch.holds = false;
  waiting_.erase(key);
  if (Open* open = openOf(watch.incident)) --open->holding;
  watch.incident = 0;
}

IncidentMachine::Open* IncidentMachine::relatedTo(const std::string& target,
                                                  const std::string& group) {
  if (open_.empty()) return nullptr;
  for (auto& [id, open] : open_) {
    const Incident& record = open.record;
    const bool same = record.target == target || (!group.empty() && record.group == group) ||
                      open.covered.contains(target);
    if (same) return &open;
  }
  // The whole is under its threshold because something is; and what falls in a storm is part of it.
  Open& latest = open_.rbegin()->second;
  if (target == kOverall || open_.size() >= limits::kMaxOpenIncidents) return &latest;
  const bool storm =
      latest.record.target == kOverall && now_.elapsed - latest.opened < limits::kStormLife;
  return storm ? &latest : nullptr;
}

// Adds the threshold to what the incident covers; tells nobody.
void IncidentMachine::cover(const Key& key, Watch& watch, Open& open) {
  Incident& record = open.record;
  watch.incident = record.id;
  ++open.holding;
  open.well_since.reset();
  if (!open.covered.contains(key.second)) {
    ++record.thresholds;
    if (open.covered.size() < limits::kMaxCovered) {
      open.covered.insert(key.second);
      record.covered.push_back(key.second);
    }
  } else if (record.followers.contains(key.first)) {
    return;  // the same again
  }
  if (record.followers.size() < limits::kMaxFollowers) {
    record.followers.emplace(key.first, watch.wish.place);
  }
  record.severity = std::max(record.severity, watch.wish.severity);
  touch(open);
}

void IncidentMachine::join(const Key& key, Watch& watch, Open& open) {
  const bool follows = open.record.followers.contains(key.first);
  const Severity before = open.record.severity;
  const uint32_t thresholds = open.record.thresholds;
  cover(key, watch, open);
  if (!open.record.announced) {
    if (!isSilenced(open)) announce(open);
    return;
  }
  if (open.record.severity != before) return announce(open);  // to everybody: it is a page now
  if (!follows) {
    return tell(key.first, watch.wish.place, &open.record, NoticeKind::kOpened,
                openedText(open.record, policy_), openedGist(open.record));
  }
  if (open.record.thresholds != thresholds) open.grown = true;
}

// --- opening ------------------------------------------------------------------------------------

void IncidentMachine::openGathered() {
  gather_until_.reset();
  std::map<std::string, std::vector<Key>> causes;  // by group or, without one, target
  std::vector<Key> whole;
  std::vector<Key> all(waiting_.begin(), waiting_.end());
  waiting_.clear();
  for (const Key& key : all) {
    const std::string group = groupOf(key.second);
    if (key.second == kOverall) {
      whole.push_back(key);
    } else {
      causes[group.empty() ? key.second : group].push_back(key);
    }
  }
  if (causes.size() >= limits::kStormGroups) return openOne(kOverall, "", all, true);
  for (auto& [cause, keys] : causes) {
    // The whole fell with the first of them.
    keys.insert(keys.end(), whole.begin(), whole.end());
    whole.clear();
    const std::string group = groupOf(keys.front().second);
    const auto level = levels_.find(group);
    const bool one = std::all_of(keys.begin(), keys.end(), [&](const Key& key) {
      return key.second == keys.front().second || key.second == kOverall;
    });
    const bool nobody = level != levels_.end() && level->second.absent;
    openOne(one && !nobody ? keys.front().second : cause, group, keys, false);
  }
  if (!whole.empty()) openOne(kOverall, "", whole, false);
}

// What says best how it is: the cause itself or else the worst of what it covers.
const TargetLevel* IncidentMachine::levelFor(const std::string& target,
                                             const std::vector<Key>& keys) const {
  if (const auto level = levels_.find(target); level != levels_.end()) return &level->second;
  const TargetLevel* worst = nullptr;
  for (const Key& key : keys) {
    const auto level = levels_.find(key.second);
    if (level == levels_.end()) continue;
    if (worst == nullptr || level->second.health > worst->health) worst = &level->second;
  }
  return worst;
}

void IncidentMachine::openOne(std::string target, const std::string& group,
                              const std::vector<Key>& keys, bool storm) {
  Open open;
  Incident& record = open.record;
  record.id = ++last_id_;
  record.target = std::move(target);
  record.group = group;
  record.severity = Severity::kTicket;
  record.storm = storm;
  record.opened = now_.wall;
  ElapsedTime since = now_.elapsed;
  for (const Key& key : keys) {
    since = std::min(since, watches_.at(key).under_since.value_or(since));
  }
  record.since = WallTime{now_.wall.unix_ms - (now_.elapsed - since).toMillis()};
  if (const TargetLevel* level = levelFor(record.target, keys)) {
    record.sentence = level->sentence;
    record.percent = level->percent;
    record.objective = level->objective;
    record.budget_left = level->budget_left;
    record.log_lines = level->log_lines;
    if (record.log_lines.size() > limits::kMaxIncidentLogLines) {
      record.log_lines.resize(limits::kMaxIncidentLogLines);
    }
  }
  open.opened = now_.elapsed;
  const Act* act = latelyDone(record.target, group);
  if (act != nullptr) {
    record.sentence +=
        " Shortly before: " + (act->who.empty() ? "" : act->who + ": ") + act->sentence;
  }
  Open& placed = open_.emplace(record.id, std::move(open)).first->second;
  for (const Key& key : keys) cover(key, watches_.at(key), placed);
  if (act != nullptr) addNote(placed, act->who, "action", act->sentence);
  addNote(placed, "", "opened", placed.record.sentence);
  if (!isSilenced(placed)) announce(placed);
}

void IncidentMachine::announce(Open& open) {
  open.record.announced = true;
  open.told = now_.elapsed;
  open.grown = false;
  touch(open);
  const std::string text = openedText(open.record, policy_);
  tellFollowers(open.record, NoticeKind::kOpened, text, openedGist(open.record));
  tellChannels(open.record, NoticeKind::kOpened, text, openedGist(open.record));
}

void IncidentMachine::update(Open& open) {
  open.grown = false;
  open.told = now_.elapsed;
  const auto level = levels_.find(open.record.target);
  const std::string text =
      updateText(open.record, level == levels_.end() ? nullptr : &level->second, now_.wall);
  tellFollowers(open.record, NoticeKind::kUpdate, text, openedGist(open.record));
}

// --- the end ------------------------------------------------------------------------------------

bool IncidentMachine::isWell(const Open& open) const {
  if (open.holding > 0) return false;
  // Nothing holds; but of a target that nothing is known of yet that means little.
  // Of one that began without data, since nobody served, that is all that there is to recover to.
  const auto level = levels_.find(open.record.target);
  return level != levels_.end() && !level->second.absent &&
         (level->second.health != Health::kNoData || !open.record.percent);
}

void IncidentMachine::end(uint64_t id, const std::string& how, const std::string& resolved_by) {
  Open* open = openOf(id);
  Incident& record = open->record;
  record.ended = now_.wall;
  record.recovered = how;
  record.resolved_by = resolved_by;
  addNote(*open, resolved_by, "ended", how);
  effects_.settled.push_back(id);
  // Also while it is silenced: whoever heard of the beginning hears of the end.
  if (record.announced) {
    tellFollowers(record, NoticeKind::kEnded, endedText(record, now_.wall),
                  endedGist(record, now_.wall), resolved_by);
    tellChannels(record, NoticeKind::kEnded, endedText(record, now_.wall),
                 endedGist(record, now_.wall));
  }
  for (const std::string& target : record.covered) {
    const auto people = by_target_.find(target);
    if (people == by_target_.end()) continue;
    for (const Jid& who : people->second) {
      Watch& watch = watches_.at({who, target});
      // One that still holds stays so, and opens nothing before it has been well.
      if (watch.incident == id) watch.incident = 0;
    }
  }
  note_counts_.erase(id);
  ended_.push_back(std::move(record));
  if (ended_.size() > kRemembered) ended_.pop_front();
  open_.erase(id);
}

// --- time ---------------------------------------------------------------------------------------

void IncidentMachine::advance() {
  endSilences();
  if (gather_until_ && now_.elapsed >= *gather_until_) {
    waiting_.empty() ? gather_until_.reset() : openGathered();
  }
  std::vector<uint64_t> over;
  for (auto& [id, open] : open_) {
    if (!isWell(open)) {
      open.well_since.reset();
    } else if (!open.well_since) {
      open.well_since = now_.elapsed;
    }
    if (open.well_since && now_.elapsed - *open.well_since >= policy_.recovery) {
      over.push_back(id);
      continue;
    }
    escalate(open);
    if (open.grown && now_.elapsed - open.told >= policy_.update_every) update(open);
  }
  for (const uint64_t id : over) {
    const auto level = levels_.find(open_.at(id).record.target);
    end(id, recoveredText(level == levels_.end() ? nullptr : &level->second), "");
  }
}

void IncidentMachine::escalate(Open& open) {
  Incident& record = open.record;
  while (record.announced && record.acked_by.empty() && record.steps_done < policy_.steps.size()) {
    const EscalationStep& step = policy_.steps[record.steps_done];
    if (now_.elapsed - open.opened < step.after || isSilenced(open)) return;
    ++record.steps_done;
    touch(open);
    if (record.severity < step.least) continue;
    std::set<Jid> whom(step.who.begin(), step.who.end());
    if (step.on_call) {
      if (const auto first = people_.firstAvailable(policy_.on_call)) whom.insert(*first);
    }
    for (const Jid& person : whom) {
      record.followers.emplace(person, placeFor(person));
      addNote(open, "", "escalated", person.toString());
      tell(person, placeFor(person), &record, NoticeKind::kEscalated,
           escalatedText(record, policy_, now_.wall), openedGist(record));
    }
    const std::string said = escalatedInRoom(record, {whom.begin(), whom.end()}, now_.wall);
    if (!whom.empty()) tellRoom(&record, NoticeKind::kNote, said, said);
  }
}

}  // namespace muster::incident
