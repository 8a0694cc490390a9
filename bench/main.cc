// Round trips of an ad-hoc command between two clients, beside those of a ping and of an opaque
// echo of the same bytes; docs/benchmarks.md says what the figures mean.
#include <CLI/CLI.hpp>
#include <QCoreApplication>
#include <QEventLoop>
#include <QTimer>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "bench/private_server.h"
#include "bench/report.h"
#include "bench/requester.h"
#include "bench/responder.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/xmpp/client_link.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::bench {
namespace {

// One alone shows what a command costs, many what the parts between can carry.
constexpr int kDepths[] = {1, 64};
// Rounds that don't count: until then caches, allocators and the server's collector have settled.
constexpr int kWarmUpRounds = 3;
constexpr int kLoginLimitMs = 20'000;

struct Options {
  std::string server = "prosody";
  std::string command = "node-info";
  bool with_form = false;
  int rounds = 40;
  int per_round = 200;
  std::string output = "table";
};

Status awaitLogin(xmpp::ClientLink& link, xmpp::Endpoint& endpoint) {
  QEventLoop loop;
  Status done(Code::kTimeout, "the requester did not log in");
  xmpp::Endpoint::Listener listener;
  listener.up = [&] {
    done = Status::ok();
    loop.quit();
  };
  listener.down = [&](const xmpp::DownEvent& event) {
    done = {Code::kUnavailable, "the requester could not log in: " + event.text};
    loop.quit();
  };
  const auto id = endpoint.addListener(std::move(listener));
  QTimer::singleShot(kLoginLimitMs, &loop, &QEventLoop::quit);
  link.start();
  loop.exec();
  endpoint.removeListener(id);
  return done;
}

// The kinds take turns within a round, each time with another one first, so that neither the
// machine's drift nor what the one before left behind favours any of them.
Status runRound(Requester& requester, int round, int per_round, Report* report) {
  for (size_t d = 0; d < std::size(kDepths); ++d) {
    for (size_t i = 0; i < kKindCount; ++i) {
      const Kind kind = kKinds[(static_cast<size_t>(round) + i) % kKindCount];
      auto batch = requester.run(kind, kDepths[d], per_round);
      if (!batch) return batch.status();
      if (report != nullptr) report->depths[d].of(kind).add(std::move(batch).value());
    }
  }
  return Status::ok();
}

Result<Report> measure(const Options& options, xmpp::Endpoint& endpoint, const Jid& responder) {
  Requester requester(endpoint, responder, options.command, !options.with_form);
  Status done = requester.calibrate();
  for (int i = 0; i < kWarmUpRounds && done; ++i) {
    done = runRound(requester, i, options.per_round, nullptr);
  }
  Report report{options.server,
                options.command,
                !options.with_form,
                options.rounds,
                options.per_round,
                requester.payload(),
                {}};
  for (const int depth : kDepths) report.depths.push_back({depth, {}});
  for (int i = 0; i < options.rounds && done; ++i) {
    done = runRound(requester, i, options.per_round, &report);
  }
  if (!done) return done;
  return report;
}

Result<Report> run(const Options& options, int argc, char** argv) {
  const local::Account caller{"operator@" + std::string(local::kDomain), "the caller's password"};
  const local::Account node{"node1@" + std::string(local::kNodeDomain), "the node's password"};
  const auto kind = options.server == "ejabberd" ? ServerKind::kEjabberd : ServerKind::kProsody;
  auto server = PrivateServer::start({caller, node}, kind);
  if (!server) return server.status();

  const auto configFor = [&](const local::Account& account) {
    xmpp::ClientConfig config;
    config.jid = Jid::parse(account.jid + "/bench").value();
    config.password = account.password;
    config.host = local::kLoopback;
    config.port = (*server)->clientPort();
    config.ca_file = (*server)->caFile();
    return config;
  };
  const xmpp::ClientConfig caller_config = configFor(caller);
  const xmpp::ClientConfig node_config = configFor(node);
  auto responder = Responder::start(node_config, caller_config.jid);
  if (!responder) return responder.status();

  QCoreApplication app(argc, argv);
  SystemRandom random;
  xmpp::ClientLink link(caller_config);
  xmpp::Endpoint endpoint(link, SystemClock::forHolder(), random);
  if (Status login = awaitLogin(link, endpoint); !login) return login;
  auto report = measure(options, endpoint, node_config.jid);
  link.stop();
  return report;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using muster::bench::Options;
  Options options;
  CLI::App app("Measures round trips of an ad-hoc command, a ping and an echo of the same bytes.",
               "adhoc_rtt");
  app.add_option("--server", options.server, "The XMPP server, started for this run")
      ->check(CLI::IsMember({"prosody", "ejabberd"}))
      ->capture_default_str();
  app.add_option("--command", options.command, "The command that is called")
      ->check(CLI::IsMember({"node-info", "service-level"}))
      ->capture_default_str();
  app.add_flag("--with-form", options.with_form,
               "Have it answered with its form, as people's clients do, and not as `muster` does");
  app.add_option("--rounds", options.rounds, "Rounds in which every kind has its turn")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--per-round", options.per_round, "Round trips of each kind and depth in a round")
      ->check(CLI::Range(2, 100'000))
      ->capture_default_str();
  app.add_option("-o,--output", options.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto report = muster::bench::run(options, argc, argv);
  if (!report) {
    std::fprintf(stderr, "adhoc_rtt: %s\n", report.status().text().c_str());
    return 1;
  }
  std::cout << (options.output == "json" ? json(*report) : table(*report));
  return 0;
}
