// Incidents: from thresholds that hold to what people are told, and what they do about it.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/incident/people.h"
#include "libcontrol/incident/types.h"

namespace muster::incident {

// --- events -----------------------------------------------------------------------------------

// How targets are now; those that are not in it are as they were. Must have at least what
// IncidentMachine::interest() names, as far as it exists, and the group of each.
struct LevelsSeen {
  std::vector<TargetLevel> levels;
};
// Replaces the one that the same person has for the same target.
struct Subscribe {
  Subscription subscription;
};
struct Unsubscribe {
  Jid who;
  std::optional<std::string> target;  // none: from all
};
// The person has no role any more: hears nothing from now on.
struct Dismissed {
  Jid who;
};
struct Acknowledge {
  uint64_t id = 0;
  Jid who;
  std::string text;  // may be empty
};
// Also to one that is over, as long as it is among the latest.
struct AddNote {
  uint64_t id = 0;
  Jid who;
  std::string text;
};
struct Assign {
  uint64_t id = 0;
  Jid who;
  Jid to;
};
// Ends it by hand. What still holds then opens nothing new until it has been well in between.
struct Resolve {
  uint64_t id = 0;
  Jid who;
  std::string text;
};
// Replaces the one of the same target.
struct BeginSilence {
  Silence silence;
};
struct EndSilence {
  std::string target;
  Jid who;
};
// What somebody did to a target besides all this (failover, drain, a log level): told to the others
// who subscribed to it.
struct Acted {
  Jid who;  // empty: the coordinator itself; then all of them are told
  std::string target;
  std::string group;  // of the target; empty: it has none
  std::string sentence;
  bool room_knows = false;  // it was asked for in the room, where all have read the answer
};
struct Tick {};

using Event = std::variant<LevelsSeen, Subscribe, Unsubscribe, Dismissed, Acknowledge, AddNote,
                           Assign, Resolve, BeginSilence, EndSilence, Acted, Tick>;

// --- effects ----------------------------------------------------------------------------------

// What one event comes to. All of it becomes durable in one commit, with the outbox entries of the
// notices, before anything is sent or answered.
struct Effects {
  Status status;  // of what somebody asked for; a refusal has no other effects
  std::vector<Subscription> subscribed{};
  std::vector<std::pair<Jid, std::string>> unsubscribed{};
  std::vector<Incident> incidents{};  // as they are from now on
  std::vector<Note> notes{};
  std::vector<Silence> silences{};
  std::vector<std::string> silences_over{};
  std::vector<Notice> notices{};
  // Targets that have just fallen under a threshold, or been under it for its time, with their
  // groups: worth a closer look. Not for the disk.
  std::vector<std::pair<std::string, std::string>> fell{};
  std::vector<uint64_t> settled{};  // acknowledged, or over: nothing is repeated until it is

  // Nothing is to become durable.
  bool isEmpty() const;
};

// What is on disk, for a start.
struct Records {
  std::vector<Subscription> subscriptions;
  std::vector<Incident> incidents;  // the open ones and the latest of the others
  std::vector<Silence> silences;
  uint64_t last_id = 0;  // ever given to an incident
};

// The state machine of all incidents. Pure: reads no clock, sends and writes nothing. If what a
// step came to can't be written the driver ends the process and starts from what the disk says.
//
// What falls within Policy::gather has one cause if it can have one: a group's services, nodes and
// the group itself make one incident of the group; limits::kStormGroups groups, or more, make one
// of everything. What falls while a related incident is open joins it.
//
// `people` and `policy` must outlive it. Not thread-safe.
class IncidentMachine {
 public:
  IncidentMachine(const Policy& policy, const People& people, Records records, Now now);

  // A Tick is due once a second.
  Effects step(const Event& event, Now now);

  // The targets whose levels count at present.
  std::set<std::string> interest() const;
  std::vector<Subscription> subscriptionsOf(const Jid& who) const;
  // By id.
  std::vector<Incident> open() const;
  // An open one or one of the latest that are over; null if there is none.
  const Incident* find(uint64_t id) const;
  std::vector<Silence> silences() const;
  std::set<Jid> subscribers() const;

 private:
  using Key = std::pair<Jid, std::string>;  // who and target
  struct Watch {
    Subscription wish;
    std::optional<ElapsedTime> under_since{};
    bool holds = false;
    bool by_absence = false;  // it holds since nobody served; then NO DATA is better
    uint64_t incident = 0;    // that it belongs to while it holds; 0: none (yet)
  };
  struct Open {
    Incident record;
    ElapsedTime opened;
    std::set<std::string> covered{};  // record.covered, to be looked up
    size_t holding = 0;               // watches
    std::optional<ElapsedTime> well_since{};
    ElapsedTime told{};  // the last opening or update
    bool grown = false;  // has covered more since
  };

  // What was done last to a group, or to a target without one.
  struct Act {
    ElapsedTime at;
    std::string who;
    std::string sentence;
  };

  void on(const LevelsSeen& event);
  void on(const Subscribe& event);
  void on(const Unsubscribe& event);
  void on(const Dismissed& event);
  void on(const Acknowledge& event);
  void on(const AddNote& event);
  void on(const Assign& event);
  void on(const Resolve& event);
  void on(const BeginSilence& event);
  void on(const EndSilence& event);
  void on(const Acted& event);
  void on(const Tick&) {}

  // incidents_open.cc: from levels to incidents.
  void look(const TargetLevel& level);
  void look(const Key& key, Watch& watch, const TargetLevel& level);
  void begin(const Key& key, Watch& watch, const TargetLevel& level);
  void release(const Key& key, Watch& watch);
  Open* relatedTo(const std::string& target, const std::string& group);
  void join(const Key& key, Watch& watch, Open& open);
  void cover(const Key& key, Watch& watch, Open& open);
  void openGathered();
  void openOne(std::string target, const std::string& group, const std::vector<Key>& keys,
               bool storm);
  const TargetLevel* levelFor(const std::string& target, const std::vector<Key>& keys) const;
  bool isWell(const Open& open) const;
  void announce(Open& open);
  void update(Open& open);
  void end(uint64_t id, const std::string& how, const std::string& resolved_by);
  void advance();
  void escalate(Open& open);

  // incidents.cc
  void subscribe(const Subscription& wish);
  void drop(const Key& key);
  void remember(const Acted& event);
  const Act* latelyDone(const std::string& target, const std::string& group) const;
  bool isSilenced(const std::string& target) const;
  bool isSilenced(const Open& open) const;
  void endSilences();
  void endSilence(const Silence& silence, const std::string& how, const std::string& except);
  std::set<Jid> concerned(const std::string& target, const std::string& group) const;
  std::string groupOf(const std::string& target) const;
  Jid placeFor(const Jid& who) const;
  void addNote(Open& open, const std::string& who, const std::string& what,
               const std::string& text);
  void tell(const Jid& to, const Jid& from, const Incident* incident, NoticeKind kind,
            const std::string& text, const std::string& gist);
  void tellFollowers(const Incident& incident, NoticeKind kind, const std::string& text,
                     const std::string& gist, const std::string& except = {});
  // The room, if there is one, which hears of every incident.
  void tellRoom(const Incident* incident, NoticeKind kind, const std::string& text,
                const std::string& gist);
  void tellChannels(const Incident& incident, NoticeKind kind, const std::string& text,
                    const std::string& gist);
  size_t countOf(const Jid& who) const;
  Open* openOf(uint64_t id);
  void touch(const Open& open) { touched_.insert(open.record.id); }
  void refuse(Code code, std::string text, std::string field);

  const Policy& policy_;
  const People& people_;
  std::map<Key, Watch> watches_;
  std::map<std::string, std::set<Jid>> by_target_;
  std::map<std::string, TargetLevel> levels_;
  std::map<uint64_t, Open> open_;
  std::deque<Incident> ended_;  // the latest, the oldest first
  std::map<std::string, Silence> silences_;
  std::map<std::string, Act> acts_;  // by group, or by target without one
  std::set<Key> waiting_;            // hold, and belong to no incident yet
  std::optional<ElapsedTime> gather_until_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, size_t> note_counts_;

  // Of the step that runs.
  Now now_;
  Effects effects_;
  std::set<uint64_t> touched_;
};

}  // namespace muster::incident
