// What the tests with real processes share: a folder for what they write, and waiting for facts.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "node-agent/process_tree.h"

namespace muster::agent::test {

class ScratchFolder {
 public:
  ScratchFolder() {
    char name[] = "/tmp/muster-agent-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string read(const std::string& name) const {
    std::ifstream in(path_ / name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  // The process id that a script has written there; 0 if there is none yet.
  pid_t pid(const std::string& name) const {
    const std::string text = read(name);
    return text.empty() || text.back() != '\n' ? 0 : static_cast<pid_t>(std::atoi(text.c_str()));
  }
  // An executable shell script of that name.
  std::string script(const std::string& name, const std::string& body) const {
    std::ofstream(path_ / name) << "#!/bin/sh\ncd " << path_.string() << "\n" << body << "\n";
    std::filesystem::permissions(path_ / name, std::filesystem::perms::owner_all);
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

// Nothing here takes longer than this, even on a busy machine.
inline bool eventually(const std::function<bool()>& fact) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!fact()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// A process that has ended but that nobody has asked about does not run.
inline bool isRunning(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return false;
  const ProcessEntry entry = parseStat(line);
  return entry.pid == pid && entry.state != 'Z' && entry.state != 'X';
}

// Leaves its parent, session and process group, writes its pid to the file and stays. It ignores
// every signal that can be ignored.
inline std::string daemonised(const std::string& pid_file) {
  return "setsid sh -c 'trap \"\" TERM HUP INT; (trap \"\" TERM HUP INT; sh -c \"echo \\$PPID\" "
         "> " +
         pid_file + ".new; mv " + pid_file + ".new " + pid_file + "; exec sleep 1000) & exit 0' & ";
}

}  // namespace muster::agent::test
