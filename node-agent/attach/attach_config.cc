#include "node-agent/attach/attach_config.h"

#include <algorithm>
#include <cctype>

#include "libcontrol/base/text.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

bool isServiceName(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view(":-_.\\@").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return name.ends_with(".service") && name.size() > 8 && name.size() <= limits::kMaxUnitName &&
         !name.starts_with('@') && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

AttachConfig readAttach(ConfigTable& table) {
  AttachConfig config;
  config.unit = table.string("unit");
  config.pid_file = table.path("pid_file").string();
  if (config.unit.empty() == config.pid_file.empty()) {
    table.fail("unit", "or pid_file has to say what to watch, and only one of them");
  } else if (!config.unit.empty() && !isServiceName(config.unit)) {
    table.fail("unit", "must be the name of a service, such as \"storage.service\", not '" +
                           singleLine(config.unit, 80) + "'");
  }
  return config;
}

}  // namespace muster::agent
