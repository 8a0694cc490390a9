#include "node-agent/levels/level_ports.h"

#include <future>
#include <memory>
#include <utility>

namespace muster::agent {
namespace {

// Between SIGTERM and SIGKILL.
constexpr Duration kGrace = Duration::seconds(1);

Result<std::string> runToEnd(Supervisor& supervisor, const std::vector<std::string>& command,
                             const Environment& environment, Duration timeout) {
  struct Run {
    std::promise<Status> ended;
    std::string last_line;  // written on the supervisor's thread before the promise is kept
  };
  const auto run = std::make_shared<Run>();
  HookSpec spec;
  spec.name = "levels";
  spec.command = command;
  spec.environment = environment;
  spec.term_at = SystemClock::forHolder().elapsed() + timeout;
  spec.kill_at = spec.term_at + kGrace;
  spec.line = [run](const std::string& line) { run->last_line = line; };
  supervisor.runBeside(std::move(spec), [run](Status status) { run->ended.set_value(status); });
  Status status = run->ended.get_future().get();
  if (status) return run->last_line;
  std::string text = status.text();
  if (!run->last_line.empty()) text += ": " + run->last_line;
  // It ran, so the level may have been set; one that was never started has done nothing.
  const bool ran = status.code() != Code::kUnavailable || text.starts_with("levels (");
  return Status(ran ? Code::kInternal : Code::kUnavailable, text);
}

}  // namespace

LevelPorts levelPorts(Supervisor& supervisor) {
  LevelPorts ports;
  ports.signal_program = [&supervisor](int number) { return supervisor.signalProgram(number); };
  ports.run = [&supervisor](const std::vector<std::string>& command, const Environment& environment,
                            Duration timeout) {
    return runToEnd(supervisor, command, environment, timeout);
  };
  return ports;
}

}  // namespace muster::agent
