#include "bench/failover/run.h"

#include <arpa/inet.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "coordinator/local/files.h"
#include "coordinator/local/server.h"
#include "libcontrol/base/text.h"

namespace muster::bench {
namespace {

constexpr Duration kLook = Duration::millis(3);
constexpr Duration kGrace = Duration::seconds(5);

std::atomic<bool> was_interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

Status checkIsOnDisk(const std::filesystem::path& folder) {
  struct statfs facts {};
  if (statfs(folder.c_str(), &facts) != 0 || facts.f_type != TMPFS_MAGIC) return Status::ok();
  return {Code::kInvalidArgument,
          folder.string() + " is in memory, where waiting for the disk costs nothing; set TMPDIR " +
              "to a folder on a disk"};
}

}  // namespace

Result<std::unique_ptr<Run>> Run::make() {
  const auto parent = std::filesystem::temp_directory_path();
  if (Status disk = checkIsOnDisk(parent); !disk) return disk;
  std::string path = (parent / "muster-failover-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return local::fileError("make the folder", path, errno);
  auto board = Board::open(std::filesystem::path(path) / "board");
  if (!board) return board.status();
  return std::unique_ptr<Run>(new Run(path, std::move(board).value()));
}

Run::~Run() {
  endAll();
  board_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Result<local::ProcessId> Run::start(const std::string& name, std::vector<std::string> argv) {
  const auto program = local::findExecutable(argv.front());
  if (!program) return Status(Code::kNotFound, argv.front() + " is not installed");
  argv.front() = program->string();
  local::ProcessSpec spec;
  spec.name = name;
  spec.argv = std::move(argv);
  spec.working_dir = folderOf(name);
  spec.log_file = spec.working_dir / "log";
  spec.end_with_parent = true;
  std::error_code ignored;
  std::filesystem::create_directories(spec.working_dir, ignored);
  return local::startProcess(spec, [this](const local::ProcessId& id) {
    const std::lock_guard lock(mutex_);
    processes_.push_back(id);
    return Status::ok();
  });
}

// Until it is waited for nobody else can have its number.
void Run::kill(const local::ProcessId& process) {
  const std::lock_guard lock(mutex_);
  if (std::erase(processes_, process) == 0) return;
  ::kill(process.pid, SIGKILL);
  waitpid(process.pid, nullptr, 0);
}

std::string Run::logOf(const std::string& name) const {
  return "; the end of the log of " + name + ":\n" + local::tailOf(folderOf(name) / "log", 0);
}

void Run::endAll() {
  const std::lock_guard lock(mutex_);
  // One that is stopped would not hear that it is to end.
  for (const local::ProcessId& each : processes_) {
    if (local::isRunning(each)) ::kill(each.pid, SIGCONT);
  }
  local::endProcesses(processes_, kGrace);
  for (const local::ProcessId& each : processes_) waitpid(each.pid, nullptr, WNOHANG);
  processes_.clear();
}

Duration Run::somewhere(Duration most) {
  const std::lock_guard lock(mutex_);
  return {static_cast<int64_t>(random_.below(static_cast<uint64_t>(most.ns)))};
}

void Run::catchSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { was_interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Run::interrupted() {
  return was_interrupted;
}

void plainNap(Duration time) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(time.ns));
}

Status await(const std::string& what, Duration limit, const Nap& nap,
             const std::function<bool()>& done) {
  const int64_t deadline = nowNs() + limit.ns;
  while (!done()) {
    if (Run::interrupted()) return {Code::kUnavailable, "interrupted"};
    if (nowNs() > deadline) {
      return {Code::kTimeout, what + ": not within " + formatDuration(limit)};
    }
    nap(kLook);
  }
  return Status::ok();
}

// Below the range that the kernel hands out by itself, or a client of somebody else could get one
// before its server does.
Result<std::vector<uint16_t>> freePorts(size_t count) {
  constexpr uint16_t kFirst = 20000;
  constexpr uint16_t kCount = 12000;
  static std::mutex mutex;
  static std::vector<uint16_t> given;
  const std::lock_guard lock(mutex);
  SystemRandom random;
  std::vector<uint16_t> out;
  for (int attempt = 0; attempt < 1000 && out.size() < count; ++attempt) {
    const auto port = static_cast<uint16_t>(kFirst + random.below(kCount));
    if (std::find(given.begin(), given.end(), port) != given.end()) continue;
    if (!local::isPortFree(port)) continue;
    given.push_back(port);
    out.push_back(port);
  }
  if (out.size() == count) return out;
  return Status(Code::kUnavailable, "there are no free ports on loopback");
}

}  // namespace muster::bench
