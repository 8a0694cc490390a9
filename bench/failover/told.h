// What the members of a group say of themselves, each with the instant at which it happened.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "libcontrol/base/status.h"

namespace muster::bench {

// CLOCK_MONOTONIC, which is the same in every process of the machine.
int64_t nowNs();

struct Told {
  std::string who;
  std::string what;    // "active", "stopped", "renewed"
  int64_t at_ns = 0;   // when it happened
  int64_t number = 0;  // with "active": its process
};

// The member's end. Telling takes one system call and waits for nobody. Any thread.
class Teller {
 public:
  // `board`: where a Board is open. What can't be told is lost, and the round notices.
  Teller(const std::filesystem::path& board, std::string who);
  ~Teller();
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;

  void tell(std::string_view what, int64_t at_ns, int64_t number = 0) const;
  void tellActive() const;

 private:
  const std::string who_;
  int fd_;
};

// The benchmark's end: a datagram socket in the file system, and a thread that reads it.
class Board {
 public:
  static Result<std::unique_ptr<Board>> open(const std::filesystem::path& path);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // The latest of one whose name begins with `who`.
  std::optional<Told> latest(std::string_view who, std::string_view what) const;
  // The first of them that happened no earlier.
  std::optional<Told> firstSince(std::string_view who, std::string_view what, int64_t ns) const;

 private:
  Board(std::filesystem::path path, int fd);
  void read();

  const std::filesystem::path path_;
  const int fd_;
  mutable std::mutex mutex_;
  std::deque<Told> told_;  // under mutex_; in the order in which it came
  std::thread thread_;
};

}  // namespace muster::bench
