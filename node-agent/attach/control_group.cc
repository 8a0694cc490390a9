#include "node-agent/attach/control_group.h"

#include <fstream>
#include <string_view>

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

// Of a folder and of those within it.
bool listsProcess(const fs::path& folder) {
  std::string line;
  std::ifstream own(folder / "cgroup.procs");
  if (std::getline(own, line) && !line.empty()) return true;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (entry.path().filename() != "cgroup.procs") continue;
    std::ifstream in(entry.path());
    if (std::getline(in, line) && !line.empty()) return true;
  }
  return false;
}

}  // namespace

bool isControlGroupEmpty(const std::string& path, const fs::path& root) {
  if (path.empty() || path == "/") return path.empty();
  std::error_code error;
  const bool unified = fs::exists(root / "cgroup.controllers", error);
  const fs::path hierarchy = unified ? root : root / "systemd";
  if (!fs::is_directory(hierarchy, error)) return false;
  const fs::path folder = hierarchy / path.substr(1);
  if (!fs::exists(folder, error)) return !error;
  if (!unified) return !listsProcess(folder);
  std::ifstream events(folder / "cgroup.events");
  for (std::string line; std::getline(events, line);) {
    if (line == "populated 0") return true;
  }
  // It may have been removed between the two.
  return !fs::exists(folder, error) && !error;
}

}  // namespace muster::agent
