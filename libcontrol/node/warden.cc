#include "libcontrol/node/warden.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace muster {
namespace {

// Waits are cut into pieces of this length, since the timers behind them stand still while the
// machine is suspended and the clock that counts does not.
constexpr std::chrono::milliseconds kLook{50};

}  // namespace

Warden::Warden(Clock& clock, std::function<void()> kill)
    : clock_(clock), kill_(std::move(kill)), thread_([this] { run(); }) {}

Warden::~Warden() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Warden::watch(ElapsedTime end, uint64_t epoch) {
  {
    const std::lock_guard lock(mutex_);
    end_ = end;
    epoch_ = epoch;
  }
  wake_.notify_one();
}

void Warden::relax() {
  const std::lock_guard lock(mutex_);
  end_.reset();
}

void Warden::relax(uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  if (epoch_ == epoch) end_.reset();
}

void Warden::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!end_) {
      wake_.wait(lock, [this] { return ending_ || end_.has_value(); });
      continue;
    }
    const Duration left = *end_ - clock_.elapsed();
    if (left <= Duration{}) {
      end_.reset();
      kill_();
      continue;
    }
    wake_.wait_for(lock,
                   std::min<std::chrono::nanoseconds>(std::chrono::nanoseconds(left.ns), kLook));
  }
}

}  // namespace muster
