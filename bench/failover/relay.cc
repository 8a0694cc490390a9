#include "bench/failover/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "bench/loopback.h"

namespace muster::bench {
namespace {

void sendAtOnce(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start(uint16_t target_port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const int waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener, 16) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 || waker < 0) {
    close(listener);
    close(waker);
    return Status(Code::kInternal, "cannot open a port on loopback for a relay");
  }
  return std::unique_ptr<Relay>(new Relay(listener, ntohs(address.sin_port), target_port, waker));
}

Relay::Relay(int listener, uint16_t port, uint16_t target_port, int waker)
    : listener_(listener), port_(port), target_port_(target_port), waker_(waker) {
  thread_ = std::thread([this] { serve(); });
}

Relay::~Relay() {
  ending_ = true;
  eventfd_write(waker_, 1);
  thread_.join();
  for (const Pair& pair : pairs_) {
    close(pair.member);
    close(pair.server);
  }
  close(listener_);
  close(waker_);
}

void Relay::cutThere() {
  set(true, false);
}

void Relay::cutBack() {
  set(true, true);
}

void Relay::mend() {
  set(false, false);
}

void Relay::set(bool there, bool back) {
  const std::lock_guard lock(mutex_);
  cut_there_ = there;
  cut_back_ = back;
  eventfd_write(waker_, 1);
}

// A cut direction is not looked at: what waits in it would be told again and again.
void Relay::serve() {
  while (!ending_) {
    std::vector<pollfd> wanted = {{waker_, POLLIN, 0}, {listener_, POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      for (const Pair& pair : pairs_) {
        wanted.push_back({cut_there_ ? -1 : pair.member, POLLIN, 0});
        wanted.push_back({cut_back_ ? -1 : pair.server, POLLIN, 0});
      }
    }
    if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
    eventfd_t count = 0;
    if (wanted[0].revents != 0) eventfd_read(waker_, &count);
    const size_t known = pairs_.size();
    if (wanted[1].revents != 0) accept();
    for (size_t i = 0; i < known; ++i) {
      if (wanted[2 + 2 * i].revents != 0) pass(pairs_[i], true);
      if (wanted[3 + 2 * i].revents != 0 && !pairs_[i].ended) pass(pairs_[i], false);
    }
    std::erase_if(pairs_, [](const Pair& pair) {
      if (pair.ended) close(pair.member), close(pair.server);
      return pair.ended;
    });
  }
}

void Relay::accept() {
  const int member = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (member < 0) return;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(member);
    close(server);
    return;
  }
  sendAtOnce(member);
  sendAtOnce(server);
  pairs_.push_back({member, server});
}

void Relay::pass(Pair& pair, bool there) {
  const std::lock_guard lock(mutex_);
  if (there ? cut_there_ : cut_back_) return;
  std::array<char, 65536> buffer;
  const ssize_t got =
      recv(there ? pair.member : pair.server, buffer.data(), buffer.size(), MSG_DONTWAIT);
  pair.ended = got <= 0 || !writeAll(there ? pair.server : pair.member,
                                     {buffer.data(), static_cast<size_t>(got)});
}

}  // namespace muster::bench
