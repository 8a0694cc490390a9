// One connection at a time to whichever node of the ledger is active.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "examples/ledger/protocol.h"
#include "muster/status.h"

namespace ledger {

struct Endpoint {
  std::string host;  // an IPv4 address, or localhost
  uint16_t port = 0;
};

// "HOST:PORT[,HOST:PORT...]".
muster::Result<std::vector<Endpoint>> parseEndpoints(const std::string& text);
// The nodes' ports in DIR/cluster.json, on 127.0.0.1.
muster::Result<std::vector<Endpoint>> readCluster(const std::filesystem::path& dir);

// Blocking, with time limits; one thread.
class Client {
 public:
  ~Client();
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Replaces the endpoints; the connection that is open stays.
  void setEndpoints(std::vector<Endpoint> endpoints);
  // Sends one append to the node it is connected to and waits for the answer. kUnknown without text
  // means that the connection broke or timed out after it was sent; nullopt that it can't have been
  // sent. Unless the answer is kOk or kRefused the next call goes to the next node.
  std::optional<AppendAnswer> append(const std::string& id, const std::string& text,
                                     std::chrono::milliseconds timeout);
  // How many calls in a row have moved on to the next node.
  size_t moves() const { return moves_; }

 private:
  bool connect(std::chrono::milliseconds timeout);
  void moveOn();
  std::optional<std::string> readLine(std::chrono::steady_clock::time_point until);

  std::vector<Endpoint> endpoints_;
  size_t current_ = 0;
  size_t moves_ = 0;
  int fd_ = -1;
  std::string in_;
};

}  // namespace ledger
