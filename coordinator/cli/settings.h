// What the command line says besides the verb and its arguments.
#pragma once

#include <optional>
#include <string>

#include "coordinator/cli/client.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

struct Settings {
  std::string cluster;  // a folder made by `muster up`
  std::string as = "operator";
  std::string jid;
  std::string password_file;
  std::string host;
  int port = 0;
  std::string ca_file;
  std::string coordinator;
  std::string at;  // a node's name or JID
  std::string output = "table";
  std::string timeout;  // a duration; empty: 30 s, or 120 s with --wait
};

// The login that they amount to; kInvalidArgument names the option that is missing or wrong.
Result<Login> loginFrom(const Settings& settings);

// The exit codes of the CLI.
enum class Exit {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotAuthorised = 3,
  kUnreachable = 4,  // or timed out
  kRefusedUnsafe = 5,
};
Exit exitFor(const Status& status);

}  // namespace muster::cli
