// A part of a benchmark in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::bench {

// Ended on destruction, and by the kernel if this process dies before.
class Child {
 public:
  // Runs `work` in a fork of this process, which must not have a QCoreApplication or a second
  // thread yet. `work` writes to the descriptor, a byte a time, whatever awaitBytes() is to wait
  // for; when it returns the child ends.
  static Result<std::unique_ptr<Child>> start(const std::function<void(int ready)>& work);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Blocks until so many bytes have come. kTimeout, or kUnavailable if the child ended before.
  Status awaitBytes(size_t count, Duration limit);

 private:
  Child(pid_t pid, int ready) : pid_(pid), ready_(ready) {}

  const pid_t pid_;
  const int ready_;
};

// For the child: one byte.
void tellReady(int ready);

}  // namespace muster::bench
