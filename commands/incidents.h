// incidents, ack, note, assign and resolve: what is wrong, and who looks into it.
#pragma once

#include <string>

#include "commands/origin.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class IncidentDesk {
 public:
  virtual ~IncidentDesk() = default;
  // Newest first; `limit` is set.
  virtual Result<v1::IncidentsReply> list(const v1::IncidentsRequest& request, WallTime now) = 0;
  // Each gives the incident as it is then; durable, as is what is to be told to the others, when it
  // returns ok. kNotFound or kConflict, with the field "id", if there is no such open one.
  virtual Result<v1::IncidentRecord> acknowledge(uint64_t id, const std::string& text,
                                                 const Origin& origin) = 0;
  virtual Result<v1::IncidentRecord> addNote(uint64_t id, const std::string& text,
                                             const Origin& origin) = 0;
  virtual Result<v1::IncidentRecord> assign(uint64_t id, const std::string& jid,
                                            const Origin& origin) = 0;
  virtual Result<v1::IncidentRecord> resolve(uint64_t id, const std::string& text,
                                             const Origin& origin) = 0;
};

// `desk` must outlive the handlers.
void addIncidents(catalogue::HandlerSet& handlers, IncidentDesk& desk);

}  // namespace muster::commands
