#include "coordinator/daemon.h"

#include <QTimer>
#include <set>
#include <utility>

#include "coordinator/bootstrap.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/catalogue/chat_line.h"
#include "libcontrol/xmpp/client_link.h"
#include "libcontrol/xmpp/component_link.h"
#include "libcontrol/xmpp/faces.h"
#include "muster/cluster.pb.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// For what has been said at the end to leave before the process does.
constexpr int kGoodbyeMs = 100;

// Messages kept while there is no connection; older ones are no news by then.
constexpr size_t kMaxUnsaid = 100;

// Beside the store, under the same lock; not in it, since nothing of it is worth a sync.
std::unique_ptr<store::ServiceHistoryStore> openLevelHistory(const std::filesystem::path& store) {
  Status problem;
  auto history = store::openServiceHistoryOrNew(store.string() + ".levels", problem);
  if (!problem) {
    logger("muster.levels")->error("groups' budgets begin anew: {}", problem.text());
  }
  return history;
}

// What a command that changed a group or a node was about; empty for other commands.
std::string targetOfAction(const catalogue::AuditEntry& entry, const Jid& address) {
  static const std::set<std::string> kActions = {"failover", "unschedule", "drain",    "undrain",
                                                 "pause",    "resume",     "log-level"};
  if (!kActions.contains(entry.verb)) return {};
  const auto line = catalogue::parseChatLine(entry.verb + " " + entry.arguments);
  if (!line) return {};
  std::string target;
  if (!line->arguments.positionals.empty()) target = line->arguments.positionals.front();
  for (const auto& [name, value] : line->arguments.named) {
    if (name == "dry-run" && value == "yes") return {};
    if (name == "group" || name == "node" || name == "target") target = value;
  }
  // Said at a group's contact, which needs no name.
  const auto place = Jid::parse(entry.place);
  if (target.empty() && place && place->domain() == address.domain()) target = place->local();
  return target == "all" ? incident::kOverall : target;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::make(const Config& config,
                                             std::function<void(const Status&)> fatal) {
  auto store = store::CoordinatorStore::open(config.store);
  if (!store) return store.status();
  Seat seat;
  seat.store = std::move(store).value();
  return make(config, std::move(seat), std::move(fatal));
}

Result<std::unique_ptr<Daemon>> Daemon::make(const Config& config, Seat seat,
                                             std::function<void(const Status&)> fatal) {
  const WallTime now = SystemClock::forWaiter().wall();
  if (Status s = fillIfNew(*seat.store, config.bootstrap, now); !s) return s;
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(seat)));
  daemon->level_history_ = openLevelHistory(config.store);
  if (Status s = daemon->build(config, std::move(fatal)); !s) return s;
  return daemon;
}

Daemon::Daemon(Seat seat)
    : seat_(std::move(seat)),
      clock_(SystemClock::forWaiter()),
      started_(clock_.wall()),
      authority_(store_->grants()),
      audit_(store_->audit()),
      four_eyes_(std::make_unique<FourEyes>(FourEyes::Parts{
          authority_, random_,
          [this](const Jid& but, const std::string& text) { tellAdmins(but, text); },
          [this](const Jid& to, const std::string& text) { say(address_, to, text); }})) {}

Daemon::~Daemon() = default;

v1::CoordinatorsReply Daemon::coordinators() {
  v1::CoordinatorsReply reply;
  v1::CoordinatorState& self = *reply.add_coordinators();
  self.set_name(address_.domain());
  self.set_leads(true);
  self.set_started(toRfc3339(started_));
  self.set_leads_since(self.started());
  self.set_address(address_.toString());
  self.set_version(kVersion);
  return reply;
}

Status Daemon::build(const Config& config, std::function<void(const Status&)> fatal) {
  if (Status s = authority_.load(); !s) return s;
  const xmpp::ComponentConfig link = linkConfig(config.component);
  if (Status s = xmpp::ComponentLink::check(link); !s) return s;
  address_ = config.component.jid;
  component_link_ = std::make_unique<xmpp::ComponentLink>(link);
  // Gaps in the event loop are measured by the clock that sees a suspend.
  component_ =
      std::make_unique<xmpp::Endpoint>(*component_link_, SystemClock::forHolder(), random_);
  contacts_ = std::make_unique<Contacts>(*component_, store_->subscriptions(), authority_, clock_);
  contacts_->add(address_);
  const bool shared = seat_.lease != nullptr;
  cluster_ = std::make_unique<Cluster>(Cluster::Parts{
      *component_, shared ? *seat_.lease : *component_, *store_, authority_, *contacts_, clock_,
      random_, address_, shared ? seat_.lease_address : address_, config.election,
      [this](const service::PresenceText& text) {
        if (overall_) overall_->show(text);
      },
      fatal, level_history_.get(), config.weights});
  wants_four_eyes_ = config.four_eyes;
  buildRooms(config, fatal);
  buildOverrides();
  buildLogs();
  buildAlerts(config, fatal);
  if (Status s = cluster_->load(); !s) return s;
  if (Status s = contacts_->load(); !s) return s;
  if (Status s = pauses_->load(); !s) return s;
  if (Status s = move_schedule_->load(); !s) return s;
  if (Status s = site_hooks_->load(); !s) return s;
  if (Status s = overrides_->load(); !s) return s;
  if (config.alerts.room) buildRoom(*config.alerts.room);
  if (Status s = alerts_->load(); !s) return s;
  if (Status s = buildCommands(); !s) return s;
  if (config.account) buildAccount(*config.account);
  buildMessenger();
  return buildMetrics(config.metrics);
}

void Daemon::buildRooms(const Config& config, const std::function<void(const Status&)>& fatal) {
  orders_ = std::make_unique<Orders>(*component_);
  chronicle_ = std::make_unique<Chronicle>(
      *cluster_, store_->history(), *contacts_, authority_, clock_,
      [this](const Jid& from, const Jid& to, const std::string& text) { say(from, to, text); },
      [this](const std::string& group) { return alerts_->namesOfOpen(group); });
  if (config.fence) {
    fencing_ = std::make_unique<Fencing>(*cluster_, *component_, store_->groups(), *chronicle_,
                                         clock_, *config.fence);
  }
  site_hooks_ = std::make_unique<SiteHooks>(*cluster_, *store_, *chronicle_, clock_, config.hooks);
  view_ = std::make_unique<ClusterView>(*cluster_, [this](const std::string& group) {
    std::string text;
    for (const std::string& part :
         {chronicle_->alarmOf(group), move_schedule_->noteOf(group), site_hooks_->noteOf(group)}) {
      text += (text.empty() || part.empty() ? "" : "; ") + part;
    }
    return text;
  });
  const MoveGate gate = [this](const GroupDriver& group, const auto& request, auto answer) {
    site_hooks_->ask(group, request, std::move(answer));
  };
  drain_marks_ = std::make_unique<DrainMarks>(*cluster_, *orders_, clock_);
  drain_marks_->setGate(gate);
  moves_ = std::make_unique<Moves>(Moves::Parts{
      *cluster_, *drain_marks_, random_,
      [this](const MovePurpose& purpose, const std::string& group, const Status& status,
             const std::string& sentence) { onMoveEnded(purpose, group, status, sentence); },
      gate});
  move_schedule_ = std::make_unique<MoveSchedule>(
      MoveSchedule::Parts{*cluster_, store_->groups(), *chronicle_, *moves_, authority_, clock_,
                          [this](const commands::Origin& to, const std::string& text) {
                            if (const auto person = Jid::parse(to.by)) {
                              (void)tellLater(to.place, person->bare(), text);
                            }
                          }});
  pauses_ = std::make_unique<Pauses>(*cluster_, store_->groups(), *chronicle_, clock_);
  std::vector<Jid> own;
  if (config.account) own.push_back(config.account->jid);
  membership_ = std::make_unique<Membership>(
      Membership::Parts{*cluster_, store_->grants(), authority_, *contacts_, clock_, std::move(own),
                        [this] {
                          if (account_roster_) account_roster_->enforce();
                          alerts_->rolesChanged();
                        },
                        fatal});
  Cluster::Listener listener;
  listener.membership = [this] { onMembership(); };
  listener.service_appeared = [this](const Jid& contact, const std::string& group,
                                     const std::string& service) {
    if (component_face_ == nullptr) return;
    component_face_->addresses.add(
        {contact, xmpp::AddressKind::kService, service + "." + group, group});
  };
  cluster_->addListener(std::move(listener));
  xmpp::Endpoint::Listener link;
  link.up = [this] { sayUnsaid(); };
  component_->addListener(std::move(link));
}

void Daemon::buildOverrides() {
  fanout_ = std::make_unique<Fanout>(
      [this](const Jid& node, const v1::Order& order, Duration timeout, Orders::Done done) {
        orders_->send(node, order, timeout, std::move(done));
      },
      clock_);
  overrides_ = std::make_unique<Overrides>(
      Overrides::Parts{store_->overrides(), cluster_->members(), *fanout_, clock_,
                       [this] { return cluster_->groupNames(); }});
  Cluster::Listener listener;
  listener.appeared = [this](const Member& member, const Jid& full) {
    overrides_->onAppeared(member, full);
  };
  cluster_->addListener(std::move(listener));
  levels_ = std::make_unique<LevelReport>(cluster_->members(),
                                          [this] { return cluster_->groupLevels(); });
}

void Daemon::buildLogs() {
  cluster_logs_ = std::make_unique<ClusterLogs>(ClusterLogs::Parts{
      cluster_->members(), *fanout_, clock_, random_, [this] { return cluster_->groupNames(); }});
  commands::Tails::Ports ports;
  ports.search = [this](const auto& where, const auto& request, const auto& by, auto done) {
    cluster_logs_->search(where, request, by, std::move(done));
  };
  ports.say = [this](const std::string& place, const Jid& to, const std::string& text) {
    // What is not heard at once is of no use later.
    if (component_->isUp()) tellLater(place, to, text);
  };
  tails_ = std::make_unique<commands::Tails>(std::move(ports));
  log_files_ = std::make_unique<commands::LogFiles>(commands::LogFiles::Ports{
      [this](commands::LogFile file, auto done) { shareFile(std::move(file), std::move(done)); },
      [this] { return clock_.elapsed(); }});
  tail_timer_.setInterval(static_cast<int>(limits::kTailEvery.toMillis()));
  QObject::connect(&tail_timer_, &QTimer::timeout, &tail_timer_,
                   [this] { tails_->tick(clock_.elapsed()); });
  tail_timer_.start();
}

void Daemon::shareFile(commands::LogFile file, std::function<void(Result<std::string>)> done) {
  if (upload_ == nullptr) {
    return done(Status(Code::kUnavailable,
                       "the coordinator has no account of its own to upload a file by; a table "
                       "[account] in its configuration file gives it one"));
  }
  upload_->upload({std::move(file.name), "text/plain", std::move(file.text)}, std::move(done));
}

void Daemon::buildAlerts(const Config& config, const std::function<void(const Status&)>& fatal) {
  watchables_ = std::make_unique<Watchables>(*cluster_);
  month_report_ = std::make_unique<MonthReport>(MonthReport::Parts{
      cluster_->levelRecord(), store_->alerts(), [this] { return watchables_->names(); },
      [this] { return cluster_->groupNames(); }, [this] { return view_->names("nodes"); }});
  log_lines_ = std::make_unique<LogLines>(*cluster_, *fanout_, clock_);
  Alerts::Parts parts{store_->alerts(),
                      authority_,
                      clock_,
                      random_,
                      config.alerts.policy,
                      [this](const std::set<std::string>& targets) {
                        auto levels = watchables_->levels(targets);
                        log_lines_->fill(levels);
                        return levels;
                      },
                      [this](const std::string& typed) { return watchables_->resolve(typed); },
                      [this](const std::string& target) { return watchables_->groupOf(target); },
                      [this](const incident::Message& message) {
                        if (!message.notice.channel.empty()) return channels_->send(message);
                        if (isRoom(message.notice.to))
                          return room_->send(message.id, message.notice.text);
                        return messenger_->send(message);
                      },
                      [this](const Jid& person) {
                        if (messenger_) messenger_->follow(person);
                      },
                      fatal};
  parts.fell = [this](const std::string& target, const std::string& group) {
    log_lines_->ask(target, group);
  };
  alerts_ = std::make_unique<Alerts>(std::move(parts));
  channels_ = std::make_unique<Channels>(
      config.alerts.channels, [this](uint64_t id) { return alerts_->find(id); },
      [this](const std::string& id, const Status& status) {
        if (status) return alerts_->delivered(id, {});
        logger("muster.alerts")->warn("message {} was not taken: {}", id, status.text());
        alerts_->failed(id, status.text());
      });
  Cluster::Listener listener;
  listener.tick = [this] {
    if (room_) room_->tick();
    alerts_->tick();
  };
  listener.took_over = [this](const GroupDriver& group, const election::group::TookOver& event) {
    // Of what somebody asked for the outcome is told with their name.
    if (!event.asked_by.empty() && !event.automatic) return;
    std::string sentence = "group " + group.name() + ": " + cluster_->nameOf(event.to) +
                           " is active under epoch " + std::to_string(event.epoch);
    if (!event.cause.empty()) sentence += " (" + event.cause + ")";
    const std::string open = alerts_->namesOfOpen(group.name());
    if (!open.empty()) sentence += "; see " + open;
    alerts_->acted({}, group.name(), sentence + ".");
  };
  cluster_->addListener(std::move(listener));
  audit_.onRecorded([this](const catalogue::AuditEntry& entry) { onAudited(entry); });
}

void Daemon::onAudited(const catalogue::AuditEntry& entry) {
  if (entry.stage != catalogue::AuditEntry::Stage::kDone || entry.outcome != Code::kOk) return;
  const std::string target = targetOfAction(entry, cluster_->address());
  if (target.empty()) return;
  std::string sentence = entry.verb + " " + entry.arguments;
  if (!entry.text.empty()) sentence += ": " + entry.text;
  const auto place = Jid::parse(entry.place);
  alerts_->acted(entry.who.bare(), target, sentence, room_ && place && room_->isAskedHere(*place));
}

void Daemon::buildMessenger() {
  Messenger::Hooks hooks;
  hooks.up = [this] { alerts_->linkUp(); };
  hooks.down = [this] { alerts_->linkDown(); };
  hooks.blind = [this] { alerts_->blind(); };
  hooks.came = [this](const Jid& full, bool away) { alerts_->personCame(full, away); };
  hooks.gone = [this](const Jid& full) { alerts_->personGone(full); };
  hooks.absent = [this](const Jid& bare) { alerts_->personAbsent(bare); };
  // By private messages through the room anybody in it could confirm what it has not got.
  hooks.wrote = [this](const Jid& bare) {
    if (!isRoom(bare)) alerts_->personWrote(bare);
  };
  hooks.delivered = [this](const std::string& id, const Jid& by) {
    if (!isRoom(by)) alerts_->delivered(id, by);
  };
  hooks.failed = [this](const std::string& id, const std::string& why) {
    alerts_->failed(id, why);
  };
  messenger_ = std::make_unique<Messenger>(*component_, address_, std::move(hooks), account_.get(),
                                           account_roster_.get());
}

void Daemon::buildRoom(const AlertRoomConfig& config) {
  authority_.never(config.room);
  AlertRoom::Parts parts{*component_, address_, authority_, clock_, random_, {}, {}, {}};
  parts.entered = [this] { alerts_->roomEntered(); };
  parts.left = [this] { alerts_->roomLeft(); };
  parts.delivered = [this](const std::string& id) { alerts_->delivered(id, room_->jid()); };
  room_ = std::make_unique<AlertRoom>(config, std::move(parts));
}

Result<std::unique_ptr<catalogue::Dispatcher>> Daemon::makeDispatcher(
    const catalogue::Authority& authority) {
  auto catalogue = catalogue::Catalogue::build(
      {v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands")});
  if (!catalogue) return catalogue.status();
  catalogue::HandlerSet handlers;
  commands::addClusterState(handlers, *view_);
  commands::addCoordinators(handlers, seat_.coordinators != nullptr ? *seat_.coordinators : *this);
  commands::addClusterLogLevel(handlers, *overrides_);
  commands::addClusterLogs(handlers, *cluster_logs_, *log_files_);
  commands::addClusterTail(handlers, *tails_);
  commands::addClusterServiceLevel(handlers, *levels_);
  commands::addFailover(handlers, *moves_, *move_schedule_);
  commands::addDrain(handlers, *moves_);
  commands::addApprove(handlers, *four_eyes_);
  commands::addPause(handlers, *pauses_);
  commands::addMembership(handlers, *membership_);
  commands::addHistory(handlers, *chronicle_);
  commands::addSubscriptions(handlers, *alerts_);
  commands::addIncidents(handlers, *alerts_);
  commands::addSilences(handlers, *alerts_);
  commands::addReport(handlers, *month_report_);
  commands::addAudit(handlers, audit_);
  catalogue::Dispatcher::Ports ports{
      &authority, view_.get(), &audit_, &random_,
      [this](const std::string& verb, Code outcome, ElapsedTime began) {
        command_counts_.count(verb, outcome, clock_.elapsed() - began);
      }};
  const auto self = std::make_shared<catalogue::Dispatcher*>(nullptr);
  if (wants_four_eyes_) {
    ports.force = [this, self](const catalogue::CallRequest& request, const std::string& line,
                               const google::protobuf::Message& bound, ElapsedTime now) {
      return four_eyes_->check(**self, request, line, bound, now);
    };
  }
  auto made = catalogue::Dispatcher::make(std::move(catalogue).value(), std::move(handlers),
                                          std::move(ports));
  if (made) *self = made->get();
  return made;
}

void Daemon::tellAdmins(const Jid& but, const std::string& text) {
  for (const v1::Grant& grant : authority_.grants().grants()) {
    const auto admin = Jid::parse(grant.jid());
    if (admin && grant.role() == v1::ROLE_ADMIN && *admin != but) say(address_, *admin, text);
  }
}

Status Daemon::buildCommands() {
  auto dispatcher = makeDispatcher(authority_);
  if (!dispatcher) return dispatcher.status();
  dispatcher_ = std::move(dispatcher).value();
  adhoc_face_ = std::make_unique<catalogue::AdhocFace>(*dispatcher_, random_);
  chat_face_ = std::make_unique<catalogue::ChatFace>(*dispatcher_, random_);
  if (room_) {
    auto of_room = makeDispatcher(room_->authority());
    if (!of_room) return of_room.status();
    room_->serve(std::move(of_room).value());
  }
  component_face_ = makeFace(*component_);
  component_face_->addresses.add({address_, xmpp::AddressKind::kCoordinator, "muster", ""});
  onMembership();
  return Status::ok();
}

// A new group's contact answers at once, and the account's roster lets new members in and old ones
// go.
void Daemon::onMembership() {
  if (component_face_ == nullptr) return;
  for (const std::string& group : cluster_->groupNames()) {
    component_face_->addresses.add(
        {cluster_->contactOf(group), xmpp::AddressKind::kGroup, group, group});
  }
  if (account_roster_) account_roster_->enforce();
}

// The trail has how it began, under the same call; how it ended comes after the answer.
void Daemon::onMoveEnded(const MovePurpose& purpose, const std::string& group, const Status& status,
                         const std::string& sentence) {
  store::AuditEntry entry;
  entry.at = clock_.wall();
  entry.who = purpose.by;
  entry.place = purpose.place;
  entry.verb = purpose.verb;
  entry.arguments = purpose.node.empty() ? group : purpose.node;
  entry.code = codeName(status.code());
  entry.text = sentence;
  entry.call = purpose.call;
  if (const auto recorded = store_->audit().append(entry); !recorded) {
    logger("muster.store")
        ->error("the end of a move is not in the audit trail: {}", recorded.status().text());
  }
  const auto to = Jid::parse(purpose.by);
  if (!to) return;
  const bool told_room = tellLater(purpose.place, to->bare(), sentence);
  alerts_->acted(to->bare(), group, sentence, told_room);
}

bool Daemon::tellLater(const std::string& place, const Jid& person, const std::string& sentence) {
  const auto from = Jid::parse(place);
  if (room_ && from && room_->tellOutcome(*from, person, sentence)) return true;
  say(from ? from->bare() : address_, person, sentence);
  return false;
}

void Daemon::say(const Jid& from, const Jid& to, const std::string& text) {
  const bool by_account = account_face_ && account_face_->addresses.find(from) != nullptr;
  xmpp::ChatEndpoint& chat = by_account ? *account_face_->chat : *component_face_->chat;
  if (chat.say(from, to, text)) return;
  if (unsaid_.size() >= kMaxUnsaid) unsaid_.pop_front();
  unsaid_.push_back({from, to, text});
}

void Daemon::sayUnsaid() {
  std::deque<Unsaid> unsaid;
  unsaid.swap(unsaid_);
  for (const Unsaid& one : unsaid) say(one.from, one.to, one.text);
}

std::unique_ptr<Daemon::Face> Daemon::makeFace(xmpp::Endpoint& endpoint) {
  auto face = std::make_unique<Face>(authority_);
  face->responder = std::make_unique<xmpp::AdhocResponder>(
      endpoint, face->addresses, xmpp::commandHandler(*adhoc_face_, clock_));
  face->disco = std::make_unique<xmpp::Disco>(endpoint, face->addresses,
                                              xmpp::commandsFor(*adhoc_face_), kVersion);
  face->chat = std::make_unique<xmpp::ChatEndpoint>(endpoint, face->addresses, clock_,
                                                    xmpp::chatHandler(*chat_face_, clock_));
  return face;
}

void Daemon::buildAccount(const AccountConfig& config) {
  xmpp::ClientConfig link;
  // A resource of this process's own: a predecessor whose session lingers is not in the way.
  link.jid = config.jid.withResource("muster-" + Id128::make(random_).toHex().substr(0, 8));
  link.password = config.password;
  link.host = config.host;
  if (config.port != 0) link.port = config.port;
  link.ca_file = config.ca_file;
  account_link_ = std::make_unique<xmpp::ClientLink>(link);
  account_ = std::make_unique<xmpp::Endpoint>(*account_link_, SystemClock::forHolder(), random_);
  upload_ = std::make_unique<xmpp::HttpUpload>(*account_, config.ca_file);
  account_roster_ = std::make_unique<xmpp::Roster>(*account_, [this](const Jid& bare) {
    return cluster_->members().find(bare) != nullptr || authority_.roleOf(bare).has_value();
  });
  overall_ = std::make_unique<OverallPresence>(*account_, clock_);
  account_face_ = makeFace(*account_);
  account_face_->addresses.add({config.jid, xmpp::AddressKind::kCoordinator, "muster", ""});
  xmpp::Endpoint::Listener listener;
  listener.up = [this] {
    logger("muster.account")->info("logged in as {}", account_->jid().toString());
    overall_->sendAnew();
    sayUnsaid();
  };
  listener.down = [](const xmpp::DownEvent& event) {
    logger("muster.account")->warn("disconnected: {}", event.text);
  };
  account_->addListener(std::move(listener));
}

Status Daemon::buildMetrics(const metrics::MetricsConfig& config) {
  if (config.listen.empty()) return Status::ok();
  metrics_view_ = std::make_unique<MetricsView>(
      MetricsView::Parts{*cluster_, *alerts_, command_counts_, *component_, account_.get(),
                         clock_.wall(), kVersion, site_hooks_.get()});
  auto port = MetricsPort::open(
      config, [this] { return metrics_view_->describe(); }, clock_);
  if (!port) return port.status();
  metrics_port_ = std::move(port).value();
  logger("muster.cluster")
      ->info("metrics are at {}, port {}, /metrics", config.listen, metrics_port_->port());
  return Status::ok();
}

void Daemon::start() {
  component_->watchLoop();
  component_link_->start();
  if (account_link_ == nullptr) return;
  account_->watchLoop();
  account_link_->start();
}

void Daemon::stop(std::function<void()> stopped) {
  cluster_->saveLevels();
  if (component_->isUp()) contacts_->sayGoodbye();
  if (room_) room_->leave();
  QTimer::singleShot(kGoodbyeMs, [this, stopped = std::move(stopped)] {
    if (account_link_) account_link_->stop();
    component_link_->stop();
    stopped();
  });
}

}  // namespace muster::coordinator
