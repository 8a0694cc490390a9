// One login, and what the CLI does over it, as calls that wait.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/xmpp/adhoc_requester.h"
#include "libcontrol/xmpp/client_link.h"
#include "libcontrol/xmpp/endpoint.h"

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

// One command that an entity offers.
struct OfferedCommand {
  std::string jid;
  std::string node;
  std::string name;
};

// What an entity says that it runs (XEP-0092).
struct SoftwareVersion {
  std::string name;
  std::string version;
};

// The calls of a catalogue's command, for whoever sends them without waiting.
xmpp::AdhocCall callFor(const Jid& to, const catalogue::Command& command,
                        const google::protobuf::Message& request);

// Used from the main thread of a process with a QCoreApplication; each call runs the event loop
// until it has its answer or the deadline is over.
class Client {
 public:
  explicit Client(Login login);
  ~Client();

  // Until then all calls must have been answered, counted from now.
  void setDeadline(Duration from_now);
  // Asked when somebody woke the event loop (SIGINT): true ends the waiting, with kUnavailable.
  void setInterrupted(std::function<bool()> interrupted) { interrupted_ = std::move(interrupted); }

  // kForbidden: the password was not accepted; kUnavailable: no connection, with the reason;
  // kTimeout.
  Status connect();

  // Calls a command with a request that bind() has made. `to` is a full JID or a component's
  // address. kForbidden also if the coordinator answers as it does to strangers.
  Result<std::unique_ptr<google::protobuf::Message>> call(const Jid& to,
                                                          const catalogue::Command& command,
                                                          const google::protobuf::Message& request);

  // One stage of a command of any entity: the first without `session_id` and with kExecute.
  xmpp::AdhocOutcome stage(const Jid& to, const std::string& node, const std::string& session_id,
                           adhoc::Action action, std::optional<adhoc::Form> form);
  // What `to` offers this account (disco#items on the commands node).
  Result<std::vector<OfferedCommand>> commandsOf(const Jid& to);
  Result<SoftwareVersion> versionOf(const Jid& to);
  // Any request: an IQ of type get or set.
  xmpp::IqOutcome ask(xmpp::Element iq);

  const Jid& coordinator() const { return login_.coordinator; }
  const Login& login() const { return login_; }
  Clock& clock() { return clock_; }
  // For whoever does not wait; valid as long as this object.
  xmpp::Endpoint& endpoint() { return endpoint_; }
  xmpp::AdhocRequester& requester() { return requester_; }

 private:
  Duration left();
  // Runs the event loop until `done`; false if interrupted before.
  bool runUntil(const bool& done);
  Status explained(const Jid& to, const Status& status,
                   const std::optional<xmpp::StanzaError>& error) const;

  const Login login_;
  SystemRandom random_;
  Clock& clock_;
  xmpp::ClientLink link_;
  xmpp::Endpoint endpoint_;
  xmpp::AdhocRequester requester_;
  ElapsedTime deadline_;
  Status down_;  // why the last attempt to connect failed
  std::function<bool()> interrupted_;
};

// One call of a cluster command, for whoever needs a reply and not a page.
template <typename Reply, typename Request>
Result<Reply> callCluster(Client& client, const catalogue::Catalogue& catalogue,
                          const std::string& rpc, const Request& request) {
  const catalogue::Command* command = catalogue.findMethod(rpc);
  if (command == nullptr) return Status(Code::kInternal, "there is no command " + rpc);
  auto reply = client.call(client.coordinator(), *command, request);
  if (!reply) return reply.status();
  return static_cast<const Reply&>(**reply);
}

}  // namespace muster::cli
