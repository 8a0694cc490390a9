// A small TCP server for a line protocol, on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "muster/status.h"

namespace ledger {

// run() answers all connections on the thread that calls it. Everything is bounded: connections,
// lines, what waits to be sent (a client that doesn't read is not read from), idle time.
class LineServer {
 public:
  // The whole reply to a line; an empty one ends the connection.
  using Handler = std::function<std::string(const std::string& line)>;

  static constexpr size_t kMaxConnections = 256;
  static constexpr std::chrono::minutes kMaxIdle{10};

  // `host` is an IPv4 address; port 0 takes any that is free.
  static muster::Result<std::unique_ptr<LineServer>> listen(const std::string& host, uint16_t port,
                                                            size_t max_line_bytes);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  uint16_t port() const { return port_; }
  // Until stop(). `tick` is called about once a second.
  void run(const Handler& handler, const std::function<void()>& tick);
  // Any thread; also from within a signal handler.
  void stop();

 private:
  struct Connection {
    std::string in;
    std::string out;
    std::chrono::steady_clock::time_point last_used;
    bool closing = false;  // once `out` is sent
  };

  LineServer(int listener, int wake, size_t max_line_bytes);
  void acceptAll();
  bool serve(int fd, Connection& connection, bool readable, const Handler& handler);
  bool receive(int fd, Connection& connection);
  void answerLines(Connection& connection, const Handler& handler);
  bool send(int fd, Connection& connection);
  void closeIdle();

  const int listener_;
  const int wake_;
  const size_t max_line_bytes_;
  uint16_t port_ = 0;
  std::map<int, Connection> connections_;  // by descriptor
};

// Writes a whole small file that others wait for: they see nothing or all of it.
muster::Status writePortFile(const std::string& file, uint16_t port);

}  // namespace ledger
