#include "node-agent/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "node-agent/role_environment.h"

extern char** environ;

namespace muster::agent {
namespace {

// All that the child needs between fork and exec, where nothing may be allocated: another thread
// may have held the allocator's lock when this one forked.
struct Plan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int input = -1;
  int output = -1;
  int error = -1;
  int report = -1;
  pid_t parent = 0;
};

std::vector<std::string> environmentOf(const Environment& own) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    const bool replaced =
        std::any_of(own.begin(), own.end(), [&](const auto& set) { return set.first == name; });
    if (!replaced && !isRoleVariable(name)) out.push_back(text);
  }
  for (const auto& [name, value] : own) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void become(const Plan& plan) {
  setpgid(0, 0);
  // An agent that is killed takes the program with it: its successor would start a second one.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.input >= 0) dup2(plan.input, STDIN_FILENO);
  if (plan.output >= 0) dup2(plan.output, STDOUT_FILENO);
  if (plan.error >= 0) dup2(plan.error, STDERR_FILENO);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execvpe(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  const int error = errno;
  (void)!write(plan.report, &error, sizeof error);
  _exit(127);
}

// 0 once exec has closed the pipe, else why it failed.
int awaitExec(const Fd& report) {
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(report.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == sizeof error ? error : 0;
}

Status failure(const std::string& doing) {
  return {Code::kResourceExhausted, doing + ": " + strerror(errno)};
}

}  // namespace

Result<Child> startChild(const ChildSpec& spec) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return failure("pipe");
  const Fd report_in(report[0]);
  Fd report_out(report[1]);
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing.isOpen()) return failure("/dev/null");

  const std::vector<std::string> environment = environmentOf(spec.environment);
  const bool has_both = spec.output >= 0;
  const Plan plan{pointersTo(spec.command),
                  pointersTo(environment),
                  has_both ? nothing.get() : -1,
                  has_both ? spec.output : spec.standard_output,
                  has_both ? spec.output : spec.standard_error,
                  report_out.get(),
                  getpid()};
  const pid_t pid = fork();
  if (pid < 0) return failure("fork");
  if (pid == 0) become(plan);
  setpgid(pid, pid);  // also here: whoever comes first, a signal to the group must find it
  report_out.close();
  // Nobody but us can reap it, so the number is still its own. By system call: the header of glibc
  // 2.36 declares this one without C linkage.
  Child child{pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)))};
  const int opened = errno;
  const int error = child.handle.isOpen() ? awaitExec(report_in) : 0;
  if (child.handle.isOpen() && error == 0) return child;
  if (error == 0) kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  if (error == 0) {
    errno = opened;
    return failure("pidfd_open");
  }
  return Status(Code::kNotFound, "'" + spec.command[0] + "' can't be executed: " + strerror(error));
}

bool hasEnded(const Child& child, siginfo_t& info) {
  info = {};
  const int flags = WEXITED | WNOHANG | WNOWAIT;
  return waitid(P_PIDFD, static_cast<id_t>(child.handle.get()), &info, flags) == 0 &&
         info.si_pid == child.pid;
}

void reap(const Child& child) {
  siginfo_t info{};
  (void)waitid(P_PIDFD, static_cast<id_t>(child.handle.get()), &info, WEXITED | WNOHANG);
}

std::string describeExit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
  return "was ended by signal " + std::to_string(info.si_status) + " (" +
         strsignal(info.si_status) + ")";
}

bool sendSignal(const Fd& handle, int number) {
  return syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0) == 0;
}

}  // namespace muster::agent
