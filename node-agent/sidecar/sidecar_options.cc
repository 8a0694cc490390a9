#include "node-agent/sidecar/sidecar_options.h"

#include <sys/un.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "libcontrol/base/text.h"
#include "node-agent/limits.h"
#include "node-agent/service_config.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxBound = 1e15;
constexpr int64_t kMaxUser = 4'294'967'294;

SidecarService readService(ConfigTable& table) {
  SidecarService out;
  out.name = readServiceName(table, "name");
  const std::string kind = table.requiredString("kind");
  if (kind == "availability") {
    out.kind = SidecarService::Kind::kAvailability;
  } else if (kind == "gauge") {
    out.kind = SidecarService::Kind::kGauge;
  } else if (!kind.empty() && kind != "requests") {
    table.fail("kind", "must be \"requests\", \"availability\" or \"gauge\", not '" +
                           singleLine(kind, 40) + "'");
  }
  out.options = readServiceOptions(table);
  if (out.kind != SidecarService::Kind::kGauge) return out;
  out.bounds.min = table.number("at_least", out.bounds.min, -kMaxBound, kMaxBound);
  out.bounds.max = table.number("at_most", out.bounds.max, -kMaxBound, kMaxBound);
  if (!std::isfinite(out.bounds.min) && !std::isfinite(out.bounds.max)) {
    table.fail("at_least", "or at_most is needed: without a bound a gauge is always good");
  }
  if (out.bounds.min > out.bounds.max) table.fail("at_most", "must not be less than at_least");
  return out;
}

}  // namespace

SidecarOptions readSidecar(ConfigTable& table) {
  SidecarOptions options;
  (void)table.requiredString("path");
  const fs::path path = table.path("path");
  options.path = path.string();
  std::error_code error;
  if (options.path.size() >= sizeof(sockaddr_un::sun_path)) {
    table.fail("path", "is too long for a socket: at most " +
                           std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  } else if (!path.empty() && !fs::is_directory(path.parent_path(), error)) {
    table.fail("path", "the folder " + path.parent_path().string() + " is not there");
  } else if (fs::exists(path, error) && !fs::is_socket(path, error)) {
    table.fail("path", options.path + " is there and is no socket");
  }
  const int64_t user = table.integer("user", -1, -1, kMaxUser);
  if (user >= 0) options.users.push_back(static_cast<uid_t>(user));
  std::set<std::string> names;
  for (ConfigTable& each : table.tables("service")) {
    options.services.push_back(readService(each));
    if (!names.insert(options.services.back().name).second) {
      each.fail("name", "'" + options.services.back().name + "' is there twice");
    }
  }
  if (names.size() > limits::kMaxSidecarServices) {
    table.fail("service", "at most " + std::to_string(limits::kMaxSidecarServices) + " of them");
  }
  return options;
}

}  // namespace muster::agent
