// Moves of active roles that people ask for, failover and drain, from the request to its outcome,
// also across a restart of the coordinator.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/drain.h"
#include "commands/failover.h"
#include "coordinator/cluster.h"
#include "coordinator/drain_marks.h"

namespace muster::coordinator {

// What a move is for, kept with it on disk: whom to tell of its outcome, from which address, and
// what is to follow.
struct MovePurpose {
  std::string verb;    // of the command
  std::string by;      // bare JID
  std::string place;   // bare JID: the address at which it was asked
  std::string call;    // of the audit trail's entries
  std::string node;    // of a drain: whom to keep out of the role once it has gone
  std::string reason;  // of a drain

  // As a move's context; nothing if it is none of ours (a move of the machine's own has none).
  std::string toText() const;
  static std::optional<MovePurpose> fromText(const std::string& text);
};

// Lives on the event loop's thread; all references must outlive it.
class Moves : public commands::Mover, public commands::Drainer {
 public:
  struct Parts {
    Cluster& cluster;
    DrainMarks& marks;
    Random& random;
    // The end of a move whose caller was answered before, or whose answer was lost in a restart:
    // for the audit trail and for the caller.
    std::function<void(const MovePurpose&, const std::string& group, const Status&,
                       const std::string& sentence)>
        ended_later;
    MoveGate gate{};  // none: every move may begin
  };

  // Adds itself to the cluster's listeners.
  explicit Moves(Parts parts);

  // commands::Mover
  Plan planMove(const commands::Move& move) override;
  void move(const commands::Move& move, bool wait, Mover::Answer answer) override;
  // commands::Drainer
  std::string planDrain(const commands::DrainNode& drain) override;
  void drain(const commands::DrainNode& drain, bool wait, Drainer::Answer answer) override;
  Result<v1::UndrainReply> undrain(const std::string& node,
                                   const commands::Origin& origin) override;

 private:
  // Somebody who asked and awaits the answer.
  struct Waiting {
    std::string group;
    election::group::MoveRequested request;
    bool wait = false;
    bool answered = false;  // that it is under way
    Mover::Answer answer;
  };

  Result<election::group::MoveRequested> requestFor(const commands::Move& move) const;
  election::group::MoveRequested requestFor(const commands::DrainNode& drain,
                                            const Member& member) const;
  Status refuseKey(const GroupDriver& group, const election::group::MoveRequested& request) const;
  void begin(GroupDriver& group, const election::group::MoveRequested& request, bool wait,
             Mover::Answer answer);
  void carryOut(GroupDriver& group, const election::group::MoveRequested& request);
  void onStarted(const election::group::MoveStarted& event);
  void onFinished(const GroupDriver& group, const election::group::MoveFinished& event);
  Status follow(const MovePurpose& purpose);
  std::string nameOf(const Jid& bare) const;
  v1::DrainReply replyFor(const Member& member, v1::DrainState state) const;
  std::string machineKey(const commands::Origin& origin) const;

  std::vector<Waiting> takeWaiting(const std::string& key);

  Parts parts_;
  std::multimap<std::string, Waiting> waiting_;  // by the machine's key
  std::set<std::string> gated_;                  // keys of those that the gate has not answered yet
  // While the machine is given a request: it, so that an outcome that is repeated is known by its
  // context.
  const election::group::MoveRequested* asking_ = nullptr;
};

}  // namespace muster::coordinator
