// One login, and commands over it: what the CLI needs of XMPP, as calls that wait.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/xmpp/adhoc_requester.h"
#include "libcontrol/xmpp/client_link.h"
#include "libcontrol/xmpp/endpoint.h"
#include "muster/cluster.pb.h"

namespace muster::cli {

// Who logs in where, and whom it asks.
struct Login {
  Jid jid;  // bare
  std::string password;
  std::string host;  // empty: looked up
  uint16_t port = 0;
  std::string ca_file;  // empty: the system's authorities
  Jid coordinator;      // the component's address
};

// Used from the main thread of a process with a QCoreApplication; each call runs the event loop
// until it has its answer.
class Client {
 public:
  explicit Client(Login login);
  ~Client();

  // Until then all calls must have been answered, counted from now.
  void setDeadline(Duration from_now);

  // kForbidden: the password was not accepted; kUnavailable: no connection, with the reason;
  // kTimeout.
  Status connect();

  // Calls a command with a request that bind() has made. `to` is a full JID or a component's
  // address. kForbidden also if the coordinator answers as it does to strangers.
  Result<std::unique_ptr<google::protobuf::Message>> call(const Jid& to,
                                                          const catalogue::Command& command,
                                                          const google::protobuf::Message& request);

  const Jid& coordinator() const { return login_.coordinator; }

 private:
  Duration left();

  const Login login_;
  SystemRandom random_;
  Clock& clock_;
  xmpp::ClientLink link_;
  xmpp::Endpoint endpoint_;
  xmpp::AdhocRequester requester_;
  ElapsedTime deadline_;
  Status down_;  // why the last attempt to connect failed
};

}  // namespace muster::cli
