#include "libcontrol/metrics/metrics_config.h"

#include <arpa/inet.h>

#include "libcontrol/base/text.h"

namespace muster::metrics {
namespace {

std::optional<uint16_t> readPort(const std::string& text) {
  const bool is_number = !text.empty() && text.size() <= 5 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoi(text) > 65535) return std::nullopt;
  return static_cast<uint16_t>(std::stoi(text));
}

}  // namespace

std::optional<ListenAddress> readAddress(const std::string& listen) {
  const size_t colon = listen.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto port = readPort(listen.substr(colon + 1));
  ListenAddress out;
  if (!port || inet_pton(AF_INET, listen.substr(0, colon).c_str(), &out.socket.sin_addr) != 1) {
    return std::nullopt;
  }
  out.socket.sin_family = AF_INET;
  out.socket.sin_port = htons(*port);
  // All of 127.0.0.0/8.
  out.is_loopback = (ntohl(out.socket.sin_addr.s_addr) >> 24) == 127;
  return out;
}

Status checkListen(const std::string& listen, bool allow_remote) {
  const auto address = readAddress(listen);
  if (!address) {
    return {Code::kInvalidArgument,
            "must be an IPv4 address and a port such as 127.0.0.1:9464, not '" +
                singleLine(listen, 80) + "'"};
  }
  if (address->is_loopback || allow_remote) return Status::ok();
  return {Code::kInvalidArgument,
          "'" + listen +
              "' is not a loopback address such as 127.0.0.1:9464, and allow_remote is not set: "
              "whoever reaches it could read all figures"};
}

MetricsConfig readMetrics(ConfigTable table) {
  MetricsConfig out;
  out.listen = table.string("listen");
  out.allow_remote = table.boolean("allow_remote", false);
  if (!out.listen.empty()) {
    const Status fits = checkListen(out.listen, out.allow_remote);
    if (!fits) table.fail("listen", fits.text());
  } else if (out.allow_remote) {
    table.fail("allow_remote", "means nothing without listen, such as \"192.0.2.1:9464\"");
  }
  return out;
}

}  // namespace muster::metrics
