// Whether the coordinator that leads can be reached through the XMPP server: what etcd knows of it
// is not what its nodes need of it.
#pragma once

#include <QTimer>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// Pings (XEP-0199) the leader's address and, to tell its silence from the server's, its own.
// Suspects the leader when it has not answered for `patience` during which the server has passed
// everything else on, and again after as long; until its first answer it has longer. A suspicion
// may be wrong; whoever acts on it must be safe all the same. Lives on the event loop's thread;
// endpoint and clock must outlive it.
class LeaderWatch {
 public:
  LeaderWatch(xmpp::Endpoint& endpoint, Jid own, Clock& clock, Duration patience,
              std::function<void(const std::string& why)> suspect);
  ~LeaderWatch();
  LeaderWatch(const LeaderWatch&) = delete;
  LeaderWatch& operator=(const LeaderWatch&) = delete;

  // From now on this one, from the beginning; nothing: nobody.
  void watch(const std::optional<Jid>& leader);
  // Several times within the patience; by itself while there is somebody to watch.
  void tick();

 private:
  void ping(const Jid& to, ElapsedTime LeaderWatch::*answered);

  xmpp::Endpoint& endpoint_;
  const Jid own_;
  Clock& clock_;
  const Duration patience_;
  const std::function<void(const std::string&)> suspect_;
  std::optional<Jid> leader_;
  std::string last_error_;
  Duration allowed_;  // without an answer, at the moment
  ElapsedTime own_answered_;
  ElapsedTime leader_answered_;
  QTimer timer_;
  // Answers to what was asked of another leader don't count.
  std::shared_ptr<bool> watched_;
};

}  // namespace muster::coordinator
