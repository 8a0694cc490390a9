#include "libcontrol/node/node_identity.h"

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/metrics/metrics_config.h"
#include "libcontrol/node/authority.h"

namespace muster {
namespace {

Status bad(const std::string& field, const std::string& why) {
  return {Code::kInvalidArgument, "node options: " + field + " " + why, field};
}

Status checkName(const std::string& field, const std::string& name) {
  const bool fits = !name.empty() && name.size() <= limits::kMaxNameBytes;
  static constexpr char kAllowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (!fits || name.find_first_not_of(kAllowed) != std::string::npos) {
    return bad(field, "must have 1 to 64 letters, digits, '-', '_' and '.', not '" +
                          singleLine(name, 80) + "'");
  }
  return Status::ok();
}

Status readBareJid(const std::string& field, const std::string& text, Jid& out) {
  const auto jid = Jid::parse(text);
  if (!jid) return bad(field, "is wrong: " + jid.status().text());
  if (!jid->isBare())
    return bad(field, "must not have a resource; write " + jid->bare().toString());
  out = *jid;
  return Status::ok();
}

}  // namespace

Result<NodeIdentity> identityOf(const NodeOptions& options, Random& random) {
  NodeIdentity out;
  if (Status s = readBareJid("jid", options.jid, out.jid); !s) return s;
  if (out.jid.local().empty()) return bad("jid", "must name an account, such as node1@example.org");
  if (options.password.empty()) return bad("password", "must not be empty");
  if (options.state_dir.empty()) return bad("state_dir", "must name a folder of this node's own");
  out.name = options.name.empty() ? out.jid.local() : options.name;
  if (Status s = checkName("name", out.name); !s) return s;
  if (!options.group.empty()) {
    if (Status s = checkName("group", options.group); !s) return s;
    if (options.coordinator.empty()) {
      return bad("coordinator", "is needed for the failover of group '" + options.group + "'");
    }
  }
  if (options.watchdog != WatchdogMode::kOff) {
    if (options.group.empty()) {
      return bad("watchdog", "guards the lease of a group, and group is empty");
    }
    if (!options.watchdog_device.is_absolute()) {
      return bad("watchdog_device", "must be an absolute path, such as /dev/watchdog, not '" +
                                        singleLine(options.watchdog_device.string(), 200) + "'");
    }
  }
  out.group = options.group;
  if (!options.coordinator.empty()) {
    if (Status s = readBareJid("coordinator", options.coordinator, out.coordinator); !s) return s;
  }
  for (const std::string& text : options.coordinators) {
    Jid address;
    if (options.coordinator.empty()) {
      return bad("coordinators",
                 "are the lease addresses of those behind node.coordinator, which is missing");
    }
    if (Status s = readBareJid("coordinators", text, address); !s) return s;
    out.lease_addresses.push_back(address);
  }
  if (out.lease_addresses.size() > limits::kMaxCoordinators) {
    return bad("coordinators", "are at most " + std::to_string(limits::kMaxCoordinators));
  }
  if (!options.coordinator_account.empty()) {
    if (Status s = readBareJid("coordinator_account", options.coordinator_account,
                               out.coordinator_account);
        !s) {
      return s;
    }
  }
  if (!options.metrics.listen.empty()) {
    const Status fits = metrics::checkListen(options.metrics.listen, options.metrics.allow_remote);
    if (!fits) return bad("metrics.listen", fits.text());
  }
  for (const auto& [jid_text, role_name] : options.grants) {
    Jid jid;
    if (Status s = readBareJid("grants", jid_text, jid); !s) return s;
    const auto role = roleFromName(role_name);
    if (!role) return bad("grants", "for " + jid_text + ": " + role.status().text());
    out.grants[jid] = *role;
  }
  out.version = singleLine(options.version, 100);
  out.instance = InstanceId::make(random);
  return out;
}

}  // namespace muster
