#include "coordinator/config.h"

#include <algorithm>
#include <set>

#include "libcontrol/base/limits.h"
#include "libcontrol/config/config_file.h"

namespace muster::coordinator {
namespace {

constexpr Duration kMaxSetting = Duration::seconds(3600);
constexpr char kNameRule[] = "must have 1 to 64 lower-case letters, digits, '-', '_' and '.'";
constexpr size_t kMaxPrefixBytes = 200;

Jid readJid(ConfigTable& table, const std::string& key) {
  const std::string text = table.requiredString(key);
  if (text.empty()) return {};
  const auto jid = Jid::parse(text);
  if (!jid) {
    table.fail(key, jid.status().text());
    return {};
  }
  if (!jid->isBare()) table.fail(key, "must not have a resource");
  return jid->bare();
}

bool isName(const std::string& name) {
  return !name.empty() && name.size() <= limits::kMaxNameBytes &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
}

std::string readName(ConfigTable& table, const std::string& key) {
  const std::string name = table.requiredString(key);
  if (!name.empty() && !isName(name)) table.fail(key, kNameRule);
  return name;
}

ComponentConfig readComponent(ConfigTable table) {
  ComponentConfig out;
  out.jid = readJid(table, "jid");
  if (!out.jid.local().empty()) {
    table.fail("jid", "must be a domain, such as muster.example.org");
  }
  out.host = table.string("host", "127.0.0.1");
  out.port = static_cast<uint16_t>(table.integer("port", 5347, 1, 65535));
  out.secret = table.secret("secret");
  out.allow_unencrypted = table.boolean("allow_unencrypted", false);
  return out;
}

std::string readPrefix(ConfigTable& table, const Jid& component) {
  const std::string prefix = table.string("prefix", "/muster/" + component.domain() + "/");
  if (prefix.empty() || prefix.back() != '/' || prefix.size() > kMaxPrefixBytes) {
    table.fail("prefix", "must end with '/' and have at most " + std::to_string(kMaxPrefixBytes) +
                             " characters, such as /muster/example.org/");
  }
  return prefix;
}

std::optional<SharedStoreConfig> readShared(ConfigTable store, ConfigTable own,
                                            const ComponentConfig& component) {
  const std::string kind = store.string("kind", "sqlite");
  ConfigTable table = store.table("etcd");
  if (kind != "sqlite" && kind != "etcd") store.fail("kind", "must be sqlite or etcd");
  if (kind != "etcd") {
    if (table.isPresent()) store.fail("kind", "must be etcd where there is a table [store.etcd]");
    if (own.isPresent()) own.fail("jid", "is for a store that is shared: store.kind = \"etcd\"");
    return std::nullopt;
  }
  SharedStoreConfig out;
  out.lease = component;
  out.lease.jid = readJid(own, "jid");
  out.lease.secret = own.secret("secret");
  if (!out.lease.jid.local().empty() || out.lease.jid == component.jid) {
    own.fail("jid", "must be a domain of this coordinator alone, such as c1.muster.example.org");
  }
  const std::string domain = out.lease.jid.domain();
  out.name = own.string("name", domain.substr(0, domain.find('.')));
  if (!isName(out.name)) own.fail("name", kNameRule);
  out.etcd.endpoints = table.strings("endpoints");
  out.etcd.ca_file = table.path("ca_file").string();
  out.etcd.cert_file = table.path("cert_file").string();
  out.etcd.key_file = table.path("key_file").string();
  out.etcd.user = table.string("user");
  if (!out.etcd.user.empty()) out.etcd.password = table.secret("password");
  const auto client = etcd::Client::make(out.etcd);
  if (!client) table.fail(client.status().field(), client.status().text());
  out.prefix = readPrefix(table, component.jid);
  out.leader_ttl = table.duration("leader_ttl", Duration::seconds(3), limits::kMinLeaderTtl,
                                  limits::kMaxLeaderTtl);
  return out;
}

std::optional<AccountConfig> readAccount(ConfigTable table) {
  if (!table.isPresent()) return std::nullopt;
  AccountConfig out;
  out.jid = readJid(table, "jid");
  if (out.jid.local().empty()) {
    table.fail("jid", "must name an account, such as muster@example.org");
  }
  out.host = table.string("host");
  out.port = static_cast<uint16_t>(table.integer("port", 0, 0, 65535));
  out.ca_file = table.path("ca_file").string();
  out.password = table.secret("password");
  return out;
}

// When the role moves by itself, and when it is held.
void readAutomatic(ConfigTable& table, election::GroupConfig& out) {
  const auto time = [&](const char* key, Duration& value) {
    value = table.duration(key, value, Duration{}, limits::kMaxElectionTime);
  };
  time("floor_time", out.floor_time);
  out.better_by = table.number("better_by_percent", out.better_by, 0, 100);
  out.floor_margin = table.number("floor_margin_percent", out.floor_margin, 0, 100);
  out.max_moves_per_hour = static_cast<int>(
      table.integer("max_moves_per_hour", out.max_moves_per_hour, 0, limits::kMaxMovesPerHour));
  time("min_between_moves", out.min_between_moves);
  out.crash_loop_count =
      static_cast<int>(table.integer("crash_loop_count", out.crash_loop_count,
                                     limits::kMinCrashLoopCount, limits::kMaxCrashLoopCount));
  time("crash_loop_young", out.crash_loop_young);
  time("crash_loop_window", out.crash_loop_window);
  time("crash_loop_hold", out.crash_loop_hold);
}

election::GroupConfig readElection(ConfigTable table) {
  election::GroupConfig out;
  out.lease_ttl =
      table.duration("lease_ttl", out.lease_ttl, limits::kMinLeaseTtl, limits::kMaxLeaseTtl);
  out.clock_rate_bound = table.number("clock_rate_bound_percent", 1, 0, 10) / 100;
  out.wait_margin =
      table.duration("wait_margin", out.wait_margin, Duration{}, Duration::seconds(10));
  const Duration going_on = table.duration("failsafe_limit", limits::kDefaultFailsafeLimit,
                                           Duration::seconds(1), limits::kMaxFailsafeLimit);
  if (table.boolean("failsafe", false)) out.failsafe_limit = going_on;
  out.drain_deadline =
      table.duration("drain_deadline", out.drain_deadline, Duration::seconds(1), kMaxSetting);
  out.offer_timeout =
      table.duration("offer_timeout", out.offer_timeout, Duration::millis(100), kMaxSetting);
  out.settle = table.duration("settle", out.settle, Duration{}, kMaxSetting);
  out.promote_timeout =
      table.duration("promote_timeout", out.promote_timeout, Duration::seconds(1), kMaxSetting);
  out.query_timeout = table.duration("query_timeout", out.query_timeout, limits::kMinQueryTimeout,
                                     limits::kMaxQueryTimeout);
  out.choose.level_floor = table.number("level_floor_percent", 0, 0, 100);
  const Duration max_lag =
      table.duration("max_lag", Duration{}, Duration{}, limits::kMaxElectionTime);
  if (max_lag > Duration{}) out.choose.max_lag = max_lag;
  readAutomatic(table, out);
  return out;
}

std::optional<FenceConfig> readFence(ConfigTable table) {
  if (!table.isPresent()) return std::nullopt;
  FenceConfig out;
  out.command = readCommand(table, "command");
  // Shorter, one late renewal would do.
  out.after = table.duration("after", out.after, Duration::seconds(1), limits::kMaxLeaseTtl);
  out.timeout = table.duration("timeout", out.timeout, Duration::seconds(1), kMaxSetting);
  return out;
}

void readGrants(ConfigTable& table, const std::string& key, v1::Role role, Bootstrap& out) {
  for (const std::string& text : table.strings(key)) {
    const auto jid = Jid::parse(text);
    if (!jid) {
      table.fail(key, jid.status().text());
    } else if (!jid->isBare()) {
      table.fail(key, "'" + text + "' must not have a resource");
    } else if (!out.grants.emplace(*jid, role).second) {
      table.fail(key, text + " is given two roles; the higher one includes the lower");
    }
  }
}

Bootstrap readBootstrap(ConfigTable table) {
  Bootstrap out;
  readGrants(table, "admins", v1::ROLE_ADMIN, out);
  readGrants(table, "operators", v1::ROLE_OPERATOR, out);
  readGrants(table, "observers", v1::ROLE_OBSERVER, out);
  for (ConfigTable group : table.tables("group")) {
    out.groups.push_back(readName(group, "name"));
    if (std::count(out.groups.begin(), out.groups.end(), out.groups.back()) > 1) {
      group.fail("name", "is there twice");
    }
  }
  std::set<std::string> names;
  std::set<Jid> jids;
  for (ConfigTable node : table.tables("node")) {
    Bootstrap::Node entry;
    entry.name = readName(node, "name");
    entry.jid = readJid(node, "jid");
    entry.group = node.string("group");
    entry.priority =
        static_cast<int>(node.integer("priority", 0, -limits::kMaxPriority, limits::kMaxPriority));
    entry.nofailover = node.boolean("nofailover", false);
    if (!names.insert(entry.name).second) node.fail("name", "is there twice");
    if (!jids.insert(entry.jid).second) node.fail("jid", "is there twice");
    if (!entry.group.empty() &&
        std::find(out.groups.begin(), out.groups.end(), entry.group) == out.groups.end()) {
      node.fail("group", "'" + entry.group + "' is not one of the [[bootstrap.group]]s");
    }
    out.nodes.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

xmpp::ComponentConfig linkConfig(const ComponentConfig& config) {
  xmpp::ComponentConfig out;
  out.domain = config.jid.domain();
  out.secret = config.secret;
  out.host = config.host;
  out.port = config.port;
  out.allow_unencrypted = config.allow_unencrypted;
  return out;
}

Result<Config> loadConfig(const std::filesystem::path& file) {
  auto config = ConfigFile::load(file);
  if (!config) return config.status();
  ConfigTable root = (*config)->root();
  Config out;
  out.component = readComponent(root.table("component"));
  out.account = readAccount(root.table("account"));
  ConfigTable store = root.table("store");
  (void)store.requiredString("path");
  out.store = store.path("path");
  out.shared = readShared(store, root.table("lease"), out.component);
  out.election = readElection(root.table("election"));
  out.fence = readFence(root.table("fence"));
  out.four_eyes = root.table("policy").boolean("four_eyes", false);
  out.hooks = readHooks(root.table("hooks"));
  out.election.ask_before_moves = !out.hooks.pre_failover.empty();
  out.alerts = readAlerts(root.table("alerts"));
  out.alerts.policy.component = out.component.jid.domain();
  out.alerts.policy.address = out.account ? out.account->jid : out.component.jid;
  out.metrics = metrics::readMetrics(root.table("metrics"));
  for (ConfigTable group : root.table("overall").tables("group")) {
    const std::string name = readName(group, "name");
    out.weights[name] = group.number("weight", 1, 0, limits::kMaxWeight);
  }
  ConfigTable log = root.table("log");
  out.log_level = log.string("level", "info");
  static const std::set<std::string> kLevels = {"trace", "debug", "info", "warn", "error"};
  if (!kLevels.contains(out.log_level)) {
    log.fail("level", "must be trace, debug, info, warn or error");
  }
  out.bootstrap = readBootstrap(root.table("bootstrap"));
  if (Status status = (*config)->finish(); !status) return status;
  return out;
}

}  // namespace muster::coordinator
