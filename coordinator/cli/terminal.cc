#include "coordinator/cli/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <QCoreApplication>
#include <QSocketNotifier>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "coordinator/cli/layout.h"

namespace muster::cli {
namespace {

// A line longer than this is no answer to anything.
constexpr size_t kMaxLineBytes = 64 * 1024;

// Where the handler writes; -1 while nobody catches.
std::atomic<int> signal_pipe{-1};

void onSignal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  // A full pipe has woken the loop already.
  [[maybe_unused]] const ssize_t written = write(signal_pipe.load(), &byte, 1);
  errno = saved;
}

// Takes the echo from the terminal for as long as it lives.
class NoEcho {
 public:
  explicit NoEcho(bool wanted) : on_(wanted && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!on_) return;
    termios without = before_;
    without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &without);
  }
  ~NoEcho() {
    if (on_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  const bool on_;
};

}  // namespace

bool isTerminal(int fd) {
  return isatty(fd) == 1;
}

size_t outputWidth() {
  if (!isTerminal(STDOUT_FILENO)) return kAnyWidth;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool isInteractive() {
  return isTerminal(STDIN_FILENO) && isTerminal(STDOUT_FILENO);
}

bool mayUseColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return isTerminal(STDOUT_FILENO) && (no_colour == nullptr || *no_colour == '\0');
}

struct Signals::State {
  int read_end = -1;
  std::vector<std::pair<int, struct sigaction>> before;
  std::unique_ptr<QSocketNotifier> notifier;
  std::function<void(int)> tell;
  bool interrupted = false;

  void drain() {
    unsigned char number = 0;
    while (read(read_end, &number, 1) == 1) {
      if (number == SIGINT || number == SIGTERM || number == SIGHUP) interrupted = true;
      if (tell) tell(number);
    }
  }
};

Signals::Signals(std::initializer_list<int> numbers, std::function<void(int)> on_signal)
    : state_(std::make_unique<State>()) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return;
  state_->read_end = ends[0];
  state_->tell = std::move(on_signal);
  signal_pipe = ends[1];
  state_->notifier = std::make_unique<QSocketNotifier>(ends[0], QSocketNotifier::Read);
  QObject::connect(state_->notifier.get(), &QSocketNotifier::activated,
                   [state = state_.get()] { state->drain(); });
  for (const int number : numbers) {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = onSignal;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, &before);
    state_->before.emplace_back(number, before);
  }
}

Signals::~Signals() {
  for (const auto& [number, action] : state_->before) sigaction(number, &action, nullptr);
  state_->notifier.reset();
  if (state_->read_end >= 0) {
    close(signal_pipe.exchange(-1));
    close(state_->read_end);
  }
}

bool Signals::isInterrupted() const {
  return state_->interrupted;
}

LineReader::LineReader(const Signals& caught) : signals_(caught) {}
LineReader::~LineReader() = default;

std::optional<std::string> LineReader::read(bool hidden) {
  const NoEcho no_echo(hidden && isTerminal(STDIN_FILENO));
  QSocketNotifier notifier(STDIN_FILENO, QSocketNotifier::Read);
  QObject::connect(&notifier, &QSocketNotifier::activated, [this] {
    char bytes[4096];
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count > 0) buffer_.append(bytes, static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) ended_ = true;
  });
  while (true) {
    if (signals_.isInterrupted()) return std::nullopt;
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (ended_ || buffer_.size() > kMaxLineBytes) return std::nullopt;
    QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
  }
}

}  // namespace muster::cli
