// A coordinator, as muster-coordinator composes it, and somebody who gives it commands, at a
// private server.
#pragma once

#include <QCoreApplication>
#include <memory>
#include <string>
#include <vector>

#include "bench/private_server.h"
#include "coordinator/cli/client.h"
#include "coordinator/daemon.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::bench {

struct Member {
  std::string name;
  Jid jid;            // bare
  std::string group;  // may be empty
};

// Commands go the way that `muster` uses: a login of their own, XEP-0050 to the component, the
// reply as a message. Lives on the thread of the event loop, which is this process's main one.
class Stage {
 public:
  struct Options {
    std::vector<Member> members;
    std::vector<std::string> groups;
    Duration lease_ttl;
    // In the server's folder. Members and groups come from here only into one that is new.
    std::string store_name = "coordinator.sqlite";
    uint16_t component_port = 0;  // another than the server's, for a tap on the way
  };
  // `server` must have the account callerAccount().
  static Result<std::unique_ptr<Stage>> make(const PrivateServer& server, const Options& options);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  static local::Account callerAccount();
  static Jid address();  // the coordinator's

  // Blocks in the event loop until it is answered. `Reply` is the command's own.
  template <typename Reply, typename Request>
  Result<Reply> call(const std::string& rpc, const Request& request) {
    client_->setDeadline(Duration::seconds(60));
    return cli::callCluster<Reply>(*client_, catalogue_, rpc, request);
  }
  // Whoever gives commands leaves; nothing can be called any more.
  void hangUp() { client_.reset(); }
  // Pings from the component, so many on their way at once; blocks until all are answered.
  Status ping(const std::vector<Jid>& targets, size_t in_flight);
  void wait(Duration time);

 private:
  explicit Stage(catalogue::Catalogue catalogue) : catalogue_(std::move(catalogue)) {}

  std::unique_ptr<QCoreApplication> app_;
  catalogue::Catalogue catalogue_;
  Status fatal_;
  std::unique_ptr<coordinator::Daemon> daemon_;
  std::unique_ptr<cli::Client> client_;
};

}  // namespace muster::bench
