#include "coordinator/cli/verb_docs.h"

#include <cassert>

#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/chat_line.h"
#include "libcontrol/catalogue/text.h"

namespace muster::cli {
namespace {

OptionDoc optionOf(const catalogue::Argument& argument) {
  OptionDoc option;
  const bool flag = argument.type == catalogue::Type::kBool;
  option.name = "--" + argument.name;
  option.placeholder = flag ? "" : argument.placeholder();
  option.help = argument.help.empty() ? argument.label + "." : argument.help;
  option.help += " (" + argument.expectation();
  if (argument.required) option.help += "; required";
  if (argument.role != v1::ROLE_UNSPECIFIED) {
    option.help += "; needs the role " + catalogue::roleName(argument.role);
  }
  option.help += ")";
  option.values = argument.labels;
  option.names = argument.choices;
  return option;
}

std::string cliExample(const catalogue::Command& command, const std::string& example,
                       bool at_node) {
  std::string line = std::string("muster ") + (at_node ? "--at node1 " : "") + command.verb;
  const auto parsed = catalogue::parseChatLine(command.verb + " " + example);
  if (!parsed) return line;
  std::string behind;
  for (const std::string& word : parsed->arguments.positionals) {
    (word.starts_with("-") ? behind : line) += " " + catalogue::quoteWord(word);
  }
  for (const auto& [name, value] : parsed->arguments.named) {
    const catalogue::Argument* argument = command.find(name);
    const bool flag = argument != nullptr && argument->type == catalogue::Type::kBool;
    line += " --" + name +
            (flag && (value == "true" || value == "yes") ? "" : " " + catalogue::quoteWord(value));
  }
  if (!behind.empty()) line += " --" + behind;
  return line;
}

OptionDoc file(const char* name, const char* placeholder, const char* help) {
  return {name, "", placeholder, help, {}, "files"};
}

}  // namespace

const std::vector<OptionDoc>& globalOptions() {
  static const std::vector<OptionDoc> kOptions = {
      file("--config", "FILE",
           "The configuration file (MUSTER_CONFIG; default: ~/.config/muster/cli.toml)"),
      {"--profile", "", "NAME", "Which [[profile]] of it to use (MUSTER_PROFILE)", {}, ""},
      file("--cluster", "DIR", "The folder of a cluster made by muster up (MUSTER_CLUSTER)"),
      {"--as",
       "",
       "ACCOUNT",
       "Its account to use: operator (the default), observer, admin or stranger",
       {"operator", "observer", "admin", "stranger"},
       ""},
      {"--jid", "", "JID", "The account to log in with, instead of --cluster", {}, ""},
      file("--password-file", "FILE", "A file whose first line is its password"),
      {"--host", "", "HOST", "The server (default: looked up for the JID's domain)", {}, ""},
      {"--port", "", "PORT", "Its port, 1 to 65535", {}, ""},
      file("--ca-file", "FILE", "The authorities to trust (PEM; default: the system's)"),
      {"--coordinator", "", "JID", "The coordinator's address", {}, ""},
      {"--at",
       "",
       "NODE",
       "Who is to take the command: a node by name or JID, or a group's contact (default: the "
       "coordinator)",
       {},
       "nodes"},
      {"--output",
       "-o",
       "FORMAT",
       "table (the default), json or csv; of log lines also raw, their text alone",
       {"table", "json", "csv", "raw"},
       ""},
      {"--timeout",
       "",
       "DURATION",
       "How long to wait in all, such as 10s (default: 30s, or 2m with --wait)",
       {},
       ""},
  };
  return kOptions;
}

const std::vector<VerbDoc>& localVerbs() {
  static const std::vector<VerbDoc> kVerbs = {
      {"exec",
       "Carry out any ad-hoc command of any entity",
       "exec JID [NODE] [NAME=VALUE ...] [--action ACTION]",
       {"Without NODE it lists the commands that the entity offers you (XEP-0050): a server, a "
        "component, a session, your own account. A node of the cluster may be named by its name.",
        "At a terminal it shows each form and asks for its fields, those left out that NAME=VALUE "
        "answers, and then whether to go on: next, prev, complete or cancel. Elsewhere it asks "
        "nothing: every required field must be given, and each stage goes on as the entity "
        "proposes, or as --action says. A field that takes several values is given several times.",
        "Values are checked against the form before anything is sent; a command of a node or the "
        "coordinator that needs no form gets them at once. If the command has been carried out "
        "and did not ask for one of them, the exit code is 1. Ctrl-C cancels the session. "
        "With --action cancel the form is shown and nothing is done. A password given as "
        "NAME=VALUE can be seen by other users of the machine; at a terminal it is asked for "
        "unseen."},
       {{"JID", "", "JID", "Whose command", {}, "nodes"},
        {"NODE", "", "NODE", "The command's node", {}, ""},
        {"NAME=VALUE", "", "NAME=VALUE", "A field of its form", {}, ""}},
       {{"--action",
         "",
         "ACTION",
         "How to go on, once for each stage: next, prev, complete, execute or cancel",
         {"next", "prev", "complete", "execute", "cancel"},
         ""}},
       {"muster exec example.org", "muster exec example.org uptime",
        "muster exec muster.example.org failover group=storage to=node2"}},
      {"watch",
       "Watch the cluster live",
       "watch",
       {"Groups, nodes and what happened last, refreshed each second over one login. A lost "
        "connection is shown and made again.",
        "Keys: q quits, ? shows help, arrows (or j and k) choose a node, Enter opens it, Escape "
        "goes back, s sorts by the next column, S turns the order round, r asks at once."},
       {},
       {},
       {"muster --cluster /tmp/try watch"}},
      {"doctor",
       "Check the connection, the roles, the versions and the clocks",
       "doctor",
       {"One line a check: ok, warn or fail, with a remedy. It looks at TCP, TLS and the "
        "certificate, the login mechanisms, the round trips to the server and the coordinator, the "
        "40 ms delay of a server that leaves Nagle's algorithm on, your role, clocks, versions, "
        "and nodes that are not there. The exit code is 1 if a check failed."},
       {},
       {},
       {"muster doctor", "muster doctor -o json"}},
      {"alert-rules",
       "Print alerting rules for Prometheus",
       "alert-rules",
       {"From the objectives of all services: for each its burn rates over two windows, its own or "
        "those of the SRE workbook, as alerts with the label severity (page or ticket); besides, "
        "groups without an active node, services without data, and a coordinator that is gone. "
        "The rules are made of the coordinator's metrics, so Prometheus has to scrape it. With "
        "-o json the same as JSON, which Prometheus reads too.",
        "Write the file anew when services or objectives have changed."},
       {},
       {},
       {"muster alert-rules > /etc/prometheus/rules/muster.yml"}},
      {"roll",
       "Do something to every node of a group, one after the other",
       "roll [--reason TEXT] [--patience TIME] GROUP -- COMMAND [ARGUMENT...]",
       {"Takes the nodes by name, the active one last: drains it and waits until it is not active, "
        "runs the command here, waits until the node is present, answers by itself and is not "
        "under "
        "an objective, and undrains it. The role moves once. Ends at the first that fails; that "
        "node stays drained. Nodes that were drained before are left out.",
        "The command finds MUSTER_GROUP, MUSTER_NODE (its name), MUSTER_JID (its account), "
        "MUSTER_NUMBER and MUSTER_COUNT in its environment; it mostly is an ssh to the node's "
        "host. It "
        "must not end before what it does is done: after a reboot that it only asked for, the node "
        "still answers for a moment and counts as back. "
        "With -o json its output goes to standard error."},
       {{"GROUP", "", "", "The group", {}, "groups"},
        {"COMMAND", "", "", "What is run for each node, after --", {}, ""}},
       {{"--reason", "", "TEXT", "Why; shown in the presence of the node that is drained", {}, ""},
        {"--patience",
         "",
         "TIME",
         "How long a node may take until it is back and well (5m)",
         {},
         ""}},
       {"muster roll storage -- ./upgrade-one",
        "muster roll --reason 'new libraries' storage -- sh -c 'ssh $MUSTER_NODE sudo systemctl "
        "restart storage'"}},
      {"version",
       "Say the versions of this program, the protocol and the coordinator",
       "version",
       {"Without a login it tells of this program alone."},
       {},
       {},
       {"muster version"}},
      {"rules",
       "Check log rules, or try them on a log",
       "rules check|test FILE",
       {"check says whether the file is in order, and else every mistake with its line. test reads "
        "a "
        "log from standard input and says of each rule how often it hit, with the first and the "
        "last line, and of each service which level results, with a chart over the log's time.",
        "The log is one of spdlog's default layout: [2026-01-01 14:03:00.123] [logger] [level] "
        "text. A line without that belongs to the one before it; in a log that has none of it each "
        "line is a record of level info. Needs no cluster."},
       {{"ACTION", "", "ACTION", "check or test", {"check", "test"}, ""},
        {"FILE", "", "FILE", "The file of rules (TOML)", {}, "files"}},
       {},
       {"muster rules check rules.toml", "muster rules test rules.toml < app.log"}},
      {"store",
       "Verify, export or import a coordinator's database",
       "store verify|export|import FILE",
       {"verify reads all of it as the coordinator would, and says what is in it or what is "
        "damaged. "
        "export writes it to standard output as text, a row a line; import reads that from "
        "standard "
        "input and makes a new file of it. The first two may be done while the coordinator runs.",
        "A coordinator that starts with an older copy finds out from its nodes and waits before it "
        "offers anything. Needs no cluster."},
       {{"ACTION", "", "ACTION", "verify, export or import", {"verify", "export", "import"}, ""},
        {"FILE",
         "",
         "FILE",
         "The database; of an import, a file that is yet to be made",
         {},
         "files"}},
       {},
       {"muster store verify /var/lib/muster/coordinator.sqlite",
        "muster store export coordinator.sqlite > coordinator.jsonl",
        "muster store import new.sqlite < coordinator.jsonl"}},
      {"completion",
       "Print the completion script of a shell",
       "completion SHELL",
       {"For bash: source <(muster completion bash). For zsh: source <(muster completion zsh), "
        "after compinit. The script asks muster itself what fits, so that it knows every verb; "
        "names of nodes and groups are completed if a login is configured and the coordinator "
        "answers within two seconds."},
       {{"SHELL", "", "SHELL", "bash or zsh", {"bash", "zsh"}, ""}},
       {},
       {"source <(muster completion bash)"}},
      {"man",
       "Print the manual page of a verb",
       "man [VERB]",
       {"In the language of man pages (roff): muster man failover | man -l -"},
       {{"VERB", "", "VERB", "The verb; without it the page of muster itself", {}, "verbs"}},
       {},
       {"muster man failover | man -l -"}},
      {"up",
       "Start a private cluster on this machine",
       "up --dir DIR [--nodes N] [--lease-ttl DURATION] [--window DURATION] [--level-floor "
       "PERCENT] "
       "[--store KIND] [--coordinators N] [--etcd-members N] [--detach]",
       {"An XMPP server, a coordinator and nodes of the example service, all under one folder and "
        "on loopback only. In a folder that has one already, what is not running is started again. "
        "Without --detach it stays, and Ctrl-C ends the cluster."},
       {},
       {{"--dir", "", "DIR", "The folder that holds all of it", {}, "files"},
        {"--nodes", "", "N", "How many nodes, 1 to 20 (default 3)", {}, ""},
        {"--lease-ttl", "", "DURATION", "Length of the lease, such as 5s (the default)", {}, ""},
        {"--window", "", "DURATION", "What service levels look back on (default 10m)", {}, ""},
        {"--level-floor",
         "",
         "PERCENT",
         "An active node whose level is below for 5 s gives the role to a better one; 0, never, is "
         "the default",
         {},
         ""},
        {"--store",
         "",
         "KIND",
         "What keeps the coordinator's records: sqlite, a file (the default), or etcd",
         {"sqlite", "etcd"},
         ""},
        {"--coordinators",
         "",
         "N",
         "How many coordinators, 1 to 5; more than one need --store etcd",
         {},
         ""},
        {"--etcd-members", "", "N", "Of etcd, 1 (the default) or 3", {}, ""},
        {"--detach", "", "", "Return once it is ready instead of staying", {}, ""}},
       {"muster up --dir /tmp/try --detach"}},
      {"down",
       "End a private cluster",
       "down --dir DIR",
       {"Ends what muster up has started in that folder. The folder stays."},
       {},
       {{"--dir", "", "DIR", "Its folder", {}, "files"}},
       {"muster down --dir /tmp/try"}},
  };
  return kVerbs;
}

const VerbDoc& localVerb(const std::string& name) {
  for (const VerbDoc& verb : localVerbs()) {
    if (verb.name == name) return verb;
  }
  assert(false && "only verbs of the table are asked for");
  return localVerbs().front();
}

VerbDoc verbDoc(const catalogue::Command& command, bool at_node) {
  static const catalogue::OpenDirectory kAnyName;
  const catalogue::Scope everything{v1::ROLE_ADMIN, "", &kAnyName};
  VerbDoc verb;
  verb.name = command.verb;
  verb.title = command.title;
  const std::string usage =
      catalogue::usageLine(command, everything, catalogue::Grammar::kCli).substr(7);
  verb.usage = (at_node ? "--at NODE " : "") + usage;
  verb.text = {command.help, "Needs the role " + catalogue::roleName(command.role) + "."};
  for (const catalogue::Argument* argument : command.positionals()) {
    OptionDoc word = optionOf(*argument);
    word.name = word.placeholder;
    verb.words.push_back(std::move(word));
  }
  for (const catalogue::Argument& argument : command.arguments) {
    verb.options.push_back(optionOf(argument));
  }
  for (const std::string& example : command.examples) {
    verb.examples.push_back(cliExample(command, example, at_node));
  }
  return verb;
}

std::vector<VerbDoc> allVerbs(const Catalogues& catalogues) {
  std::vector<VerbDoc> out;
  for (const std::string& verb : catalogues.verbs()) {
    const catalogue::Command* at_cluster = catalogues.cluster.find(verb);
    out.push_back(at_cluster != nullptr ? verbDoc(*at_cluster, false)
                                        : verbDoc(*catalogues.node.find(verb), true));
  }
  out.insert(out.end(), localVerbs().begin(), localVerbs().end());
  return out;
}

}  // namespace muster::cli
