// What people are told about, as plain data: levels, thresholds, incidents, silences, and the
// policy that says who hears of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/limits.h"

namespace muster::incident {

// Elapsed time decides; wall time is shown, kept, and stands in for elapsed time across a restart.
struct Now {
  ElapsedTime elapsed;
  WallTime wall;
};

// Numbered as in muster.v1.IncidentSeverity.
enum class Severity {
  kTicket = 1,  // for somebody, today
  kPage = 2,    // for somebody, now
};
const char* severityName(Severity severity);  // "ticket", "page"

enum class Health { kOk, kNoData, kBurning, kBreached };

inline constexpr char kOverall[] = "overall";

// How one target is at the moment: a service of a group ("user.ledger"), a group, a node, or
// "overall".
struct TargetLevel {
  std::string target;
  std::string group;  // that it belongs to; a group's is itself; empty: none
  Health health = Health::kNoData;
  bool absent = false;                   // a group without an active node, a node that is not there
  std::optional<double> percent;         // 0 to 100; none: no data
  double objective = 0;                  // percent; 0: it has none
  std::optional<double> budget_left;     // percent of the error budget
  std::string sentence;                  // as people read it
  std::vector<std::string> log_lines{};  // the last that counted as bad; may be empty
  // The error budget is spent too fast: the severest of the burn rates that say so.
  std::optional<Severity> burns{};
};

// Somebody's wish to hear of a target. One for each person and target.
struct Subscription {
  Jid who;  // bare
  std::string target;
  Jid place;  // the address of ours at which it was asked for, and which speaks
  // Under how many percent. None: when the objective is breached, or when the error budget burns
  // too fast by a burn rate of at least the severity wished for; a ticket also when the level is
  // burning.
  std::optional<double> below;
  Duration for_time = limits::kAlertForDefault;  // it must hold without a break
  Severity severity = Severity::kPage;
  WallTime since{};

  bool operator==(const Subscription&) const = default;
};

struct Incident {
  uint64_t id = 0;
  std::string target;  // what is at fault: the common cause of all that it covers
  std::string group;
  Severity severity = Severity::kPage;
  bool storm = false;    // several groups at once
  std::string sentence;  // the level when it opened
  std::optional<double> percent;
  double objective = 0;
  std::optional<double> budget_left;
  std::vector<std::string> log_lines{};
  WallTime since;   // the first of its thresholds was under
  WallTime opened;  // it had been for its time
  std::optional<WallTime> ended{};
  std::string recovered{};             // the level at its end, or why it is over
  std::vector<std::string> covered{};  // targets, the cause among them or not
  uint32_t thresholds = 0;             // targets that it covers, those beyond the bound too
  std::map<Jid, Jid> followers{};      // bare JIDs; which address speaks to each
  bool announced = false;              // not while it is silenced
  std::string acked_by{};              // bare JIDs
  std::optional<WallTime> acked_at{};
  std::string assignee{};
  std::string resolved_by{};
  uint32_t steps_done = 0;  // of the escalation

  bool isOpen() const { return !ended.has_value(); }
  bool operator==(const Incident&) const = default;
};

// A line of an incident's own story.
struct Note {
  uint64_t incident = 0;
  WallTime at;
  std::string who;   // bare JID; empty: the coordinator itself
  std::string what;  // "opened", "ack", "note", "assign", "escalated", "ended", ...
  std::string text;
};

// One for each target. Of a group it covers its services and nodes, of "overall" everything.
struct Silence {
  std::string target;
  std::string by;  // bare JID
  std::string reason;
  WallTime from;
  WallTime until;
};

// Whom an incident is taken to, the longer nobody has acknowledged it.
struct EscalationStep {
  Duration after{};      // since it was opened
  std::vector<Jid> who;  // bare
  bool on_call = false;  // besides: whoever of Policy::on_call is available first
  Severity least = Severity::kPage;
};

struct Policy {
  Duration gather = limits::kIncidentGather;
  Duration recovery = limits::kIncidentRecovery;
  Duration update_every = limits::kIncidentUpdate;
  // A page is repeated until somebody acknowledges it or it is over.
  bool page_until_acked = true;
  std::vector<Jid> on_call;
  std::vector<EscalationStep> steps;  // by `after`
  std::vector<std::string> channels;  // besides people: names of webhooks, mail and hooks
  Jid address;                        // speaks to those who have not subscribed themselves
  std::string component;              // the domain at which commands are taken, for links
  Jid room;                           // a chat room in which all of it is told; empty: none
  std::string room_nick;              // what we are called in it
};

enum class NoticeKind {
  kOpened,
  kUpdate,
  kEnded,
  kEscalated,
  kNote,     // acks, notes, assignments
  kAction,   // what an operator did to the target
  kSilence,  // it began, or is over
  kSummary,  // several of the others, for somebody who was away
};

// Something to be told to one person, to the room or to one channel.
struct Notice {
  Jid to;                 // bare; empty: to the channel
  Jid from;               // of ours
  std::string channel{};  // empty: a chat message
  uint64_t incident = 0;  // 0: of none
  NoticeKind kind = NoticeKind::kOpened;
  std::string text;
  std::string gist;  // the same in one short line, for a summary
  bool until_acked = false;
};

}  // namespace muster::incident
