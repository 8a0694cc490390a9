// The application that carries the role: a program that the agent runs (supervisor.h), or one that
// others do (attach/attachment.h).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/child.h"

namespace muster::agent {

// All calls are for the library's application thread, and wait.
class Application {
 public:
  virtual ~Application() = default;

  // 0: it does not run.
  virtual pid_t program() = 0;
  // With these variables. `allowed` is asked all the while; once it is false the start is given up.
  virtual Status startProgram(Environment environment, const std::function<bool()>& allowed) = 0;
  // In order, and from `kill_at` on by SIGKILL. Returns when nothing is left of it; as long as
  // something is, it doesn't.
  virtual void stopProgram(ElapsedTime kill_at) = 0;
  // SIGKILL. Returns when nothing is left; whoever runs it may then start it again.
  virtual void killProgram(const std::string& why) = 0;
};

}  // namespace muster::agent
