#include "node-agent/run_kept.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "node-agent/keeper/keeper.h"
#include "node-agent/process_tree.h"

namespace muster::agent {
namespace {

// There is no log yet.
int fail(const std::string& text) {
  std::cerr << "muster-agent: " << text << std::endl;
  return 1;
}

// Returns only if it fails.
void turnInto(const std::string& keeper, const std::vector<std::string>& arguments, pid_t inner,
              const Fd& memory) {
  std::vector<std::string> words = {"muster-agent", std::to_string(inner),
                                    std::to_string(memory.get())};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  fcntl(memory.get(), F_SETFD, 0);
  execv(keeper.c_str(), pointers.data());
}

}  // namespace

std::string keeperProgram() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "muster-keeper").string();
}

int runKept(const std::string& keeper, const std::vector<std::string>& arguments,
            const std::function<int(LeaseWatch&)>& inner) {
  if (access(keeper.c_str(), X_OK) != 0) {
    return fail(keeper + ", a part of muster-agent, can't be run: " + strerror(errno));
  }
  const auto memory = LeaseWatch::makeMemory();
  if (!memory) return fail(memory.status().text());
  const auto watch = LeaseWatch::in(*memory);
  if (!watch) return fail(watch.status().text());
  if (const Status prepared = prepareToKeep(); !prepared) return fail(prepared.text());
  const pid_t outer = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(std::string("fork: ") + strerror(errno));
  if (pid == 0) {
    // Its own group: a terminal's signals reach the keeper alone, which passes them on once.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != outer) return 1;
    if (const Status status = becomeSubreaper(); !status) return fail(status.text());
    return inner(**watch);
  }
  setpgid(pid, pid);
  turnInto(keeper, arguments, pid, *memory);
  // The inner process is told by the end of this one.
  return fail(keeper + " can't be run: " + strerror(errno));
}

}  // namespace muster::agent
