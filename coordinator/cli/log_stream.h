// `muster logs` and `muster tail`: lines as they come, page after page, without an end if need be.
#pragma once

#include <google/protobuf/message.h>

#include "coordinator/cli/client.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

struct LogStreamFlags {
  bool follow = false;  // goes on with what is new until Ctrl-C
  bool all = false;     // every line that matches, in as many pages as it takes
};

// Whether that command's answers are printed by streamLogs().
bool isLogStream(const catalogue::Command& command);

// Prints a line for each record: with its time, node, level and logger, as a JSON object, or, raw,
// the text alone. `request` is one of the logs commands; of `tail` it is the wish, and what is new
// is printed here instead of being sent as messages. Who did not answer is named on standard error.
// Exits: as any command; after Ctrl-C or the time of a tail with kDone.
Exit streamLogs(const Settings& settings, const LogStreamFlags& flags, Client& client,
                const Jid& to, const catalogue::Command& logs,
                const google::protobuf::Message& request);

}  // namespace muster::cli
