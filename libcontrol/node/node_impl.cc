#include "libcontrol/node/node_impl.h"

#include <unistd.h>
#include <csignal>
#include <future>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/client_link.h"
#include "muster/log.h"

namespace muster {
namespace {

Status bad(const std::string& field, const std::string& why) {
  return {Code::kInvalidArgument, "node options: " + field + " " + why, field};
}

Status checkName(const std::string& field, const std::string& name) {
  const bool fits = !name.empty() && name.size() <= limits::kMaxNameBytes;
  static constexpr char kAllowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (!fits || name.find_first_not_of(kAllowed) != std::string::npos) {
    return bad(field, "must have 1 to 64 letters, digits, '-', '_' and '.', not '" +
                          singleLine(name, 80) + "'");
  }
  return Status::ok();
}

Status readBareJid(const std::string& field, const std::string& text, Jid& out) {
  const auto jid = Jid::parse(text);
  if (!jid) return bad(field, "is wrong: " + jid.status().text());
  if (!jid->isBare())
    return bad(field, "must not have a resource; write " + jid->bare().toString());
  out = *jid;
  return Status::ok();
}

Result<NodeIdentity> identityOf(const NodeOptions& options, Random& random) {
  NodeIdentity out;
  if (Status s = readBareJid("jid", options.jid, out.jid); !s) return s;
  if (out.jid.local().empty()) return bad("jid", "must name an account, such as node1@example.org");
  if (options.password.empty()) return bad("password", "must not be empty");
  if (options.state_dir.empty()) return bad("state_dir", "must name a folder of this node's own");
  out.name = options.name.empty() ? out.jid.local() : options.name;
  if (Status s = checkName("name", out.name); !s) return s;
  if (!options.group.empty()) {
    if (Status s = checkName("group", options.group); !s) return s;
    if (options.coordinator.empty()) {
      return bad("coordinator", "is needed for the failover of group '" + options.group + "'");
    }
  }
  out.group = options.group;
  if (!options.coordinator.empty()) {
    if (Status s = readBareJid("coordinator", options.coordinator, out.coordinator); !s) return s;
  }
  if (!options.coordinator_account.empty()) {
    if (Status s = readBareJid("coordinator_account", options.coordinator_account,
                               out.coordinator_account);
        !s) {
      return s;
    }
  }
  for (const auto& [jid_text, role_name] : options.grants) {
    Jid jid;
    if (Status s = readBareJid("grants", jid_text, jid); !s) return s;
    const auto role = roleFromName(role_name);
    if (!role) return bad("grants", "for " + jid_text + ": " + role.status().text());
    out.grants[jid] = *role;
  }
  out.version = singleLine(options.version, 100);
  out.instance = InstanceId::make(random);
  return out;
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
  ensureQtApplication();
  return std::unique_ptr<Node>(
      new NodeImpl(std::move(options), std::move(identity).value(), std::move(store).value()));
}

NodeImpl::NodeImpl(NodeOptions options, NodeIdentity identity,
                   std::unique_ptr<store::NodeStateStore> store)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      store_(std::move(store)),
      clock_(SystemClock::forHolder()) {
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

void NodeImpl::onPromote(std::function<Status(const Lease&)> promote) {
  promote_ = std::move(promote);
}

void NodeImpl::onDemote(std::function<void(const Demotion&)> demote) {
  demote_ = std::move(demote);
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
  return {identity_,       std::make_unique<xmpp::ClientLink>(config),
          *store_,         services_,
          services_mutex_, *app_,
          *warden_,        clock_,
          random_,         std::move(callbacks)};
}

Status NodeImpl::start() {
  const std::lock_guard lock(lifecycle_mutex_);
  if (running_) return {Code::kConflict, "the node has been started already"};
  {
    const std::lock_guard services_lock(services_mutex_);
    if (!services_problem_) return services_problem_;
  }
  warden_ = std::make_unique<Warden>(clock_, [] {
    // Nothing but the signal: the lease is over, and a log line could block.
    kill(getpid(), SIGKILL);
  });
  app_ = std::make_unique<AppThread>();
  loop_ = std::make_unique<LoopThread>();
  Status status;
  loop_->run([&] {
    auto core = NodeCore::make(parts());
    if (!core) {
      status = core.status();
      return;
    }
    const std::lock_guard core_lock(core_mutex_);
    core_ = std::move(core).value();
    core_->start();
  });
  running_ = status.isOk();
  return status;
}

void NodeImpl::stop() {
  if (AppThread::isCurrent()) {
    // Waiting here would wait for the callback that is calling.
    logger("muster.node")->error("Node::stop() was called from one of its callbacks and ignored");
    return;
  }
  const std::lock_guard lock(lifecycle_mutex_);
  if (loop_ == nullptr) return;
  if (core_ != nullptr) {
    const auto stopped = std::make_shared<std::promise<void>>();
    loop_->post([this, stopped] { core_->shutdown([stopped] { stopped->set_value(); }); });
    stopped->get_future().wait();
  }
  // Callbacks first: what they post to the loop must still find it.
  app_.reset();
  loop_->run([this] {
    std::unique_ptr<NodeCore> ended;
    const std::lock_guard core_lock(core_mutex_);
    ended = std::move(core_);
  });
  loop_.reset();
  warden_.reset();
  running_ = false;
}

std::unique_ptr<Lease> NodeImpl::lease() const {
  const std::lock_guard lock(core_mutex_);
  return core_ == nullptr ? nullptr : core_->lease();
}

std::string NodeImpl::fullJid() const {
  return identity_.jid.withResource(nodeResource(identity_.instance)).toString();
}

}  // namespace muster
