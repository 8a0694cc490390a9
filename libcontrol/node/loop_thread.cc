#include "libcontrol/node/loop_thread.h"

#include <QCoreApplication>
#include <clocale>
#include <future>
#include <mutex>
#include <string>
#include <utility>

namespace muster {

void ensureQtApplication() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (QCoreApplication::instance() != nullptr) return;
  const char* current = std::setlocale(LC_ALL, nullptr);
  const std::string locale = current == nullptr ? "C" : current;
  // Qt keeps references to both for as long as the application object lives, which is until the
  // process ends: destroying it from a static destructor would be too late for its own threads.
  static int argc = 1;
  static char name[] = "muster";
  static char* argv[] = {name, nullptr};
  new QCoreApplication(argc, argv);
  std::setlocale(LC_ALL, locale.c_str());
}

LoopThread::LoopThread() {
  mailbox_.moveToThread(&thread_);
  thread_.start();
}

LoopThread::~LoopThread() {
  thread_.quit();
  thread_.wait();
}

void LoopThread::run(const std::function<void()>& job) {
  std::promise<void> done;
  mailbox_.post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void LoopThread::post(std::function<void()> job) {
  mailbox_.post(std::move(job));
}

}  // namespace muster
