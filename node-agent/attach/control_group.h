// Whether any process is left in a control group (cgroups(7)).
#pragma once

#include <filesystem>
#include <string>

namespace muster::agent {

inline constexpr char kControlGroups[] = "/sys/fs/cgroup";

// `path` as systemd tells it, such as "/system.slice/storage.service"; groups within it count. By
// cgroup.events in the unified hierarchy; in older ones by the lists of processes under systemd's
// own. One that is not there is empty, unless `root` has no groups at all: then nobody can say, and
// it counts as not empty.
bool isControlGroupEmpty(const std::string& path,
                         const std::filesystem::path& root = kControlGroups);

}  // namespace muster::agent
