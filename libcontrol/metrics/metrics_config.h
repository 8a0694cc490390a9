// Where metrics are to be had: the same table for the coordinator and for nodes.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>

#include "libcontrol/base/status.h"
#include "libcontrol/config/config_file.h"

namespace muster::metrics {

struct MetricsConfig {
  std::string listen;  // "127.0.0.1:9464"; empty: there are none
  bool allow_remote = false;
};

// The keys `listen` and `allow_remote`; what is wrong with them is told by the table.
MetricsConfig readMetrics(ConfigTable table);

// An IPv4 address and a port as a socket takes them; Debian's civetweb knows no other.
struct ListenAddress {
  sockaddr_in socket{};
  bool is_loopback = false;
};
// "127.0.0.1:9464"; nullopt for anything else.
std::optional<ListenAddress> readAddress(const std::string& listen);

// Whether it is an address, and a loopback address unless `allow_remote`, since nobody is asked who
// they are and nothing is encrypted. Else kInvalidArgument with a text that goes on from the name
// of the option.
Status checkListen(const std::string& listen, bool allow_remote);

}  // namespace muster::metrics
