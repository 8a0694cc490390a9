#include "bench/stage.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <QEventLoop>
#include <QTimer>
#include <functional>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/cluster.pb.h"

namespace muster::bench {
namespace {

int kNoArguments = 1;
char kProgramName[] = "bench";
char* kArguments[] = {kProgramName, nullptr};

coordinator::Config configOf(const PrivateServer& server, const Stage::Options& options) {
  coordinator::Config config;
  config.component.jid = Stage::address();
  config.component.host = local::kLoopback;
  config.component.port =
      options.component_port != 0 ? options.component_port : server.componentPort();
  config.component.secret = server.componentSecret();
  config.store = server.folder() / options.store_name;
  config.election.lease_ttl = options.lease_ttl;
  config.bootstrap.groups = options.groups;
  for (const Member& member : options.members) {
    coordinator::Bootstrap::Node node;
    node.name = member.name;
    node.jid = member.jid;
    node.group = member.group;
    config.bootstrap.nodes.push_back(node);
  }
  config.bootstrap.grants[Jid::parse(Stage::callerAccount().jid).value()] = v1::ROLE_ADMIN;
  return config;
}

}  // namespace

local::Account Stage::callerAccount() {
  return {"operator@" + std::string(local::kDomain), "the caller's password"};
}

Jid Stage::address() {
  return Jid::parse(local::kComponentDomain).value();
}

Result<std::unique_ptr<Stage>> Stage::make(const PrivateServer& server, const Options& options) {
  auto catalogue = catalogue::Catalogue::build(
      {v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands")});
  if (!catalogue) return catalogue.status();
  std::unique_ptr<Stage> stage(new Stage(std::move(catalogue).value()));
  stage->app_ = std::make_unique<QCoreApplication>(kNoArguments, kArguments);
  spdlog::set_default_logger(spdlog::basic_logger_mt(
      "bench", (server.folder() / "coordinator.log").string(), /*truncate=*/true));
  auto daemon = coordinator::Daemon::make(
      configOf(server, options), [self = stage.get()](const Status& why) { self->fatal_ = why; });
  if (!daemon) return daemon.status();
  stage->daemon_ = std::move(daemon).value();
  stage->daemon_->start();

  cli::Login login;
  login.jid = Jid::parse(callerAccount().jid).value();
  login.password = callerAccount().password;
  login.host = local::kLoopback;
  login.port = server.clientPort();
  login.ca_file = server.caFile();
  login.coordinator = address();
  stage->client_ = std::make_unique<cli::Client>(login);
  stage->client_->setDeadline(Duration::seconds(20));
  if (Status connected = stage->client_->connect(); !connected) return connected;
  return stage;
}

Stage::~Stage() = default;

Status Stage::ping(const std::vector<Jid>& targets, size_t in_flight) {
  QEventLoop loop;
  Status failed;
  size_t sent = 0;
  size_t answered = 0;
  std::function<void()> next = [&] {
    if (sent == targets.size()) return;
    xmpp::Element iq = xmpp::makeIq("get", targets[sent++]);
    iq.add(xmpp::Element("ping", xmpp::ns::kPing));
    daemon_->component().request(std::move(iq), limits::kIqTimeout,
                                 [&](const xmpp::IqOutcome& outcome) {
                                   if (!outcome.isOk()) failed = outcome.status;
                                   if (++answered == targets.size()) loop.quit();
                                   next();
                                 });
  };
  for (size_t i = 0; i < in_flight; ++i) next();
  if (answered < targets.size()) loop.exec();
  return failed;
}

void Stage::wait(Duration time) {
  QEventLoop loop;
  QTimer::singleShot(static_cast<int>(time.toMillis()), &loop, &QEventLoop::quit);
  loop.exec();
}

}  // namespace muster::bench
