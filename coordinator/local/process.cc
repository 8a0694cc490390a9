#include "coordinator/local/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "coordinator/local/files.h"

namespace muster::local {
namespace {

// A file descriptor closed with its scope.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Stat {
  char state = 0;
  uint64_t start_ticks = 0;
};

std::optional<Stat> readStat(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  // The second field, the name, may hold blanks and parentheses: count from its last one.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  Stat stat;
  fields >> stat.state;  // field 3
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

// By system call: the header of glibc 2.36 declares these two without C linkage.
int openPidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}
bool sendSignal(int pidfd, int number) {
  return syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0;
}

// A handle that cannot come to mean another process; -1 if this very one is gone.
Fd openProcess(const ProcessId& process) {
  if (!process.isSet()) return Fd(-1);
  Fd fd(openPidfd(process.pid));
  if (fd.get() >= 0 && !isRunning(process)) fd.close();
  return fd;
}

bool waitForEnd(int pidfd, ElapsedTime deadline) {
  while (true) {
    const Duration left = deadline - SystemClock::forHolder().elapsed();
    struct pollfd entry = {pidfd, POLLIN, 0};
    const int wait_ms = static_cast<int>(std::clamp<int64_t>(left.toMillis(), 0, 60'000));
    const int ready = poll(&entry, 1, wait_ms);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (left <= Duration{}) return false;
  }
}

// What the child needs, laid out before fork(): between fork() and exec() nothing may allocate,
// because another thread may have held the allocator's lock.
struct ChildPlan {
  std::vector<char*> argv;
  const char* working_dir = nullptr;
  const User* user = nullptr;
  bool end_with_parent = false;
  int stdin_fd = -1;
  int log_fd = -1;
  int go_fd = -1;     // one byte: run
  int error_fd = -1;  // closed by exec(), or gets the failure
};

struct ChildFailure {
  int step = 0;  // an index of kSteps
  int error_number = 0;
};
constexpr const char* kSteps[] = {"entering the folder", "changing the user", "executing"};

[[noreturn]] void fail(const ChildPlan& plan, int step) {
  const ChildFailure failure = {step, errno};
  const auto written = write(plan.error_fd, &failure, sizeof failure);
  _exit(written == sizeof failure ? 127 : 126);
}

void resetSignals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void runChild(const ChildPlan& plan) {
  setsid();
  resetSignals();
  umask(077);
  dup2(plan.stdin_fd, 0);
  dup2(plan.log_fd, 1);
  dup2(plan.log_fd, 2);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.user != nullptr) {
    const User& user = *plan.user;
    if (setgroups(user.groups.size(), user.groups.data()) != 0 || setgid(user.gid) != 0 ||
        setuid(user.uid) != 0) {
      fail(plan, 1);
    }
  }
  // After the user change, which clears it.
  if (plan.end_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  char go = 0;
  while (true) {
    const auto got = read(plan.go_fd, &go, 1);
    if (got == 1) break;
    if (got < 0 && errno == EINTR) continue;
    _exit(125);  // the parent is gone or could not put us on record
  }
  if (chdir(plan.working_dir) != 0) fail(plan, 0);
  execv(plan.argv[0], plan.argv.data());
  fail(plan, 2);
}

struct Pipe {
  Fd read_end;
  Fd write_end;
};
std::optional<Pipe> makePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

Status cannotStart(const ProcessSpec& spec, const std::string& why) {
  return {Code::kInternal, "cannot start " + spec.name + ": " + why};
}

// Waits for exec() to close the pipe, or reads why it did not come to that.
std::optional<ChildFailure> awaitExec(int fd) {
  ChildFailure failure;
  while (true) {
    const auto got = read(fd, &failure, sizeof failure);
    if (got == sizeof failure) return failure;
    if (got < 0 && errno == EINTR) continue;
    return std::nullopt;
  }
}

void reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string describe(int wait_status) {
  if (WIFEXITED(wait_status)) {
    return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
  }
  return "was ended by signal " + std::to_string(WTERMSIG(wait_status));
}

}  // namespace

std::string bootId() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

std::optional<ProcessId> identify(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  const auto stat = readStat(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return ProcessId{pid, stat->start_ticks};
}

bool isRunning(const ProcessId& process) {
  return process.isSet() && identify(process.pid) == process;
}

std::optional<User> findUser(const std::string& name) {
  std::vector<char> buffer(16384);
  struct passwd entry;
  struct passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) {
    return std::nullopt;
  }
  User user{name, entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(user.groups.size());
  if (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));
    getgrouplist(name.c_str(), user.gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

bool canEnter(const User& user, const std::filesystem::path& folder) {
  // Asking the kernel as that user accounts for groups, ACLs and mounts alike.
  const pid_t pid = fork();
  if (pid == 0) {
    const bool changed = setgroups(user.groups.size(), user.groups.data()) == 0 &&
                         setgid(user.gid) == 0 && setuid(user.uid) == 0;
    _exit(changed && access(folder.c_str(), X_OK) == 0 ? 0 : 1);
  }
  if (pid < 0) return false;
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
}

std::optional<std::filesystem::path> findExecutable(const std::string& name) {
  const auto usable = [](const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (usable(name)) return std::filesystem::absolute(name);
    return std::nullopt;
  }
  const char* path = getenv("PATH");
  std::istringstream folders(std::string(path ? path : "") + ":/usr/bin:/usr/sbin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (folder.empty() || folder[0] != '/') continue;  // the daemons run in another folder
    if (usable(std::filesystem::path(folder) / name)) return std::filesystem::path(folder) / name;
  }
  return std::nullopt;
}

std::filesystem::path ownFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

Result<ProcessId> startProcess(const ProcessSpec& spec,
                               const std::function<Status(const ProcessId&)>& record) {
  const Fd null_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd log_fd(
      open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (log_fd.get() < 0) return fileError("opening", spec.log_file, errno);
  auto go = makePipe();
  auto error = makePipe();
  if (null_fd.get() < 0 || !go || !error) return cannotStart(spec, strerror(errno));

  ChildPlan plan;
  for (const std::string& arg : spec.argv) plan.argv.push_back(const_cast<char*>(arg.c_str()));
  plan.argv.push_back(nullptr);
  plan.working_dir = spec.working_dir.c_str();
  plan.user = spec.user ? &*spec.user : nullptr;
  plan.end_with_parent = spec.end_with_parent;
  plan.stdin_fd = null_fd.get();
  plan.log_fd = log_fd.get();
  plan.go_fd = go->read_end.get();
  plan.error_fd = error->write_end.get();
  // The child must see the end of this pipe when we are gone, so it may not hold our end.
  const int our_go_fd = go->write_end.get();
  const pid_t pid = fork();
  if (pid < 0) return cannotStart(spec, strerror(errno));
  if (pid == 0) {
    close(our_go_fd);
    runChild(plan);
  }
  error->write_end.close();

  // Our child cannot be reaped by anyone else, so this is it.
  const auto id = identify(pid);
  const Status recorded =
      id ? record(*id) : cannotStart(spec, "it ended before it could be put on record");
  if (!recorded) {
    go->write_end.close();
    reap(pid);
    return recorded;
  }
  const auto sent = write(go->write_end.get(), "", 1);
  const auto failure = awaitExec(error->read_end.get());
  if (sent == 1 && !failure) return *id;
  go->write_end.close();
  reap(pid);
  if (!failure) return cannotStart(spec, "it ended before it could be executed");
  return cannotStart(spec, std::string(kSteps[failure->step]) + " (" + spec.argv[0] +
                               "): " + strerror(failure->error_number));
}

Status runToEnd(const ProcessSpec& spec, Duration limit) {
  const size_t log_start = sizeOf(spec.log_file);
  const auto id = startProcess(spec, [](const ProcessId&) { return Status::ok(); });
  if (!id) return id.status();
  const Fd handle(openPidfd(id->pid));
  if (handle.get() < 0) return cannotStart(spec, strerror(errno));
  const bool in_time = waitForEnd(handle.get(), SystemClock::forHolder().elapsed() + limit);
  if (!in_time) sendSignal(handle.get(), SIGKILL);
  int wait_status = 0;
  while (waitpid(id->pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (in_time && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return Status::ok();
  return {Code::kInternal,
          spec.name +
              (in_time ? " " + describe(wait_status) : std::string(" did not end in time")) +
              "; it wrote:\n" + tailOf(spec.log_file, log_start)};
}

std::string reapAndDescribe(const ProcessId& process) {
  int wait_status = 0;
  if (process.isSet() && waitpid(process.pid, &wait_status, WNOHANG) == process.pid) {
    return describe(wait_status);
  }
  return "ended";
}

std::vector<Ending> endProcesses(const std::vector<ProcessId>& processes, Duration grace) {
  std::vector<Ending> endings(processes.size(), Ending::kWasNotRunning);
  std::vector<Fd> handles;
  for (size_t i = 0; i < processes.size(); ++i) {
    handles.push_back(openProcess(processes[i]));
    if (handles[i].get() < 0) continue;
    const bool sent = sendSignal(handles[i].get(), SIGTERM);
    endings[i] = sent ? Ending::kTerminated : Ending::kStillRunning;
  }
  const ElapsedTime deadline = SystemClock::forHolder().elapsed() + grace;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (endings[i] != Ending::kTerminated || waitForEnd(handles[i].get(), deadline)) continue;
    sendSignal(handles[i].get(), SIGKILL);
    endings[i] = Ending::kKilled;
  }
  // SIGKILL is not heeded by a process that hangs in the kernel; nobody waits for that for ever.
  const ElapsedTime last = SystemClock::forHolder().elapsed() + Duration::seconds(5);
  for (size_t i = 0; i < processes.size(); ++i) {
    if (endings[i] == Ending::kWasNotRunning || endings[i] == Ending::kStillRunning) continue;
    if (!waitForEnd(handles[i].get(), last)) endings[i] = Ending::kStillRunning;
    waitpid(processes[i].pid, nullptr, WNOHANG);  // only does something if it was our child
  }
  return endings;
}

}  // namespace muster::local
