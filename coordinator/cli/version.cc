#include "coordinator/cli/version.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "coordinator/cli/client.h"

namespace muster::cli {
namespace {

// Of the namespaces urn:muster:*:N (docs/protocol.md).
constexpr int kProtocol = 1;

}  // namespace

Exit runVersion(const Settings& settings) {
  nlohmann::ordered_json out;
  out["program"] = "muster";
  out["version"] = MUSTER_VERSION;
  out["protocol"] = kProtocol;
  if (!settings.json) {
    std::cout << "muster " << MUSTER_VERSION << "\nprotocol " << kProtocol << "\n" << std::flush;
  }
  if (settings.login.isEmpty()) {
    if (settings.json) std::cout << out.dump(2) << "\n";
    return Exit::kDone;
  }
  auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  Client client(std::move(login).value());
  client.setDeadline(settings.timeout.value_or(kDefaultTimeout));
  const auto coordinator = client.versionOf(client.coordinator());
  if (!coordinator) return report(settings.json, coordinator.status());
  if (settings.json) {
    out["coordinator"] = {{"jid", client.coordinator().toString()},
                          {"name", coordinator->name},
                          {"version", coordinator->version}};
    std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    std::cout << "coordinator " << client.coordinator().toString() << ": " << coordinator->name
              << " " << coordinator->version << "\n";
  }
  return Exit::kDone;
}

}  // namespace muster::cli
