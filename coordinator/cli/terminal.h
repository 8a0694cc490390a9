// The terminal that a person sits at: whether there is one, how wide it is, signals, typed lines.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

class QSocketNotifier;

namespace muster::cli {

bool isTerminal(int fd);
// Of standard output: kAnyWidth (layout.h) if it is no terminal.
size_t outputWidth();
// Both ends of a conversation: a person types and a person reads.
bool isInteractive();
// NO_COLOR (no-color.org) is not set and standard output is a terminal.
bool mayUseColour();

// Catches signals for as long as it lives, one object at a time: they wake the Qt event loop and
// are told there, on the main thread. With the object goes the catching.
class Signals {
 public:
  // `on_signal` gets the signal's number from the event loop; may be empty.
  explicit Signals(std::initializer_list<int> numbers, std::function<void(int)> on_signal = {});
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // SIGINT, SIGTERM or SIGHUP has come.
  bool isInterrupted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lines that a person types, read without stopping the event loop, so that the login stays alive
// meanwhile. One object for standard input; main thread.
class LineReader {
 public:
  explicit LineReader(const Signals& caught);
  ~LineReader();

  // Without its line feed; nothing at the end of input or after a signal. `hidden` lines are not
  // shown while they are typed.
  std::optional<std::string> read(bool hidden = false);

 private:
  const Signals& signals_;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace muster::cli
