#include "libcontrol/node/node_core.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "libcontrol/convert/levels.h"
#include "libcontrol/node/node_metrics.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/subscriptions.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"
#include "muster/node.pb.h"

namespace muster {
namespace {

// How soon after it was counted something is in the level, and an override that ran out is ended.
constexpr int kTickMs = 250;

std::string hostName() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "";
  return name;
}

std::set<Jid> coordinatorsOf(const NodeIdentity& identity) {
  std::set<Jid> out(identity.lease_addresses.begin(), identity.lease_addresses.end());
  if (!identity.coordinator.isEmpty()) out.insert(identity.coordinator);
  return out;
}

}  // namespace

Result<std::unique_ptr<NodeCore>> NodeCore::make(Parts parts) {
  std::unique_ptr<NodeCore> core(new NodeCore(std::move(parts)));
  if (Status built = core->build(); !built) return built;
  return core;
}

NodeCore::NodeCore(Parts parts)
    : parts_(std::move(parts)),
      started_wall_(parts_.clock.wall()),
      started_(parts_.clock.elapsed()),
      authority_(parts_.store, coordinatorsOf(parts_.identity), parts_.identity.grants),
      drain_(parts_.store, [this] { publish(true); }),
      audit_(parts_.audit),
      levels_({parts_.application_levels, parts_.level_thread}),
      app_commands_(parts_.commands, parts_.command_thread),
      tails_(tailPorts()),
      log_files_(filePorts()),
      endpoint_(*parts_.link, parts_.clock, parts_.random),
      upload_(endpoint_, parts_.ca_file),
      coordinator_(endpoint_, parts_.identity.coordinator_account, parts_.clock,
                   [this] { publish(false); }),
      presence_(endpoint_) {}

NodeCore::~NodeCore() {
  tick_.stop();
  endpoint_.removeListener(listener_);
}

Status NodeCore::build() {
  if (Status built = buildFaces(); !built) return built;
  roster_ = std::make_unique<xmpp::Roster>(
      endpoint_, [this](const Jid& bare) { return authority_.roleOf(bare).has_value(); });
  listen();
  const NodeIdentity& identity = parts_.identity;
  if (!identity.group.empty() && !identity.coordinator.isEmpty()) buildLease();
  if (!identity.coordinator.isEmpty()) {
    orders_ =
        std::make_unique<Orders>(Orders::Parts{endpoint_, faces_->dispatcher(), audit_, drain_,
                                               parts_.clock, parts_.random, parts_.log_rules},
                                 identity.coordinator);
  }
  if (!identity.coordinator_account.isEmpty()) roster_->subscribe(identity.coordinator_account);
  tick_.setInterval(kTickMs);
  QObject::connect(&tick_, &QTimer::timeout, &tick_, [this] { housekeeping(); });
  return Status::ok();
}

Status NodeCore::buildFaces() {
  auto services = app_commands_.services();
  if (!services) return services.status();
  // The node's own come first, so that of two equal verbs the application's is the one at fault.
  services->insert(services->begin(),
                   v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands"));
  catalogue::HandlerSet handlers;
  commands::addLogLevel(handlers, levels_);
  commands::addNodeState(handlers, *this);
  commands::addNodeDrain(handlers, *this);
  commands::addAudit(handlers, audit_);
  commands::addRules(handlers, *this);
  commands::addLogs(handlers, parts_.kept_log, log_files_, parts_.identity.name);
  commands::addTail(handlers, tails_);
  app_commands_.addTo(handlers);
  NodeFaces::Parts faces_parts{endpoint_, authority_, *this, audit_, parts_.clock, parts_.random};
  faces_parts.answered = [this](const std::string& verb, Code outcome, ElapsedTime began) {
    command_counts_.count(verb, outcome, parts_.clock.elapsed() - began);
  };
  auto faces = NodeFaces::make(faces_parts, parts_.identity, *services, std::move(handlers));
  if (!faces) {
    const Status& status = faces.status();
    if (parts_.commands.empty()) return status;
    return {Code::kInvalidArgument, "commands of the application: " + status.text()};
  }
  faces_ = std::move(faces).value();
  return Status::ok();
}

void NodeCore::buildLease() {
  election::NodeConfig config;
  config.group = parts_.identity.group;
  config.instance = parts_.identity.instance;
  LeaseDriver::Callbacks callbacks = parts_.callbacks;
  callbacks.changed = [this] {
    hurryForLease();
    publish(true);
  };
  callbacks.is_peer = [this](const Jid& bare) { return authority_.isPeer(bare); };
  lease_ = std::make_unique<LeaseDriver>(
      LeaseDriver::Parts{endpoint_, parts_.store, parts_.app, parts_.warden, parts_.clock,
                         parts_.random, parts_.watchdog},
      LeaseAddresses(parts_.identity.whoGrantsLeases()), config, std::move(callbacks));
  hurryForLease();
}

// Without a lease nothing is lost by coming back a second later.
void NodeCore::hurryForLease() {
  parts_.link->setUrgent(lease_->machine().role() != election::node::Role::kStandby);
}

void NodeCore::listen() {
  endpoint_.handleIq(
      xmpp::Endpoint::IqType::kSet, "grants", xmpp::ns::kGrants,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onGrants(iq, reply); });
  xmpp::Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [](const xmpp::DownEvent& event) {
    logger("muster.node")->warn("disconnected: {}", event.text);
  };
  listener.loop_gap = [](Duration gap) {
    logger("muster.node")->warn("the process stood still for {} ms; reconnecting", gap.toMillis());
  };
  listener_ = endpoint_.addListener(std::move(listener));
}

void NodeCore::start() {
  endpoint_.watchLoop();
  tick_.start();
  parts_.link->start();
}

void NodeCore::shutdown(std::function<void()> stopped) {
  app_commands_.close();
  const auto goodbye = [this, stopped = std::move(stopped)] {
    tick_.stop();
    parts_.link->stop();
    stopped();
  };
  if (lease_ == nullptr) return goodbye();
  lease_->shutdown(goodbye);
}

void NodeCore::applicationGone(const std::string& why) {
  if (lease_ != nullptr) lease_->applicationGone(why);
}

void NodeCore::declineOffers(const std::string& why) {
  if (lease_ != nullptr) lease_->declineOffers(why);
}

void NodeCore::resign(const std::string& why) {
  if (lease_ != nullptr) lease_->resign(why);
}

Status NodeCore::setDrained(bool drained, const std::string& by, const std::string& reason,
                            WallTime wall) {
  return drain_.set(drained, by, reason, wall);
}

service::NodeSnapshot NodeCore::snapshot() {
  const ElapsedTime now = parts_.clock.elapsed();
  const std::lock_guard lock(parts_.services_mutex);
  parts_.services.sample(now, std::chrono::steady_clock::now());
  return parts_.services.snapshot(now, parts_.clock.wall());
}

void NodeCore::housekeeping() {
  levels_.housekeeping(parts_.clock.elapsed());
  if (parts_.memory != nullptr) parts_.memory->saveIfDue();
  parts_.kept_log.housekeeping();
  if (const ElapsedTime now = parts_.clock.elapsed(); now - tails_asked_ >= limits::kTailEvery) {
    tails_asked_ = now;
    tails_.tick(now);
  }
  publish(false);
}

// A node's own log is searched as that of a cluster of one, whose only node has no name.
commands::Tails::Ports NodeCore::tailPorts() {
  commands::Tails::Ports ports;
  ports.search = [this](const auto&, const v1::ClusterLogsRequest& asked, const auto&, auto done) {
    v1::LogsRequest request;
    if (asked.has_query()) request.set_query(asked.query());
    if (asked.has_level()) request.set_level(asked.level());
    if (asked.has_logger()) request.set_logger(asked.logger());
    if (asked.has_after()) request.set_after(asked.after());
    request.set_limit(asked.limit());
    parts_.kept_log.search(request, [done = std::move(done)](Result<v1::LogsReply> found) {
      if (!found) return done(found.status());
      v1::ClusterLogsReply reply;
      for (v1::LogLine& line : *found->mutable_lines()) {
        *reply.add_lines()->mutable_line() = std::move(line);
      }
      reply.set_newer(found->newer());
      done(std::move(reply));
    });
  };
  ports.say = [this](const std::string&, const Jid& to, const std::string& text) {
    if (faces_ != nullptr) faces_->say(to, text);
  };
  return ports;
}

commands::LogFiles::Ports NodeCore::filePorts() {
  commands::LogFiles::Ports ports;
  ports.share = [this](commands::LogFile file, auto done) {
    upload_.upload({std::move(file.name), "text/plain", std::move(file.text)}, std::move(done));
  };
  ports.now = [this] { return parts_.clock.elapsed(); };
  return ports;
}

v1::NodeRole NodeCore::role() const {
  if (lease_ == nullptr) return v1::NODE_ROLE_NONE;
  switch (lease_->machine().role()) {
    case election::node::Role::kStandby:
    case election::node::Role::kStarting:
      return v1::NODE_ROLE_STANDBY;
    case election::node::Role::kActive:
      return v1::NODE_ROLE_ACTIVE;
    case election::node::Role::kDraining:
      return v1::NODE_ROLE_DRAINING;
  }
  return v1::NODE_ROLE_STANDBY;
}

v1::NodeStatus NodeCore::status(const service::NodeSnapshot& snapshot) const {
  const NodeIdentity& identity = parts_.identity;
  v1::NodeStatus out;
  out.set_instance(identity.instance.toBytes());
  out.set_name(identity.name);
  out.set_group(identity.group);
  out.set_role(role());
  out.set_version(identity.version);
  out.set_started_at_ms(started_wall_.unix_ms);
  if (lease_ != nullptr) {
    const election::NodeMachine& machine = lease_->machine();
    out.set_epoch(machine.highestEpoch());
    out.set_held_epoch(machine.heldEpoch());
    // Rounded up: whoever waits the lease out must not wait too short.
    if (const auto ttl = machine.lastLeaseTtl()) {
      out.set_lease_ttl_ms(static_cast<uint64_t>((ttl->ns + 999'999) / 1'000'000));
    }
  }
  for (const auto& service : snapshot.services) *out.add_services() = convert::toStatus(service);
  if (const v1::DrainMark mark = drain_.mark(); mark.changed_at_ms() != 0) {
    *out.mutable_drain() = mark;
  }
  return out;
}

void NodeCore::publish(bool even_if_unchanged) {
  if (!endpoint_.isUp()) return;
  const service::NodeSnapshot current = snapshot();
  service::PresenceFacts facts;
  facts.no_coordinator_since = coordinator_.missed();
  facts.drained = drain_.isDrained();
  facts.drained_by = drain_.sentence();
  presence_.publish(
      service::presenceOf(current.services, facts), [&] { return status(current); },
      even_if_unchanged, parts_.clock.elapsed());
}

void NodeCore::onUp() {
  logger("muster.node")->info("logged in as {}", endpoint_.jid().toString());
  presence_.connected();
  publish(true);
}

void NodeCore::onGrants(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  if (xmpp::jidAttribute(iq, "from") != parts_.identity.coordinator) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto grants = xmpp::readGrants(*iq.firstChild());
  if (!grants) return reply.error(grants.status());
  if (const Status accepted = authority_.accept(*grants); !accepted) return reply.error(accepted);
  reply.result();
  // Who has lost the role sees our presence no longer, from this moment on.
  roster_->enforce();
}

v1::ServiceLevelReply NodeCore::services() {
  const service::NodeSnapshot current = snapshot();
  v1::ServiceLevelReply reply;
  *reply.mutable_level() = convert::toProto(current.level);
  for (const auto& service : current.services) *reply.add_services() = convert::toProto(service);
  return reply;
}

metrics::Families NodeCore::metrics() {
  NodeFigures figures{info(), roleInfo(), snapshot()};
  if (parts_.log_rules != nullptr) figures.log_rules = parts_.log_rules->report(levels_.known());
  figures.started = started_wall_;
  figures.connected = endpoint_.isUp();
  figures.coordinator_there = coordinator_.isThere();
  return describeNode(figures, command_counts_);
}

v1::NodeInfoReply NodeCore::info() {
  const NodeIdentity& identity = parts_.identity;
  v1::NodeInfoReply reply;
  reply.set_name(identity.name);
  reply.set_jid(endpoint_.jid().toString());
  reply.set_group(identity.group);
  reply.set_role(role());
  if (lease_ != nullptr) reply.set_epoch(lease_->machine().highestEpoch());
  reply.set_instance(identity.instance.toHex());
  reply.set_version(identity.version);
  reply.set_host(hostName());
  reply.set_pid(static_cast<uint64_t>(getpid()));
  reply.set_started_at(toRfc3339(started_wall_));
  reply.set_uptime_ms(static_cast<uint64_t>((parts_.clock.elapsed() - started_).toMillis()));
  reply.set_coordinator(identity.coordinator.toString());
  if (const auto since = coordinator_.missingSince()) {
    reply.set_no_coordinator_since(toRfc3339(*since));
  }
  *reply.mutable_level() = convert::toProto(snapshot().level);
  *reply.mutable_drain() = drain_.mark();
  return reply;
}

v1::RoleReply NodeCore::roleInfo() {
  v1::RoleReply reply;
  reply.set_group(parts_.identity.group);
  reply.set_role(role());
  reply.set_since(toRfc3339(lease_ == nullptr ? started_wall_ : lease_->roleSince()));
  reply.set_coordinator(parts_.identity.coordinator.toString());
  *reply.mutable_drain() = drain_.mark();
  if (parts_.watchdog != nullptr) reply.set_watchdog(parts_.watchdog->describe());
  if (lease_ == nullptr) return reply;
  const election::NodeMachine& machine = lease_->machine();
  reply.set_highest_epoch(machine.highestEpoch());
  if (machine.heldEpoch() == 0) return reply;
  reply.set_epoch(machine.heldEpoch());
  reply.set_failsafe(machine.isFailsafe());
  const int64_t left_ms = (machine.useUntil() - parts_.clock.elapsed()).toMillis();
  reply.set_lease_left_ms(static_cast<uint64_t>(std::max<int64_t>(0, left_ms)));
  if (const auto ttl = machine.lastLeaseTtl()) {
    reply.set_lease_ttl_ms(static_cast<uint64_t>(ttl->toMillis()));
  }
  return reply;
}

Result<v1::LogRulesReply> NodeCore::logRules() {
  if (parts_.log_rules == nullptr) return LogRules::noFile();
  return parts_.log_rules->report(levels_.known());
}

// On another thread: compiling many patterns takes longer than a lease may wait.
void NodeCore::reloadLogRules(std::function<void(Status)> done) {
  if (parts_.log_rules == nullptr) return done(LogRules::noFile());
  parts_.command_thread.post([this, done = std::move(done)]() mutable {
    Status read = parts_.log_rules->reload();
    read_rules_.post([done = std::move(done), read = std::move(read)] { done(read); });
  });
}

std::vector<std::string> NodeCore::names(const std::string& kind) const {
  if (kind == "loggers") return levels_.names();
  if (kind == "services") {
    const std::lock_guard lock(parts_.services_mutex);
    return parts_.services.names();
  }
  return app_commands_.names(kind).value_or(std::vector<std::string>());
}

std::optional<std::string> NodeCore::normalise(const std::string& kind,
                                               std::string_view typed) const {
  // A process may have thousands of loggers, and the name is mostly right: no list for that.
  if (kind == "loggers" && levels_.isKnown(typed)) return std::string(typed);
  return Directory::normalise(kind, typed);
}

}  // namespace muster
