#include "coordinator/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/cli/alert_rules.h"
#include "coordinator/cli/completion.h"
#include "coordinator/cli/doctor.h"
#include "coordinator/cli/exec.h"
#include "coordinator/cli/man.h"
#include "coordinator/cli/replay.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/roll.h"
#include "coordinator/cli/rules.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/store.h"
#include "coordinator/cli/up_down.h"
#include "coordinator/cli/verb_docs.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/version.h"
#include "coordinator/cli/watch.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/markdown.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "A node's application may have commands besides these: muster --at NODE VERB [--NAME VALUE "
    "...]; muster exec NODE lists them.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not authorised, 4 unreachable or timed out, "
    "5 refused as unsafe.";

class CommandLine {
 public:
  explicit CommandLine(const Catalogues& catalogues)
      : catalogues_(catalogues),
        verbs_(catalogues),
        app_("Asks and steers a Muster cluster over XMPP.", "muster") {
    app_.footer(kFooter);
    app_.set_version_flag("--version", MUSTER_VERSION);
    app_.require_subcommand(1);
    addFlags(app_);
    verbs_.addTo(app_);
    explain_ = app_.get_subcommand("explain");
    explain_->add_option("--replay", replayed_, "A choice that was saved with -o json");
    CLI::App* logs = app_.get_subcommand("logs");
    logs->add_flag("--follow", verbs_.logFlags().follow, "Go on with what is new until Ctrl-C");
    logs->add_flag("--all", verbs_.logFlags().all, "Every line that matches, however many");
    addLocalVerbs();
  }

  Exit run(int argc, char** argv) {
    argc = takeCommand(argc, argv);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool unknown_verb = error.get_exit_code() != 0 && app_.get_subcommands().empty();
      if (unknown_verb) {
        if (const auto exit = ofApplication(argc, argv)) return *exit;
      }
      return usageError(error, argc, argv);
    }
    const bool of_catalogue = !verbs_.parsed().empty();
    const bool of_answers = flags_.output == "csv" || flags_.output == "raw";
    if (of_answers && !of_catalogue) return report(false, noCsv());
    for (const Local& local : without_settings_) {
      if (local.app->parsed()) return local.run();
    }
    if (of_catalogue && verbs_.isHelp()) return help();
    if (explain_->count("--replay") > 0) return replay(flags_.output == "json", replayed_);
    auto settings = resolve(flags_, Environment::ofProcess());
    if (!settings) return report(flags_.output == "json", settings.status());
    settings_ = std::move(settings).value();
    if (of_catalogue) return verbs_.run(settings_);
    for (const Local& local : with_settings_) {
      if (local.app->parsed()) return local.run();
    }
    return Exit::kUsage;
  }

 private:
  // What `roll` is to run is nobody's to read but its own, flags and all; so are words behind "--".
  int takeCommand(int argc, char** argv) {
    char** const end = argv + argc;
    char** const marker =
        std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
    const bool rolls = std::any_of(
        argv, marker, [](const char* word) { return std::string_view(word) == "roll"; });
    if (marker == end) return argc;
    if (rolls) {
      roll_.command.assign(marker + 1, end);
      return static_cast<int>(marker - argv);
    }
    // Words of a query may begin with '-', and only behind such a mark they are no flags.
    const bool of_catalogue = std::any_of(
        argv, marker, [this](const char* word) { return catalogues_.find(word) != nullptr; });
    if (!of_catalogue) return argc;
    verbs_.addWords({marker + 1, end});
    return static_cast<int>(marker - argv);
  }

  Exit help() const {
    const Exit done = verbs_.help(flags_);
    if (explain_->parsed()) {
      std::cout << "\nWith --replay FILE the choice that was saved in it, with -o json, is made "
                   "again, without a coordinator; exit code 1 if another comes of it.\n";
    }
    if (verbs_.parsed() == "logs") {
      std::cout << "\nWith --follow it goes on with what is new until Ctrl-C; --all prints every "
                   "line that matches, however many there are. A word that begins with '-' stands "
                   "behind a '--'.\n";
    }
    return done;
  }

  // The verb of an application, which only the node at --at knows; nothing if it is none. The words
  // are read again, without verbs, so that what is left over is the application's.
  std::optional<Exit> ofApplication(int argc, char** argv) {
    CLI::App flags_only;
    flags_ = {};
    addFlags(flags_only);
    flags_only.allow_extras();
    try {
      flags_only.parse(argc, argv);
    } catch (const CLI::ParseError&) {
      return std::nullopt;
    }
    const std::vector<std::string> words = flags_only.remaining();
    if (flags_.at.empty() || words.empty() || words[0].starts_with("-")) return std::nullopt;
    if (flags_.output == "csv" || flags_.output == "raw") return report(false, noCsv());
    const auto settings = resolve(flags_, Environment::ofProcess());
    if (!settings) return report(flags_.output == "json", settings.status());
    return runApplicationVerb(*settings, catalogues_, words);
  }

  static Status noCsv() {
    return {
        Code::kInvalidArgument,
        "--output: csv is for the commands of coordinator and nodes, such as report, and raw for "
        "log lines; here there are table and json"};
  }

  struct Local {
    CLI::App* app;
    std::function<Exit()> run;
  };

  static std::string helpOf(const char* name) {
    for (const OptionDoc& option : globalOptions()) {
      if (option.name == name) return option.help;
    }
    return "";
  }

  void addFlags(CLI::App& app) {
    const auto add = [&app](const char* names, const char* name, auto& value) {
      return app.add_option(names, value, helpOf(name));
    };
    add("--config", "--config", flags_.config);
    add("--profile", "--profile", flags_.profile);
    add("--cluster", "--cluster", flags_.cluster);
    add("--as", "--as", flags_.as);
    add("--jid", "--jid", flags_.jid);
    add("--password-file", "--password-file", flags_.password_file);
    add("--host", "--host", flags_.host);
    add("--port", "--port", flags_.port)->check(CLI::Range(1, 65535));
    add("--ca-file", "--ca-file", flags_.ca_file);
    add("--coordinator", "--coordinator", flags_.coordinator);
    add("--at", "--at", flags_.at);
    add("-o,--output", "--output", flags_.output)
        ->check(CLI::IsMember({"table", "json", "csv", "raw"}));
    add("--timeout", "--timeout", flags_.timeout);
  }

  CLI::App* addVerb(const char* name) {
    const VerbDoc& doc = localVerb(name);
    CLI::App* verb = app_.add_subcommand(name, doc.title);
    verb->group("Besides");
    verb->fallthrough();
    std::string text;
    for (const std::string& paragraph : doc.text) text += (text.empty() ? "" : "\n\n") + paragraph;
    verb->footer(text);
    return verb;
  }

  static std::string help(const char* verb, const char* option) {
    const VerbDoc& doc = localVerb(verb);
    for (const auto* options : {&doc.words, &doc.options}) {
      for (const OptionDoc& each : *options) {
        if (each.name == option) return each.help;
      }
    }
    return "";
  }

  void addLocalVerbs() {
    CLI::App* exec = addVerb("exec");
    exec->add_option("JID", exec_.entity, help("exec", "JID"))->required();
    exec->add_option("NODE", exec_.words, "The command's node, and the fields of its form")
        ->expected(0, -1);
    exec->add_option("--action", exec_.actions, help("exec", "--action"))
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    with_settings_.push_back({exec, [this] { return runExec(settings_, catalogues_, exec_); }});
    with_settings_.push_back(
        {addVerb("watch"), [this] { return runWatch(settings_, catalogues_); }});
    with_settings_.push_back(
        {addVerb("doctor"), [this] { return runDoctor(settings_, catalogues_); }});
    with_settings_.push_back(
        {addVerb("alert-rules"), [this] { return runAlertRules(settings_, catalogues_); }});
    CLI::App* roll = addVerb("roll");
    roll->add_option("GROUP", roll_.group, help("roll", "GROUP"))->required();
    roll->add_option("--reason", roll_.reason, help("roll", "--reason"));
    roll->add_option("--patience", roll_.patience, help("roll", "--patience"));
    with_settings_.push_back({roll, [this] { return runRoll(settings_, catalogues_, roll_); }});
    with_settings_.push_back({addVerb("version"), [this] { return runVersion(settings_); }});
    addUpDown();
    CLI::App* completion = addVerb("completion");
    completion->add_option("SHELL", word_, help("completion", "SHELL"))->required();
    without_settings_.push_back({completion, [this] { return print(completionScript(word_)); }});
    CLI::App* man = addVerb("man");
    man->add_option("VERB", word_, help("man", "VERB"));
    without_settings_.push_back({man, [this] {
                                   return print(word_.empty() || word_ == "muster"
                                                    ? Result<std::string>(mainPage(catalogues_))
                                                    : verbPage(catalogues_, word_));
                                 }});
    CLI::App* rules = addVerb("rules");
    rules->add_option("ACTION", rules_.action, help("rules", "ACTION"))->required();
    rules->add_option("FILE", rules_.file, help("rules", "FILE"))->required();
    without_settings_.push_back(
        {rules, [this] { return runRules(flags_.output == "json", rules_, std::cin); }});
    CLI::App* store = addVerb("store");
    store->add_option("ACTION", store_.action, help("store", "ACTION"))->required();
    store->add_option("FILE", store_.file, help("store", "FILE"))->required();
    without_settings_.push_back(
        {store, [this] { return runStore(flags_.output == "json", store_, std::cin, std::cout); }});
    // For the build: docs/commands.md and the manual pages are made with it.
    CLI::App* docs = app_.add_subcommand("docs", "Print docs/commands.md")->group("");
    docs->add_option("--man", man_dir_, "Write the manual pages into this folder instead");
    without_settings_.push_back({docs, [this] { return runDocs(); }});
  }

  void addUpDown() {
    CLI::App* up = addVerb("up");
    up->add_option("--dir", up_.dir, help("up", "--dir"))->required();
    up->add_option("--nodes", up_.nodes, help("up", "--nodes"));
    up->add_option("--lease-ttl", up_.lease_ttl, help("up", "--lease-ttl"));
    up->add_option("--window", up_.window, help("up", "--window"));
    up->add_option("--level-floor", up_.level_floor, help("up", "--level-floor"));
    up->add_option("--store", up_.store, help("up", "--store"));
    up->add_option("--coordinators", up_.coordinators, help("up", "--coordinators"));
    up->add_option("--etcd-members", up_.etcd_members, help("up", "--etcd-members"));
    up->add_flag("--detach", up_.detach, help("up", "--detach"));
    // Only how they report is a setting; a broken login of somebody's file must not stop them.
    without_settings_.push_back(
        {up, [this] { return runUp(flags_.output == "json", catalogues_.cluster, up_); }});
    CLI::App* down = addVerb("down");
    down->add_option("--dir", up_.dir, help("down", "--dir"))->required();
    without_settings_.push_back(
        {down, [this] { return runDown(flags_.output == "json", up_.dir); }});
  }

  Exit print(const Result<std::string>& text) const {
    if (!text) return report(flags_.output == "json", text.status());
    std::cout << *text;
    return Exit::kDone;
  }

  Exit runDocs() const {
    if (man_dir_.empty()) return print(catalogue::musterCommandsMarkdown());
    const Status written = writePages(catalogues_, man_dir_);
    return written ? Exit::kDone : report(false, written);
  }

  // What CLI11 says, with the verb that was meant where there is one.
  Exit usageError(const CLI::ParseError& error, int argc, char** argv) {
    if (error.get_exit_code() == 0) {
      app_.exit(error);
      return Exit::kDone;
    }
    std::string text = error.what();
    const auto parsed = app_.get_subcommands();
    if (parsed.empty()) text += verbHint(argc, argv);
    const bool json = wantsJson(argc, argv);
    if (!json) {
      text += "\nmuster: '" + std::string("muster ") +
              (parsed.empty() ? "" : parsed.front()->get_name() + " ") +
              "--help' says what there is";
    }
    return report(json, {Code::kInvalidArgument, text});
  }

  std::string verbHint(int argc, char** argv) const {
    bool said_any = false;
    for (int i = 1; i < argc; ++i) {
      if (argv[i][0] == '-') continue;
      said_any = true;
      if (const auto near = closestTo(argv[i], verbNames())) {
        return "; did you mean '" + *near + "'?";
      }
    }
    return said_any ? "; a command of a node's application needs --at NODE" : "";
  }

  std::vector<std::string> verbNames() const {
    std::vector<std::string> names = catalogues_.verbs();
    for (const VerbDoc& verb : localVerbs()) names.push_back(verb.name);
    return names;
  }

  // The words could not be read, so they are looked through.
  static bool wantsJson(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word == "-ojson" || word == "--output=json" || word == "-o=json") return true;
      const bool output = word == "-o" || word == "--output";
      if (output && i + 1 < argc) return std::string_view(argv[i + 1]) == "json";
    }
    return false;
  }

  const Catalogues& catalogues_;
  Verbs verbs_;
  CLI::App app_;
  CLI::App* explain_ = nullptr;
  std::string replayed_;
  Flags flags_;
  Settings settings_;
  ExecArguments exec_;
  UpArguments up_;
  RollArguments roll_;
  RulesArguments rules_;
  StoreArguments store_;
  std::string word_;     // of completion and man
  std::string man_dir_;  // of docs
  std::vector<Local> with_settings_;
  std::vector<Local> without_settings_;
};

}  // namespace

int runCommandLine(int argc, char** argv) {
  const auto catalogues = Catalogues::make();
  if (!catalogues) return static_cast<int>(report(false, catalogues.status()));
  // `muster complete -- WORD ...` takes half a command line, which is not to be judged yet.
  const bool completes =
      argc >= 3 && std::string_view(argv[1]) == "complete" && std::string_view(argv[2]) == "--";
  if (completes) return static_cast<int>(runComplete(*catalogues, {argv + 3, argv + argc}));
  return static_cast<int>(CommandLine(*catalogues).run(argc, argv));
}

}  // namespace muster::cli
