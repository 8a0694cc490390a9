// muster: the command line of a Muster cluster.
#include <CLI/CLI.hpp>
#include <QCoreApplication>
#include <clocale>
#include <iostream>

#include "coordinator/cli/settings.h"
#include "coordinator/cli/up_down.h"
#include "coordinator/cli/verbs.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/markdown.h"

namespace {

using muster::cli::Exit;
using muster::cli::Settings;

void addSettings(CLI::App& app, Settings& settings) {
  app.add_option("--cluster", settings.cluster, "The folder of a cluster made by `muster up`")
      ->envname("MUSTER_CLUSTER");
  app.add_option("--as", settings.as,
                 "Its account to use: operator (the default), observer, admin or stranger");
  app.add_option("--jid", settings.jid, "The account to log in with, instead of --cluster");
  app.add_option("--password-file", settings.password_file,
                 "A file whose first line is its password");
  app.add_option("--host", settings.host, "The server (default: looked up for the JID's domain)");
  app.add_option("--port", settings.port, "Its port")->check(CLI::Range(1, 65535));
  app.add_option("--ca-file", settings.ca_file,
                 "The authorities to trust (PEM; default: the system's)");
  app.add_option("--coordinator", settings.coordinator, "The coordinator's address");
  app.add_option("--at", settings.at, "A node, by name or JID, that is to take the command");
  app.add_option("-o,--output", settings.output, "table (the default) or json")
      ->check(CLI::IsMember({"table", "json"}));
  app.add_option("--timeout", settings.timeout,
                 "How long to wait in all, such as 10s (default: 30s, or 2m with --wait)");
}

int printDocs() {
  const auto docs = muster::catalogue::musterCommandsMarkdown();
  if (!docs) {
    std::cerr << "muster: " << docs.status().text() << "\n";
    return static_cast<int>(Exit::kFailed);
  }
  std::cout << *docs;
  return 0;
}

// What CLI11 says, with the verb that was meant where there is one.
int usageError(CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);
  std::cerr << "muster: " << error.what();
  std::vector<std::string> verbs;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    if (!sub->get_group().empty()) verbs.push_back(sub->get_name());
  }
  for (int i = 1; i < argc && app.get_subcommands().empty(); ++i) {
    if (argv[i][0] == '-') continue;
    if (const auto near = muster::closestTo(argv[i], verbs)) {
      std::cerr << "; did you mean '" << *near << "'?";
      break;
    }
  }
  std::cerr << "\nmuster: --help says what there is\n";
  return static_cast<int>(Exit::kUsage);
}

}  // namespace

int main(int argc, char** argv) {
  QCoreApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");
  CLI::App app("Asks and steers a Muster cluster over XMPP.", "muster");
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not authorised, 4 unreachable or timed out, "
      "5 refused as unsafe.");
  app.set_version_flag("--version", MUSTER_VERSION);
  Settings settings;
  addSettings(app, settings);
  auto verbs = muster::cli::Verbs::make();
  if (!verbs) {
    std::cerr << "muster: " << verbs.status().text() << "\n";
    return static_cast<int>(Exit::kFailed);
  }
  (*verbs)->addTo(app);
  muster::cli::UpDown up_down(app, (*verbs)->cluster());
  // For the build: docs/commands.md is made with it.
  CLI::App* docs = app.add_subcommand("docs", "Print docs/commands.md")->group("");
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usageError(app, error, argc, argv);
  }
  if (docs->parsed()) return printDocs();
  const Exit exit = up_down.isParsed() ? up_down.run(settings) : (*verbs)->run(settings);
  return static_cast<int>(exit);
}
