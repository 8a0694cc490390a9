#include "node-agent/sources/source.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace muster::agent {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Status Poller::add(int fd, std::function<void()> ready) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return {Code::kResourceExhausted, std::string("epoll: ") + strerror(errno)};
  }
  ready_[fd] = std::move(ready);
  return Status::ok();
}

void Poller::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  ready_.erase(fd);
}

void Poller::wait(Duration at_most) {
  std::array<epoll_event, 32> events;
  // Rounded up: what is due in half a millisecond must not be waited for in a busy loop.
  const int64_t ms = std::clamp<int64_t>((at_most.ns + 999'999) / 1'000'000, 0, 60'000);
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               static_cast<int>(ms));
  for (int i = 0; i < count; ++i) {
    const auto it = ready_.find(events[static_cast<size_t>(i)].data.fd);
    // A callback before it may have removed it; and it may remove itself.
    if (it == ready_.end()) continue;
    const auto ready = it->second;
    ready();
  }
}

LogRecord toLogRecord(records::Record record, const SourceConfig& config) {
  LogRecord out;
  out.at = std::chrono::system_clock::time_point(std::chrono::milliseconds(record.at.unix_ms));
  out.level = static_cast<LogLevel>(record.level);
  if (record.logger.empty()) {
    out.logger = config.logger.empty() ? config.name : config.logger;
  } else if (config.prefix.empty()) {
    out.logger = std::move(record.logger);
  } else {
    out.logger = config.prefix + "." + record.logger;
  }
  out.text = std::move(record.text);
  return out;
}

}  // namespace muster::agent
