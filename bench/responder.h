// The responder's process: a node as far as commands go.
#pragma once

#include <sys/types.h>

#include <memory>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/client_link.h"

namespace muster::bench {

// A child process that logs in and answers pings, echoes and the commands of a node, through the
// same layers as a node does; what the handlers say is constant, so that every answer has the same
// length. Ended on destruction, and by the kernel if this process dies before.
class Responder {
 public:
  // Blocks until it is logged in. To be called before this process has a QCoreApplication or a
  // second thread, since it forks. `config.jid` is full; `caller` is given the role of an observer.
  static Result<std::unique_ptr<Responder>> start(const xmpp::ClientConfig& config,
                                                  const Jid& caller);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

 private:
  explicit Responder(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
};

}  // namespace muster::bench
