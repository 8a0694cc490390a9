// The tables [[agent.probe]].
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/config/config_file.h"
#include "muster/service.h"
#include "node-agent/http_client.h"
#include "node-agent/probes/probe_machine.h"

namespace muster::agent {

struct HttpProbe {
  HttpRequest request;
  std::vector<std::pair<int, int>> status = {{200, 299}};  // from and to
  std::shared_ptr<const RE2> body;                         // found in it; null: any
  Duration max_latency;                                    // zero: any within the timeout
};

struct TcpProbe {
  std::string address;  // by number; empty: a Unix socket
  int port = 0;
  std::string path;    // of the Unix socket
  std::string send;    // empty: nothing
  std::string expect;  // must be in what comes; empty: a connection is enough
};

struct CommandProbe {
  std::vector<std::string> command;  // good if it exits with 0
};

struct ProbeConfig {
  enum class Kind { kHttp, kTcp, kCommand };
  enum class Count { kAvailability, kRequests };
  std::string name;  // of the service
  Kind kind = Kind::kHttp;
  Count count = Count::kAvailability;
  ProbeTiming timing;
  ServiceOptions service;
  // While it is down the node takes no active role, and gives up one that it has.
  bool failover = false;
  HttpProbe http;
  TcpProbe tcp;
  CommandProbe run;
};

// Mistakes go to the tables. `has_group`: whether there is a role to give up.
std::vector<ProbeConfig> readProbes(ConfigTable& agent, bool has_group);

}  // namespace muster::agent
