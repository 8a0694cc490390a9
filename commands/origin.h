// Who asked for something that goes on after the answer, and where: what it takes to tell them of
// the outcome and to link it to their request.
#pragma once

#include <string>

#include "libcontrol/catalogue/handlers.h"

namespace muster::commands {

struct Origin {
  std::string by;     // bare JID
  std::string place;  // the address at which it was asked
  std::string call;   // of the audit trail's entries; empty if there are none
  // The same from the same person is the same request; empty: never the same.
  std::string key;
};

inline Origin originOf(const catalogue::CallContext& context, const std::string& key) {
  return {context.caller().bare().toString(), context.place(), context.call(), key};
}

}  // namespace muster::commands
