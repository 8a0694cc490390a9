// muster-coordinator: watches the nodes' presence, elects the active node of each group, takes the
// cluster's commands.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <QCoreApplication>
#include <QSocketNotifier>
#include <clocale>
#include <iostream>

#include "coordinator/config.h"
#include "coordinator/daemon.h"
#include "muster/log.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// SIGTERM and SIGINT as a file descriptor that the event loop watches.
int signalDescriptor() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run(const muster::coordinator::Config& config, int argc, char** argv) {
  const int signal_fd = signalDescriptor();
  QCoreApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");
  auto daemon = muster::coordinator::Daemon::make(config, [](const muster::Status& status) {
    muster::logger("muster.store")
        ->critical(
            "the store can't be written, and nothing may be promised that it does not hold: "
            "{}",
            status.text());
    spdlog::default_logger()->flush();
    _exit(kExitFailed);
  });
  if (!daemon) {
    std::cerr << "muster-coordinator: " << daemon.status().text() << "\n";
    return kExitFailed;
  }
  bool stopping = false;
  QSocketNotifier notifier(signal_fd, QSocketNotifier::Read);
  QObject::connect(&notifier, &QSocketNotifier::activated, [&] {
    signalfd_siginfo info{};
    if (read(signal_fd, &info, sizeof info) != sizeof info || stopping) return;
    stopping = true;
    muster::logger("muster.cluster")->info("stopping on signal {}", info.ssi_signo);
    (*daemon)->stop([] { QCoreApplication::quit(); });
  });
  (*daemon)->start();
  return QCoreApplication::exec();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The coordinator of a Muster cluster.", "muster-coordinator");
  std::string file;
  bool check = false;
  app.add_option("--config", file, "The configuration file (TOML)")->required();
  app.add_flag("--check-config", check, "Check the configuration file and end");
  app.set_version_flag("--version", muster::coordinator::kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  const auto config = muster::coordinator::loadConfig(file);
  if (!config) {
    std::cerr << "muster-coordinator: " << config.status().text() << "\n";
    return kExitUsage;
  }
  if (check) {
    std::cout << file << " is in order\n";
    return 0;
  }
  spdlog::set_default_logger(spdlog::stdout_logger_mt("root"));
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  spdlog::flush_on(spdlog::level::info);
  return run(*config, argc, argv);
}
