#include "bench/failover/told.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

namespace muster::bench {
namespace {

// More than all members say in several rounds.
constexpr size_t kKept = 4096;
constexpr size_t kMaxLine = 256;
constexpr std::string_view kEnd = "end";

sockaddr_un addressOf(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

}  // namespace

int64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

Teller::Teller(const std::filesystem::path& board, std::string who)
    : who_(std::move(who)), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = addressOf(board);
  (void)connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Teller::~Teller() {
  close(fd_);
}

void Teller::tell(std::string_view what, int64_t at_ns, int64_t number) const {
  std::ostringstream line;
  line << who_ << ' ' << what << ' ' << at_ns << ' ' << number;
  const std::string text = line.str();
  (void)send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Teller::tellActive() const {
  tell("active", nowNs(), getpid());
}

Result<std::unique_ptr<Board>> Board::open(const std::filesystem::path& path) {
  const sockaddr_un address = addressOf(path);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (path.native().size() >= sizeof address.sun_path ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const std::string why = strerror(errno);
    close(fd);
    return Status(Code::kInternal, "cannot make the socket " + path.string() + ": " + why);
  }
  return std::unique_ptr<Board>(new Board(path, fd));
}

Board::Board(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {
  thread_ = std::thread([this] { read(); });
}

Board::~Board() {
  {
    const Teller last(path_, "board");
    last.tell(kEnd, 0);
  }
  thread_.join();
  close(fd_);
}

void Board::read() {
  std::array<char, kMaxLine> buffer{};
  while (true) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno != EINTR) return;
    if (got <= 0) continue;
    std::istringstream line(std::string(buffer.data(), static_cast<size_t>(got)));
    Told told;
    if (!(line >> told.who >> told.what >> told.at_ns >> told.number)) continue;
    if (told.what == kEnd) return;
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(told));
    if (told_.size() > kKept) told_.pop_front();
  }
}

std::optional<Told> Board::latest(std::string_view who, std::string_view what) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(told_.rbegin(), told_.rend(), [&](const Told& told) {
    return told.who.starts_with(who) && told.what == what;
  });
  return found == told_.rend() ? std::nullopt : std::optional(*found);
}

std::optional<Told> Board::firstSince(std::string_view who, std::string_view what,
                                      int64_t ns) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(told_.begin(), told_.end(), [&](const Told& told) {
    return told.at_ns >= ns && told.who.starts_with(who) && told.what == what;
  });
  return found == told_.end() ? std::nullopt : std::optional(*found);
}

}  // namespace muster::bench
