// A node on its event loop: the link and everything that listens on it.
#pragma once

#include <QObject>
#include <QTimer>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "commands/log_level.h"
#include "commands/node_state.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/chat_face.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/node/authority.h"
#include "libcontrol/node/lease_driver.h"
#include "libcontrol/node/warden.h"
#include "libcontrol/service/presence.h"
#include "libcontrol/service/service_set.h"
#include "libcontrol/store/node_state_store.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/link.h"
#include "libcontrol/xmpp/roster.h"
#include "muster/node.h"

namespace muster {

// What the configuration says, checked: see NodeImpl::create().
struct NodeIdentity {
  Jid jid;                  // bare
  Jid coordinator;          // empty: none
  Jid coordinator_account;  // empty: none
  std::string name;
  std::string group;
  std::string version;
  InstanceId instance;
  std::map<Jid, v1::Role> grants;
};

// Made, used and destroyed on the event loop's thread, but for lease() and fullJid(). The services
// are shared with the public Node under `services_mutex`.
class NodeCore : public commands::LogLevels,
                 public commands::NodeState,
                 public catalogue::Directory,
                 public catalogue::AuditSink {
 public:
  struct Parts {
    NodeIdentity identity;
    std::unique_ptr<xmpp::Link> link;
    store::NodeStateStore& store;
    service::ServiceSet& services;
    std::mutex& services_mutex;
    AppThread& app;
    Warden& warden;
    Clock& clock;
    Random& random;
    LeaseDriver::Callbacks callbacks;  // promote, demote and kill; changed is ours
  };
  // A mistake in the definition of a command, which no configuration can cause.
  static Result<std::unique_ptr<NodeCore>> make(Parts parts);
  ~NodeCore() override;

  void start();
  // Demotes, releases, says goodbye; then `stopped`.
  void shutdown(std::function<void()> stopped);

  std::unique_ptr<Lease> lease() const { return lease_ ? lease_->currentLease() : nullptr; }

  // commands::LogLevels
  std::vector<v1::LoggerState> list() override;
  Status set(const std::string& logger, v1::LogLevel level, std::optional<Duration> duration,
             const std::string& by, ElapsedTime now, WallTime wall) override;
  Status reset(const std::string& logger) override;
  // commands::NodeState
  v1::ServiceLevelReply services() override;
  v1::NodeInfoReply info() override;
  // catalogue::Directory: "loggers" (open: the handler judges) and "services"
  std::vector<std::string> names(const std::string& kind) const override;
  bool isOpen(const std::string& kind) const override { return kind == "loggers"; }
  // catalogue::AuditSink
  Status record(const catalogue::AuditEntry& entry) override;

 private:
  explicit NodeCore(Parts parts);
  Status build();
  service::NodeSnapshot snapshot();
  void housekeeping();
  void publish(bool even_if_unchanged);
  v1::NodeStatus status(const service::NodeSnapshot& snapshot) const;
  v1::NodeRole role() const;
  void onUp();
  void onPresence(const xmpp::Element& stanza);
  void onGrants(const xmpp::Element& iq, const xmpp::IqReply& reply);

  Parts parts_;
  const WallTime started_wall_;
  const ElapsedTime started_;
  NodeAuthority authority_;
  xmpp::Endpoint endpoint_;
  xmpp::Addresses addresses_;
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
  std::unique_ptr<catalogue::AdhocFace> adhoc_face_;
  std::unique_ptr<catalogue::ChatFace> chat_face_;
  std::unique_ptr<xmpp::AdhocResponder> responder_;
  std::unique_ptr<xmpp::Disco> disco_;
  std::unique_ptr<xmpp::ChatEndpoint> chat_;
  std::unique_ptr<xmpp::Roster> roster_;
  std::unique_ptr<LeaseDriver> lease_;
  xmpp::Endpoint::ListenerId listener_ = 0;

  QTimer tick_;
  ElapsedTime adopted_{};  // when foreign loggers were last looked for
  service::PresenceThrottle throttle_;
  std::string mood_;
  // The resource of the coordinator's account whose presence is available; empty: none is.
  std::string coordinator_resource_;
  WallTime no_coordinator_since_;
  ElapsedTime no_coordinator_from_;
};

}  // namespace muster
