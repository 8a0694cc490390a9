// The verbs of the CLI that are commands of the catalogue: one subcommand each, made by reflection.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/cli/log_stream.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

// What the coordinator takes, and what every node takes. Immutable; outlives all that uses it.
struct Catalogues {
  catalogue::Catalogue cluster;
  catalogue::Catalogue node;

  static Result<Catalogues> make();
  // Of whichever has it, the coordinator's first; null if neither has.
  const catalogue::Command* find(const std::string& verb) const;
  // Of both, each once.
  std::vector<std::string> verbs() const;
};

class Verbs {
 public:
  explicit Verbs(const Catalogues& catalogues) : catalogues_(catalogues) {}

  // Adds the subcommands; this object must outlive `app`.
  void addTo(CLI::App& app);
  // The verb that was parsed, empty if it is none of these.
  std::string parsed() const;
  // Whether its --help was asked for, which needs no settings.
  bool isHelp() const;
  Exit help(const Flags& flags) const;
  // Positional arguments behind those that are parsed; to be set before run().
  void addWords(std::vector<std::string> words) { more_words_ = std::move(words); }
  // For `logs`; to be set before run().
  LogStreamFlags& logFlags() { return log_flags_; }
  // Carries the parsed verb out and prints what came of it.
  Exit run(const Settings& settings);

 private:
  struct Given {
    CLI::App* app = nullptr;
    bool help = false;
    std::vector<std::string> positionals;
    std::map<std::string, std::string> values;
    std::map<std::string, bool> flags;
  };
  void add(CLI::App& app, const catalogue::Command& command);
  catalogue::RawArguments rawArguments(const Given& given) const;

  const Catalogues& catalogues_;
  LogStreamFlags log_flags_;
  std::vector<std::string> more_words_;
  std::map<std::string, Given> given_;  // by verb
};

}  // namespace muster::cli
