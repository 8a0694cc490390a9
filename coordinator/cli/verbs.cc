#include "coordinator/cli/verbs.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/json.h"
#include "libcontrol/catalogue/text.h"
#include "muster/node.pb.h"

namespace muster::cli {
namespace {

constexpr Duration kDefaultTimeout = Duration::seconds(30);
// A drain may take its whole deadline, and a lease be waited out besides.
constexpr Duration kDefaultWait = Duration::seconds(120);
constexpr Duration kLongestTimeout = Duration::seconds(3600);

bool isFlag(const catalogue::Argument& argument) {
  return argument.type == catalogue::Type::kBool;
}

Result<Duration> timeoutFrom(const Settings& settings, bool waits) {
  if (settings.timeout.empty()) return waits ? kDefaultWait : kDefaultTimeout;
  const auto timeout = parseDuration(settings.timeout);
  if (!timeout) return Status(Code::kInvalidArgument, "--timeout: " + timeout.status().text());
  if (*timeout <= Duration{} || *timeout > kLongestTimeout) {
    return Status(Code::kInvalidArgument, "--timeout must be from 1ms to 1h");
  }
  return *timeout;
}

bool waits(const google::protobuf::Message& request) {
  const auto* failover = dynamic_cast<const v1::FailoverRequest*>(&request);
  return failover != nullptr && failover->wait();
}

// A key of this very run, so that a retry on the way can't move twice.
void giveKey(google::protobuf::Message& request) {
  auto* failover = dynamic_cast<v1::FailoverRequest*>(&request);
  if (failover == nullptr || failover->has_key()) return;
  SystemRandom random;
  failover->set_key(Id128::make(random).toHex());
}

}  // namespace

Exit report(const Settings& settings, const Status& status, const std::vector<Status>& errors) {
  if (settings.output == "json") {
    std::cout << catalogue::errorJsonText(status, errors) << "\n";
  } else {
    std::cerr << "muster: " << catalogue::errorText(status, errors) << "\n";
  }
  return exitFor(status);
}

Result<std::unique_ptr<Verbs>> Verbs::make() {
  auto cluster = catalogue::Catalogue::build(
      {v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands")});
  if (!cluster) return cluster.status();
  auto node = catalogue::Catalogue::build(
      {v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands")});
  if (!node) return node.status();
  return std::unique_ptr<Verbs>(new Verbs(std::move(cluster).value(), std::move(node).value()));
}

Verbs::Verbs(catalogue::Catalogue cluster, catalogue::Catalogue node)
    : cluster_(std::move(cluster)), node_(std::move(node)) {}

void Verbs::addTo(CLI::App& app) {
  for (const catalogue::Catalogue* catalogue : {&cluster_, &node_}) {
    for (const catalogue::Command& command : catalogue->commands()) add(app, command);
  }
}

// A verb that both catalogues have takes the arguments of both; which of them are right is decided
// once it is known where it goes.
void Verbs::add(CLI::App& app, const catalogue::Command& command) {
  Given& given = given_[command.verb];
  if (given.app == nullptr) {
    const bool at_node = node_.find(command.verb) == &command;
    given.app = app.add_subcommand(command.verb, command.title + (at_node ? " (--at NODE)" : ""));
    given.app->set_help_flag("");
    given.app->add_flag("-h,--help", given.help, "Say what it does and takes");
    given.app->add_option("arguments", given.positionals)->expected(0, -1);
    given.app->fallthrough();
  }
  for (const catalogue::Argument& argument : command.arguments) {
    if (isFlag(argument)) {
      if (given.flags.contains(argument.name)) continue;
      given.app->add_flag("--" + argument.name, given.flags[argument.name], argument.help);
    } else {
      if (given.values.contains(argument.name)) continue;
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

catalogue::RawArguments Verbs::rawArguments(const Given& given) const {
  catalogue::RawArguments raw;
  raw.positionals = given.positionals;
  for (const auto& [name, value] : given.values) {
    if (given.app->count("--" + name) > 0) raw.named.emplace_back(name, value);
  }
  for (const auto& [name, value] : given.flags) {
    if (given.app->count("--" + name) > 0) raw.named.emplace_back(name, value ? "true" : "false");
  }
  return raw;
}

namespace {

// The full JID that a node's name or JID stands for now, by the coordinator's word.
Result<Jid> resolve(Client& client, const catalogue::Catalogue& cluster, const std::string& at) {
  const bool is_jid = at.find_first_of("@/") != std::string::npos;
  Jid given;
  if (is_jid) {
    const auto jid = Jid::parse(at);
    if (!jid) return Status(Code::kInvalidArgument, "--at: " + jid.status().text());
    if (!jid->isBare()) return *jid;
    given = *jid;
  }
  const auto nodes = callCluster<v1::NodesReply>(client, cluster, "Nodes", v1::NodesRequest());
  if (!nodes) return nodes.status();
  std::vector<std::string> names;
  for (const v1::NodeState& node : nodes->nodes()) {
    names.push_back(node.name());
    const auto jid = Jid::parse(node.jid());
    if (!jid) return jid.status();
    if (is_jid ? jid->bare() != given : node.name() != at) continue;
    if (!node.present()) {
      return Status(Code::kUnavailable,
                    "--at: " + node.name() + " is not there (since " + node.since() + ")");
    }
    return *jid;
  }
  return Status(Code::kNotFound, "--at: there is no node '" + at + "'" + suggestion(at, names));
}

}  // namespace

Exit Verbs::run(const Settings& settings) {
  const std::string verb = parsed();
  const Given& given = given_.at(verb);
  const catalogue::Catalogue& catalogue =
      settings.at.empty() && cluster_.find(verb) != nullptr ? cluster_ : node_;
  const catalogue::Command* command = catalogue.find(verb);
  if (given.help) {
    std::cout << catalogue::cliText(command != nullptr ? *command : *cluster_.find(verb)) << "\n";
    return Exit::kDone;
  }
  if (command == nullptr) {
    return report(settings, {Code::kInvalidArgument,
                             "'" + verb + "' is a command of the coordinator; leave --at out"});
  }
  if (settings.at.empty() && &catalogue == &node_) {
    return report(settings, {Code::kInvalidArgument,
                             "'" + verb + "' is a command of a node; say of which with --at NODE"});
  }
  const catalogue::OpenDirectory open;
  catalogue::Bound bound =
      catalogue::bind(*command, rawArguments(given), catalogue::Scope{v1::ROLE_ADMIN, "", &open});
  if (!bound.errors.empty()) {
    return report(settings, catalogue::combine(bound.errors), bound.errors);
  }
  giveKey(*bound.request);
  const auto timeout = timeoutFrom(settings, waits(*bound.request));
  if (!timeout) return report(settings, timeout.status());
  auto login = loginFrom(settings);
  if (!login) return report(settings, login.status());
  Client client(std::move(login).value());
  client.setDeadline(*timeout);
  Jid to = client.coordinator();
  if (!settings.at.empty()) {
    const auto node = resolve(client, cluster_, settings.at);
    if (!node) return report(settings, node.status());
    to = *node;
  }
  const auto reply = client.call(to, *command, *bound.request);
  if (!reply) return report(settings, reply.status());
  std::cout << (settings.output == "json" ? catalogue::jsonText(**reply)
                                          : catalogue::replyText(**reply))
            << "\n";
  return Exit::kDone;
}

}  // namespace muster::cli
