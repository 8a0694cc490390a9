#include "node-agent/probes/probe_config.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "libcontrol/base/text.h"
#include "node-agent/levels/level_config.h"
#include "node-agent/limits.h"
#include "node-agent/service_config.h"

namespace muster::agent {
namespace {

// "200", "200-299"; {0, 0} for anything else.
std::pair<int, int> statusRange(const std::string& text) {
  const size_t dash = text.find('-');
  const auto number = [](std::string_view digits) {
    int out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    return whole && out >= 100 && out <= 599 ? out : 0;
  };
  const int from = number(std::string_view(text).substr(0, dash));
  const int to = dash == std::string::npos ? from : number(std::string_view(text).substr(dash + 1));
  return from == 0 || to < from ? std::pair(0, 0) : std::pair(from, to);
}

void readHttp(ConfigTable& table, ProbeConfig& probe) {
  HttpProbe& http = probe.http;
  http.request.place = readHttpPlace(table);
  http.request.headers = readHttpHeaders(table);
  http.request.timeout = probe.timing.timeout;
  http.request.max_bytes = limits::kMaxProbeBytes;
  http.request.method = table.string("method", "GET");
  if (http.request.method != "GET" && http.request.method != "HEAD" &&
      http.request.method != "POST") {
    table.fail("method", "must be GET, HEAD or POST");
  }
  const std::vector<std::string> ranges = table.strings("status");
  if (!ranges.empty()) http.status.clear();
  for (const std::string& text : ranges) {
    http.status.push_back(statusRange(text));
    if (http.status.back().first == 0) {
      table.fail("status",
                 "must be such as [\"200-299\", \"401\"], not '" + singleLine(text, 40) + "'");
    }
  }
  if (const std::string pattern = table.string("body"); !pattern.empty()) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(limits::kMaxProbePatternBytes);
    http.body = std::make_shared<const RE2>(pattern, options);
    if (!http.body->ok()) table.fail("body", "is no RE2: " + http.body->error());
    if (http.request.method == "HEAD") table.fail("body", "is not there with HEAD");
  }
  http.max_latency = table.duration("max_latency", Duration{}, Duration{}, probe.timing.timeout);
}

void readTcp(ConfigTable& table, ProbeConfig& probe) {
  TcpProbe& tcp = probe.tcp;
  tcp.path = table.path("path").string();
  tcp.address = table.string("host", tcp.path.empty() ? "127.0.0.1" : "");
  if (tcp.address == "localhost") tcp.address = "127.0.0.1";
  tcp.port = static_cast<int>(table.integer("port", 0, 0, 65535));
  in6_addr parsed{};
  if (!tcp.path.empty()) {
    if (!tcp.address.empty() || tcp.port != 0) {
      table.fail("path", "goes without host and port");
    } else if (tcp.path.size() >= sizeof(sockaddr_un::sun_path)) {
      table.fail("path", "is too long for a socket");
    }
  } else if (inet_pton(AF_INET, tcp.address.c_str(), &parsed) != 1 &&
             inet_pton(AF_INET6, tcp.address.c_str(), &parsed) != 1) {
    table.fail("host",
               "must be an address by number or localhost: looking a name up could take "
               "longer than the probe may");
  } else if (tcp.port == 0) {
    table.fail("port", "is needed, or path for a Unix socket");
  }
  tcp.send = table.string("send");
  tcp.expect = table.string("expect");
  if (tcp.expect.size() > limits::kMaxProbeExpectBytes) {
    table.fail("expect",
               "must be at most " + std::to_string(limits::kMaxProbeExpectBytes) + " bytes");
  }
}

void readTiming(ConfigTable& table, ProbeTiming& timing) {
  timing.interval = table.duration("interval", timing.interval, limits::kMinProbeInterval,
                                   limits::kMaxProbeInterval);
  const Duration longest = std::min(timing.interval, limits::kMaxProbeTimeout);
  timing.timeout =
      table.duration("timeout", std::min(timing.timeout, longest), limits::kMinAgentWait, longest);
  timing.fall = static_cast<int>(table.integer("fall", timing.fall, 1, limits::kMaxProbeRow));
  timing.rise = static_cast<int>(table.integer("rise", timing.rise, 1, limits::kMaxProbeRow));
}

ProbeConfig readProbe(ConfigTable& table, bool has_group) {
  ProbeConfig probe;
  probe.name = readServiceName(table, "name");
  readTiming(table, probe.timing);
  const std::string count = table.string("count", "availability");
  if (count == "requests") {
    probe.count = ProbeConfig::Count::kRequests;
  } else if (count != "availability") {
    table.fail("count",
               "must be \"availability\" or \"requests\", not '" + singleLine(count, 40) + "'");
  }
  probe.service = readServiceOptions(table);
  probe.failover = table.boolean("failover", false);
  if (probe.failover && !has_group) table.fail("failover", "needs node.group");
  const std::string kind = table.requiredString("kind");
  if (kind == "http") {
    readHttp(table, probe);
  } else if (kind == "tcp") {
    probe.kind = ProbeConfig::Kind::kTcp;
    readTcp(table, probe);
  } else if (kind == "command") {
    probe.kind = ProbeConfig::Kind::kCommand;
    probe.run.command = readExecutable(table, "command");
    if (probe.run.command.empty()) table.fail("command", "is needed: exit status 0 is good");
  } else if (!kind.empty()) {
    table.fail("kind",
               "must be \"http\", \"tcp\" or \"command\", not '" + singleLine(kind, 40) + "'");
  }
  return probe;
}

}  // namespace

std::vector<ProbeConfig> readProbes(ConfigTable& agent, bool has_group) {
  std::vector<ProbeConfig> out;
  std::set<std::string> names;
  for (ConfigTable& table : agent.tables("probe")) {
    out.push_back(readProbe(table, has_group));
    if (!names.insert(out.back().name).second) {
      table.fail("name", "'" + out.back().name + "' is there twice");
    }
    if (out.size() == limits::kMaxProbes + 1) {
      table.fail("name",
                 "is one too many: at most " + std::to_string(limits::kMaxProbes) + " probes");
    }
  }
  return out;
}

}  // namespace muster::agent
