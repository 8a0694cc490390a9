// A TCP relay on loopback that can be cut: what a member's host looks like to the others when its
// network is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::bench {

// Connections stay open while it is cut, as those of a host without a network do; what was on its
// way comes through once it is mended. Its methods may be called from any thread.
class Relay {
 public:
  static Result<std::unique_ptr<Relay>> start(uint16_t target_port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  uint16_t port() const { return port_; }
  // Nothing more goes to the server once this returns; nothing comes back after cutBack() either.
  // Whoever waits a moment in between knows that the member has got every answer that it will get.
  void cutThere();
  void cutBack();
  void mend();

 private:
  struct Pair {
    int member = -1;
    int server = -1;
    bool ended = false;
  };

  Relay(int listener, uint16_t port, uint16_t target_port, int waker);
  void serve();
  void accept();
  void pass(Pair& pair, bool there);
  void set(bool there, bool back);

  const int listener_;
  const uint16_t port_;
  const uint16_t target_port_;
  const int waker_;
  std::mutex mutex_;  // held while bytes are passed
  bool cut_there_ = false;
  bool cut_back_ = false;
  std::atomic<bool> ending_ = false;
  std::vector<Pair> pairs_;  // the thread's own
  std::thread thread_;
};

}  // namespace muster::bench
