// One of several coordinators: waits while another leads, and is the coordinator while it does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "commands/coordinators.h"
#include "coordinator/config.h"
#include "coordinator/daemon.h"
#include "coordinator/leader_watch.h"
#include "libcontrol/etcd/commit_queue.h"
#include "libcontrol/etcd/etcd_rows.h"
#include "libcontrol/etcd/leadership.h"
#include "libcontrol/xmpp/component_link.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/mailbox.h"

namespace muster::coordinator {

// What one process is in turn. The address at which it grants leases is its own and is there all
// the time: whoever asks while another leads is told so. Everything else of a coordinator, the
// public address with it, is made when it has won, from what is in etcd, and ended when it has
// lost: there is no state to go stale. Lives on the event loop's thread.
class HighAvailability : private commands::Coordinators {
 public:
  // `config.shared` must be set. What can't be opened at all is an error; whether etcd answers is
  // seen later.
  static Result<std::unique_ptr<HighAvailability>> make(const Config& config);
  ~HighAvailability() override;

  void start();
  // Leaves it to another, if it leads; `stopped` follows.
  void stop(std::function<void()> stopped);

 private:
  HighAvailability(const Config& config, std::unique_ptr<etcd::Client> client);
  void answerStandby();
  void onWon(const etcd::Term& term);
  Status lead(const etcd::Term& term);
  void onLost(const std::string& why);
  void onLeader(const std::string& about);
  void onHealth(const Status& status);
  void end();
  std::string about() const;
  // commands::Coordinators
  v1::CoordinatorsReply coordinators() override;

  const Config config_;
  const SharedStoreConfig shared_;
  SystemRandom random_;
  const WallTime started_;
  WallTime leads_since_;
  std::string leader_;  // its name; empty: none that is known
  std::map<std::string, v1::CoordinatorState> participants_;
  bool stopping_ = false;

  Mailbox mailbox_;  // what other threads post ends with it
  std::unique_ptr<etcd::Client> client_;
  std::unique_ptr<etcd::Leadership> leadership_;
  std::unique_ptr<xmpp::Link> lease_link_;
  std::unique_ptr<xmpp::Endpoint> lease_;
  std::unique_ptr<LeaderWatch> leader_watch_;
  // Of one term, in the order in which they need each other.
  std::unique_ptr<etcd::Committer> committer_;
  std::unique_ptr<etcd::CommitQueue> queue_;
  std::unique_ptr<etcd::EtcdRows> rows_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace muster::coordinator
