#include "coordinator/cli/doctor_checks.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "coordinator/cli/layout.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

// Linux acknowledges late by 40 ms; half of it is beyond what a loaded server needs by itself.
constexpr Duration kNagleDelay = Duration::millis(35);
// Only a connection much faster than that delay shows it.
constexpr Duration kFastConnect = Duration::millis(25);
// Round trips of this length are felt by a person, and eat into a short lease.
constexpr Duration kSlowRoundTrip = Duration::millis(250);
// Times in listings and logs can be matched up to a few seconds.
constexpr Duration kClockTolerance = Duration::seconds(2);
constexpr int64_t kSoonExpiredDays = 14;
constexpr int64_t kDayMs = 86'400'000;

Finding ok(std::string check, std::string text) {
  return {std::move(check), Verdict::kOk, std::move(text), ""};
}

// Milliseconds with two digits that count.
std::string inMillis(Duration duration) {
  char out[32];
  const double ms = static_cast<double>(duration.ns) * 1e-6;
  std::snprintf(out, sizeof out, ms < 10 ? "%.2f ms" : "%.0f ms", ms);
  return out;
}

std::string inSeconds(Duration duration) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f s", duration.toSeconds());
  return out;
}

Duration absolute(Duration duration) {
  return duration < Duration{} ? Duration{} - duration : duration;
}

std::string aheadText(Duration ahead) {
  return inSeconds(absolute(ahead)) + (ahead < Duration{} ? " behind" : " ahead");
}

}  // namespace

Duration median(std::vector<Duration> values) {
  if (values.empty()) return {};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Finding judgeTcp(const StreamFacts& facts) {
  if (facts.connect) {
    return ok("tcp", facts.address + " answers in " + inMillis(*facts.connect));
  }
  return {"tcp", Verdict::kFail, "no connection to " + facts.address + ": " + facts.error,
          "check that the server runs and listens there, and --host, --port and firewalls between"};
}

Finding judgeTls(const StreamFacts& facts) {
  if (facts.protocol.empty()) {
    return {"tls", Verdict::kFail, "no encryption: " + facts.error,
            "nodes and clients of Muster use encrypted streams only; enable STARTTLS for clients"};
  }
  if (facts.protocol == "TLSv1.2" || facts.protocol == "TLSv1.3") return ok("tls", facts.protocol);
  return {"tls", Verdict::kWarn, facts.protocol + " is out of date",
          "let the server offer TLS 1.2 or later"};
}

Finding judgeCertificate(const StreamFacts& facts, const std::string& domain, WallTime now) {
  if (facts.protocol.empty() || !facts.valid_until) {
    return {"certificate", Verdict::kFail, "the server showed no certificate",
            "give the server a certificate for " + domain};
  }
  const int64_t days = (facts.valid_until->unix_ms - now.unix_ms) / kDayMs;
  const std::string until = "valid until " + toRfc3339({facts.valid_until->unix_ms / 1000 * 1000});
  if (!facts.certificate_errors.empty()) {
    return {"certificate", Verdict::kFail,
            "not accepted for " + domain + ": " + joinWithAnd(facts.certificate_errors),
            facts.valid_until->unix_ms < now.unix_ms
                ? "renew it"
                : "it has to be for " + domain +
                      " and signed by an authority that is trusted here (--ca-file)"};
  }
  if (days < kSoonExpiredDays) {
    return {"certificate", Verdict::kWarn, "for " + domain + ", only " + until,
            "renew it within " + std::to_string(std::max<int64_t>(days, 0)) + " days"};
  }
  return ok("certificate", "for " + domain + ", " + until);
}

Finding judgeSasl(const StreamFacts& facts) {
  std::vector<std::string> usable;
  for (const std::string& name : facts.mechanisms) {
    if (name.starts_with("SCRAM-") && !name.ends_with("-PLUS")) usable.push_back(name);
  }
  if (!usable.empty()) return ok("sasl", "the server offers " + joinWithAnd(usable));
  return {"sasl", Verdict::kFail,
          facts.mechanisms.empty() ? "the server offers no login"
                                   : "no SCRAM among " + joinWithAnd(facts.mechanisms),
          "Muster sends no password in clear: enable SCRAM-SHA-1 or SCRAM-SHA-256 at the server"};
}

std::string roleShownBy(const std::vector<OfferedCommand>& offers,
                        const catalogue::Catalogue& catalogue) {
  catalogue::Role highest = v1::ROLE_UNSPECIFIED;
  for (const OfferedCommand& offer : offers) {
    const catalogue::Command* command = catalogue.find(offer.node);
    if (command != nullptr) highest = std::max(highest, command->role);
  }
  return catalogue::roleName(highest);
}

Finding judgeRole(const Result<std::vector<OfferedCommand>>& offers,
                  const catalogue::Catalogue& catalogue, const Jid& coordinator, const Jid& self) {
  if (!offers && offers.status().code() != Code::kForbidden) {
    return {"coordinator", Verdict::kFail,
            coordinator.toString() + " does not answer: " + offers.status().text(),
            "check that muster-coordinator runs and is connected as this component"};
  }
  const std::string role = offers ? roleShownBy(*offers, catalogue) : "";
  if (!role.empty()) {
    return ok("role", self.toString() + " may call " + std::to_string(offers->size()) +
                          " commands of " + coordinator.toString() + ", which takes the role " +
                          role);
  }
  return {"role", Verdict::kFail, self.toString() + " has no role at " + coordinator.toString(),
          "an admin grants one: muster grant observer " + self.toString()};
}

Finding judgeRoundTrips(const std::string& check, const std::string& what,
                        const std::vector<Duration>& round_trips) {
  if (round_trips.empty()) {
    return {check, Verdict::kFail, what + " does not answer a ping", "see the server's log"};
  }
  const Duration p50 = median(round_trips);
  const std::string text = "ping to " + what + ": " + inMillis(p50) + " (median of " +
                           std::to_string(round_trips.size()) + ")";
  if (p50 < kSlowRoundTrip) return ok(check, text);
  return {check, Verdict::kWarn, text,
          "leases shorter than some twenty round trips are lost easily; see docs/operations.md"};
}

Finding judgeNagle(const std::vector<Duration>& pairs, Duration connect) {
  if (pairs.empty()) return {"delay", Verdict::kWarn, "not measured: no answers", ""};
  const Duration p50 = median(pairs);
  const std::string text = "two requests at once are answered within " + inMillis(p50);
  if (p50 < kNagleDelay) return ok("delay", text);
  if (connect >= kFastConnect) {
    return {"delay", Verdict::kOk,
            text + "; a connection that takes " + inMillis(connect) + " hides the 40 ms delay", ""};
  }
  return {"delay", Verdict::kWarn,
          text + " though connecting took " + inMillis(connect) +
              ": the server's side leaves Nagle's algorithm on",
          "in Prosody's configuration: network_settings = { nagle = false }"};
}

Finding judgeClock(const std::string& what, Duration ahead, Duration uncertainty) {
  const std::string text = what + " is " + aheadText(ahead) +
                           " of this machine's clock (give or take " + inSeconds(uncertainty) + ")";
  const std::string plain = what + " agrees with this machine's clock within " +
                            inSeconds(std::max(absolute(ahead), uncertainty));
  if (absolute(ahead) <= kClockTolerance + uncertainty) return ok("clock", plain);
  return {"clock", Verdict::kWarn, text,
          "times in listings and logs don't match; let both machines take their time from NTP"};
}

Finding judgeVersions(const std::string& own, const Result<SoftwareVersion>& coordinator) {
  if (!coordinator) {
    return {"version", Verdict::kWarn,
            "the coordinator does not say its version: " + coordinator.status().text(), ""};
  }
  if (coordinator->version == own) return ok("version", "muster and coordinator are both " + own);
  return {"version", Verdict::kWarn,
          "this muster is " + own + ", the coordinator " +
              (coordinator->version.empty() ? "says nothing" : coordinator->version),
          "commands that one of them doesn't know are refused; install the same version"};
}

Finding judgeNodeVersions(const std::vector<NodeFacts>& nodes) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_group;
  size_t present = 0;
  for (const NodeFacts& node : nodes) {
    if (!node.present) continue;
    ++present;
    by_group[node.group][node.version].push_back(node.name);
  }
  std::string mixed;
  std::set<std::string> all;
  for (const auto& [group, versions] : by_group) {
    for (const auto& [version, names] : versions) all.insert(version.empty() ? "unnamed" : version);
    if (versions.size() < 2) continue;
    for (const auto& [version, names] : versions) {
      mixed += (mixed.empty() ? "" : ", ") + joinWithAnd(names) + " " +
               (version.empty() ? "without a version" : version);
    }
  }
  if (mixed.empty()) {
    return ok("node-versions",
              std::to_string(present) + " nodes, " +
                  (all.empty() ? "no version" : joinWithAnd({all.begin(), all.end()})));
  }
  return {"node-versions", Verdict::kWarn, "several versions in one group: " + mixed,
          "fine during a rolling upgrade; otherwise bring the group to one version"};
}

Finding judgePresence(const std::vector<NodeFacts>& nodes) {
  std::vector<std::string> absent;
  for (const NodeFacts& node : nodes) {
    if (!node.present)
      absent.push_back(node.name + (node.since.empty() ? "" : " (since " + node.since + ")"));
  }
  if (nodes.empty())
    return {"nodes", Verdict::kWarn, "no node is enrolled", "muster enroll adds one"};
  if (absent.empty()) return ok("nodes", "all " + std::to_string(nodes.size()) + " are present");
  return {"nodes", Verdict::kWarn,
          joinWithAnd(absent) + (absent.size() == 1 ? " is" : " are") + " not present",
          "look at the process and its log; a node that is gone for good is taken out with muster "
          "remove"};
}

Finding judgeNodeClocks(const std::vector<NodeFacts>& nodes, Duration uncertainty) {
  std::vector<std::string> off;
  size_t told = 0;
  for (const NodeFacts& node : nodes) {
    if (!node.ahead) continue;
    ++told;
    if (absolute(*node.ahead) > kClockTolerance + uncertainty) {
      off.push_back(node.name + " is " + aheadText(*node.ahead));
    }
  }
  if (!off.empty()) {
    return {"node-clocks", Verdict::kWarn, joinWithAnd(off) + " of this machine's clock",
            "leases don't depend on it, but times in logs don't match; use NTP"};
  }
  return ok("node-clocks", std::to_string(told) + " of " + std::to_string(nodes.size()) +
                               " could be compared, and agree");
}

const char* verdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
  }
  return "fail";
}

Verdict worstOf(const std::vector<Finding>& findings) {
  Verdict worst = Verdict::kOk;
  for (const Finding& finding : findings) worst = std::max(worst, finding.verdict);
  return worst;
}

std::vector<std::string> findingLines(const Finding& finding, size_t width) {
  constexpr size_t kIndent = 21;
  const auto add = [&](std::vector<std::string>& out, const std::string& head,
                       const std::string& text) {
    const size_t inner = width > kIndent + 20 ? width - kIndent : kAnyWidth;
    bool first = true;
    for (const std::string& part : wrapped(text, inner)) {
      out.push_back(first ? padded(head, kIndent) + part : std::string(kIndent, ' ') + part);
      first = false;
    }
  };
  std::vector<std::string> out;
  add(out, padded(verdictName(finding.verdict), 6) + finding.check, finding.text);
  if (!finding.remedy.empty()) add(out, "", "-> " + finding.remedy);
  return out;
}

nlohmann::ordered_json findingsJson(const std::vector<Finding>& findings) {
  nlohmann::ordered_json out;
  out["result"] = verdictName(worstOf(findings));
  out["checks"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    out["checks"].push_back({{"check", finding.check},
                             {"result", verdictName(finding.verdict)},
                             {"text", finding.text},
                             {"remedy", finding.remedy}});
  }
  return out;
}

}  // namespace muster::cli
