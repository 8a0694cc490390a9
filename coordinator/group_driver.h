// Carries out what a GroupMachine decides: records to the store, stanzas to the nodes, answers to
// their requests. While a record is on its way to the disk whatever happens meanwhile waits its
// turn, so that nothing is decided on what may not have happened. A renewal, which leaves no
// record, is granted once the store has confirmed that no other coordinator can have decided
// otherwise.
#pragma once

#include <QObject>
#include <QTimer>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/election/group.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/endpoint.h"
#include "muster/wire.pb.h"

namespace muster::coordinator {

// Lives on the event loop's thread; all references must outlive it.
class GroupDriver {
 public:
  struct Hooks {
    std::function<void()> changed;  // phase or holder: levels and views are to be made anew
    std::function<void(const election::group::MoveStarted&)> move_started;
    std::function<void(const election::group::MoveFinished&)> move_finished;
    // The store can't say whether a record was written. Nothing may follow but a new start from
    // what the disk says: ends the process.
    std::function<void(const Status&)> store_failed;
    // What a history is made of. All may be empty; each is called after what it tells is on disk.
    std::function<void(const election::group::PhaseChanged&)> phase_changed{};
    std::function<void(const election::group::TookOver&)> took_over{};
    std::function<void(const election::group::Alarm&)> alarm{};
  };

  // `lease` is the address that speaks the lease protocol with the nodes.
  GroupDriver(xmpp::Endpoint& lease, store::GroupStore& store, Clock& clock, Random& random,
              election::GroupConfig config, election::GroupRecord record, Hooks hooks,
              std::vector<election::group::KnownMove> known = {});
  GroupDriver(const GroupDriver&) = delete;
  GroupDriver& operator=(const GroupDriver&) = delete;

  // At once, unless a record is being written.
  void step(const election::group::Event& event);
  // A request of the lease protocol from a member of this group; answers it.
  void onRequest(const Jid& from, const v1::LeaseMessage& message, const xmpp::IqReply& reply);

  const election::GroupMachine& machine() const { return machine_; }
  election::GroupView view() const;
  election::Decision candidates() const;
  election::group::Plan plan(const election::group::MoveRequested& request) const;
  const std::string& name() const { return machine_.config().name; }

 private:
  // What was decided, of which the record is being written.
  struct Decided {
    election::GroupMachine machine;
    election::group::Effects effects;
  };
  void decide(const election::group::Event& event);
  void persist(const election::group::Persist& write);
  void written(const Status& status);
  void adopt(Decided decided, bool is_written);
  void fail(const Status& status);
  void carryOut(const election::group::Effect& effect, bool is_written);
  void answer(const election::group::Reply& reply, bool is_written);
  void sendOffer(const election::group::SendOffer& effect);
  void sendDrain(const election::group::SendDrain& effect);
  void sendQuery(const election::group::SendQuery& effect);
  void armTimer();

  xmpp::Endpoint& lease_;
  store::GroupStore& store_;
  Clock& clock_;
  const Hooks hooks_;
  election::GroupMachine machine_;
  bool failed_ = false;
  std::optional<Decided> writing_;
  std::deque<election::group::Event> waiting_;  // until that is done
  // The store's and the nodes' answers find out by it whether this is still there.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  QObject context_;
  QTimer timer_;
  std::map<election::ReplyToken, xmpp::IqReply> replies_;
  election::ReplyToken next_token_ = 1;
};

// Between the store's rows and the machine's records.
store::GroupRow toRow(const election::GroupRecord& record, WallTime moved_at);
Result<election::GroupRecord> toRecord(const store::GroupRow& row);
store::MoveRow toRow(const std::string& group, const election::group::KnownMove& move);
// Of a move that has ended. The times of its single steps are not kept.
Result<election::group::KnownMove> toKnownMove(const store::MoveRow& row);

}  // namespace muster::coordinator
