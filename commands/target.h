// Where a command of the coordinator goes to: a node, a group's nodes, or all.
#pragma once

#include <string>

#include "libcontrol/catalogue/handlers.h"

namespace muster::commands {

struct Where {
  std::string target;  // as the directory "targets" lists it; empty: all
  // Said by the address of a group's contact: then it is that group, whatever else has its name.
  bool is_group = false;
};

template <typename Request>
Where whereIn(const Request& request, const catalogue::CallContext& context) {
  return {request.target(), !context.group().empty()};
}

}  // namespace muster::commands
