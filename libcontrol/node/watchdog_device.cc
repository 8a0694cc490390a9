#include "libcontrol/node/watchdog_device.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster {
namespace {

std::string reason(int error) {
  switch (error) {
    case ENOENT:
      return "is not there; is its driver loaded (softdog, for one)?";
    case EBUSY:
      return "is used by another process; systemd uses it if RuntimeWatchdogSec is set";
    case EACCES:
    case EPERM:
      return "may not be opened by this process; it has to be able to write to it";
    default:
      return std::string("can't be opened: ") + strerror(error);
  }
}

// What would be missing of a device with these abilities; empty: nothing.
std::string lacking(uint32_t options) {
  if ((options & WDIOF_ALARMONLY) != 0) return "raises an alarm, but doesn't reset the machine";
  if ((options & WDIOF_SETTIMEOUT) == 0) return "can't have its timeout set";
  if ((options & WDIOF_KEEPALIVEPING) == 0) return "can't be fed by WDIOC_KEEPALIVE";
  // Without it the watchdog stops when a process that holds it is killed.
  if ((options & WDIOF_MAGICCLOSE) == 0) return "is disarmed by any close of its file";
  return "";
}

class LinuxWatchdog : public WatchdogDevice {
 public:
  explicit LinuxWatchdog(std::filesystem::path path) : path_(std::move(path)) {}
  // Without the magic character: whoever has not disarmed it means it to count on.
  ~LinuxWatchdog() override {
    if (isOpen()) ::close(fd_);
  }

  bool isOpen() const override { return fd_ >= 0; }

  Status open() override {
    // Not blocking: a pipe of that name would.
    fd_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd_ < 0) return {Code::kUnavailable, name() + " " + reason(errno)};
    watchdog_info info{};
    if (ioctl(fd_, WDIOC_GETSUPPORT, &info) != 0) {
      const std::string why = strerror(errno);
      ::close(std::exchange(fd_, -1));
      return {Code::kUnavailable, name() + " is not a watchdog (WDIOC_GETSUPPORT: " + why + ")"};
    }
    const auto* identity = reinterpret_cast<const char*>(info.identity);
    identity_ = singleLine(std::string_view(identity, strnlen(identity, sizeof info.identity)),
                           limits::kMaxWatchdogNameBytes);
    const std::string lacks = lacking(info.options);
    if (lacks.empty()) return Status::ok();
    const Status unusable(Code::kUnavailable, name() + " " + lacks);
    // Opened means started, so it has to be stopped again; what can't be is at least said.
    const Status stopped = disarm();
    if (stopped) return unusable;
    ::close(std::exchange(fd_, -1));
    return {Code::kUnavailable, unusable.text() + "; " + stopped.text()};
  }

  Result<int> setTimeout(int seconds) override {
    int taken = seconds;
    if (ioctl(fd_, WDIOC_SETTIMEOUT, &taken) != 0) {
      return problem("takes no timeout of " + std::to_string(seconds) + " s");
    }
    return taken;
  }

  Result<int> timeout() override {
    int seconds = 0;
    if (ioctl(fd_, WDIOC_GETTIMEOUT, &seconds) != 0) return problem("doesn't tell its timeout");
    return seconds;
  }

  Status feed() override {
    int unused = 0;
    if (ioctl(fd_, WDIOC_KEEPALIVE, &unused) != 0) return problem("can't be fed");
    return Status::ok();
  }

  // Asked to stop first, while its file is open: a driver that is told never to stop (nowayout)
  // says so here, but not at the close. One that doesn't know the question stops at the close.
  Status disarm() override {
    int stop = WDIOS_DISABLECARD;
    if (ioctl(fd_, WDIOC_SETOPTIONS, &stop) != 0 && errno == EBUSY) {
      return problem("can't be disarmed, since its driver forbids it (nowayout)");
    }
    const ssize_t written = write(fd_, "V", 1);
    if (written != 1) return problem("can't be disarmed");
    ::close(std::exchange(fd_, -1));
    return Status::ok();
  }

  std::string name() const override {
    const std::string path = singleLine(path_.string(), limits::kMaxArgumentBytes);
    return identity_.empty() ? path : path + " (" + identity_ + ")";
  }

 private:
  Status problem(const std::string& what) const {
    return {Code::kUnavailable, name() + " " + what + ": " + strerror(errno)};
  }

  const std::filesystem::path path_;
  int fd_ = -1;
  std::string identity_;
};

}  // namespace

std::unique_ptr<WatchdogDevice> makeLinuxWatchdog(const std::filesystem::path& path) {
  return std::make_unique<LinuxWatchdog>(path);
}

}  // namespace muster
