// Incidents in the coordinator: feeds the machines, makes what they decide durable, and only then
// has it sent.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/incidents.h"
#include "commands/silences.h"
#include "commands/subscriptions.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/incident/incidents.h"
#include "libcontrol/incident/outbox.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// An event, what it comes to, and the messages about it are one commit. A message is sent after
// that, however often, until it is confirmed; so whatever kills the process loses nothing and
// repeats at most what has the same id.
//
// Lives on the event loop's thread; all references must outlive it.
class Alerts : public commands::AlertSubscriptions,
               public commands::IncidentDesk,
               public commands::Silences {
 public:
  // Where a test may kill the process.
  enum class Checkpoint { kDecided, kCommitted, kSent };

  struct Parts {
    store::AlertStore& store;
    const catalogue::Authority& authority;
    Clock& clock;
    Random& random;
    incident::Policy policy;
    // Of these targets, of their groups and of the whole; asked once a second.
    std::function<std::vector<incident::TargetLevel>(const std::set<std::string>&)> levels;
    // The target that somebody means.
    std::function<Result<std::string>(const std::string&)> resolve;
    std::function<std::string(const std::string&)> group_of;
    // Hands one message over; false: its address has no connection, or its channel is not there.
    // What becomes of it comes back by the calls below.
    std::function<bool(const incident::Message&)> send;
    // Whose presence is to be followed from now on.
    std::function<void(const Jid&)> follow;
    // The store can't say whether it has written: ends the process.
    std::function<void(const Status&)> store_failed;
    std::function<void(Checkpoint)> checkpoint{};
    // A target has fallen, and its group; what is known of why is wanted with its level soon.
    std::function<void(const std::string& target, const std::string& group)> fell{};
  };

  explicit Alerts(Parts parts);
  // To be called once, before the link starts.
  Status load();

  // Once a second.
  void tick();
  // The connection by which the nodes' presence comes and messages go.
  void linkUp();
  void linkDown();
  // People's presence, and what comes back from them. Blind: it can't be seen any more.
  void blind();
  void personCame(const Jid& full, bool away);
  void personGone(const Jid& full);
  void personAbsent(const Jid& bare);
  // We are in the room of the policy, or not any more; what we say there is delivered by it.
  void roomEntered();
  void roomLeft();
  void personWrote(const Jid& bare);
  void delivered(const std::string& id, const Jid& by);
  void failed(const std::string& id, const std::string& why);
  // Roles have changed: who has none any more hears nothing.
  void rolesChanged();
  // Somebody did something to a target; nobody: the coordinator itself did. `room_knows`: what came
  // of it is said in the room, for it was asked for there.
  void acted(const Jid& who, const std::string& target, const std::string& sentence,
             bool room_knows = false);

  // Everybody whose presence matters: subscribers and those whom policy names.
  std::set<Jid> people() const;
  // As they are at the moment.
  size_t undelivered() const { return outbox_->size(); }
  std::vector<incident::Incident> openIncidents() const { return machine_->open(); }
  // The open ones of a group, as a sentence would name them: "incident 17"; empty: there is none.
  std::string namesOfOpen(const std::string& group) const;
  size_t silenceCount() const { return machine_->silences().size(); }
  // For a channel that tells more than the message's text; null if it is long over.
  const incident::Incident* find(uint64_t id) const { return machine_->find(id); }

  // commands::AlertSubscriptions
  Result<v1::SubscribeReply> subscribe(const v1::SubscribeRequest& request,
                                       const commands::Origin& origin) override;
  Result<v1::UnsubscribeReply> unsubscribe(const std::optional<std::string>& target,
                                           const commands::Origin& origin) override;
  v1::SubscriptionsReply subscriptionsOf(const std::string& who) override;
  // commands::IncidentDesk
  Result<v1::IncidentsReply> list(const v1::IncidentsRequest& request, WallTime now) override;
  Result<v1::IncidentRecord> acknowledge(uint64_t id, const std::string& text,
                                         const commands::Origin& origin) override;
  Result<v1::IncidentRecord> addNote(uint64_t id, const std::string& text,
                                     const commands::Origin& origin) override;
  Result<v1::IncidentRecord> assign(uint64_t id, const std::string& jid,
                                    const commands::Origin& origin) override;
  Result<v1::IncidentRecord> resolve(uint64_t id, const std::string& text,
                                     const commands::Origin& origin) override;
  // commands::Silences
  Result<v1::SilenceRecord> silence(const std::string& target, Duration time,
                                    const std::string& reason,
                                    const commands::Origin& origin) override;
  Result<v1::SilenceRecord> unsilence(const std::string& target,
                                      const commands::Origin& origin) override;

 private:
  incident::Now now() const { return {parts_.clock.elapsed(), parts_.clock.wall()}; }
  bool mayHear(const Jid& person) const;
  // One event of the incidents, with what it means for the outbox.
  Status apply(const incident::Event& event);
  // Messages to those who are no longer told anything, or to channels that are no longer there.
  void dropUndeliverable(const std::vector<incident::Message>& messages);
  // One event of the outbox by itself.
  void post(const incident::outbox::Event& event);
  void collect(incident::outbox::Effects effects, store::AlertCommit& commit,
               std::vector<incident::Message>& send);
  void carryOut(const store::AlertCommit& commit, const std::vector<incident::Message>& send);
  void reach(Checkpoint at) const;
  Result<v1::IncidentRecord> change(uint64_t id, const incident::Event& event,
                                    const commands::Origin& origin);

  Parts parts_;
  incident::People people_;
  std::unique_ptr<incident::IncidentMachine> machine_;
  std::unique_ptr<incident::Outbox> outbox_;
  std::optional<ElapsedTime> up_since_;
  bool outbox_up_ = false;
  bool in_room_ = false;
};

}  // namespace muster::coordinator
