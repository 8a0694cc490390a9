// The outbox: what is to be told stays in it until it has been delivered.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/base/random.h"
#include "libcontrol/incident/people.h"
#include "libcontrol/incident/types.h"

namespace muster::incident {

// One notice on its way.
struct Message {
  std::string id;  // of the stanza, and of every repetition of it
  Notice notice;
  WallTime created;
  uint32_t attempts = 0;
  std::optional<WallTime> sent{};  // the last attempt
  // Delivered, but to be repeated until the incident is acknowledged.
  bool confirmed = false;
};

namespace outbox {

// --- events -----------------------------------------------------------------------------------

struct Post {
  std::vector<Notice> notices;
};
// There is a connection, and whoever is there has been heard of.
struct LinkUp {};
struct LinkDown {};
// Initial presence of a person's session; people's availability is to have it already.
struct PersonCame {
  Jid who;
};
// An XEP-0184 receipt from that person, or what a channel says of success.
struct Delivered {
  std::string id;
  Jid who;  // empty: a channel
};
// The person has written something of their own, which no ghost of a session does.
struct PersonWrote {
  Jid who;
};
// A channel could not take it, or the server sent it back.
struct Failed {
  std::string id;
  std::string why;
};
// It could not even be handed over: the connection of the address that speaks is down.
struct NotSent {
  std::string id;
};
// The incident is acknowledged or over.
struct Settled {
  uint64_t incident = 0;
};
struct Dismissed {
  Jid who;
};
// There is no such channel any more.
struct ChannelGone {
  std::string channel;
};
struct Tick {};

using Event = std::variant<Post, LinkUp, LinkDown, PersonCame, Delivered, PersonWrote, Failed,
                           NotSent, Settled, Dismissed, ChannelGone, Tick>;

// --- effects ----------------------------------------------------------------------------------

struct Done {
  Message message;
  std::string outcome;  // "delivered", "summary ID", "dropped: ..."
};
// `saved` and `done` become durable first; then `send` goes out, in its order.
struct Effects {
  std::vector<Message> saved{};  // new or changed
  std::vector<Done> done{};      // no longer in the outbox
  std::vector<Message> send{};
};

}  // namespace outbox

// The state machine of the outbox. Pure, as IncidentMachine is.
//
// To somebody who is there, or whose presence nobody shows us, a message goes at once; for somebody
// who is away it waits, and what has gathered comes as one summary at their next initial presence.
// It stays until it is confirmed by a receipt or by something that the person wrote later; until
// then it is repeated, always under the same id. `random` gives the ids.
//
// The room is one of the people to it: there while we are in it, and what it has sent back to us is
// delivered.
class Outbox {
 public:
  Outbox(const Policy& policy, const People& people, Random& random, std::vector<Message> messages,
         Now now);

  // A Tick is due once a second.
  outbox::Effects step(const outbox::Event& event, Now now);

  size_t size() const { return entries_.size(); }
  const Message* find(const std::string& id) const;

 private:
  struct Entry {
    Message message;
    std::optional<ElapsedTime> next{};  // attempt by itself; none: at an event
    std::optional<ElapsedTime> sent{};  // the last, in this process
  };
  using Entries = std::map<uint64_t, Entry>;

  void on(const outbox::Post& event);
  void on(const outbox::LinkUp&);
  void on(const outbox::LinkDown&) { up_ = false; }
  void on(const outbox::PersonCame& event);
  void on(const outbox::Delivered& event);
  void on(const outbox::PersonWrote& event);
  void on(const outbox::Failed& event);
  void on(const outbox::NotSent& event);
  void on(const outbox::Settled& event);
  void on(const outbox::Dismissed& event);
  void on(const outbox::ChannelGone& event);
  void on(const outbox::Tick&);

  void post(const Notice& notice);
  void add(Message message);
  void send(Entry& entry);
  bool maySend(const Message& message) const;
  Duration backoff(uint32_t attempts) const;
  void confirm(uint64_t number);
  void finish(uint64_t number, const std::string& outcome);
  // Of one person, not yet confirmed, the oldest first.
  std::vector<uint64_t> pendingOf(const Jid& who) const;
  void flush(const Jid& who);
  void summarise(const Jid& who, const std::vector<uint64_t>& numbers);
  void makeRoom(const Jid& who);

  const Policy& policy_;
  const People& people_;
  Random& random_;
  Entries entries_;  // in the order in which they were posted
  std::map<std::string, uint64_t> by_id_;
  std::map<Jid, std::set<uint64_t>> by_person_;
  uint64_t next_number_ = 1;
  bool up_ = false;

  // Of the step that runs.
  Now now_;
  outbox::Effects effects_;
  std::set<uint64_t> changed_;
};

}  // namespace muster::incident
