#include "node-agent/attach/attached.h"

#include <utility>

#include "node-agent/attach/pid_file.h"
#include "node-agent/attach/unit.h"

namespace muster::agent {

Attached::Attached(const AttachConfig& config, AttachmentOptions options,
                   Availability& availability, Clock& clock) {
  const Unit* unit = nullptr;
  if (config.unit.empty()) {
    watched_ = std::make_unique<PidFile>(config.pid_file);
  } else {
    auto made = std::make_unique<Unit>(config.unit, manager_);
    unit = made.get();
    watched_ = std::move(made);
  }
  attachment_ = std::make_unique<Attachment>(std::move(options), *watched_, unit, &manager_,
                                             availability, clock);
}

}  // namespace muster::agent
