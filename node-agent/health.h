// Asks an executable, again and again, whether the application is fit for the active role.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/hook_run.h"

namespace muster::agent {

struct HealthOptions {
  std::vector<std::string> command;
  Duration interval = Duration::seconds(5);  // from the end of one to the start of the next
  Duration timeout = Duration::seconds(5);
  int fall = 3;  // so many bad answers in a row, and it isn't fit
  int rise = 2;  // so many good ones, and it is again
};

// What a row of answers comes to. Pure. Until the first answer nothing is known; that one counts at
// once.
class HealthJudge {
 public:
  enum class Verdict { kUnknown, kFit, kUnfit };

  HealthJudge(int fall, int rise) : fall_(fall), rise_(rise) {}
  // Whether the verdict has changed.
  bool add(bool good);
  Verdict verdict() const { return verdict_; }

 private:
  const int fall_;
  const int rise_;
  int against_ = 0;  // answers in a row that contradict the verdict
  Verdict verdict_ = Verdict::kUnknown;
};

// Lives on the supervisor's thread.
class HealthCheck {
 public:
  // How the application stands when it is asked.
  struct Standing {
    bool active = false;
    HookSpec spec;  // name, environment
  };
  struct Callbacks {
    // None while the role is about to change: then nobody is asked.
    std::function<std::optional<Standing>(Duration timeout)> standing;
    // Starts the executable; see Supervisor::runBeside().
    std::function<void(HookSpec, std::function<void(Status)>)> begin;
    // Why it isn't fit, a clause for people; empty: it is. Told whenever that changes.
    std::function<void(const std::string& why)> unfit;
    // It is active and has become unfit.
    std::function<void(const std::string& why)> failed;
  };

  HealthCheck(HealthOptions options, Clock& clock, Callbacks callbacks);
  // Says that nothing is known yet. Before the node can be chosen.
  void begin();
  void tick();

 private:
  void onAnswer(const Status& status, bool active);

  const HealthOptions options_;
  Clock& clock_;
  const Callbacks callbacks_;
  HealthJudge judge_;
  bool running_ = false;
  ElapsedTime due_{};
  std::string last_line_;  // of what the executable has written
  std::string reason_;     // as it was told
};

}  // namespace muster::agent
