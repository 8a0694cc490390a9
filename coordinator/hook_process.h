// An executable of the site's own, run beside the coordinator.
#pragma once

#include <QObject>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::coordinator {

struct HookCall {
  std::vector<std::string> command;                  // program and words; at least the program
  std::map<std::string, std::string> environment{};  // besides the coordinator's own
  std::string input{};                               // on its standard input
  Duration timeout = Duration::seconds(30);          // then it is killed, with its children
};

// Starts it. `done` is called once, later: ok if it ended with exit code 0, else kUnavailable with
// how it ended and the end of what it wrote to its standard error. Not after `owner` has ended,
// which ends the process as well. On the event loop's thread.
void runHook(QObject* owner, const HookCall& call, std::function<void(const Status&)> done);

}  // namespace muster::coordinator
