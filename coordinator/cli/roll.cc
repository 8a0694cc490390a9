#include "coordinator/cli/roll.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "coordinator/cli/client.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/text.h"
#include "muster/node.pb.h"

namespace muster::cli {
namespace {

// A drain may take its whole deadline, and a lease be waited out besides.
constexpr Duration kDrainTime = Duration::seconds(120);
constexpr std::chrono::seconds kLookEvery{1};
constexpr char kDefaultReason[] = "a rolling change";

// Signals that are for the command while it runs, as a shell does it.
class SignalsForTheCommand {
 public:
  SignalsForTheCommand() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGINT, &ignore, &interrupt_);
    sigaction(SIGQUIT, &ignore, &quit_);
  }
  ~SignalsForTheCommand() { restore(); }
  void restore() const {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGQUIT, &quit_, nullptr);
  }

 private:
  struct sigaction interrupt_ {};
  struct sigaction quit_ {};
};

class Roll {
 public:
  Roll(const Settings& settings, const Catalogues& catalogues, const RollArguments& arguments,
       Login login, Duration patience)
      : settings_(settings),
        catalogues_(catalogues),
        arguments_(arguments),
        login_(std::move(login)),
        patience_(patience) {}

  Exit run() {
    const auto nodes = ask<v1::NodesReply>("Nodes", ofGroup(), kDefaultTimeout);
    if (!nodes) return report(settings_.json, nodes.status());
    for (const v1::NodeState& node : nodes->nodes()) {
      if (!node.drain().drained()) continue;
      skipped_.push_back(node.name());
      say(node.name() + " was drained before and is left out");
    }
    const std::vector<v1::NodeState> order = rollOrder(*nodes);
    for (const v1::NodeState& node : order) {
      if (Status failed = one(node, order.size()); !failed) {
        std::string text = node.name() + ": " + failed.text();
        if (drained_) {
          text += "; it stays drained, until: muster undrain " + node.name();
        }
        return end(Status(failed.code(), text));
      }
      done_.push_back(node.name());
      say(node.name() + ": done, " + std::to_string(done_.size()) + " of " +
          std::to_string(order.size()));
    }
    if (order.empty()) {
      return end({Code::kNotFound, "group " + arguments_.group + " has no node to take"});
    }
    return end(Status::ok());
  }

 private:
  v1::NodesRequest ofGroup() const {
    v1::NodesRequest request;
    request.set_group(arguments_.group);
    return request;
  }

  // With a login of its own each time: between two of them a command may run for long.
  template <typename Reply, typename Request>
  Result<Reply> ask(const std::string& rpc, const Request& request, Duration time) {
    Client client(login_);
    client.setDeadline(time);
    return callCluster<Reply>(client, catalogues_.cluster, rpc, request);
  }

  Status one(const v1::NodeState& node, size_t count) {
    drained_ = false;
    say(node.name() + ": draining");
    SystemRandom random;
    v1::DrainRequest drain;
    drain.set_node(node.name());
    drain.set_reason(arguments_.reason.empty() ? kDefaultReason : arguments_.reason);
    drain.set_wait(true);
    drain.set_key(Id128::make(random).toHex());
    if (const auto done = ask<v1::DrainReply>("Drain", drain, kDrainTime); !done) {
      return done.status();
    }
    drained_ = true;
    say(node.name() + ": " + arguments_.command.front());
    if (Status ran = runCommand(node, count); !ran) return ran;
    if (Status well = awaitWell(node); !well) return well;
    v1::UndrainRequest undrain;
    undrain.set_node(node.name());
    return ask<v1::UndrainReply>("Undrain", undrain, kDefaultTimeout).status();
  }

  Status runCommand(const v1::NodeState& node, size_t count) const {
    std::vector<char*> words;
    for (const std::string& word : arguments_.command)
      words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const SignalsForTheCommand theirs;
    const pid_t child = fork();
    if (child == 0) {
      theirs.restore();
      setenv("MUSTER_GROUP", arguments_.group.c_str(), 1);
      setenv("MUSTER_NODE", node.name().c_str(), 1);
      setenv("MUSTER_JID", accountOf(node).c_str(), 1);
      setenv("MUSTER_NUMBER", std::to_string(done_.size() + 1).c_str(), 1);
      setenv("MUSTER_COUNT", std::to_string(count).c_str(), 1);
      // Results are this program's to print.
      if (settings_.json) dup2(STDERR_FILENO, STDOUT_FILENO);
      execvp(words[0], words.data());
      std::cerr << "muster: " << words[0] << ": " << std::strerror(errno) << std::endl;
      _exit(127);
    }
    if (child < 0) return {Code::kInternal, "no process to run it in"};
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
      return {Code::kInternal,
              "the command was ended by signal " + std::to_string(WTERMSIG(status))};
    }
    if (WEXITSTATUS(status) == 0) return Status::ok();
    return {Code::kInternal,
            "the command ended with exit code " + std::to_string(WEXITSTATUS(status))};
  }

  static std::string accountOf(const v1::NodeState& node) {
    const auto jid = Jid::parse(node.jid());
    return jid ? jid->bare().toString() : node.jid();
  }

  // There, answering by itself, and its level not under an objective.
  Status awaitWell(const v1::NodeState& node) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(patience_.ns);
    std::string why;
    do {
      why = troubleOf(node.name());
      if (why.empty()) return Status::ok();
      std::this_thread::sleep_for(kLookEvery);
    } while (std::chrono::steady_clock::now() < until);
    return {Code::kTimeout, "after " + formatDuration(patience_) + " " + why};
  }

  std::string troubleOf(const std::string& name) {
    Client client(login_);
    client.setDeadline(kDefaultTimeout);
    const auto nodes = callCluster<v1::NodesReply>(client, catalogues_.cluster, "Nodes", ofGroup());
    if (!nodes) return "the coordinator does not say how it is: " + nodes.status().text();
    const auto found = std::find_if(nodes->nodes().begin(), nodes->nodes().end(),
                                    [&](const v1::NodeState& each) { return each.name() == name; });
    if (found == nodes->nodes().end()) return "it is no member any more";
    if (!found->present()) return "it is not present";
    if (found->level().state() == v1::LEVEL_STATE_BREACHED) return "its " + found->level().text();
    // What presence shows may be left from before.
    const catalogue::Command* info = catalogues_.node.find("node-info");
    const auto jid = Jid::parse(found->jid());
    if (info == nullptr || !jid) return "it has no address";
    const auto alive = client.call(*jid, *info, v1::NodeInfoRequest());
    return alive ? "" : "it does not answer: " + alive.status().text();
  }

  void say(const std::string& line) const {
    if (!settings_.json) std::cout << singleLine(line, 1000) << std::endl;
  }

  Exit end(const Status& status) const {
    if (!settings_.json) {
      if (status) say("All of " + arguments_.group + " is done.");
      return status ? Exit::kDone : report(false, status);
    }
    nlohmann::ordered_json out;
    out["group"] = arguments_.group;
    out["done"] = done_;
    out["left_out"] = skipped_;
    out["error"] = status ? nlohmann::ordered_json() : nlohmann::ordered_json(status.text());
    std::cout << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return exitFor(status);
  }

  const Settings& settings_;
  const Catalogues& catalogues_;
  const RollArguments& arguments_;
  const Login login_;
  const Duration patience_;
  bool drained_ = false;  // the node that is being taken
  std::vector<std::string> done_;
  std::vector<std::string> skipped_;
};

}  // namespace

std::vector<v1::NodeState> rollOrder(const v1::NodesReply& nodes) {
  std::vector<v1::NodeState> out;
  for (const v1::NodeState& node : nodes.nodes()) {
    if (!node.drain().drained()) out.push_back(node);
  }
  std::stable_sort(out.begin(), out.end(), [](const v1::NodeState& a, const v1::NodeState& b) {
    const auto rank = [](const v1::NodeState& node) {
      return std::pair(node.role() == v1::NODE_ROLE_ACTIVE, node.name());
    };
    return rank(a) < rank(b);
  });
  return out;
}

Exit runRoll(const Settings& settings, const Catalogues& catalogues,
             const RollArguments& arguments) {
  const auto patience = parseDuration(arguments.patience);
  if (!patience) {
    return report(settings.json,
                  {Code::kInvalidArgument, "--patience: " + patience.status().text(), "patience"});
  }
  if (arguments.command.empty()) {
    return report(settings.json,
                  {Code::kInvalidArgument,
                   "what is to be done to each node? muster roll GROUP -- COMMAND [ARGUMENT...]"});
  }
  auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  return Roll(settings, catalogues, arguments, std::move(login).value(), *patience).run();
}

}  // namespace muster::cli
