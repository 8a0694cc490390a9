#include "coordinator/local/cluster_info.h"

#include <nlohmann/json.hpp>

#include "coordinator/local/files.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/text.h"

namespace muster::local {
namespace {

using Json = nlohmann::ordered_json;

// Raised only if what this file reads changes its meaning.
constexpr int kFormat = 1;
constexpr size_t kMaxFileBytes = 1024 * 1024;

// Reads values by JSON pointer. The first thing wrong is kept and the rest comes back empty, so
// that the reading itself needs no checks in between.
class Reader {
 public:
  Reader(const std::filesystem::path& file, const Json& root) : file_(file), root_(root) {}

  std::string text(const std::string& pointer) {
    const Json* value = find(pointer);
    if (value && value->is_string() && !value->get_ref<const std::string&>().empty()) {
      return value->get<std::string>();
    }
    fail(pointer, "must be a text that is not empty");
    return {};
  }

  std::string jid(const std::string& pointer) {
    const std::string value = text(pointer);
    if (!status_) return {};
    if (const auto parsed = Jid::parse(value); !parsed) {
      fail(pointer, "is not an XMPP address: " + parsed.status().text());
    }
    return value;
  }

  Account account(const std::string& pointer) {
    return {jid(pointer + "/jid"), text(pointer + "/password")};
  }

  uint16_t port(const std::string& pointer) {
    const Json* value = find(pointer);
    if (value && value->is_number_integer() && *value >= 1 && *value <= 65535) {
      return value->get<uint16_t>();
    }
    fail(pointer, "must be a port number from 1 to 65535");
    return 0;
  }

  // null stands for "not running".
  ProcessId process(const std::string& pid_pointer, const std::string& ticks_pointer) {
    const Json* pid = find(pid_pointer);
    const Json* ticks = find(ticks_pointer);
    if (pid && pid->is_null()) return {};
    if (pid && pid->is_number_integer() && *pid >= 1 && *pid <= 4'194'304 && ticks &&
        ticks->is_number_unsigned()) {
      return {pid->get<pid_t>(), ticks->get<uint64_t>()};
    }
    fail(pid_pointer,
         "must be a process id with its start time in " + dotted(ticks_pointer) + ", or null");
    return {};
  }

  // Of a daemon that is no node.
  ProcessId process(const std::string& name) {
    return process("/processes/" + name, "/start_ticks/" + name);
  }

  bool isNull(const std::string& pointer) {
    const Json* value = find(pointer);
    return value && value->is_null();
  }

  // The number of entries of an array that may not be empty.
  size_t count(const std::string& pointer) {
    const Json* value = find(pointer);
    if (value && value->is_array() && !value->empty()) return value->size();
    fail(pointer, "must be a list with at least one entry");
    return 0;
  }

  size_t countOrNone(const std::string& pointer) {
    return find(pointer) != nullptr ? count(pointer) : 0;
  }
  // Folders of before it was there have none.
  uint16_t portOrNone(const std::string& pointer) {
    return find(pointer) != nullptr ? port(pointer) : uint16_t{0};
  }
  Duration durationOr(const std::string& pointer, Duration standard) {
    return find(pointer) != nullptr ? duration(pointer) : standard;
  }
  int percentOr(const std::string& pointer, int standard) {
    const Json* value = find(pointer);
    if (value == nullptr) return standard;
    if (value->is_number_integer() && *value >= 0 && *value <= 100) return value->get<int>();
    fail(pointer, "must be a whole number from 0 to 100");
    return standard;
  }

  Duration duration(const std::string& pointer) {
    const std::string value = text(pointer);
    if (!status_) return {};
    const auto parsed = parseDuration(value);
    if (parsed) return *parsed;
    fail(pointer, parsed.status().text());
    return {};
  }

  void checkFormat() {
    const Json* value = find("/format");
    if (value && value->is_number_integer() && *value == kFormat) return;
    fail("/format", "must be " + std::to_string(kFormat) +
                        ": this program reads no other; use the `muster` that made the folder");
  }

  const Status& status() const { return status_; }

 private:
  const Json* find(const std::string& pointer) const {
    const Json::json_pointer at(pointer);
    return root_.contains(at) ? &root_.at(at) : nullptr;
  }
  // "/nodes/0/jid" as people write it: "nodes.0.jid".
  static std::string dotted(const std::string& pointer) {
    std::string key = pointer.substr(1);
    for (char& c : key) {
      if (c == '/') c = '.';
    }
    return key;
  }
  void fail(const std::string& pointer, const std::string& what) {
    if (!status_) return;
    status_ = Status(Code::kDataLoss, file_.string() + ": " + dotted(pointer) + " " + what,
                     dotted(pointer));
  }

  const std::filesystem::path& file_;
  const Json& root_;
  Status status_;
};

void forgetProcesses(ClusterInfo& info) {
  info.server_process = {};
  for (CoordinatorInfo& coordinator : info.coordinators) coordinator.process = {};
  for (EtcdInfo& member : info.etcd) member.process = {};
  for (NodeInfo& node : info.nodes) node.process = {};
}

// A cluster with one coordinator doesn't list it.
void readCoordinators(Reader& reader, ClusterInfo& info) {
  for (size_t i = 0, n = reader.countOrNone("/coordinators"); i < n; ++i) {
    const std::string at = "/coordinators/" + std::to_string(i);
    info.coordinators.push_back({reader.text(at + "/name"), reader.jid(at + "/lease_address"), {}});
  }
  if (info.coordinators.empty()) info.coordinators.push_back({"coordinator", {}, {}});
  for (CoordinatorInfo& coordinator : info.coordinators) {
    coordinator.process = reader.process(coordinator.name);
  }
  for (size_t i = 0, n = reader.countOrNone("/etcd"); i < n; ++i) {
    const std::string at = "/etcd/" + std::to_string(i);
    EtcdInfo member{reader.text(at + "/name"),
                    reader.port(at + "/client_port"),
                    reader.port(at + "/peer_port"),
                    {}};
    member.process = reader.process(member.name);
    info.etcd.push_back(std::move(member));
  }
}

ClusterInfo readInfo(Reader& reader) {
  ClusterInfo info;
  reader.checkFormat();
  info.domain = reader.text("/domain");
  info.host = reader.text("/c2s/host");
  info.c2s_port = reader.port("/c2s/port");
  info.component_port = reader.port("/component/port");
  info.upload_port = reader.portOrNone("/upload/port");
  info.ca_file = reader.text("/ca_file");
  info.coordinator = reader.jid("/coordinator");
  info.lease_ttl = reader.duration("/lease_ttl");
  info.window = reader.durationOr("/window", info.window);
  info.level_floor = reader.percentOr("/level_floor_percent", info.level_floor);
  for (size_t i = 0, n = reader.count("/groups"); i < n; ++i) {
    const std::string at = "/groups/" + std::to_string(i);
    info.groups.push_back({reader.text(at + "/name"), reader.jid(at + "/jid")});
  }
  info.operator_account = reader.account("/accounts/operator");
  info.observer = reader.account("/accounts/observer");
  info.admin = reader.account("/accounts/admin");
  info.stranger = reader.account("/accounts/stranger");
  for (size_t i = 0, n = reader.count("/nodes"); i < n; ++i) {
    const std::string at = "/nodes/" + std::to_string(i);
    NodeInfo node;
    node.name = reader.text(at + "/name");
    node.jid = reader.jid(at + "/jid");
    node.process = reader.process(at + "/pid", at + "/start_ticks");
    node.port = reader.isNull(at + "/port") ? 0 : reader.port(at + "/port");
    info.nodes.push_back(std::move(node));
  }
  readCoordinators(reader, info);
  info.server_process = reader.process("server");
  return info;
}

Json pidOf(const ProcessId& process) {
  return process.isSet() ? Json(process.pid) : Json(nullptr);
}

Json ticksOf(const ProcessId& process) {
  return process.isSet() ? Json(process.start_ticks) : Json(nullptr);
}

Json accountJson(const Account& account) {
  return {{"jid", account.jid}, {"password", account.password}};
}

Json toJson(const ClusterInfo& info) {
  Json groups = Json::array();
  for (const GroupInfo& group : info.groups) {
    groups.push_back({{"name", group.name}, {"jid", group.jid}});
  }
  Json nodes = Json::array();
  for (const NodeInfo& node : info.nodes) {
    nodes.push_back({{"name", node.name},
                     {"jid", node.jid},
                     {"pid", pidOf(node.process)},
                     {"start_ticks", ticksOf(node.process)},
                     {"port", node.port != 0 ? Json(node.port) : Json(nullptr)}});
  }
  Json processes = {{"server", pidOf(info.server_process)}};
  Json start_ticks = {{"server", ticksOf(info.server_process)}};
  const auto add = [&](const std::string& name, const ProcessId& process) {
    processes[name] = pidOf(process);
    start_ticks[name] = ticksOf(process);
  };
  Json coordinators = Json::array();
  for (const CoordinatorInfo& each : info.coordinators) {
    add(each.name, each.process);
    if (each.lease_address.empty()) continue;
    coordinators.push_back({{"name", each.name}, {"lease_address", each.lease_address}});
  }
  Json etcd = Json::array();
  for (const EtcdInfo& each : info.etcd) {
    add(each.name, each.process);
    etcd.push_back(
        {{"name", each.name}, {"client_port", each.client_port}, {"peer_port", each.peer_port}});
  }
  Json upload = {{"host", info.host}, {"port", info.upload_port}};
  Json out = {{"format", kFormat},
              {"domain", info.domain},
              {"c2s", {{"host", info.host}, {"port", info.c2s_port}}},
              {"component", {{"host", info.host}, {"port", info.component_port}}},
              {"ca_file", info.ca_file.string()},
              {"coordinator", info.coordinator},
              {"lease_ttl", formatDuration(info.lease_ttl)},
              {"window", formatDuration(info.window)},
              {"level_floor_percent", info.level_floor},
              {"groups", std::move(groups)},
              {"accounts",
               {{"operator", accountJson(info.operator_account)},
                {"observer", accountJson(info.observer)},
                {"admin", accountJson(info.admin)},
                {"stranger", accountJson(info.stranger)}}},
              {"nodes", std::move(nodes)},
              {"processes", std::move(processes)},
              {"start_ticks", std::move(start_ticks)},
              {"boot_id", bootId()}};
  if (info.upload_port != 0) out["upload"] = std::move(upload);
  if (!coordinators.empty()) out["coordinators"] = std::move(coordinators);
  if (!etcd.empty()) out["etcd"] = std::move(etcd);
  return out;
}

}  // namespace

std::filesystem::path clusterFile(const std::filesystem::path& dir) {
  return dir / "cluster.json";
}

Result<ClusterInfo> loadClusterInfo(const std::filesystem::path& dir) {
  const auto file = clusterFile(dir);
  const auto content = readFile(file, kMaxFileBytes);
  if (!content && content.status().code() == Code::kNotFound) {
    return Status(Code::kNotFound, dir.string() + " holds no cluster: there is no " +
                                       file.string() + "; `muster up --dir " + dir.string() +
                                       "` makes one");
  }
  if (!content) return content.status();
  const Json root = Json::parse(*content, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return Status(Code::kDataLoss, file.string() + " is not a JSON object");
  }
  Reader reader(file, root);
  ClusterInfo info = readInfo(reader);
  if (!reader.status()) return reader.status();
  std::error_code error;
  info.dir = std::filesystem::canonical(dir, error);
  if (error) return Status(Code::kInternal, dir.string() + ": " + error.message());
  const auto boot = root.find("boot_id");
  if (boot == root.end() || *boot != bootId()) forgetProcesses(info);
  return info;
}

Status saveClusterInfo(const ClusterInfo& info) {
  return replaceFile(clusterFile(info.dir), toJson(info).dump(2) + "\n");
}

}  // namespace muster::local
