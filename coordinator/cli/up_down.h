// `muster up` and `muster down`: a private cluster on this machine.
#pragma once

#include <optional>
#include <string>

#include "coordinator/cli/report.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

struct UpArguments {
  std::string dir;
  std::optional<int> nodes;
  std::string lease_ttl;  // empty: not said
  std::string window;     // likewise
  std::optional<int> level_floor;
  std::string store;  // "sqlite", "etcd", or empty: not said
  std::optional<int> coordinators;
  std::optional<int> etcd_members;
  bool detach = false;
};

// Returns when the cluster is ready (detached) or has been ended again.
Exit runUp(bool json, const catalogue::Catalogue& cluster, const UpArguments& arguments);
Exit runDown(bool json, const std::string& dir);

}  // namespace muster::cli
