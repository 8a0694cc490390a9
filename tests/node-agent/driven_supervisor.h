// A supervisor on a thread of its own, as it has one in the agent.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "node-agent/process_tree.h"
#include "node-agent/supervisor.h"
#include "tests/node-agent/real_processes.h"

namespace muster::agent::test {

class DrivenSupervisor {
 public:
  explicit DrivenSupervisor(const SupervisorOptions& options)
      : supervisor(options, availability, clock), automatic_(options.automatic) {
    callbacks.stop_asked = [] {};
    EXPECT_TRUE(becomeSubreaper().isOk());
    Supervisor::blockSignals();
  }
  ~DrivenSupervisor() { finish(); }

  // Starts the thread, and an automatic program with it.
  Status begin() {
    supervisor.setCallbacks(callbacks);
    std::promise<Status> begun;
    thread_ = std::thread([this, &begun] {
      const Status status = automatic_ ? supervisor.startFirst() : Status::ok();
      begun.set_value(status);
      if (status) supervisor.run();
    });
    const Status status = begun.get_future().get();
    if (!status) thread_.join();
    return status;
  }

  void finish() {
    if (!thread_.joinable()) return;
    supervisor.finish();
    thread_.join();
  }

  // To be set before begin().
  Supervisor::Callbacks callbacks;
  Availability availability;
  SystemClock clock{SystemClock::Bias::kLarger};
  Supervisor supervisor;

 private:
  const bool automatic_;
  std::thread thread_;
};

}  // namespace muster::agent::test
