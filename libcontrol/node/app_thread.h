// The thread on which the application's callbacks run, one at a time and in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace muster {

// Any thread may post; the destructor runs what was posted and then ends the thread.
class AppThread {
 public:
  AppThread();
  ~AppThread();
  AppThread(const AppThread&) = delete;
  AppThread& operator=(const AppThread&) = delete;

  void post(std::function<void()> job);

  // Whether the caller runs on the thread of any AppThread.
  static bool isCurrent();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster
