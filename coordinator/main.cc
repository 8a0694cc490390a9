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
#include <functional>
#include <iostream>
#include <string>
#include <utility>

#include "coordinator/config.h"
#include "coordinator/daemon.h"
#include "coordinator/high_availability.h"
#include "coordinator/service_manager.h"
#include "muster/log.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// SIGTERM, SIGINT and SIGHUP as a file descriptor that the event loop watches.
int signalDescriptor() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Ends the process in order on a signal, or reads its configuration again.
class SignalWatch {
 public:
  SignalWatch(int descriptor, std::string file)
      : notifier_(descriptor, QSocketNotifier::Read), file_(std::move(file)) {}
  void start(int descriptor, std::function<void(std::function<void()>)> stop) {
    QObject::connect(&notifier_, &QSocketNotifier::activated, [this, descriptor, stop] {
      signalfd_siginfo info{};
      if (read(descriptor, &info, sizeof info) != sizeof info || stopping_) return;
      if (info.ssi_signo == SIGHUP) return reload();
      stopping_ = true;
      manager_.stopping();
      muster::logger("muster.cluster")->info("stopping on signal {}", info.ssi_signo);
      stop([] { QCoreApplication::quit(); });
    });
  }
  void ready() { manager_.ready(); }

 private:
  // Of the file only the log's level is taken; all else needs a restart.
  void reload() {
    manager_.reloading();
    const auto config = muster::coordinator::loadConfig(file_);
    const auto logger = muster::logger("muster.cluster");
    if (config) {
      spdlog::set_level(spdlog::level::from_str(config->log_level));
      logger->info("the log's level is {}; what else has changed counts after a restart",
                   config->log_level);
      manager_.reloaded("log level " + config->log_level);
    } else {
      logger->error("nothing is changed, since the configuration has mistakes: {}",
                    config.status().text());
      manager_.reloaded("the configuration has mistakes: " + config.status().text());
    }
  }

  QSocketNotifier notifier_;
  const std::string file_;
  muster::coordinator::ServiceManager manager_;
  bool stopping_ = false;
};

int failed(const muster::Status& status) {
  std::cerr << "muster-coordinator: " << status.text() << "\n";
  return kExitFailed;
}

int runAlone(const muster::coordinator::Config& config, SignalWatch& watch, int descriptor) {
  auto daemon = muster::coordinator::Daemon::make(config, [](const muster::Status& status) {
    muster::logger("muster.store")
        ->critical(
            "the store can't be written, and nothing may be promised that it does not hold: "
            "{}",
            status.text());
    spdlog::default_logger()->flush();
    _exit(kExitFailed);
  });
  if (!daemon) return failed(daemon.status());
  watch.start(descriptor, [&](auto stopped) { (*daemon)->stop(std::move(stopped)); });
  (*daemon)->start();
  watch.ready();
  return QCoreApplication::exec();
}

int runAmongSeveral(const muster::coordinator::Config& config, SignalWatch& watch, int descriptor) {
  auto one = muster::coordinator::HighAvailability::make(config);
  if (!one) return failed(one.status());
  watch.start(descriptor, [&](auto stopped) { (*one)->stop(std::move(stopped)); });
  (*one)->start();
  watch.ready();
  return QCoreApplication::exec();
}

int run(const muster::coordinator::Config& config, const std::string& file, int argc, char** argv) {
  const int descriptor = signalDescriptor();
  QCoreApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");
  SignalWatch watch(descriptor, file);
  return config.shared ? runAmongSeveral(config, watch, descriptor)
                       : runAlone(config, watch, descriptor);
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
  return run(*config, file, argc, argv);
}
