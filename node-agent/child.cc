#include "node-agent/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace muster::agent {

std::string describeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return "was ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
}

Result<pid_t> startChild(const std::vector<std::string>& command) {
  // The child tells through this pipe why exec failed; exec closes it when it succeeds.
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    return Status(Code::kInternal, std::string("pipe: ") + strerror(errno));
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    close(report[0]);
    close(report[1]);
    return Status(Code::kResourceExhausted, std::string("fork: ") + strerror(errno));
  }
  if (pid == 0) {
    setpgid(0, 0);
    // An agent that is killed takes the program with it: its successor would start a second one.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(arguments[0], arguments.data());
    const int error = errno;
    (void)!write(report[1], &error, sizeof error);
    _exit(127);
  }
  setpgid(pid, pid);  // also here: whoever comes first, a signal to the group must find it
  close(report[1]);
  int error = 0;
  const bool failed = read(report[0], &error, sizeof error) == sizeof error;
  close(report[0]);
  if (!failed) return pid;
  waitpid(pid, nullptr, 0);
  return Status(Code::kNotFound, "'" + command[0] + "' can't be executed: " + strerror(error));
}

}  // namespace muster::agent
