#include "coordinator/cli/verbs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <utility>

#include "coordinator/cli/client.h"
#include "coordinator/cli/layout.h"
#include "coordinator/cli/target.h"
#include "coordinator/cli/terminal.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/csv.h"
#include "libcontrol/catalogue/json.h"
#include "libcontrol/catalogue/reply_view.h"
#include "libcontrol/catalogue/text.h"
#include "muster/cluster.pb.h"
#include "muster/node.pb.h"

namespace muster::cli {
namespace {

using google::protobuf::FieldDescriptor;

// A drain may take its whole deadline, and a lease be waited out besides.
constexpr Duration kDefaultWait = Duration::seconds(120);

bool isFlag(const catalogue::Argument& argument) {
  return argument.type == catalogue::Type::kBool;
}

// Whether the answer is to come only when it is done.
bool waits(const catalogue::Command& command, const google::protobuf::Message& request) {
  const catalogue::Argument* wait = command.find("wait");
  return wait != nullptr && isFlag(*wait) && request.GetReflection()->GetBool(request, wait->field);
}

// An idempotency key of this very run, so that a retry on the way can't act twice.
void giveKey(const catalogue::Command& command, google::protobuf::Message& request) {
  const catalogue::Argument* key = command.find("key");
  if (key == nullptr || !key->hidden || key->type != catalogue::Type::kString) return;
  const auto& reflection = *request.GetReflection();
  if (reflection.HasField(request, key->field)) return;
  SystemRandom random;
  reflection.SetString(&request, key->field, Id128::make(random).toHex());
}

void print(const Settings& settings, const google::protobuf::Message& reply) {
  if (settings.csv) {
    std::cout << catalogue::csvText(reply);
  } else if (settings.json) {
    std::cout << catalogue::jsonText(reply) << "\n";
  } else {
    std::cout << replyText(catalogue::viewOf(reply), outputWidth()) << "\n";
  }
}

Status noRaw(const std::string& verb) {
  return {Code::kInvalidArgument,
          "--output: raw is for log lines; " + verb + " has table, json and csv"};
}

Status elsewhere(const std::string& verb, const Target& target) {
  if (target.kind == Target::Kind::kNode) {
    return {Code::kInvalidArgument,
            "'" + verb + "' is a command of the coordinator; leave --at out"};
  }
  return {Code::kInvalidArgument,
          "'" + verb + "' is a command of a node; say of which with --at NODE"};
}

}  // namespace

Result<Catalogues> Catalogues::make() {
  auto cluster = catalogue::Catalogue::build(
      {v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands")});
  if (!cluster) return cluster.status();
  auto node = catalogue::Catalogue::build(
      {v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands")});
  if (!node) return node.status();
  return Catalogues{std::move(cluster).value(), std::move(node).value()};
}

const catalogue::Command* Catalogues::find(const std::string& verb) const {
  const catalogue::Command* command = cluster.find(verb);
  return command != nullptr ? command : node.find(verb);
}

std::vector<std::string> Catalogues::verbs() const {
  std::vector<std::string> out;
  for (const catalogue::Catalogue* catalogue : {&cluster, &node}) {
    for (const catalogue::Command& command : catalogue->commands()) {
      if (std::find(out.begin(), out.end(), command.verb) == out.end()) out.push_back(command.verb);
    }
  }
  return out;
}

void Verbs::addTo(CLI::App& app) {
  for (const catalogue::Catalogue* catalogue : {&catalogues_.cluster, &catalogues_.node}) {
    for (const catalogue::Command& command : catalogue->commands()) add(app, command);
  }
}

// A verb that both catalogues have takes the arguments of both; which of them are right is decided
// once it is known where it goes.
void Verbs::add(CLI::App& app, const catalogue::Command& command) {
  Given& given = given_[command.verb];
  if (given.app == nullptr) {
    const bool only_at_node = catalogues_.cluster.find(command.verb) == nullptr;
    given.app =
        app.add_subcommand(command.verb, command.title + (only_at_node ? " (--at NODE)" : ""));
    given.app->group("Commands");
    given.app->set_help_flag("");
    given.app->add_flag("-h,--help", given.help, "Say what it does and takes");
    given.app->add_option("arguments", given.positionals)->expected(0, -1);
    given.app->fallthrough();
  }
  for (const catalogue::Argument& argument : command.arguments) {
    if (given.flags.contains(argument.name) || given.values.contains(argument.name)) continue;
    if (isFlag(argument)) {
      given.app->add_flag("--" + argument.name, given.flags[argument.name], argument.help);
    } else {
      given.app->add_option("--" + argument.name, given.values[argument.name], argument.help);
    }
  }
}

std::string Verbs::parsed() const {
  for (const auto& [verb, given] : given_) {
    if (given.app != nullptr && given.app->parsed()) return verb;
  }
  return "";
}

bool Verbs::isHelp() const {
  return given_.at(parsed()).help;
}

Exit Verbs::help(const Flags& flags) const {
  const std::string verb = parsed();
  const catalogue::Command* at_node = catalogues_.node.find(verb);
  const catalogue::Command* at_cluster = catalogues_.cluster.find(verb);
  const bool only_node = at_cluster == nullptr || (!flags.at.empty() && at_node != nullptr);
  std::cout << catalogue::cliText(only_node ? *at_node : *at_cluster) << "\n";
  if (!only_node && at_node != nullptr) {
    std::cout << "\nWith --at NODE it is the node's own command:\n"
              << catalogue::cliText(*at_node) << "\n";
  }
  return Exit::kDone;
}

catalogue::RawArguments Verbs::rawArguments(const Given& given) const {
  catalogue::RawArguments raw;
  raw.positionals = given.positionals;
  raw.positionals.insert(raw.positionals.end(), more_words_.begin(), more_words_.end());
  for (const auto& [name, value] : given.values) {
    if (given.app->count("--" + name) > 0) raw.named.emplace_back(name, value);
  }
  for (const auto& [name, value] : given.flags) {
    if (given.app->count("--" + name) > 0) raw.named.emplace_back(name, value ? "true" : "false");
  }
  return raw;
}

Exit Verbs::run(const Settings& settings) {
  const std::string verb = parsed();
  auto login = loginFrom(settings);
  // Arguments are judged before the login, unless whom they are for depends on it.
  if (!login && !settings.at.empty()) return report(settings.json, login.status());
  const auto target = targetOf(settings.at, login ? login->coordinator : Jid());
  if (!target) return report(settings.json, target.status());
  const bool at_node = target->kind == Target::Kind::kNode;
  const catalogue::Catalogue& catalogue = at_node ? catalogues_.node : catalogues_.cluster;
  const catalogue::Command* command = catalogue.find(verb);
  if (command == nullptr) return report(settings.json, elsewhere(verb, *target));
  const catalogue::OpenDirectory open;
  catalogue::Bound bound = catalogue::bind(*command, rawArguments(given_.at(verb)),
                                           catalogue::Scope{v1::ROLE_ADMIN, target->group, &open});
  if (!bound.errors.empty()) {
    return report(settings.json, catalogue::combine(bound.errors), bound.errors);
  }
  if (settings.raw && !isLogStream(*command)) return report(false, noRaw(verb));
  giveKey(*command, *bound.request);
  if (!login) return report(settings.json, login.status());
  Client client(std::move(login).value());
  client.setDeadline(
      settings.timeout.value_or(waits(*command, *bound.request) ? kDefaultWait : kDefaultTimeout));
  const auto to = addressOf(client, catalogues_.cluster, *target);
  if (!to) return report(settings.json, to.status());
  if (isLogStream(*command) && !settings.csv) {
    return streamLogs(settings, log_flags_, client, *to, *catalogue.findMethod("Logs"),
                      *bound.request);
  }
  const auto reply = client.call(*to, *command, *bound.request);
  if (!reply) return report(settings.json, reply.status());
  print(settings, **reply);
  return Exit::kDone;
}

}  // namespace muster::cli
