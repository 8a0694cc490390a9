#include "examples/ledger/line_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;

// With more than this still to be sent, a client's further requests wait.
constexpr size_t kMaxWaiting = 64 * 1024;

Status systemFailure(const std::string& doing) {
  return {Code::kUnavailable, "cannot " + doing + ": " + std::strerror(errno)};
}

bool wouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

Result<std::unique_ptr<LineServer>> LineServer::listen(const std::string& host, uint16_t port,
                                                       size_t max_line_bytes) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (listener < 0 || wake < 0) return systemFailure("make a socket");
  std::unique_ptr<LineServer> server(new LineServer(listener, wake, max_line_bytes));
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Status(Code::kInvalidArgument, host + " is no IPv4 address", "listen");
  }
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 64) != 0 ||
      ::getsockname(listener, generic, &size) != 0) {
    return systemFailure("listen on " + host + ":" + std::to_string(port));
  }
  server->port_ = ntohs(address.sin_port);
  return server;
}

LineServer::LineServer(int listener, int wake, size_t max_line_bytes)
    : listener_(listener), wake_(wake), max_line_bytes_(max_line_bytes) {}

LineServer::~LineServer() {
  for (const auto& [fd, connection] : connections_) ::close(fd);
  ::close(listener_);
  ::close(wake_);
}

void LineServer::stop() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void LineServer::run(const Handler& handler, const std::function<void()>& tick) {
  auto next_tick = std::chrono::steady_clock::now();
  std::vector<pollfd> polled;
  while (true) {
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
      next_tick = now + std::chrono::seconds(1);
      tick();
      closeIdle();
    }
    polled.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    for (const auto& [fd, connection] : connections_) {
      const bool waiting = connection.out.size() > 0;
      const bool reading = !connection.closing && connection.out.size() <= kMaxWaiting;
      polled.push_back(
          {fd, static_cast<short>((waiting ? POLLOUT : 0) | (reading ? POLLIN : 0)), 0});
    }
    if (::poll(polled.data(), polled.size(), 1000) < 0) continue;  // EINTR
    if (polled[0].revents != 0) return;
    for (size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const int fd = polled[i].fd;
      const bool readable = (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      if (!serve(fd, connections_.at(fd), readable, handler)) {
        ::close(fd);
        connections_.erase(fd);
      }
    }
    if (polled[1].revents != 0) acceptAll();
  }
}

void LineServer::acceptAll() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() >= kMaxConnections) {
      static constexpr char kFull[] =
          "error busy there are too many connections; try again later\n";
      ::send(fd, kFull, sizeof kFull - 1, MSG_NOSIGNAL);
      ::close(fd);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_[fd].last_used = std::chrono::steady_clock::now();
  }
}

// False when the connection is over.
bool LineServer::serve(int fd, Connection& connection, bool readable, const Handler& handler) {
  if (readable && !connection.closing && !receive(fd, connection)) return false;
  while (true) {
    const size_t before = connection.in.size();
    answerLines(connection, handler);
    if (!send(fd, connection)) return false;
    if (!connection.out.empty()) return true;  // goes on when the client has read
    if (connection.closing) return false;
    // Lines that had to wait for their predecessors' replies are not announced by poll() again.
    if (connection.in.size() == before) return true;
  }
}

bool LineServer::receive(int fd, Connection& connection) {
  char chunk[8192];
  const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
  if (got < 0) return wouldBlock() || errno == EINTR;
  if (got == 0) return false;
  connection.last_used = std::chrono::steady_clock::now();
  connection.in.append(chunk, static_cast<size_t>(got));
  return true;
}

void LineServer::answerLines(Connection& connection, const Handler& handler) {
  size_t start = 0;
  while (!connection.closing && connection.out.size() <= kMaxWaiting) {
    const size_t end = connection.in.find('\n', start);
    if (std::min(end, connection.in.size()) - start > max_line_bytes_) {
      connection.out +=
          "error bad-request a line has at most " + std::to_string(max_line_bytes_) + " bytes\n";
      connection.closing = true;
      break;
    }
    if (end == std::string::npos) break;
    const std::string reply = handler(connection.in.substr(start, end - start));
    connection.closing = reply.empty();
    connection.out += reply;
    start = end + 1;
  }
  connection.in.erase(0, start);
}

bool LineServer::send(int fd, Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t sent =
        ::send(fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return wouldBlock();
    connection.out.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

void LineServer::closeIdle() {
  const auto oldest = std::chrono::steady_clock::now() - kMaxIdle;
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (at->second.last_used >= oldest) {
      ++at;
      continue;
    }
    ::close(at->first);
    at = connections_.erase(at);
  }
}

Status writePortFile(const std::string& file, uint16_t port) {
  const std::string fresh = file + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << port << "\n";
    if (!out.flush()) return systemFailure("write " + fresh);
  }
  if (std::rename(fresh.c_str(), file.c_str()) != 0) return systemFailure("replace " + file);
  return Status::ok();
}

}  // namespace ledger
