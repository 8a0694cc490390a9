// Carries out what a NodeMachine decides: stanzas to the coordinator, epochs to the disk, callbacks
// to the application's thread.
#pragma once

#include <QTimer>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/election/node.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/node/lease_addresses.h"
#include "libcontrol/node/lease_state.h"
#include "libcontrol/node/warden.h"
#include "libcontrol/node/watchdog.h"
#include "libcontrol/store/node_state_store.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/mailbox.h"
#include "muster/lease.h"
#include "muster/node.h"
#include "muster/wire.pb.h"

namespace muster {

// Lives on the event loop's thread; currentLease() may be called from any. All references must
// outlive it, and the application's thread must be idle (see isStopped) before it ends.
class LeaseDriver {
 public:
  struct Callbacks {
    std::function<Status(const Lease&)> promote;   // on the application's thread
    std::function<void(const Demotion&)> demote;   // likewise
    std::function<void()> changed;                 // role or epoch: presence is to be sent
    std::function<void(const std::string&)> kill;  // must not return in a daemon
    // Whether it is another member of the group, as the coordinator has said; bare.
    std::function<bool(const Jid&)> is_peer;
  };
  struct Parts {
    xmpp::Endpoint& endpoint;
    store::NodeStateStore& store;
    AppThread& app;
    Warden& warden;
    Clock& clock;
    Random& random;
    Watchdog* watchdog = nullptr;  // null: leases go unguarded
  };

  LeaseDriver(Parts parts, LeaseAddresses addresses, election::NodeConfig config,
              Callbacks callbacks);
  ~LeaseDriver();
  LeaseDriver(const LeaseDriver&) = delete;
  LeaseDriver& operator=(const LeaseDriver&) = delete;

  // Begins to stop; `stopped` is called, later or at once, when nothing is held any more and a
  // release that was sent has been answered or given up on.
  void shutdown(std::function<void()> stopped);

  // See Node::applicationGone() and Node::resign().
  void applicationGone(const std::string& why);
  void resign(const std::string& why);
  // See Node::declineOffers().
  void declineOffers(const std::string& why);

  const election::NodeMachine& machine() const { return machine_; }
  // When it last changed its role, or was made.
  WallTime roleSince() const { return role_since_; }
  std::unique_ptr<Lease> currentLease() const;

 private:
  // False if an epoch could not be made durable: then nothing has happened.
  bool step(const election::node::Event& event);
  bool persist(const election::node::Persist& write);
  void carryOut(const election::node::Effect& effect);
  void onLease(const xmpp::Element& iq, const xmpp::IqReply& reply);
  void fromCoordinator(const Jid& from, const v1::LeaseMessage& message,
                       const xmpp::IqReply& reply);
  void fromPeer(const v1::LeaseMessage& message, const xmpp::IqReply& reply);
  void take(const xmpp::IqReply& reply, election::ReplyToken token,
            const election::node::Event& event);
  void keep(election::ReplyToken token, const xmpp::IqReply& reply);
  void askPromise(const election::node::AskPromise& effect);
  bool onOffer(election::ReplyToken token, const election::Offer& offer);
  void request(const v1::LeaseMessage& message);
  void send(const Jid& to, const v1::LeaseMessage& message, Duration timeout,
            std::function<void(const xmpp::IqOutcome&)> answered);
  void onAnswer(const Jid& from, const xmpp::IqOutcome& outcome);
  void release(const v1::LeaseMessage& message);
  void answer(const election::node::Reply& reply);
  void extend(const election::node::LeaseExtended& effect);
  void guard(const election::node::LeaseExtended& effect);
  void endLease();
  void promote(const election::node::Promote& effect);
  Status callPromote(const Lease& lease);
  void applicationStopped(uint64_t epoch);
  void demote(const election::node::Demote& effect);
  void armTimer();
  void checkStopped();

  Parts parts_;
  LeaseAddresses addresses_;
  const election::NodeConfig config_;
  Callbacks callbacks_;
  election::NodeMachine machine_;
  WallTime role_since_;
  Mailbox mailbox_;  // what other threads post ends with it
  QTimer timer_;
  xmpp::Endpoint::ListenerId listener_ = 0;
  std::map<election::ReplyToken, xmpp::IqReply> replies_;
  election::ReplyToken next_token_ = 1;
  bool releasing_ = false;
  std::string declining_;  // why the application takes no offers; empty: it does
  std::function<void()> stopped_;
  std::atomic<uint64_t> stopped_epoch_{0};  // the last under which the application has stopped

  mutable std::mutex lease_mutex_;
  std::shared_ptr<LeaseState> lease_;  // under lease_mutex_
};

}  // namespace muster
