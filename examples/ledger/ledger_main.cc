// ledger: a journal of lines that one node of a group writes at a time. It shows what an
// application does to take part: the parts marked (1) to (5) are all of it.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "examples/ledger/config.h"
#include "examples/ledger/line_server.h"
#include "examples/ledger/service.h"
#include "muster/log.h"
#include "muster/node.h"

namespace {

ledger::LineServer* server_to_stop = nullptr;

void onSignal(int) {
  server_to_stop->stop();
}

// Set by SIGHUP: the log rules are to be read again.
volatile std::sig_atomic_t hung_up = 0;

void onHangup(int) {
  hung_up = 1;
}

void reloadOnHangup() {
  struct sigaction action {};
  action.sa_handler = onHangup;
  sigaction(SIGHUP, &action, nullptr);
}

void stopOnSignals(ledger::LineServer& server) {
  server_to_stop = &server;
  struct sigaction action {};
  action.sa_handler = onSignal;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

// What another start, a moment later, would not mend. Whoever starts the process need not try.
constexpr int kExitConfig = 2;
constexpr int kExitFailed = 1;

int complain(const muster::Status& status, int exit_code) {
  std::fprintf(stderr, "ledger: %s\n", status.text().c_str());
  return exit_code;
}

// Of the parts that are made of the configuration: a value that cannot be right is in the file.
int complain(const muster::Status& status) {
  return complain(status,
                  status.code() == muster::Code::kInvalidArgument ? kExitConfig : kExitFailed);
}

std::string nodeName(const muster::NodeOptions& options) {
  return options.name.empty() ? options.jid.substr(0, options.jid.find('@')) : options.name;
}

int run(const muster::NodeOptions& options, const ledger::Config& config) {
  auto journal = ledger::Journal::open(config.journal, config.max_append);
  if (!journal) return complain(journal.status());
  auto server = ledger::LineServer::listen(config.listen, config.port, ledger::kMaxLineBytes);
  if (!server) return complain(server.status());

  // (1) a node, (2) what it counts
  auto node = muster::Node::create(options);
  if (!node) return complain(node.status());
  muster::ServiceOptions judged;
  judged.window = config.window;
  muster::Availability& storage = (*node)->availability("storage", judged);
  muster::Requests& user = (*node)->requests("user", judged);

  ledger::Service service(nodeName(options), std::move(*journal), config.max_append, storage, user);
  // (3) what to do when it becomes active, (4) and when it ceases to be
  (*node)->onPromote([&](const muster::Lease& lease) { return service.promote(lease); });
  (*node)->onDemote([&](const muster::Demotion& demotion) { service.demote(demotion); });

  stopOnSignals(**server);
  if (!options.log_rules.empty()) reloadOnHangup();
  if (!config.port_file.empty()) {
    const muster::Status written =
        ledger::writePortFile(config.port_file.string(), (*server)->port());
    if (!written) return complain(written);
  }
  // (5) off it goes; from here on nothing returns before stop(), which may call the service
  if (muster::Status started = (*node)->start(); !started) return complain(started);
  muster::logger("user")->info("{} listens on {}:{}", nodeName(options), config.listen,
                               (*server)->port());
  (*server)->run([&](const std::string& line) { return service.handle(line); },
                 [&] {
                   service.tick();
                   if (hung_up == 0) return;
                   hung_up = 0;
                   // The node logs what comes of it.
                   (void)(*node)->reloadLogRules();
                 });
  muster::logger("user")->info("stopping");
  // While the service is still there to be demoted.
  (*node)->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("An active/standby journal of lines, to show and to try Muster with.");
  std::string file;
  bool check_only = false;
  app.add_option("--config", file, "Its TOML file, with the tables [node] and [ledger]")
      ->required();
  app.add_flag("--check-config", check_only, "Only say whether the file is right");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitConfig;
  }

  auto options = muster::loadNodeOptions(file);
  if (!options) return complain(options.status(), kExitConfig);
  if (options->version.empty()) options->version = "ledger 1.0";
  const auto config = ledger::loadConfig(file);
  if (!config) return complain(config.status(), kExitConfig);
  if (check_only) {
    std::printf("%s is in order\n", file.c_str());
    return 0;
  }
  return run(*options, *config);
}
