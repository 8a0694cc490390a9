// What the connections of the sidecar socket have in common: the services that they count for, how
// far each has come, and the one that has control.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "muster/log_levels.h"
#include "muster/node.h"
#include "muster/records.h"
#include "muster/service.h"
#include "muster/sidecar.pb.h"
#include "node-agent/sidecar/sidecar_options.h"

namespace muster::agent {

namespace wire = sidecar::v1;

// Any thread, but for what is said to be the server's.
class SidecarHub {
 public:
  struct Facts {
    std::string node;
    std::string group;         // empty: none
    bool roles = false;        // mode "sidecar"
    bool levels = false;       // [agent.levels] kind = "sidecar"
    LogIntake* log = nullptr;  // null: records are not taken
  };
  struct Callbacks {
    // The connection with control has come, or gone. On the server's thread.
    std::function<void()> came = [] {};
    std::function<void()> gone = [] {};
  };
  // Makes the services at the node, which must not have been started. All references must outlive
  // it.
  SidecarHub(const SidecarOptions& options, Facts facts, Node& node);
  ~SidecarHub();
  void setCallbacks(Callbacks callbacks) { callbacks_ = std::move(callbacks); }

  // --- the server's ---

  using Send = std::function<void(const wire::FromAgent&)>;
  // What is wrong with it as an error's code, or the answer.
  struct Refusal {
    wire::Error::Code code = wire::Error::CODE_UNSPECIFIED;
    std::string text;
    bool operator==(const Refusal&) const = default;
  };
  std::variant<wire::Welcome, Refusal> enter(const wire::Hello& hello);
  void leave(const std::string& name);
  // Of whoever has control: how it is spoken to, from any thread.
  void takeControl(const std::string& name, Send send);
  std::optional<Refusal> count(const std::string& name, const wire::Counts& counts);
  // Of a message that is the next one, or one that came before. `kept` on any thread, unless it is
  // kResourceExhausted: then it is to be offered again.
  std::optional<Refusal> checkRecords(const std::string& name, const wire::Records& records) const;
  Status offer(const std::string& name, const wire::Records& records,
               std::function<void(Status)> kept);
  void loggersAre(const wire::Loggers& loggers);
  void onDone(const wire::Done& done);

  // --- whoever wants something of the application ---

  bool isConnected() const;
  // Sends it with an id and waits for the answer. kUnavailable: nobody is connected; kTimeout: the
  // time is over, or `allowed` is false, or the connection was lost meanwhile; kInternal: it
  // answered with an error.
  Status ask(
      wire::FromAgent message, Duration timeout,
      const std::function<bool()>& allowed = [] { return true; });
  void tell(const wire::FromAgent& message);
  // As the application told last.
  Result<std::vector<ApplicationLogger>> loggers() const;

 private:
  struct Known {
    std::string session;
    uint64_t counts = 0;   // taken
    uint64_t records = 0;  // offered
    uint64_t kept = 0;     // of these
    // Who is to be told of a message that is on its way to the disk.
    std::multimap<uint64_t, std::function<void(Status)>> awaited;
    bool connected = false;
  };
  struct Slot {
    SidecarService::Kind kind;
    Requests* requests = nullptr;
    Availability* availability = nullptr;
    Gauge* gauge = nullptr;
  };

  void makeServices(const SidecarOptions& options, Node& node);
  std::optional<Refusal> checkHello(const wire::Hello& hello) const;
  std::optional<Refusal> checkCount(const wire::Count& count) const;
  void apply(const wire::Count& count) const;
  uint64_t recordsKept(const std::string& name, const std::string& session) const;
  void onKept(const std::string& name, const std::string& session, uint64_t sequence,
              const Status& status);
  static std::string sourceOf(const std::string& name) { return "sidecar/" + name; }

  const Facts facts_;
  Callbacks callbacks_;
  std::map<std::string, Slot> services_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, Known> known_;
  std::string control_;  // the name of who has it; empty: nobody
  Send send_;
  uint64_t connection_ = 0;  // counts those that had control
  uint64_t next_id_ = 1;
  std::set<uint64_t> asked_;
  std::map<uint64_t, std::string> answers_;
  std::optional<std::vector<ApplicationLogger>> loggers_;
};

wire::Level toWire(LogLevel level);
// Nothing for what is no level.
std::optional<LogLevel> fromWire(wire::Level level);

}  // namespace muster::agent
