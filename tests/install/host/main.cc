// An application outside of the tree: a node, a count, a command, in a locale with a decimal comma.
#include <clocale>
#include <csignal>
#include <cstdio>

#include "greet.pb.h"
#include "muster/commands.h"
#include "muster/log.h"
#include "muster/node.h"

int main(int argc, char** argv) {
  if (argc != 2 || std::setlocale(LC_ALL, "") == nullptr) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto options = muster::loadNodeOptions(argv[1]);
  if (!options) return std::fprintf(stderr, "%s\n", options.status().text().c_str()), 2;
  auto node = muster::Node::create(*options);
  if (!node) return std::fprintf(stderr, "%s\n", node.status().text().c_str()), 1;
  muster::ServiceOptions service;
  service.objective_percent = 99.5;
  muster::Requests& user = (*node)->requests("user", service);
  user.good(999);
  user.bad(1);
  muster::Commands commands("greet.v1.GreetCommands");
  commands.on<greet::v1::GreetRequest, greet::v1::GreetReply>(
      "Greet", [](const greet::v1::GreetRequest& request, muster::Call&) {
        greet::v1::GreetReply reply;
        reply.set_text("Hello " + request.whom());
        reply.set_share_percent(99.9);
        return muster::Result<greet::v1::GreetReply>(reply);
      });
  (*node)->addCommands(commands);
  if (const muster::Status started = (*node)->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.text().c_str()), 1;
  }
  // The host's own formatting is still the locale's.
  std::printf("%.1f started\n", 99.9);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  (*node)->stop();
  std::printf("%.1f stopped\n", 99.9);
  return 0;
}
