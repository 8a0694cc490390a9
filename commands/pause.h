// pause and resume: keeping a group's role where it is.
#pragma once

#include <string>

#include "commands/origin.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class Pauser {
 public:
  virtual ~Pauser() = default;
  // Durable when they return ok. kNotFound, with the field "group", if there is no such group or,
  // of resume(), no pause of it.
  virtual Result<v1::PauseRecord> pause(const std::string& group, Duration time,
                                        const std::string& reason, const Origin& origin) = 0;
  virtual Result<v1::PauseRecord> resume(const std::string& group, const Origin& origin) = 0;
};

// `pauser` must outlive the handlers.
void addPause(catalogue::HandlerSet& handlers, Pauser& pauser);

}  // namespace muster::commands
