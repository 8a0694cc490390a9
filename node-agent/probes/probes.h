// The probes of a program: run in time, counted for their services.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "muster/node.h"
#include "node-agent/hook_run.h"
#include "node-agent/probes/probe_config.h"

namespace muster::agent {

// A thread that decides, and a few that wait for answers. All references must outlive it.
class Probes {
 public:
  struct Ports {
    Node& node;
    Clock& clock;
    // Runs an executable; its outcome comes on any thread, perhaps after this has ended.
    std::function<void(HookSpec, std::function<void(Status)>)> run;
    // Why the program can't take the active role as far as this part can tell; empty: it can.
    std::function<void(const std::string& part, const std::string& why)> unfit;
  };
  // Makes the services, so before the node is started.
  Probes(const std::vector<ProbeConfig>& configs, Ports ports);
  // Waits for what is under way over the network.
  ~Probes();

  void start();
  // Whether the program is down on purpose. Any thread; doesn't wait.
  void setPaused(bool paused);

 private:
  struct Probe {
    ProbeConfig config;
    ProbeMachine machine;
    Availability* availability = nullptr;
    Requests* requests = nullptr;
  };
  // Outlives the probes for as long as an executable's outcome is awaited.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool ending = false;
    bool paused = false;
    struct Outcome {
      size_t probe;
      uint64_t run;
      Status status;
    };
    std::deque<Outcome> outcomes;
    std::deque<std::function<void()>> checks;
    std::condition_variable work;
  };

  void decide();
  void check();
  void begin(size_t index, ElapsedTime now);
  void take(const Shared::Outcome& outcome);
  void apply(Probe& probe, const ProbeMachine::Effect& effect, const Status& status);
  HookSpec specOf(const Probe& probe) const;

  const Ports ports_;
  SystemRandom random_;
  std::vector<Probe> probes_;  // the deciding thread's once that has started, but for the config
  bool paused_ = false;        // likewise
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::vector<std::thread> threads_;
};

}  // namespace muster::agent
