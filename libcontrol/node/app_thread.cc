#include "libcontrol/node/app_thread.h"

#include <utility>

namespace muster {
namespace {

thread_local bool on_app_thread = false;

}  // namespace

AppThread::AppThread() : thread_([this] { run(); }) {}

AppThread::~AppThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AppThread::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

bool AppThread::isCurrent() {
  return on_app_thread;
}

void AppThread::run() {
  on_app_thread = true;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace muster
