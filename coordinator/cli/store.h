// `muster store verify|export|import FILE`: looks after the coordinator's database. Needs no
// cluster.
#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "coordinator/cli/report.h"

namespace muster::cli {

struct StoreArguments {
  std::string action;  // "verify", "export" or "import"
  std::string file;
};
// An export goes to `out`, an import is read from `in`, to its end.
Exit runStore(bool json, const StoreArguments& arguments, std::istream& in, std::ostream& out);

}  // namespace muster::cli
