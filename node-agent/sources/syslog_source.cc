#include "node-agent/sources/syslog_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "libcontrol/base/limits.h"
#include "muster/log.h"
#include "node-agent/limits.h"
#include "node-agent/sources/syslog_message.h"

namespace muster::agent {
namespace {

// Read in one go, so that a flood doesn't keep the other sources waiting.
constexpr int kMaxMessages = 1000;
constexpr int kMaxReads = 16;
// Bursts that come while this thread does something else.
constexpr int kReceiveBytes = 4 * 1024 * 1024;

Status failure(const std::string& what) {
  return {Code::kUnavailable, what + ": " + strerror(errno)};
}

}  // namespace

SyslogSource::SyslogSource(const SourceConfig& config, LogIntake& intake, Clock& clock)
    : config_(config), intake_(intake), clock_(clock), buffer_(limits::kMaxLogLineBytes, '\0') {}

SyslogSource::~SyslogSource() {
  if (is_bound_ && config_.listen.kind == SyslogAddress::Kind::kUnix) {
    unlink(config_.listen.host.c_str());
  }
}

Status SyslogSource::start(Poller& poller) {
  poller_ = &poller;
  const bool is_unix = config_.listen.kind == SyslogAddress::Kind::kUnix;
  if (const Status bound = is_unix ? bindUnix() : bindInternet(); !bound) return bound;
  is_bound_ = true;
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof kReceiveBytes);
  const bool is_tcp = config_.listen.kind == SyslogAddress::Kind::kTcp;
  return poller.add(socket_.get(), [this, is_tcp] { is_tcp ? accept() : receive(); });
}

Status SyslogSource::bindUnix() {
  const std::string& path = config_.listen.host;
  socket_ = Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return {Code::kInvalidArgument, path + " is too long for a socket"};
  }
  path.copy(address.sun_path, path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
    const Fd probe(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (connect(probe.get(), generic, sizeof address) == 0) {
      return {Code::kConflict, path + " is in use: another process listens there"};
    }
    unlink(path.c_str());
  }
  if (bind(socket_.get(), generic, sizeof address) != 0) return failure("bind to " + path);
  // Programs of any user log there, as to /dev/log.
  (void)chmod(path.c_str(), 0666);
  return Status::ok();
}

Status SyslogSource::bindInternet() {
  const SyslogAddress& listen_at = config_.listen;
  sockaddr_storage address{};
  socklen_t size = 0;
  auto* four = reinterpret_cast<sockaddr_in*>(&address);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address);
  const auto port = htons(static_cast<uint16_t>(listen_at.port));
  if (inet_pton(AF_INET, listen_at.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = port;
    size = sizeof *four;
  } else if (inet_pton(AF_INET6, listen_at.host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = port;
    size = sizeof *six;
  } else {
    return {Code::kInvalidArgument, listen_at.host + " is no IP address"};
  }
  const bool is_tcp = listen_at.kind == SyslogAddress::Kind::kTcp;
  const int type = is_tcp ? SOCK_STREAM : SOCK_DGRAM;
  socket_ = Fd(socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (is_tcp) setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const std::string where = listen_at.host + " port " + std::to_string(listen_at.port);
  if (bind(socket_.get(), generic, size) != 0) return failure("bind to " + where);
  if (is_tcp && listen(socket_.get(), SOMAXCONN) != 0) return failure("listen at " + where);
  if (getsockname(socket_.get(), generic, &size) == 0) {
    port_ = ntohs(address.ss_family == AF_INET ? four->sin_port : six->sin6_port);
  }
  return Status::ok();
}

void SyslogSource::receive() {
  for (int i = 0; i < kMaxMessages; ++i) {
    const ssize_t got = recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
    if (got < 0) return;
    if (static_cast<size_t>(got) > buffer_.size()) ++counts_.cut;
    add(std::string_view(buffer_).substr(0, static_cast<size_t>(got)));
  }
}

void SyslogSource::accept() {
  for (;;) {
    Fd fd(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.isOpen()) return;
    // More are turned away at once, rather than left waiting.
    if (connections_.size() >= limits::kMaxSyslogConnections) {
      ++counts_.lost;
      continue;
    }
    const int number = fd.get();
    if (!poller_->add(number, [this, number] { readConnection(number); })) continue;
    connections_[number].fd = std::move(fd);
  }
}

void SyslogSource::readConnection(int fd) {
  const auto it = connections_.find(fd);
  if (it == connections_.end()) return;
  const auto use = [this](std::string_view message) { add(message); };
  for (int i = 0; i < kMaxReads; ++i) {
    const ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool is_sound =
        got > 0 &&
        it->second.framing.add(std::string_view(buffer_).substr(0, static_cast<size_t>(got)), use);
    if (is_sound) continue;
    if (got <= 0) it->second.framing.flush(use);
    if (got > 0) {
      logger("agent")->warn("source {}: a sender's messages make no sense; it was cut off",
                            config_.name);
    }
    poller_->remove(fd);
    connections_.erase(it);
    return;
  }
}

void SyslogSource::add(std::string_view message) {
  if (message.empty()) return;
  records::Record record = parseSyslog(message, clock_.wall());
  ++counts_.records;
  intake_.add(toLogRecord(std::move(record), config_));
}

ElapsedTime SyslogSource::tick(ElapsedTime) {
  return ElapsedTime::max();
}

void SyslogSource::finish() {
  if (config_.listen.kind != SyslogAddress::Kind::kTcp) receive();
  for (auto& [fd, connection] : connections_) {
    connection.framing.flush([this](std::string_view message) { add(message); });
  }
}

}  // namespace muster::agent
