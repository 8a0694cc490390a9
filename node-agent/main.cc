// muster-agent: presence and failover for a program that was never changed. It runs the program,
// keeps it running, shows as a service level for how much of the time it ran, and lets it take its
// turn as the active node of a group.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "node-agent/agent_config.h"
#include "node-agent/inner.h"
#include "node-agent/keeper.h"

namespace {

constexpr int kExitUsage = 2;

int usage(const muster::Status& status) {
  std::cerr << "muster-agent: " << status.text() << "\n";
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs a program and gives it presence.", "muster-agent");
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Run a program: run --config FILE -- COMMAND ARGS...");
  std::string file;
  bool check = false;
  std::vector<std::string> command;
  run->add_option("--config", file, "The configuration file (TOML)")->required();
  run->add_flag("--check-config", check, "Check the configuration file and end");
  run->add_option("command", command, "The program and its arguments");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  auto config = muster::agent::loadAgentConfig(file);
  if (!config) return usage(config.status());
  if (check) {
    std::cout << file << " is in order\n";
    return 0;
  }
  if (command.empty()) {
    return usage({muster::Code::kInvalidArgument, "say what to run: -- COMMAND ARGS..."});
  }
  config->supervisor.command = command;
  return muster::agent::runKept([&](muster::agent::LeaseWatch& watch) {
    spdlog::set_default_logger(spdlog::stderr_logger_mt("root"));
    spdlog::flush_on(spdlog::level::info);
    return muster::agent::runInner(*config, watch);
  });
}
