#include "libcontrol/node/node_core.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "libcontrol/convert/levels.h"
#include "libcontrol/log/level_control.h"
#include "libcontrol/xmpp/faces.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/subscriptions.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"
#include "muster/node.pb.h"

namespace muster {
namespace {

// How soon after it was counted something is in the level, and an override that ran out is ended.
constexpr int kTickMs = 250;
// Foreign loggers are looked for this seldom: it takes spdlog's registry lock.
constexpr Duration kAdoptEvery = Duration::seconds(1);
// The coordinator's presence may take this long to arrive after a login before its absence is told.
constexpr Duration kCoordinatorGrace = Duration::seconds(3);

xmpp::Show toXmpp(service::Show show) {
  switch (show) {
    case service::Show::kNone:
      return xmpp::Show::kNone;
    case service::Show::kAway:
      return xmpp::Show::kAway;
    case service::Show::kDnd:
      return xmpp::Show::kDnd;
  }
  return xmpp::Show::kAway;
}

std::string hostName() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "";
  return name;
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
      authority_(parts_.store, parts_.identity.coordinator, parts_.identity.grants),
      endpoint_(*parts_.link, parts_.clock, parts_.random),
      addresses_(authority_),
      no_coordinator_since_(started_wall_),
      no_coordinator_from_(started_) {}

NodeCore::~NodeCore() {
  tick_.stop();
  endpoint_.removeListener(listener_);
}

Status NodeCore::build() {
  auto catalogue = catalogue::Catalogue::build(
      {v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands")});
  if (!catalogue) return catalogue.status();
  catalogue::HandlerSet handlers;
  commands::addLogLevel(handlers, *this);
  commands::addNodeState(handlers, *this);
  auto dispatcher = catalogue::Dispatcher::make(std::move(catalogue).value(), std::move(handlers),
                                                {&authority_, this, this, &parts_.random});
  if (!dispatcher) return dispatcher.status();
  dispatcher_ = std::move(dispatcher).value();
  adhoc_face_ = std::make_unique<catalogue::AdhocFace>(*dispatcher_, parts_.random);
  chat_face_ = std::make_unique<catalogue::ChatFace>(*dispatcher_, parts_.random);

  const NodeIdentity& identity = parts_.identity;
  addresses_.add({identity.jid, xmpp::AddressKind::kNode, identity.name, ""});
  responder_ = std::make_unique<xmpp::AdhocResponder>(
      endpoint_, addresses_, xmpp::commandHandler(*adhoc_face_, parts_.clock));
  disco_ = std::make_unique<xmpp::Disco>(endpoint_, addresses_, xmpp::commandsFor(*adhoc_face_),
                                         identity.version);
  chat_ = std::make_unique<xmpp::ChatEndpoint>(endpoint_, addresses_, parts_.clock,
                                               xmpp::chatHandler(*chat_face_, parts_.clock));
  roster_ = std::make_unique<xmpp::Roster>(
      endpoint_, [this](const Jid& bare) { return authority_.roleOf(bare).has_value(); });
  endpoint_.handleIq(
      xmpp::Endpoint::IqType::kSet, "grants", xmpp::ns::kGrants,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onGrants(iq, reply); });

  xmpp::Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [](const xmpp::DownEvent& event) {
    logger("muster.node")->warn("disconnected: {}", event.text);
  };
  listener.presence = [this](const xmpp::Element& stanza) { onPresence(stanza); };
  listener.loop_gap = [](Duration gap) {
    logger("muster.node")->warn("the process stood still for {} ms; reconnecting", gap.toMillis());
  };
  listener_ = endpoint_.addListener(std::move(listener));

  if (!identity.group.empty() && !identity.coordinator.isEmpty()) {
    election::NodeConfig config;
    config.group = identity.group;
    config.instance = identity.instance;
    LeaseDriver::Callbacks callbacks = parts_.callbacks;
    callbacks.changed = [this] { publish(true); };
    lease_ = std::make_unique<LeaseDriver>(
        LeaseDriver::Parts{endpoint_, parts_.store, parts_.app, parts_.warden, parts_.clock,
                           parts_.random},
        identity.coordinator, config, std::move(callbacks));
  }
  if (!identity.coordinator_account.isEmpty()) roster_->subscribe(identity.coordinator_account);
  tick_.setInterval(kTickMs);
  QObject::connect(&tick_, &QTimer::timeout, &tick_, [this] { housekeeping(); });
  return Status::ok();
}

void NodeCore::start() {
  endpoint_.watchLoop();
  tick_.start();
  parts_.link->start();
}

void NodeCore::shutdown(std::function<void()> stopped) {
  const auto goodbye = [this, stopped = std::move(stopped)] {
    tick_.stop();
    parts_.link->stop();
    stopped();
  };
  if (lease_ == nullptr) return goodbye();
  lease_->shutdown(goodbye);
}

service::NodeSnapshot NodeCore::snapshot() {
  const ElapsedTime now = parts_.clock.elapsed();
  const std::lock_guard lock(parts_.services_mutex);
  parts_.services.sample(now, std::chrono::steady_clock::now());
  return parts_.services.snapshot(now);
}

void NodeCore::housekeeping() {
  const ElapsedTime now = parts_.clock.elapsed();
  log::LevelControl& levels = log::LevelControl::instance();
  for (const log::Ended& ended : levels.expire(now)) {
    logger("muster.node")
        ->info("log level of {} is back at {}: the time that {} gave is over", ended.name,
               log::levelName(ended.effective), ended.by);
  }
  if (now - adopted_ >= kAdoptEvery) {
    adopted_ = now;
    levels.adoptForeign();
  }
  publish(false);
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
    out.set_epoch(lease_->machine().highestEpoch());
    out.set_held_epoch(lease_->machine().heldEpoch());
  }
  for (const auto& service : snapshot.services) *out.add_services() = convert::toProto(service);
  return out;
}

void NodeCore::publish(bool even_if_unchanged) {
  if (!endpoint_.isUp()) return;
  const ElapsedTime now = parts_.clock.elapsed();
  const service::NodeSnapshot current = snapshot();
  service::PresenceFacts facts;
  const bool missed = !parts_.identity.coordinator_account.isEmpty() &&
                      coordinator_resource_.empty() &&
                      now - no_coordinator_from_ >= kCoordinatorGrace;
  if (missed) facts.no_coordinator_since = no_coordinator_since_;
  const service::PresenceText text = service::presenceOf(current.services, facts);
  if (even_if_unchanged) throttle_.reset();
  if (!throttle_.shouldSend(text, now)) return;
  endpoint_.send(xmpp::nodePresence(toXmpp(text.show), text.status, status(current)));
  if (text.mood != mood_) {
    mood_ = text.mood;
    // Best effort: not every server has personal eventing.
    endpoint_.request(xmpp::moodPublish(mood_, ""), limits::kIqTimeout,
                      [](const xmpp::IqOutcome&) {});
  }
}

void NodeCore::onUp() {
  logger("muster.node")->info("logged in as {}", endpoint_.jid().toString());
  coordinator_resource_.clear();
  no_coordinator_since_ = parts_.clock.wall();
  no_coordinator_from_ = parts_.clock.elapsed();
  mood_.clear();
  publish(true);
}

void NodeCore::onPresence(const xmpp::Element& stanza) {
  const auto presence = xmpp::readPresence(stanza);
  if (!presence || presence->from.bare() != parts_.identity.coordinator_account) return;
  if (presence->type == xmpp::PresenceType::kAvailable) {
    coordinator_resource_ = presence->from.resource();
    publish(false);
  } else if (presence->type == xmpp::PresenceType::kUnavailable &&
             presence->from.resource() == coordinator_resource_) {
    coordinator_resource_.clear();
    no_coordinator_since_ = parts_.clock.wall();
    // Its death is told at once, unlike its not having been seen yet.
    no_coordinator_from_ = parts_.clock.elapsed() - kCoordinatorGrace;
    publish(false);
  }
}

void NodeCore::onGrants(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  if (xmpp::jidAttribute(iq, "from") != parts_.identity.coordinator) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto grants = xmpp::readGrants(*iq.firstChild());
  if (!grants) return reply.error(grants.status());
  if (const Status accepted = authority_.accept(*grants); !accepted) return reply.error(accepted);
  reply.result();
  roster_->enforce();
}

std::vector<v1::LoggerState> NodeCore::list() {
  std::vector<v1::LoggerState> out;
  for (const log::LoggerState& state : log::LevelControl::instance().list()) {
    out.push_back(convert::toProto(state));
  }
  return out;
}

Status NodeCore::set(const std::string& logger_name, v1::LogLevel level,
                     std::optional<Duration> duration, const std::string& by, ElapsedTime now,
                     WallTime wall) {
  const Status status = log::LevelControl::instance().set(logger_name, convert::fromProto(level),
                                                          duration, by, now, wall);
  if (status) {
    logger("muster.node")
        ->info("{} set the log level of {} to {}", by, logger_name,
               log::levelName(convert::fromProto(level)));
  }
  return status;
}

Status NodeCore::reset(const std::string& logger_name) {
  return log::LevelControl::instance().reset(logger_name);
}

v1::ServiceLevelReply NodeCore::services() {
  const service::NodeSnapshot current = snapshot();
  v1::ServiceLevelReply reply;
  *reply.mutable_level() = convert::toProto(current.level);
  for (const auto& service : current.services) *reply.add_services() = convert::toProto(service);
  return reply;
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
  const bool missed = !identity.coordinator_account.isEmpty() && coordinator_resource_.empty();
  if (missed) reply.set_no_coordinator_since(toRfc3339(no_coordinator_since_));
  *reply.mutable_level() = convert::toProto(snapshot().level);
  return reply;
}

std::vector<std::string> NodeCore::names(const std::string& kind) const {
  std::vector<std::string> out;
  if (kind == "loggers") {
    for (const log::LoggerState& state : log::LevelControl::instance().list()) {
      out.push_back(state.name);
    }
  } else if (kind == "services") {
    const std::lock_guard lock(parts_.services_mutex);
    out = parts_.services.names();
  }
  return out;
}

// A node keeps its trail in its log; the coordinator's is the one that can be queried.
Status NodeCore::record(const catalogue::AuditEntry& entry) {
  logger("muster.audit")
      ->info("{} {} {} at {}: {} {} -> {} {}", entry.who.toString(),
             catalogue::stageName(entry.stage), catalogue::faceName(entry.face), entry.place,
             entry.verb, entry.arguments, codeName(entry.outcome), entry.text);
  return Status::ok();
}

}  // namespace muster
