// The terminal of `muster watch`: paints lines, reads keys. The only place that knows ncurses.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "coordinator/cli/watch_view.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

// One object in a process. The terminal is as it was before once the object is gone.
class WatchScreen {
 public:
  // kInvalidArgument if standard input or output is no terminal, or one that can't place its
  // cursor.
  static Status check();
  static Result<std::unique_ptr<WatchScreen>> open();
  ~WatchScreen();
  WatchScreen(const WatchScreen&) = delete;
  WatchScreen& operator=(const WatchScreen&) = delete;

  ScreenSize size() const;
  // After SIGWINCH.
  void takeNewSize();
  void paint(const std::vector<Line>& lines);

  struct Input {
    bool quit = false;
    bool refresh = false;
    std::optional<WatchKey> key;
  };
  // Nothing if no key is waiting; kUnavailable once the terminal is gone.
  Result<std::optional<Input>> read();

 private:
  struct State;
  explicit WatchScreen(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace muster::cli
