// muster-agent: presence and failover for a program that was never changed. It runs the program and
// keeps it running, or is attached to one that others run; it shows as a service level for how much
// of the time it ran, and lets it take its turn as the active node of a group.
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "node-agent/agent_config.h"
#include "node-agent/inner.h"
#include "node-agent/run_kept.h"

namespace {

constexpr int kExitUsage = 2;

int usage(const muster::Status& status) {
  std::cerr << "muster-agent: " << status.text() << "\n";
  return kExitUsage;
}

struct Arguments {
  muster::agent::Verb verb = muster::agent::Verb::kRun;
  std::string file;
  bool check = false;
  std::vector<std::string> command;
};

// The exit code if there is nothing to be done with them.
std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app("Gives a program presence.", "muster-agent");
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Run a program: run --config FILE -- COMMAND ARGS...");
  CLI::App* attach =
      app.add_subcommand("attach", "Watch one that others run: attach --config FILE");
  for (CLI::App* verb : {run, attach}) {
    verb->add_option("--config", arguments.file, "The configuration file (TOML)")->required();
    verb->add_flag("--check-config", arguments.check, "Check the configuration file and end");
  }
  run->add_option("command", arguments.command, "The program and its arguments");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (attach->parsed()) arguments.verb = muster::agent::Verb::kAttach;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  // Its threads seldom allocate at once, and heaps of their own would cost some 4 MB.
  mallopt(M_ARENA_MAX, 1);
  Arguments arguments;
  if (const auto code = parse(argc, argv, arguments)) return *code;
  auto config = muster::agent::loadAgentConfig(arguments.file, arguments.verb);
  if (!config) return usage(config.status());
  if (arguments.check) {
    std::cout << arguments.file << " is in order\n";
    return 0;
  }
  if (arguments.verb == muster::agent::Verb::kRun && arguments.command.empty()) {
    return usage({muster::Code::kInvalidArgument, "say what to run: -- COMMAND ARGS..."});
  }
  config->supervisor.command = arguments.command;
  return muster::agent::runKept(muster::agent::keeperProgram(), {argv + 1, argv + argc},
                                [&](muster::agent::LeaseWatch& watch) {
                                  spdlog::set_default_logger(spdlog::stderr_logger_mt("root"));
                                  spdlog::flush_on(spdlog::level::info);
                                  return muster::agent::runInner(*config, watch);
                                });
}
