// Runs the program: starts it again when it ends, passes signals on, and tells when it and all that
// descends from it are surely gone.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "muster/service.h"
#include "node-agent/application.h"
#include "node-agent/child.h"
#include "node-agent/hook_run.h"
#include "node-agent/restart_policy.h"
#include "node-agent/side_runs.h"

namespace muster::agent {

struct SupervisorOptions {
  std::vector<std::string> command;  // empty: others run it, and here are only executables
  // Started by itself and again after each end; otherwise only by startProgram().
  bool automatic = true;
  RestartOptions restart;
  // Between SIGTERM and SIGKILL.
  Duration grace = Duration::seconds(10);
  // What the program gets as its standard output and standard error; -1: the agent's own.
  int output = -1;
  int error = -1;
};

// Belongs to the thread that calls run(), the only one that starts and reaps processes; it has to
// live as long as the process does (see startChild()). The calls of the second part are for another
// thread and wait for that one; they need run() to be running. The process must be a subreaper
// (process_tree.h) and have no children of anybody else's making, and signals must be blocked in
// all threads, since they are taken with signalfd(2).
class Supervisor : public Application {
 public:
  // Called on run()'s thread; must not block.
  struct Callbacks {
    // The program has ended without having been asked to, and nothing is left of it.
    std::function<void(const std::string& why)> gone = [](const std::string&) {};
    // Why it can't take an active role now; empty: it can.
    std::function<void(const std::string& why)> unfit = [](const std::string&) {};
    // The program has been started, the first time or again.
    std::function<void()> started = [] {};
    // Every 100 ms at least.
    std::function<void()> tick = [] {};
    // SIGTERM, SIGINT or SIGQUIT came for the first time. finish() is to be called in the end.
    std::function<void()> stop_asked;
    // SIGHUP came, and was passed on to the program.
    std::function<void()> hangup = [] {};
  };

  Supervisor(SupervisorOptions options, Availability& availability, Clock& clock);
  ~Supervisor() override;

  static void blockSignals();
  void setCallbacks(Callbacks callbacks) { callbacks_ = std::move(callbacks); }

  // --- on run()'s thread ---

  // The first start, of an automatic program; a failure here is a mistake in the command.
  Status startFirst();
  // Until the program is gone after finish().
  void run();
  // As runHook(), but `done` is called, here or later, with the outcome.
  void beginHook(HookSpec spec, std::function<void(Status)> done);
  // Whether the program runs, and isn't being ended.
  bool isUp() const { return phase_ == Phase::kUp; }

  // --- on any other thread ---

  // Ends the program (SIGTERM, then SIGKILL) and lets run() return. Doesn't wait.
  void finish();
  // With these variables. kUnavailable while it waits after a crash or crashes in a loop.
  Status startProgram(Environment environment, const std::function<bool()>& allowed) override;
  // For a program that isn't automatic: SIGTERM, and after the grace, or at `kill_at` if that is
  // sooner, SIGKILL. Returns when nothing is left of it, nor of what executables have left behind;
  // as long as something is, it doesn't.
  void stopProgram(ElapsedTime kill_at) override;
  // SIGKILL. Returns when nothing is left; an automatic program is then started again.
  void killProgram(const std::string& why) override;
  // One at a time. kConflict if the program ended meanwhile: then nothing is left of either.
  Status runHook(HookSpec spec);
  // 0: it does not run.
  pid_t program() override;
  // Only to the process that was started. kUnavailable if it does not run.
  Status signalProgram(int number);
  // Runs an executable beside all else, a few at a time; doesn't wait. `done` is called on run()'s
  // thread. What it leaves behind belongs to the program, and it ends when the program does.
  void runBeside(HookSpec spec, std::function<void(Status)> done);

 private:
  enum class Phase { kDown, kUp, kStopping, kKilling };
  enum class Ending { kAsked, kCrashed, kPutDown };
  void post(std::function<void()> job);
  void loopOnce();
  void runJobs();
  void readSignals();
  void onSignal(int number);
  void watchStops();
  void reapOrphans();
  Status start();
  void onProgramEnd();
  void beginStop(ElapsedTime kill_at);
  void beginKill(Ending ending, std::string why);
  void sweep();
  void onGone();
  void planRestart();
  void checkHook();
  void checkTimers();
  ElapsedTime nextDue() const;
  bool mayStart() const;
  void passOn(int number);

  const SupervisorOptions options_;
  Availability& availability_;
  Clock& clock_;
  Callbacks callbacks_;
  Fd signals_;
  Fd wake_;

  std::mutex jobs_mutex_;
  std::deque<std::function<void()>> jobs_;

  Phase phase_ = Phase::kDown;
  Child program_;
  Environment environment_;
  ElapsedTime started_{};
  bool paused_ = false;    // stopped by SIGSTOP or its like
  ElapsedTime kill_at_{};  // kStopping
  Ending ending_ = Ending::kAsked;
  std::string why_;
  ElapsedTime killing_since_{};
  ElapsedTime sweep_at_{};
  bool told_of_rest_ = false;
  std::vector<std::function<void()>> waiters_;  // for nothing to be left

  RestartPolicy policy_;
  ElapsedTime not_before_{};
  bool held_ = false;   // crashed in a loop
  bool unfit_ = false;  // as the callback was told
  bool stop_asked_ = false;
  bool finishing_ = false;
  bool done_ = false;

  SideRuns side_runs_;
  std::unique_ptr<HookRun> hook_;
  std::function<void(Status)> hook_done_;
};

}  // namespace muster::agent
