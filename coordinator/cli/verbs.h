// The verbs of the CLI that are commands of the catalogue: one subcommand each, made by reflection.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/cli/client.h"
#include "coordinator/cli/settings.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

// Both catalogues: the coordinator's, and a node's for --at.
class Verbs {
 public:
  static Result<std::unique_ptr<Verbs>> make();

  // Adds the subcommands; this object must outlive `app`.
  void addTo(CLI::App& app);
  // The verb that was parsed, empty if it is none of these.
  std::string parsed() const;
  // Carries the parsed verb out and prints what came of it.
  Exit run(const Settings& settings);

  const catalogue::Catalogue& cluster() const { return cluster_; }

 private:
  Verbs(catalogue::Catalogue cluster, catalogue::Catalogue node);
  struct Given {
    CLI::App* app = nullptr;
    bool help = false;
    std::vector<std::string> positionals;
    std::map<std::string, std::string> values;
    std::map<std::string, bool> flags;
  };
  void add(CLI::App& app, const catalogue::Command& command);
  catalogue::RawArguments rawArguments(const Given& given) const;

  const catalogue::Catalogue cluster_;
  const catalogue::Catalogue node_;
  std::map<std::string, Given> given_;  // by verb
};

// One call of a cluster command, for whoever needs a reply and not a page.
template <typename Reply, typename Request>
Result<Reply> callCluster(Client& client, const catalogue::Catalogue& catalogue,
                          const std::string& rpc, const Request& request) {
  const catalogue::Command* command = catalogue.findMethod(rpc);
  if (command == nullptr) return Status(Code::kInternal, "there is no command " + rpc);
  auto reply = client.call(client.coordinator(), *command, request);
  if (!reply) return reply.status();
  return static_cast<const Reply&>(**reply);
}

// Prints an error where it belongs (standard error, or as JSON) and returns its exit code.
Exit report(const Settings& settings, const Status& status, const std::vector<Status>& errors = {});

}  // namespace muster::cli
