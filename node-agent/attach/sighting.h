// What is seen of an application that others run.
#pragma once

#include <sys/types.h>

#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::agent {

struct Sighting {
  enum class What {
    kUp,
    kDown,     // it doesn't run, but something of it may be left, or it is about to come back
    kGone,     // surely nothing is left of it
    kUnknown,  // it could not be asked
  };
  What what = What::kUnknown;
  pid_t pid = 0;          // of its main process; 0: none
  std::string why;        // a clause for people, unless it is up
  bool can_start = true;  // false: there is nothing that could be started

  bool operator==(const Sighting&) const = default;
};

class Watched {
 public:
  virtual ~Watched() = default;

  // The application as people name it: "unit storage.service".
  virtual std::string name() const = 0;
  // On one thread; may block for a short while.
  virtual Sighting look() = 0;
  // Between two looks, unless something tells.
  virtual Duration interval() const = 0;
  // Becomes readable when another look is worth while; -1: nothing tells.
  virtual int handle() const = 0;
  // SIGKILL to all of it. Any thread.
  virtual Status kill() = 0;
};

}  // namespace muster::agent
