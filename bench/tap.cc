#include "bench/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>

#include "bench/loopback.h"
#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::bench {
namespace {

constexpr int kOn = 1;

std::string kindOf(const std::string& base64) {
  xmpp::Element lease("lease", xmpp::ns::kLease);
  lease.setText(base64);
  const auto message = xmpp::readLease(lease);
  if (!message) return "lease";
  const auto* field = v1::LeaseMessage::descriptor()->FindFieldByNumber(message->kind_case());
  return field == nullptr ? "lease" : field->name();
}

std::string between(const std::string& text, const std::string& begin, char end) {
  const size_t at = text.find(begin);
  if (at == std::string::npos) return {};
  const size_t from = at + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

std::string attribute(const std::string& tag, const std::string& name) {
  const std::string doubled = between(tag, " " + name + "=\"", '"');
  return doubled.empty() ? between(tag, " " + name + "='", '\'') : doubled;
}

// A whole <iq/>, as servers and ours write it.
std::string describe(const std::string& iq) {
  const std::string tag = iq.substr(0, iq.find('>'));
  std::string out = "iq " + attribute(tag, "type");
  const size_t lease = iq.find("<lease");
  if (lease != std::string::npos) {
    return out + " " + kindOf(between(iq.substr(lease), ">", '<'));
  }
  for (const char* name : {"grants", "order", "ping", "command", "query"}) {
    if (iq.find(std::string("<") + name) != std::string::npos) return out + " " + name;
  }
  return out;
}

// One direction of the stream.
class Watcher {
 public:
  explicit Watcher(bool from_component) : sign_(from_component ? '>' : '<') {}

  // Lines to tell, for the stanzas that are whole by now.
  std::string take(std::string_view bytes) {
    buffer_ += bytes;
    std::string lines;
    while (const auto line = next()) lines += sign_ + *line + "\n";
    return lines;
  }

 private:
  std::optional<std::string> next() {
    const size_t iq = buffer_.find("<iq ");
    const size_t presence = buffer_.find("<presence");
    if (iq == std::string::npos && presence == std::string::npos) {
      // The last few bytes may be the beginning of a name.
      if (buffer_.size() > 16) buffer_.erase(0, buffer_.size() - 16);
      return std::nullopt;
    }
    const bool is_iq = iq < presence;
    const size_t begin = is_iq ? iq : presence;
    const size_t tag_end = buffer_.find('>', begin);
    if (tag_end == std::string::npos) return std::nullopt;
    size_t end = tag_end + 1;
    if (buffer_[tag_end - 1] != '/') {
      const std::string closing = is_iq ? "</iq>" : "</presence>";
      const size_t at = buffer_.find(closing, tag_end);
      if (at == std::string::npos) return std::nullopt;
      end = at + closing.size();
    }
    const std::string stanza = buffer_.substr(begin, end - begin);
    buffer_.erase(0, end);
    return is_iq ? describe(stanza) : "presence";
  }

  const char sign_;
  std::string buffer_;
};

void passOn(int component, int server, int events) {
  Watcher outward(true);
  Watcher inward(false);
  std::array<char, 65536> buffer{};
  for (;;) {
    pollfd ends[2] = {{component, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(ends, 2, -1) < 0) return;
    for (int i = 0; i < 2; ++i) {
      if ((ends[i].revents & (POLLIN | POLLHUP)) == 0) continue;
      const ssize_t got = read(ends[i].fd, buffer.data(), buffer.size());
      if (got <= 0) return;
      const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
      if (!writeAll(ends[1 - i].fd, bytes)) return;
      const std::string lines = (i == 0 ? outward : inward).take(bytes);
      if (!writeAll(events, lines)) return;
    }
  }
}

void runTap(int listener, uint16_t server_port, int events) {
  for (;;) {
    const int component = accept(listener, nullptr, nullptr);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(server_port);
    if (component < 0 || server < 0) return;
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      for (const int fd : {component, server}) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
      }
      passOn(component, server, events);
    }
    close(component);
    close(server);
  }
}

}  // namespace

Result<std::unique_ptr<Tap>> Tap::start(uint16_t server_port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  int ends[2];
  if (listener < 0 ||
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    return Status(Code::kInternal, "could not open a port for the tap");
  }
  auto child = Child::start([&](int) { runTap(listener, server_port, ends[1]); });
  close(listener);
  close(ends[1]);
  if (!child) return child.status();
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Tap>(new Tap(std::move(child).value(), ntohs(address.sin_port), ends[0]));
}

Tap::~Tap() {
  close(events_);
}

std::vector<Seen> Tap::take() {
  std::array<char, 4096> buffer{};
  for (ssize_t got; (got = read(events_, buffer.data(), buffer.size())) > 0;) {
    rest_.append(buffer.data(), static_cast<size_t>(got));
  }
  std::vector<Seen> seen;
  for (size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) {
    seen.push_back({rest_[0] == '>', rest_.substr(1, end - 1)});
  }
  return seen;
}

}  // namespace muster::bench
