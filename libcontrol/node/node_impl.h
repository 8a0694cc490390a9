// Node as the application sees it: options checked, threads owned, calls passed on to the event
// loop.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libcontrol/base/random.h"
#include "libcontrol/metrics/exposition.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/node/application_levels.h"
#include "libcontrol/node/kept_log.h"
#include "libcontrol/node/log_rules.h"
#include "libcontrol/node/loop_thread.h"
#include "libcontrol/node/node_core.h"
#include "libcontrol/node/node_identity.h"
#include "libcontrol/node/service_memory.h"
#include "libcontrol/node/warden.h"
#include "libcontrol/node/watchdog.h"
#include "libcontrol/store/audit_file.h"
#include "libcontrol/store/level_overrides.h"
#include "muster/commands.h"
#include "muster/log_levels.h"
#include "muster/node.h"

namespace muster {

class NodeImpl : public Node {
 public:
  static Result<std::unique_ptr<Node>> create(NodeOptions options);
  ~NodeImpl() override;

  Availability& availability(const std::string& name, ServiceOptions options) override;
  Requests& requests(const std::string& name, ServiceOptions options) override;
  Gauge& gauge(const std::string& name, const GaugeBounds& bounds, ServiceOptions options) override;
  void onPromote(std::function<Status(const Lease&)> promote) override;
  void onDemote(std::function<void(const Demotion&)> demote) override;
  void addCommands(const Commands& commands) override;
  void useLogLevels(std::shared_ptr<LogLevelDriver> driver) override;
  void applicationStarted() override;
  Status start() override;
  void stop() override;
  void resign(const std::string& why) override;
  void applicationGone(const std::string& why) override;
  void declineOffers(const std::string& why) override;
  void probeLoop(std::function<void()> alive) override;
  std::unique_ptr<Lease> lease() const override;
  std::string fullJid() const override;
  Status reloadLogRules() override;
  LogIntake& intake() override { return *kept_log_; }

 private:
  NodeImpl(NodeOptions options, NodeIdentity identity, std::unique_ptr<store::NodeStateStore> store,
           std::unique_ptr<store::AuditStore> audit);
  Status openLog();
  Status loadLogRules();
  void startLevels();
  NodeCore::Parts parts();
  // On the loop.
  Status openMetrics();
  // Has the core do it on its loop; nothing happens unless it runs.
  void tellCore(std::function<void(NodeCore&)> job);
  void endThreads();

  const NodeOptions options_;
  NodeIdentity identity_;
  std::unique_ptr<store::NodeStateStore> store_;
  std::unique_ptr<store::AuditStore> audit_;
  SystemRandom random_;
  Clock& clock_;
  std::mutex services_mutex_;
  service::ServiceSet services_;
  std::unique_ptr<ServiceMemory> memory_;
  std::unique_ptr<KeptLog> kept_log_;
  std::unique_ptr<LogRules> log_rules_;  // null: none; its services live in services_
  Status services_problem_;  // the first service that could not be made; told by start()
  std::function<Status(const Lease&)> promote_;
  std::function<void(const Demotion&)> demote_;
  std::vector<Commands> commands_;
  std::shared_ptr<LogLevelDriver> log_levels_;  // null: the loggers of this process

  std::mutex lifecycle_mutex_;  // start() and stop(), one at a time
  bool running_ = false;
  std::unique_ptr<Warden> warden_;
  std::unique_ptr<Watchdog> watchdog_;         // null: none is configured
  std::unique_ptr<AppThread> app_;             // onPromote and onDemote
  std::unique_ptr<AppThread> command_thread_;  // the application's own commands
  std::unique_ptr<store::LevelOverrideStore> override_store_;
  std::unique_ptr<ApplicationLevels> application_levels_;  // null without log_levels_
  std::unique_ptr<AppThread> level_thread_;                // its thread
  std::unique_ptr<LoopThread> loop_;
  // Guards the pointer below, which is written on the loop alone. While it is not null, loop_ is
  // there.
  mutable std::mutex core_mutex_;
  std::unique_ptr<NodeCore> core_;                   // lives on loop_
  std::unique_ptr<metrics::Exposition> exposition_;  // likewise; null: nobody may scrape
};

}  // namespace muster
