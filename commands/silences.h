// silence and unsilence: keeping alerts quiet for a time.
#pragma once

#include <string>

#include "commands/origin.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class Silences {
 public:
  virtual ~Silences() = default;
  // Durable when they return ok. A second silence of the same target replaces the first.
  virtual Result<v1::SilenceRecord> silence(const std::string& target, Duration time,
                                            const std::string& reason, const Origin& origin) = 0;
  // kNotFound, with the field "target", if there is none.
  virtual Result<v1::SilenceRecord> unsilence(const std::string& target, const Origin& origin) = 0;
};

// `silences` must outlive the handlers.
void addSilences(catalogue::HandlerSet& handlers, Silences& silences);

}  // namespace muster::commands
