#include "libcontrol/node/mailbox.h"

#include <utility>

namespace muster {

void Mailbox::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  QMetaObject::invokeMethod(
      &context_, [this] { runOne(); }, Qt::QueuedConnection);
}

void Mailbox::runOne() {
  std::function<void()> job;
  {
    const std::lock_guard lock(mutex_);
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  job();
}

}  // namespace muster
