#include "libcontrol/incident/incidents.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/incident/wording.h"

namespace muster::incident {
namespace {

// How long ago that was, as elapsed time; a wall clock that was set back counts as just now.
ElapsedTime elapsedAt(WallTime then, Now now) {
  const int64_t ago = std::max<int64_t>(0, now.wall.unix_ms - then.unix_ms);
  return now.elapsed - Duration::millis(ago);
}

std::string withText(const std::string& sentence, const std::string& text) {
  return text.empty() ? sentence + "." : sentence + ": " + text;
}

std::string numbered(uint64_t id) {
  return "incident " + std::to_string(id);
}

// Why an incident can't be acknowledged, assigned or resolved.
Status notOpen(uint64_t id, const Incident* known, const std::vector<Incident>& open) {
  if (known != nullptr) {
    return {Code::kConflict,
            numbered(id) + " is over since " + toRfc3339(*known->ended) + ": " + known->recovered,
            "id"};
  }
  std::vector<std::string> ids;
  for (const Incident& each : open) ids.push_back(std::to_string(each.id));
  if (ids.size() > 10) ids.resize(10);
  return {Code::kNotFound,
          "there is no open " + numbered(id) +
              (ids.empty() ? "; none is open" : "; open: " + joinWithAnd(ids)),
          "id"};
}

}  // namespace

bool Effects::isEmpty() const {
  return subscribed.empty() && unsubscribed.empty() && incidents.empty() && notes.empty() &&
         silences.empty() && silences_over.empty() && notices.empty() && settled.empty();
}

IncidentMachine::IncidentMachine(const Policy& policy, const People& people, Records records,
                                 Now now)
    : policy_(policy), people_(people), last_id_(records.last_id), now_(now) {
  for (Subscription& wish : records.subscriptions) {
    by_target_[wish.target].insert(wish.who);
    const Key key{wish.who, wish.target};
    watches_[key].wish = std::move(wish);
  }
  std::sort(records.incidents.begin(), records.incidents.end(),
            [](const Incident& a, const Incident& b) { return a.id < b.id; });
  for (Incident& incident : records.incidents) {
    last_id_ = std::max(last_id_, incident.id);
    if (!incident.isOpen()) {
      ended_.push_back(std::move(incident));
      continue;
    }
    Open open;
    open.opened = elapsedAt(incident.opened, now);
    open.told = now.elapsed;
    const uint64_t id = incident.id;
    open.covered = {incident.covered.begin(), incident.covered.end()};
    open.record = std::move(incident);
    open_.emplace(id, std::move(open));
  }
  for (Silence& silence : records.silences) {
    const std::string target = silence.target;
    silences_[target] = std::move(silence);
  }
}

Effects IncidentMachine::step(const Event& event, Now now) {
  now_ = now;
  effects_ = {};
  touched_.clear();
  std::visit([this](const auto& each) { on(each); }, event);
  if (!effects_.status) return std::move(effects_);
  advance();
  for (const uint64_t id : touched_) {
    if (const Incident* incident = find(id)) effects_.incidents.push_back(*incident);
  }
  return std::move(effects_);
}

void IncidentMachine::refuse(Code code, std::string text, std::string field) {
  effects_ = {};
  effects_.status = {code, std::move(text), std::move(field)};
}

// --- subscriptions ------------------------------------------------------------------------------

void IncidentMachine::on(const Subscribe& event) {
  const Subscription& wish = event.subscription;
  const Key key{wish.who, wish.target};
  if (!watches_.contains(key)) {
    if (watches_.size() >= limits::kMaxAlertSubscriptions) {
      return refuse(Code::kResourceExhausted,
                    "there are " + std::to_string(watches_.size()) +
                        " subscriptions already, and no more are kept",
                    "target");
    }
    if (countOf(wish.who) >= limits::kMaxAlertSubscriptionsPerPerson) {
      return refuse(Code::kResourceExhausted,
                    wish.who.toString() + " has " +
                        std::to_string(limits::kMaxAlertSubscriptionsPerPerson) +
                        " subscriptions already; a group's level tells of all its services",
                    "target");
    }
  }
  subscribe(wish);
}

void IncidentMachine::subscribe(const Subscription& wish) {
  const Key key{wish.who, wish.target};
  Watch& watch = watches_[key];
  release(key, watch);
  watch = {};
  watch.wish = wish;
  by_target_[wish.target].insert(wish.who);
  effects_.subscribed.push_back(wish);
  if (const auto level = levels_.find(wish.target); level != levels_.end()) {
    look(key, watch, level->second);
  }
}

// Nobody waits any more for what they alone watched.
void IncidentMachine::drop(const Key& key) {
  const auto found = watches_.find(key);
  const uint64_t id = found->second.incident;
  release(key, found->second);
  watches_.erase(found);
  by_target_[key.second].erase(key.first);
  if (by_target_[key.second].empty()) by_target_.erase(key.second);
  effects_.unsubscribed.push_back(key);
  Open* open = openOf(id);
  if (open == nullptr || open->holding > 0) return;
  end(id, "nobody watches it any more", key.first.toString());
}

void IncidentMachine::on(const Unsubscribe& event) {
  std::vector<Key> keys;
  for (const Subscription& wish : subscriptionsOf(event.who)) {
    if (!event.target || *event.target == wish.target) keys.emplace_back(event.who, wish.target);
  }
  if (keys.empty()) {
    std::vector<std::string> names;
    for (const Subscription& wish : subscriptionsOf(event.who)) names.push_back(wish.target);
    const std::string what = event.target ? "to '" + *event.target + "'" : "to anything";
    return refuse(Code::kNotFound,
                  "you are not subscribed " + what +
                      (event.target && !names.empty() ? suggestion(*event.target, names) : ""),
                  event.target ? "target" : "");
  }
  for (const Key& key : keys) drop(key);
}

void IncidentMachine::on(const Dismissed& event) {
  for (const Subscription& wish : subscriptionsOf(event.who)) drop({event.who, wish.target});
  for (auto& [id, open] : open_) {
    if (open.record.followers.erase(event.who) > 0) touch(open);
  }
}

std::vector<Subscription> IncidentMachine::subscriptionsOf(const Jid& who) const {
  std::vector<Subscription> out;
  for (auto it = watches_.lower_bound({who, ""}); it != watches_.end() && it->first.first == who;
       ++it) {
    out.push_back(it->second.wish);
  }
  return out;
}

size_t IncidentMachine::countOf(const Jid& who) const {
  size_t count = 0;
  for (auto it = watches_.lower_bound({who, ""}); it != watches_.end() && it->first.first == who;
       ++it) {
    ++count;
  }
  return count;
}

std::set<Jid> IncidentMachine::subscribers() const {
  std::set<Jid> out;
  for (const auto& [key, watch] : watches_) out.insert(key.first);
  return out;
}

// --- what people do -----------------------------------------------------------------------------

IncidentMachine::Open* IncidentMachine::openOf(uint64_t id) {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

const Incident* IncidentMachine::find(uint64_t id) const {
  if (const auto found = open_.find(id); found != open_.end()) return &found->second.record;
  const auto ended = std::find_if(ended_.begin(), ended_.end(),
                                  [id](const Incident& incident) { return incident.id == id; });
  return ended == ended_.end() ? nullptr : &*ended;
}

void IncidentMachine::on(const Acknowledge& event) {
  Open* open = openOf(event.id);
  if (open == nullptr) {
    effects_.status = notOpen(event.id, find(event.id), this->open());
    return;
  }
  Incident& record = open->record;
  const std::string who = event.who.toString();
  record.acked_by = who;
  record.acked_at = now_.wall;
  record.followers.emplace(event.who, placeFor(event.who));
  effects_.settled.push_back(event.id);
  addNote(*open, who, "ack", event.text);
  const std::string said =
      withText(who + " is looking into " + numbered(event.id) + ", " + record.target, event.text);
  tellFollowers(record, NoticeKind::kNote, said, said, who);
}

void IncidentMachine::on(const AddNote& event) {
  const Incident* known = find(event.id);
  if (known == nullptr) {
    effects_.status = notOpen(event.id, nullptr, open());
    return;
  }
  const std::string who = event.who.toString();
  if (Open* open = openOf(event.id)) {
    addNote(*open, who, "note", event.text);
    open->record.followers.emplace(event.who, placeFor(event.who));
    known = &open->record;
  } else {
    effects_.notes.push_back({event.id, now_.wall, who, "note", event.text});
  }
  const std::string said =
      who + " on " + numbered(event.id) + ", " + known->target + ": " + event.text;
  tellFollowers(*known, NoticeKind::kNote, said, said, who);
}

void IncidentMachine::on(const Assign& event) {
  Open* open = openOf(event.id);
  if (open == nullptr) {
    effects_.status = notOpen(event.id, find(event.id), this->open());
    return;
  }
  Incident& record = open->record;
  const std::string who = event.who.toString();
  record.assignee = event.to.toString();
  record.followers.emplace(event.to, placeFor(event.to));
  addNote(*open, who, "assign", record.assignee);
  const std::string said = who + " has given " + numbered(event.id) + ", " + record.target +
                           ", to " + record.assignee + ".";
  tellFollowers(record, NoticeKind::kNote, said, said, who);
  if (event.to == event.who) return;
  // Whoever it is given to may not have seen it yet.
  tell(event.to, placeFor(event.to), &record, NoticeKind::kEscalated, openedText(record, policy_),
       openedGist(record));
}

void IncidentMachine::on(const Resolve& event) {
  if (openOf(event.id) == nullptr) {
    effects_.status = notOpen(event.id, find(event.id), open());
    return;
  }
  const std::string who = event.who.toString();
  end(event.id, withText("resolved by " + who, event.text), who);
}

void IncidentMachine::on(const Acted& event) {
  const std::string& target = event.target;
  const std::string said =
      event.who.isEmpty() ? event.sentence : event.who.toString() + ": " + event.sentence;
  for (const Jid& person : concerned(target, event.group)) {
    if (person == event.who) continue;
    tell(person, placeFor(person), nullptr, NoticeKind::kAction, said, said);
  }
  remember(event);
  // Part of the story of what is open there.
  bool told = false;
  for (auto& [id, open] : open_) {
    const bool same =
        open.record.target == target || (!event.group.empty() && open.record.group == event.group);
    if (!same) continue;
    addNote(open, event.who.isEmpty() ? "" : event.who.toString(), "action", event.sentence);
    if (open.record.announced && !event.room_knows && !std::exchange(told, true)) {
      tellRoom(&open.record, NoticeKind::kAction, said, said);
    }
  }
}

// Of each group and target the last, and of what is long ago nothing.
void IncidentMachine::remember(const Acted& event) {
  std::erase_if(
      acts_, [this](const auto& each) { return now_.elapsed - each.second.at >= limits::kLately; });
  const std::string& what = event.group.empty() ? event.target : event.group;
  acts_[what] = {now_.elapsed, event.who.toString(), event.sentence};
}

const IncidentMachine::Act* IncidentMachine::latelyDone(const std::string& target,
                                                        const std::string& group) const {
  const auto found = acts_.find(group.empty() ? target : group);
  const bool lately = found != acts_.end() && now_.elapsed - found->second.at < limits::kLately;
  return lately ? &found->second : nullptr;
}

// --- silences -----------------------------------------------------------------------------------

void IncidentMachine::on(const BeginSilence& event) {
  const Silence& silence = event.silence;
  if (!silences_.contains(silence.target) && silences_.size() >= limits::kMaxSilences) {
    return refuse(Code::kResourceExhausted,
                  "there are " + std::to_string(silences_.size()) + " silences already", "target");
  }
  silences_[silence.target] = silence;
  effects_.silences.push_back(silence);
  const std::string said = withText(
      silence.by + " has silenced " + silence.target + " until " + toRfc3339(silence.until),
      silence.reason);
  for (const Jid& person : concerned(silence.target, groupOf(silence.target))) {
    if (person.toString() == silence.by) continue;
    tell(person, placeFor(person), nullptr, NoticeKind::kSilence, said, said);
  }
  tellRoom(nullptr, NoticeKind::kSilence, said, said);
}

void IncidentMachine::on(const EndSilence& event) {
  const auto found = silences_.find(event.target);
  if (found == silences_.end()) {
    std::vector<std::string> names;
    for (const auto& [target, silence] : silences_) names.push_back(target);
    return refuse(Code::kNotFound,
                  "there is no silence of '" + event.target + "'" +
                      (names.empty() ? "" : suggestion(event.target, names)),
                  "target");
  }
  const Silence silence = found->second;
  silences_.erase(found);
  endSilence(silence, "ended by " + event.who.toString(), event.who.toString());
}

void IncidentMachine::endSilences() {
  for (auto it = silences_.begin(); it != silences_.end();) {
    if (it->second.until > now_.wall) {
      ++it;
      continue;
    }
    const Silence silence = it->second;
    it = silences_.erase(it);
    endSilence(silence, "its time is over", "");
  }
}

// Who was not told of what began meanwhile is told that it came and went, or that it goes on.
void IncidentMachine::endSilence(const Silence& silence, const std::string& how,
                                 const std::string& except) {
  effects_.silences_over.push_back(silence.target);
  const auto covers = [&silence](const Incident& incident) {
    return silence.target == kOverall || incident.target == silence.target ||
           incident.group == silence.target;
  };
  size_t went = 0;
  for (const Incident& incident : ended_) {
    if (!incident.announced && covers(incident) && incident.opened >= silence.from) ++went;
  }
  std::string said = "The silence of " + silence.target + " by " + silence.by + " is over (" + how +
                     "; since " + toRfc3339(silence.from) + ").";
  if (went > 0) {
    said += " Meanwhile " + std::to_string(went) + (went == 1 ? " incident" : " incidents") +
            " came and went: incidents all";
  }
  for (const Jid& person : concerned(silence.target, groupOf(silence.target))) {
    if (person.toString() == except) continue;
    tell(person, placeFor(person), nullptr, NoticeKind::kSilence, said, said);
  }
  tellRoom(nullptr, NoticeKind::kSilence, said, said);
  for (auto& [id, open] : open_) {
    if (!open.record.announced && !isSilenced(open)) announce(open);
  }
}

bool IncidentMachine::isSilenced(const std::string& target) const {
  const std::string group = groupOf(target);
  return silences_.contains(kOverall) || silences_.contains(target) ||
         (!group.empty() && silences_.contains(group));
}

bool IncidentMachine::isSilenced(const Open& open) const {
  if (silences_.empty()) return false;
  if (isSilenced(open.record.target)) return true;
  const auto& covered = open.record.covered;
  return !covered.empty() && std::all_of(covered.begin(), covered.end(),
                                         [this](const auto& t) { return isSilenced(t); });
}

// --- telling ------------------------------------------------------------------------------------

std::string IncidentMachine::groupOf(const std::string& target) const {
  const auto level = levels_.find(target);
  return level == levels_.end() ? "" : level->second.group;
}

// Those who subscribed to the target, or to anything of its group.
std::set<Jid> IncidentMachine::concerned(const std::string& target,
                                         const std::string& group) const {
  std::set<Jid> out;
  for (const auto& [watched, people] : by_target_) {
    const std::string of = groupOf(watched);
    const bool same = watched == target || of == target || (!group.empty() && of == group);
    if (same || target == kOverall) out.insert(people.begin(), people.end());
  }
  return out;
}

Jid IncidentMachine::placeFor(const Jid& who) const {
  const auto first = watches_.lower_bound({who, ""});
  if (first != watches_.end() && first->first.first == who) return first->second.wish.place;
  return policy_.address;
}

void IncidentMachine::addNote(Open& open, const std::string& who, const std::string& what,
                              const std::string& text) {
  touch(open);
  size_t& count = note_counts_[open.record.id];
  if (count >= limits::kMaxIncidentNotes && what != "ended") return;
  ++count;
  effects_.notes.push_back(
      {open.record.id, now_.wall, who, what, singleLine(text, limits::kMaxNoteBytes)});
}

void IncidentMachine::tell(const Jid& to, const Jid& from, const Incident* incident,
                           NoticeKind kind, const std::string& text, const std::string& gist) {
  Notice notice;
  notice.to = to;
  notice.from = from;
  notice.incident = incident != nullptr ? incident->id : 0;
  notice.kind = kind;
  notice.text = text;
  notice.gist = singleLine(gist, limits::kMaxIncidentLogLineBytes);
  const bool asks = kind == NoticeKind::kOpened || kind == NoticeKind::kEscalated;
  notice.until_acked = asks && incident->severity == Severity::kPage && policy_.page_until_acked &&
                       incident->acked_by.empty();
  effects_.notices.push_back(std::move(notice));
}

void IncidentMachine::tellFollowers(const Incident& incident, NoticeKind kind,
                                    const std::string& text, const std::string& gist,
                                    const std::string& except) {
  for (const auto& [person, place] : incident.followers) {
    if (person.toString() != except) tell(person, place, &incident, kind, text, gist);
  }
  tellRoom(&incident, kind, text, gist);
}

void IncidentMachine::tellRoom(const Incident* incident, NoticeKind kind, const std::string& text,
                               const std::string& gist) {
  if (policy_.room.isEmpty()) return;
  Notice notice;
  notice.to = policy_.room;
  notice.from = policy_.address;
  notice.incident = incident != nullptr ? incident->id : 0;
  notice.kind = kind;
  notice.text = text;
  if (kind == NoticeKind::kOpened && incident->acked_by.empty()) {
    notice.text += inRoomLine(*incident, policy_);
  }
  notice.gist = singleLine(gist, limits::kMaxIncidentLogLineBytes);
  effects_.notices.push_back(std::move(notice));
}

void IncidentMachine::tellChannels(const Incident& incident, NoticeKind kind,
                                   const std::string& text, const std::string& gist) {
  for (const std::string& channel : policy_.channels) {
    Notice notice;
    notice.channel = channel;
    notice.incident = incident.id;
    notice.kind = kind;
    notice.text = text;
    notice.gist = gist;
    effects_.notices.push_back(std::move(notice));
  }
}

// --- what is shown ------------------------------------------------------------------------------

std::set<std::string> IncidentMachine::interest() const {
  std::set<std::string> out;
  for (const auto& [target, people] : by_target_) out.insert(target);
  for (const auto& [id, open] : open_) {
    out.insert(open.record.target);
    out.insert(open.record.covered.begin(), open.record.covered.end());
  }
  for (const auto& [target, silence] : silences_) out.insert(target);
  return out;
}

std::vector<Incident> IncidentMachine::open() const {
  std::vector<Incident> out;
  for (const auto& [id, open] : open_) out.push_back(open.record);
  return out;
}

std::vector<Silence> IncidentMachine::silences() const {
  std::vector<Silence> out;
  for (const auto& [target, silence] : silences_) out.push_back(silence);
  return out;
}

}  // namespace muster::incident
