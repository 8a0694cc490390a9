#include "examples/ledger/load_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;
using SteadyTime = std::chrono::steady_clock::time_point;

bool pollUntil(int fd, short events, SteadyTime until) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd polled{fd, events, 0};
    const int ready = ::poll(&polled, 1, left.count() > 0 ? static_cast<int>(left.count()) + 1 : 0);
    if (ready > 0) return true;
    if (ready == 0) return false;
    // A signal ends the run early, not the request that is under way.
    if (errno != EINTR) return false;
  }
}

std::optional<Endpoint> parseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Endpoint endpoint{std::string(text.substr(0, colon)), 0};
  if (endpoint.host == "localhost") endpoint.host = "127.0.0.1";
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  in_addr address{};
  if (port.empty() || error != std::errc() || end != port.data() + port.size() ||
      endpoint.port == 0 || ::inet_pton(AF_INET, endpoint.host.c_str(), &address) != 1) {
    return std::nullopt;
  }
  return endpoint;
}

}  // namespace

Result<std::vector<Endpoint>> parseEndpoints(const std::string& text) {
  std::vector<Endpoint> endpoints;
  size_t start = 0;
  while (start <= text.size()) {
    const size_t comma = std::min(text.find(',', start), text.size());
    const std::string part = text.substr(start, comma - start);
    const auto endpoint = parseEndpoint(part);
    if (!endpoint) {
      return Status(Code::kInvalidArgument,
                    "'" + part +
                        "' is no address; write an IPv4 address and a port, such as "
                        "127.0.0.1:7001, with commas between several",
                    "connect");
    }
    endpoints.push_back(*endpoint);
    start = comma + 1;
  }
  return endpoints;
}

Result<std::vector<Endpoint>> readCluster(const std::filesystem::path& dir) {
  const std::filesystem::path file = dir / "cluster.json";
  std::ifstream in(file);
  if (!in) return Status(Code::kNotFound, "cannot read " + file.string());
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("nodes") || !json["nodes"].is_array()) {
    return Status(Code::kDataLoss, file.string() + " has no list of nodes");
  }
  std::vector<Endpoint> endpoints;
  for (const auto& node : json["nodes"]) {
    const auto port = node.is_object() ? node.find("port") : node.end();
    if (port == node.end() || !port->is_number_unsigned()) continue;
    const auto number = port->get<uint64_t>();
    if (number >= 1 && number <= 65535) {
      endpoints.push_back({"127.0.0.1", static_cast<uint16_t>(number)});
    }
  }
  if (endpoints.empty()) {
    return Status(Code::kUnavailable, file.string() + " names no node with a port");
  }
  return endpoints;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

void Client::setEndpoints(std::vector<Endpoint> endpoints) {
  endpoints_ = std::move(endpoints);
  current_ %= endpoints_.size();
}

void Client::moveOn() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  in_.clear();
  current_ = (current_ + 1) % endpoints_.size();
  ++moves_;
}

bool Client::connect(std::chrono::milliseconds timeout) {
  if (fd_ >= 0) return true;
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoints_[current_].port);
  ::inet_pton(AF_INET, endpoints_[current_].host.c_str(), &address.sin_addr);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd_, generic, sizeof address) != 0) {
    if (errno != EINPROGRESS) return false;
    if (!pollUntil(fd_, POLLOUT, std::chrono::steady_clock::now() + timeout)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}

std::optional<std::string> Client::readLine(SteadyTime until) {
  while (true) {
    if (const size_t end = in_.find('\n'); end != std::string::npos) {
      std::string line = in_.substr(0, end);
      in_.erase(0, end + 1);
      return line;
    }
    if (in_.size() > kMaxLineBytes || !pollUntil(fd_, POLLIN, until)) return std::nullopt;
    char chunk[4096];
    const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got > 0) {
      in_.append(chunk, static_cast<size_t>(got));
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
      return std::nullopt;
    }
  }
}

std::optional<AppendAnswer> Client::append(const std::string& id, const std::string& text,
                                           std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  if (!connect(timeout)) {
    moveOn();
    return std::nullopt;
  }
  // Small enough that the socket takes it in one piece or the connection is stuck.
  const std::string line = "append-once " + id + " " + text + "\n";
  const ssize_t sent = ::send(fd_, line.data(), line.size(), MSG_NOSIGNAL);
  std::optional<std::string> reply;
  if (sent == static_cast<ssize_t>(line.size())) reply = readLine(until);
  if (!reply) {
    moveOn();
    // Without its line feed a request is never carried out.
    if (sent != static_cast<ssize_t>(line.size())) return std::nullopt;
    return AppendAnswer{};
  }
  AppendAnswer answer = parseAnswer(*reply);
  if (answer.kind == AppendAnswer::Kind::kOk || answer.kind == AppendAnswer::Kind::kRefused) {
    moves_ = 0;
  } else {
    moveOn();
  }
  return answer;
}

}  // namespace ledger
