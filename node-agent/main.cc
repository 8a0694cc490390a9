// muster-agent: presence for a program that was never changed. It runs the program, keeps it
// running and shows as a service level for how much of the time it ran.
#include <spdlog/sinks/stdout_sinks.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "libcontrol/config/config_file.h"
#include "muster/log.h"
#include "muster/node.h"
#include "node-agent/supervisor.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr muster::Duration kShortest = muster::Duration::millis(10);
constexpr muster::Duration kLongest = muster::Duration::seconds(3600);

// The [agent] table; [node] is loadNodeOptions()'s.
muster::Status readAgent(const std::string& file, std::string& service,
                         muster::agent::SupervisorOptions& options) {
  auto config = muster::ConfigFile::load(file);
  if (!config) return config.status();
  muster::ConfigTable root = (*config)->root();
  muster::ConfigTable agent = root.table("agent");
  service = agent.string("service", "process");
  options.backoff_first =
      agent.duration("backoff_first", options.backoff_first, kShortest, kLongest);
  options.backoff_last = agent.duration("backoff_last", options.backoff_last, kShortest, kLongest);
  options.stable = agent.duration("stable", options.stable, kShortest, kLongest);
  options.grace = agent.duration("grace", options.grace, kShortest, kLongest);
  root.ignoreOtherTables();
  return (*config)->finish();
}

int fail(const muster::Status& status, int code) {
  std::cerr << "muster-agent: " << status.text() << "\n";
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs a program and gives it presence.", "muster-agent");
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Run a program: run --config FILE -- COMMAND ARGS...");
  std::string file;
  bool check = false;
  muster::agent::SupervisorOptions options;
  run->add_option("--config", file, "The configuration file (TOML)")->required();
  run->add_flag("--check-config", check, "Check the configuration file and end");
  run->add_option("command", options.command, "The program and its arguments");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  auto node_options = muster::loadNodeOptions(file);
  if (!node_options) return fail(node_options.status(), kExitUsage);
  std::string service;
  if (const auto status = readAgent(file, service, options); !status) {
    return fail(status, kExitUsage);
  }
  if (!node_options->group.empty()) {
    return fail({muster::Code::kInvalidArgument,
                 "node.group: a program that is only run takes no part in failover; leave it out"},
                kExitUsage);
  }
  if (check) {
    std::cout << file << " is in order\n";
    return 0;
  }
  if (options.command.empty()) {
    return fail({muster::Code::kInvalidArgument, "say what to run: -- COMMAND ARGS..."},
                kExitUsage);
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("root"));
  spdlog::flush_on(spdlog::level::info);
  // Before any thread is made, so that all of them inherit it.
  muster::agent::Supervisor::blockSignals();
  auto node = muster::Node::create(std::move(node_options).value());
  if (!node) return fail(node.status(), kExitFailed);
  muster::Availability& availability = (*node)->availability(service);
  if (const auto started = (*node)->start(); !started) return fail(started, kExitFailed);
  const int code = muster::agent::Supervisor(options, availability).run();
  (*node)->stop();
  return code;
}
