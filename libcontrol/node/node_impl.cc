#include "libcontrol/node/node_impl.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>
#include <future>
#include <string_view>
#include <utility>

#include "libcontrol/log/rule_sink.h"
#include "libcontrol/xmpp/client_link.h"
#include "muster/log.h"

namespace muster {
namespace {

// Beside the file "state" of the state store, under the same lock.
constexpr char kAuditFile[] = "audit.sqlite";
constexpr char kHistoryFile[] = "services.sqlite";
constexpr char kLevelsFile[] = "log-levels.json";

std::unique_ptr<store::ServiceHistoryStore> openHistory(const std::filesystem::path& file) {
  Status problem;
  auto store = store::openServiceHistoryOrNew(file, problem);
  if (!problem) {
    logger("muster.levels")->error("levels begin anew, as at a first start: {}", problem.text());
  }
  return store;
}

// A last word on standard error, if it is a pipe, socket or terminal that takes it at once. A file
// could lie on the very disk whose standstill is the reason.
void sayIfItCannotBlock(std::string_view line) {
  struct stat target {};
  if (fstat(STDERR_FILENO, &target) != 0 || S_ISREG(target.st_mode)) return;
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

Result<std::unique_ptr<Node>> Node::create(NodeOptions options) {
  return NodeImpl::create(std::move(options));
}

Result<std::unique_ptr<Node>> NodeImpl::create(NodeOptions options) {
  SystemRandom random;
  auto identity = identityOf(options, random);
  if (!identity) return identity.status();
  auto store = store::NodeStateStore::open(options.state_dir);
  if (!store) return store.status();
  auto audit = store::openAuditFile(options.state_dir / kAuditFile);
  if (!audit) return audit.status();
  ensureQtApplication();
  std::unique_ptr<NodeImpl> node(new NodeImpl(std::move(options), std::move(identity).value(),
                                              std::move(store).value(), std::move(audit).value()));
  if (Status opened = node->openLog(); !opened) return opened;
  if (Status loaded = node->loadLogRules(); !loaded) return loaded;
  return std::unique_ptr<Node>(std::move(node));
}

Status NodeImpl::openLog() {
  auto log = KeptLog::make(options_.logs);
  if (!log) return log.status();
  kept_log_ = std::move(log).value();
  if (options_.logs.keep) log::attachRulesToRegistered();
  kept_log_->start();
  return Status::ok();
}

Status NodeImpl::loadLogRules() {
  if (options_.log_rules.empty()) return Status::ok();
  auto rules = LogRules::make({options_.log_rules, options_.log_rules_queue, services_,
                               services_mutex_, clock_, kept_log_->masker()});
  if (!rules) return rules.status();
  log_rules_ = std::move(rules).value();
  return Status::ok();
}

Status NodeImpl::reloadLogRules() {
  return log_rules_ == nullptr ? LogRules::noFile() : log_rules_->reload();
}

NodeImpl::NodeImpl(NodeOptions options, NodeIdentity identity,
                   std::unique_ptr<store::NodeStateStore> store,
                   std::unique_ptr<store::AuditStore> audit)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      store_(std::move(store)),
      audit_(std::move(audit)),
      clock_(SystemClock::forHolder()) {
  memory_ = std::make_unique<ServiceMemory>(openHistory(options_.state_dir / kHistoryFile),
                                            services_, services_mutex_, clock_);
  memory_->recall();
  promote_ = [](const Lease&) { return Status::ok(); };
  demote_ = [](const Demotion&) {};
}

NodeImpl::~NodeImpl() {
  stop();
}

Availability& NodeImpl::availability(const std::string& name, ServiceOptions options) {
  const std::lock_guard lock(services_mutex_);
  const auto service = services_.addAvailability(name, options, clock_.elapsed());
  if (service) return **service;
  if (services_problem_) services_problem_ = service.status();
  static Availability nowhere;
  return nowhere;
}

Requests& NodeImpl::requests(const std::string& name, ServiceOptions options) {
  const std::lock_guard lock(services_mutex_);
  const auto service = services_.addRequests(name, options, clock_.elapsed());
  if (service) return **service;
  if (services_problem_) services_problem_ = service.status();
  static Requests nowhere;
  return nowhere;
}

Gauge& NodeImpl::gauge(const std::string& name, const GaugeBounds& bounds, ServiceOptions options) {
  const std::lock_guard lock(services_mutex_);
  const auto service = services_.addGauge(name, bounds, options, clock_.elapsed());
  if (service) return **service;
  if (services_problem_) services_problem_ = service.status();
  static Gauge nowhere{GaugeBounds{}};
  return nowhere;
}

void NodeImpl::onPromote(std::function<Status(const Lease&)> promote) {
  promote_ = std::move(promote);
}

void NodeImpl::onDemote(std::function<void(const Demotion&)> demote) {
  demote_ = std::move(demote);
}

void NodeImpl::addCommands(const Commands& commands) {
  commands_.push_back(commands);
}

void NodeImpl::useLogLevels(std::shared_ptr<LogLevelDriver> driver) {
  log_levels_ = std::move(driver);
}

void NodeImpl::applicationStarted() {
  tellCore([](NodeCore& core) { core.applicationStarted(); });
}

NodeCore::Parts NodeImpl::parts() {
  xmpp::ClientConfig config;
  config.jid = identity_.jid.withResource(nodeResource(identity_.instance));
  config.password = options_.password;
  config.host = options_.host;
  if (options_.port != 0) config.port = options_.port;
  config.ca_file = options_.ca_file;
  LeaseDriver::Callbacks callbacks;
  callbacks.promote = promote_;
  callbacks.demote = demote_;
  callbacks.kill = [](const std::string& why) {
    logger("muster.lease")->critical("{}: this process ends now", why);
    spdlog::default_logger()->flush();
    kill(getpid(), SIGKILL);
  };
  return {.identity = identity_,
          .link = std::make_unique<xmpp::ClientLink>(config),
          .store = *store_,
          .audit = *audit_,
          .services = services_,
          .services_mutex = services_mutex_,
          .memory = memory_.get(),
          .app = *app_,
          .command_thread = *command_thread_,
          .commands = commands_,
          .kept_log = *kept_log_,
          .ca_file = options_.ca_file,
          .log_rules = log_rules_.get(),
          .warden = *warden_,
          .clock = clock_,
          .random = random_,
          .watchdog = watchdog_.get(),
          .application_levels = application_levels_.get(),
          .level_thread = level_thread_.get(),
          .callbacks = std::move(callbacks)};
}

Status NodeImpl::start() {
  const std::lock_guard lock(lifecycle_mutex_);
  if (running_) return {Code::kConflict, "the node has been started already"};
  {
    const std::lock_guard services_lock(services_mutex_);
    if (!services_problem_) return services_problem_;
  }
  if (log_rules_ != nullptr) {
    if (Status started = log_rules_->start(); !started) return started;
  }
  warden_ = std::make_unique<Warden>(clock_, [] {
    // The lease is over, and a logger could block.
    sayIfItCannotBlock("muster: the lease is over and the application has not stopped: killed\n");
    kill(getpid(), SIGKILL);
  });
  if (options_.watchdog != WatchdogMode::kOff) {
    watchdog_ = std::make_unique<Watchdog>(makeLinuxWatchdog(options_.watchdog_device),
                                           options_.watchdog == WatchdogMode::kRequired, clock_);
  }
  app_ = std::make_unique<AppThread>();
  command_thread_ = std::make_unique<AppThread>();
  if (log_levels_ != nullptr) startLevels();
  loop_ = std::make_unique<LoopThread>();
  Status status;
  loop_->run([&] {
    auto core = NodeCore::make(parts());
    if (!core) {
      status = core.status();
      return;
    }
    status = openMetrics();
    if (!status) return;
    kept_log_->openSearches();
    (*core)->start();
    const std::lock_guard core_lock(core_mutex_);
    core_ = std::move(core).value();
  });
  running_ = status.isOk();
  if (!running_) endThreads();
  return status;
}

void NodeImpl::startLevels() {
  override_store_ = std::make_unique<store::LevelOverrideFile>(options_.state_dir / kLevelsFile);
  application_levels_ = std::make_unique<ApplicationLevels>(log_levels_, *override_store_, clock_);
  level_thread_ = std::make_unique<AppThread>();
}

Status NodeImpl::openMetrics() {
  if (options_.metrics.listen.empty()) return Status::ok();
  const auto ask = [this] {
    tellCore([this](NodeCore& core) { exposition_->publish(core.metrics()); });
  };
  auto exposition = metrics::Exposition::open(
      {options_.metrics.listen, options_.metrics.allow_remote}, ask, clock_);
  if (!exposition) return exposition.status();
  exposition_ = std::move(exposition).value();
  logger("muster.node")
      ->info("metrics are at {}, port {}, /metrics", options_.metrics.listen, exposition_->port());
  return Status::ok();
}

void NodeImpl::stop() {
  if (AppThread::isCurrent()) {
    // Waiting here would wait for the callback that is calling.
    logger("muster.node")->error("Node::stop() was called from one of its callbacks and ignored");
    return;
  }
  const std::lock_guard lock(lifecycle_mutex_);
  if (!running_) return;
  const auto stopped = std::make_shared<std::promise<void>>();
  loop_->post([this, stopped] { core_->shutdown([stopped] { stopped->set_value(); }); });
  stopped->get_future().wait();
  endThreads();
  memory_->save();
  running_ = false;
}

// Callbacks first: what they post to the loop must still find it.
void NodeImpl::endThreads() {
  app_.reset();
  command_thread_.reset();
  level_thread_.reset();
  // With the level that they last told of, until here.
  if (log_rules_ != nullptr) log_rules_->stop();
  loop_->run([this] {
    // A scrape that is under way may ask for the core once more.
    exposition_.reset();
    kept_log_->closeSearches();
    std::unique_ptr<NodeCore> ended;
    const std::lock_guard core_lock(core_mutex_);
    ended = std::move(core_);
  });
  loop_.reset();
  application_levels_.reset();
  override_store_.reset();
  watchdog_.reset();
  warden_.reset();
}

void NodeImpl::tellCore(std::function<void(NodeCore&)> job) {
  const std::lock_guard lock(core_mutex_);
  if (core_ == nullptr) return;
  loop_->post([this, job = std::move(job)] {
    if (core_ != nullptr) job(*core_);
  });
}

void NodeImpl::declineOffers(const std::string& why) {
  tellCore([why](NodeCore& core) { core.declineOffers(why); });
}

void NodeImpl::probeLoop(std::function<void()> alive) {
  tellCore([alive = std::move(alive)](NodeCore&) { alive(); });
}

void NodeImpl::resign(const std::string& why) {
  tellCore([why](NodeCore& core) { core.resign(why); });
}

void NodeImpl::applicationGone(const std::string& why) {
  tellCore([why](NodeCore& core) { core.applicationGone(why); });
}

std::unique_ptr<Lease> NodeImpl::lease() const {
  const std::lock_guard lock(core_mutex_);
  return core_ == nullptr ? nullptr : core_->lease();
}

std::string NodeImpl::fullJid() const {
  return identity_.jid.withResource(nodeResource(identity_.instance)).toString();
}

}  // namespace muster
