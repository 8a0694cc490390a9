// An application's presence in its cluster: the one class that an application needs.
//
//   auto options = muster::loadNodeOptions("node.toml");
//   auto node = muster::Node::create(*options);
//   muster::Requests& user = (*node)->requests("user");
//   (*node)->onPromote([&](const muster::Lease& lease) { service.start(lease); });
//   (*node)->onDemote([&](const muster::Demotion&) { service.stop(); });
//   (*node)->start();
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "muster/lease.h"
#include "muster/records.h"
#include "muster/service.h"
#include "muster/status.h"

namespace muster {

class Commands;        // muster/commands.h
class LogLevelDriver;  // muster/log_levels.h

// Where Prometheus may scrape the node's metrics, at /metrics.
struct MetricsOptions {
  // An IPv4 address and a port, such as "127.0.0.1:9465"; empty: nowhere. Other addresses than
  // those of loopback are refused unless allow_remote is set: nobody is asked who they are.
  std::string listen;
  bool allow_remote = false;
};

// Whether the machine's watchdog resets it when the lease is over and neither the application nor
// its process has ended (docs/election.md).
enum class WatchdogMode {
  kOff,
  kAutomatic,  // if it can be used; otherwise the log says why it isn't
  kRequired,   // no lease without it
};

// A pattern (RE2) of what must not be kept or shown; what its first group matches is replaced, or
// else the whole.
struct LogMask {
  std::string name;
  std::string pattern;
  std::string replacement = "***";
};

// How much of the records of one level is kept; whichever is reached first.
struct LogRetention {
  uint64_t max_bytes = 0;           // 0: a share of LogOptions::max_bytes
  std::chrono::seconds max_age{0};  // 0: for as long as there is room
};

// The log that a node keeps, to be found again with `logs` (docs/logs.md).
struct LogOptions {
  bool keep = false;
  std::filesystem::path folder;              // empty: "logs" in the state_dir
  uint64_t max_bytes = uint64_t{256} << 20;  // all together
  std::array<LogRetention, static_cast<size_t>(LogLevel::kOff)> retention;  // by LogLevel
  // Secrets are masked before records are kept, shown or matched: by the usual rules but for those
  // named in `mask_off`, and by these.
  std::vector<LogMask> masks;
  std::vector<std::string> mask_off;
};

struct NodeOptions {
  std::string jid;  // bare; the account this node logs in with
  std::string password;
  std::string host;         // empty: looked up by SRV record for the JID's domain
  uint16_t port = 0;        // 0: likewise
  std::string ca_file;      // PEM; empty: the system's authorities
  std::string coordinator;  // the coordinator's component address; empty: none, no failover
  // Where there are several coordinators, the address at which each grants leases; empty: there is
  // one, which grants them at its component address.
  std::vector<std::string> coordinators;
  std::string coordinator_account;  // bare JID whose presence says that the coordinator lives
  std::string name;                 // default: the JID's local part
  std::string group;                // empty: a node without failover
  std::string version;              // of the application, shown to people
  // From before onPromote until onDemote has returned. A process that is killed in between, by
  // whomever, takes its machine with it.
  WatchdogMode watchdog = WatchdogMode::kOff;
  std::filesystem::path watchdog_device = "/dev/watchdog";
  // Keeps the highest epoch seen, the grants, the drain mark, the audit trail and what the services
  // have counted; one process at a time, which is enforced.
  std::filesystem::path state_dir;
  // By these rules records of the application's log count for its services (docs/log-rules.md);
  // empty: none. Of the nodes of a process one may have them.
  std::filesystem::path log_rules;
  // How many bytes of records may wait for the rules; those that find no room are dropped, and
  // counted. Memory of the process, from the first rules on.
  size_t log_rules_queue = 4 * 1024 * 1024;
  LogOptions logs;
  MetricsOptions metrics;
  // Who may command this node, besides whomever the coordinator tells it of: bare JID, role name.
  std::vector<std::pair<std::string, std::string>> grants;
};

// Reads and checks a TOML file, and the log rules that it names; docs/operations.md has every key.
// Errors name the line.
Result<NodeOptions> loadNodeOptions(const std::filesystem::path& file);

// Owns a thread with an event loop on which all of the network is done. Every public call may be
// made from any thread and none waits for the network. Callbacks run on another thread of the
// library, one at a time and in order, so they may block; while onDemote runs for a drain the lease
// is still renewed.
//
// A process has at most one QCoreApplication. A host that uses Qt makes its own before create() and
// ends it after the last node; for any other host create() makes one and leaves the process's
// locale as it was. The library's own texts and numbers don't depend on the locale.
class Node {
 public:
  static Result<std::unique_ptr<Node>> create(NodeOptions options);
  virtual ~Node() = default;  // stop()s

  // Services are made before start() and live as long as the node. The same name again gives the
  // same service. Names: 1 to 64 bytes of letters, digits, '-', '_' and '.'. What a service of that
  // name and kind counted before a restart counts on.
  virtual Availability& availability(const std::string& name, ServiceOptions options = {}) = 0;
  virtual Requests& requests(const std::string& name, ServiceOptions options = {}) = 0;
  virtual Gauge& gauge(const std::string& name, const GaugeBounds& bounds,
                       ServiceOptions options = {}) = 0;

  // For records that this process's loggers don't write. As long as the node lives.
  virtual LogIntake& intake() = 0;

  // Set before start(). `promote` claims the lease's token at the resource before it reads anything
  // there (muster/fence.h) and returns once the application is active; an error, or an
  // exception, gives the lease back.
  virtual void onPromote(std::function<Status(const Lease&)> promote) = 0;
  // Returns once the application has stopped being active. If it does not in time, the process is
  // ended with SIGKILL: a holder that can't stop must not go on. It must not throw.
  virtual void onDemote(std::function<void(const Demotion&)> demote) = 0;

  // Commands of the application's own, in addition to those that every node has; see
  // muster/commands.h. Before start(), which tells the mistakes: a verb that is taken, an rpc
  // without handler.
  virtual void addCommands(const Commands& commands) = 0;

  // The command log-level then speaks of the application's loggers, which live in another process;
  // of this process's own only `muster`, `agent` and what is below them are left to it. What was
  // set is kept in state_dir: a process that starts again ends it in time. Before start().
  virtual void useLogLevels(std::shared_ptr<LogLevelDriver> driver) = 0;
  // The application has been started anew, so that it has lost the levels that were set: they are
  // set again. Returns at once. Without it that is found out within 20 s, where it can be.
  virtual void applicationStarted() = 0;

  virtual Status start() = 0;
  // Demotes if need be, releases the lease, says goodbye, ends the threads. Waits for the
  // callbacks, so it must not be called from one (it is refused there with a line in the log).
  // Idempotent.
  virtual void stop() = 0;

  // Gives the active role up, in order: onDemote, then the lease goes back, and another node may
  // take over. This one goes on as a standby and may be chosen again. Returns at once; nothing
  // happens at a standby. `why` is a clause for people.
  virtual void resign(const std::string& why) = 0;
  // For whoever supervises the application from outside of its process: it is surely gone, with all
  // of its processes ("ended by signal 9"). The lease is over at once and given back without a
  // call of onDemote. Returns at once; nothing happens at a standby.
  virtual void applicationGone(const std::string& why) = 0;
  // The application can't take the active role just now, for this reason; another node is then
  // chosen. Empty: it can again. Returns at once; a role that is held is not touched.
  virtual void declineOffers(const std::string& why) = 0;

  // Calls back from the event loop when it next comes round, for a watchdog that is to bite when it
  // doesn't. Returns at once; nothing is called while the node has not started or has stopped.
  virtual void probeLoop(std::function<void()> alive) = 0;

  // Reads the file of the log rules again, for a program that is told so by SIGHUP. If it has a
  // mistake the rules stay as they are, and the status says where; the log says it too. Takes as
  // long as reading it does; not from a signal handler. kNotFound for a node without such a file.
  virtual Status reloadLogRules() = 0;

  // The lease held now, if any.
  virtual std::unique_ptr<Lease> lease() const = 0;
  // The full JID that it logs in as; a new one with each process.
  virtual std::string fullJid() const = 0;
};

}  // namespace muster
