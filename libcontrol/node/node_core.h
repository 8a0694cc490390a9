// A node on its event loop: the link and everything that listens on it.
#pragma once

#include <QTimer>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "commands/node_drain.h"
#include "commands/node_state.h"
#include "commands/rules.h"
#include "commands/tail.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/metrics/command_counts.h"
#include "libcontrol/node/app_commands.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/node/authority.h"
#include "libcontrol/node/coordinator_watch.h"
#include "libcontrol/node/drain_marks.h"
#include "libcontrol/node/kept_log.h"
#include "libcontrol/node/lease_driver.h"
#include "libcontrol/node/log_rules.h"
#include "libcontrol/node/node_audit.h"
#include "libcontrol/node/node_faces.h"
#include "libcontrol/node/node_identity.h"
#include "libcontrol/node/node_log_levels.h"
#include "libcontrol/node/node_presence.h"
#include "libcontrol/node/orders.h"
#include "libcontrol/node/service_memory.h"
#include "libcontrol/node/warden.h"
#include "libcontrol/service/service_set.h"
#include "libcontrol/store/node_state_store.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/http_upload.h"
#include "libcontrol/xmpp/link.h"
#include "libcontrol/xmpp/mailbox.h"
#include "libcontrol/xmpp/roster.h"

namespace muster {

// Composes the parts and answers what they ask of the node as a whole. Made, used and destroyed on
// the event loop's thread, but for lease(). The services are shared with the public Node under
// `services_mutex`.
class NodeCore : public commands::NodeState,
                 public commands::DrainSwitch,
                 public commands::RuleControl,
                 public catalogue::Directory {
 public:
  struct Parts {
    NodeIdentity identity;
    std::unique_ptr<xmpp::Link> link;
    store::NodeStateStore& store;
    store::AuditStore& audit;
    service::ServiceSet& services;
    std::mutex& services_mutex;
    ServiceMemory* memory = nullptr;  // null: nothing is kept
    AppThread& app;
    AppThread& command_thread;
    std::vector<Commands> commands;
    KeptLog& kept_log;
    std::string ca_file = {};       // as of xmpp::ClientConfig, for files that are uploaded
    LogRules* log_rules = nullptr;  // null: none
    Warden& warden;
    Clock& clock;
    Random& random;
    Watchdog* watchdog = nullptr;  // null: none
    // Of an application in another process; null: there is none.
    ApplicationLevels* application_levels = nullptr;
    AppThread* level_thread = nullptr;  // theirs
    LeaseDriver::Callbacks callbacks;   // promote, demote and kill; changed is ours
  };
  // A mistake in the definition of a command: of the application's own, kInvalidArgument.
  static Result<std::unique_ptr<NodeCore>> make(Parts parts);
  ~NodeCore() override;

  void start();
  // Demotes, releases, says goodbye; then `stopped`.
  void shutdown(std::function<void()> stopped);

  std::unique_ptr<Lease> lease() const { return lease_ ? lease_->currentLease() : nullptr; }
  void applicationGone(const std::string& why);
  void declineOffers(const std::string& why);
  void applicationStarted() { levels_.applicationStarted(); }

  // As all is now.
  metrics::Families metrics();

  // commands::NodeState
  v1::ServiceLevelReply services() override;
  v1::NodeInfoReply info() override;
  v1::RoleReply roleInfo() override;
  // commands::DrainSwitch
  v1::NodeRole role() const override;
  v1::DrainMark drainMark() const override { return drain_.mark(); }
  bool coordinatorIsThere() const override { return coordinator_.isThere(); }
  Status setDrained(bool drained, const std::string& by, const std::string& reason,
                    WallTime wall) override;
  void resign(const std::string& why) override;
  // commands::RuleControl
  Result<v1::LogRulesReply> logRules() override;
  void reloadLogRules(std::function<void(Status)> done) override;
  // catalogue::Directory: "loggers" (open: the handler judges), "services", and the application's
  std::vector<std::string> names(const std::string& kind) const override;
  std::optional<std::string> normalise(const std::string& kind,
                                       std::string_view typed) const override;
  bool isOpen(const std::string& kind) const override { return kind == "loggers"; }

 private:
  explicit NodeCore(Parts parts);
  Status build();
  Status buildFaces();
  void buildLease();
  void hurryForLease();
  void listen();
  service::NodeSnapshot snapshot();
  void housekeeping();
  commands::Tails::Ports tailPorts();
  commands::LogFiles::Ports filePorts();
  void publish(bool even_if_unchanged);
  v1::NodeStatus status(const service::NodeSnapshot& snapshot) const;
  void onUp();
  void onGrants(const xmpp::Element& iq, const xmpp::IqReply& reply);

  Parts parts_;
  metrics::CommandCounts command_counts_;
  const WallTime started_wall_;
  const ElapsedTime started_;
  NodeAuthority authority_;
  DrainMarks drain_;
  NodeAudit audit_;
  NodeLogLevels levels_;
  AppCommands app_commands_;
  commands::Tails tails_;
  commands::LogFiles log_files_;
  ElapsedTime tails_asked_{};
  Mailbox read_rules_;  // what came of reading them, from the thread of the commands
  xmpp::Endpoint endpoint_;
  xmpp::HttpUpload upload_;
  CoordinatorWatch coordinator_;
  NodePresence presence_;
  std::unique_ptr<NodeFaces> faces_;
  std::unique_ptr<xmpp::Roster> roster_;
  std::unique_ptr<LeaseDriver> lease_;
  std::unique_ptr<Orders> orders_;
  xmpp::Endpoint::ListenerId listener_ = 0;
  QTimer tick_;
};

}  // namespace muster
