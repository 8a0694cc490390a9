#include "libcontrol/xmpp/mailbox.h"

#include <QCoreApplication>
#include <QEvent>
#include <utility>

namespace muster {

void Mailbox::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  // Nothing of ours travels in the event, so the mutex alone orders what two threads touch.
  QCoreApplication::postEvent(&context_, new QEvent(QEvent::User));
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
