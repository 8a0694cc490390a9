#include "node-agent/probes/probe_check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "libcontrol/base/text.h"
#include "node-agent/fd.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address addressOf(const TcpProbe& probe) {
  Address out;
  if (!probe.path.empty()) {
    auto& address = reinterpret_cast<sockaddr_un&>(out.storage);
    address.sun_family = AF_UNIX;
    probe.path.copy(address.sun_path, sizeof address.sun_path - 1);
    out.size = sizeof address;
    return out;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  if (inet_pton(AF_INET, probe.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(probe.port));
    out.size = sizeof v4;
    return out;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  (void)inet_pton(AF_INET6, probe.address.c_str(), &v6.sin6_addr);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(probe.port));
  out.size = sizeof v6;
  return out;
}

Status failed(const std::string& what) {
  return {Code::kUnavailable, what};
}

// Until when something may be waited for at a socket.
class Wait {
 public:
  explicit Wait(Duration timeout)
      : clock_(SystemClock::forHolder()), until_(clock_.elapsed() + timeout) {}
  bool forEvent(int fd, short events) const {
    for (;;) {
      const int64_t left_ms = (until_ - clock_.elapsed()).toMillis();
      if (left_ms <= 0) return false;
      pollfd watched{fd, events, 0};
      const int got = poll(&watched, 1, static_cast<int>(left_ms));
      if (got > 0) return true;
      if (got < 0 && errno != EINTR) return false;
    }
  }

 private:
  SystemClock& clock_;
  const ElapsedTime until_;
};

Status connectTo(int fd, const Address& address, const Wait& wait) {
  const auto* to = reinterpret_cast<const sockaddr*>(&address.storage);
  if (connect(fd, to, address.size) == 0) return Status::ok();
  if (errno != EINPROGRESS) return failed(std::string("no connection: ") + strerror(errno));
  if (!wait.forEvent(fd, POLLOUT)) return failed("no connection in time");
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Status::ok() : failed(std::string("no connection: ") + strerror(error));
}

Status sendAll(int fd, const std::string& text, const Wait& wait) {
  for (size_t at = 0; at < text.size();) {
    if (!wait.forEvent(fd, POLLOUT)) return failed("what is to be sent was not taken in time");
    const ssize_t sent = send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (sent <= 0) return failed(std::string("sending failed: ") + strerror(errno));
    at += static_cast<size_t>(sent);
  }
  return Status::ok();
}

Status awaitText(int fd, const std::string& expected, const Wait& wait) {
  std::string got;
  while (got.find(expected) == std::string::npos) {
    if (got.size() >= limits::kMaxProbeBytes) return failed("what was expected did not come");
    if (!wait.forEvent(fd, POLLIN)) {
      return failed("what was expected did not come in time, but '" + singleLine(got, 80) + "'");
    }
    char buffer[4096];
    const ssize_t read = recv(fd, buffer, sizeof buffer, 0);
    if (read < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (read <= 0) {
      return failed("closed before what was expected came, after '" + singleLine(got, 80) + "'");
    }
    got.append(buffer, static_cast<size_t>(read));
  }
  return Status::ok();
}

}  // namespace

Status checkTcp(const TcpProbe& probe, Duration timeout) {
  const Address address = addressOf(probe);
  const Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.isOpen()) return failed(std::string("no socket: ") + strerror(errno));
  const Wait wait(timeout);
  if (Status connected = connectTo(fd.get(), address, wait); !connected) return connected;
  if (Status sent = sendAll(fd.get(), probe.send, wait); !sent) return sent;
  return probe.expect.empty() ? Status::ok() : awaitText(fd.get(), probe.expect, wait);
}

Status judge(const HttpProbe& probe, const HttpAnswer& answer) {
  const bool expected =
      std::any_of(probe.status.begin(), probe.status.end(), [&](const auto& range) {
        return answer.status >= range.first && answer.status <= range.second;
      });
  if (!expected) return failed("answered " + std::to_string(answer.status));
  if (probe.max_latency > Duration{} && answer.took > probe.max_latency) {
    return failed("took " + std::to_string(answer.took.toMillis()) + " ms, more than " +
                  formatDuration(probe.max_latency));
  }
  if (probe.body != nullptr && !RE2::PartialMatch(answer.body, *probe.body)) {
    return failed("the body does not match: '" + singleLine(answer.body, 80) + "'");
  }
  return Status::ok();
}

Status checkHttp(const HttpProbe& probe) {
  const auto answer = sendHttp(probe.request);
  return answer ? judge(probe, *answer) : answer.status();
}

}  // namespace muster::agent
