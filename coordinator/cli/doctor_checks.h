// What the figures that `muster doctor` takes mean. Pure.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/client.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
  std::string check;  // one word: "tcp", "certificate"
  Verdict verdict = Verdict::kOk;
  std::string text;
  std::string remedy;  // empty if all is well
};

// What a connection to the server's port showed.
struct StreamFacts {
  std::string address;              // "host:port" that was tried last
  std::optional<Duration> connect;  // not set: no TCP connection
  std::string error;                // why it went no further; empty if it did
  std::string protocol;             // "TLSv1.3"; empty: no TLS
  std::vector<std::string> certificate_errors;
  std::optional<WallTime> valid_until;
  std::vector<std::string> mechanisms;  // SASL, as offered over TLS
};

Finding judgeTcp(const StreamFacts& facts);
Finding judgeTls(const StreamFacts& facts);
Finding judgeCertificate(const StreamFacts& facts, const std::string& domain, WallTime now);
Finding judgeSasl(const StreamFacts& facts);

// The role that a list of commands shows, by the highest that any of them needs.
std::string roleShownBy(const std::vector<OfferedCommand>& offers,
                        const catalogue::Catalogue& catalogue);
Finding judgeRole(const Result<std::vector<OfferedCommand>>& offers,
                  const catalogue::Catalogue& catalogue, const Jid& coordinator, const Jid& self);

// Round trips one after the other; `what` is whom they went to.
Finding judgeRoundTrips(const std::string& check, const std::string& what,
                        const std::vector<Duration>& round_trips);
// Times until the second answer of two requests that were sent at once. A server that leaves
// Nagle's algorithm on keeps back what follows a small answer until this machine's delayed
// acknowledgement, 40 ms later; on a connection that is slow itself that can't be told.
Finding judgeNagle(const std::vector<Duration>& pairs, Duration connect);

// `ahead`: their clock minus ours; `uncertainty` half a round trip.
Finding judgeClock(const std::string& what, Duration ahead, Duration uncertainty);

struct NodeFacts {
  std::string name;
  std::string group;
  std::string version;  // of its application, as it says
  bool present = false;
  std::string since;
  std::optional<Duration> ahead;  // its clock, if it could be told
};
Finding judgeVersions(const std::string& own, const Result<SoftwareVersion>& coordinator);
Finding judgeNodeVersions(const std::vector<NodeFacts>& nodes);
Finding judgePresence(const std::vector<NodeFacts>& nodes);
Finding judgeNodeClocks(const std::vector<NodeFacts>& nodes, Duration uncertainty);

Duration median(std::vector<Duration> values);

const char* verdictName(Verdict verdict);  // "ok", "warn", "fail"
Verdict worstOf(const std::vector<Finding>& findings);
// One finding a line, its remedy under it; wrapped to the width.
std::vector<std::string> findingLines(const Finding& finding, size_t width);
// {"result": "warn", "checks": [{"check", "result", "text", "remedy"}]}
nlohmann::ordered_json findingsJson(const std::vector<Finding>& findings);

}  // namespace muster::cli
