// The thread with the Qt event loop on which all of the network is done.
#pragma once

#include <QThread>
#include <functional>
#include <memory>

#include "libcontrol/xmpp/mailbox.h"

namespace muster {

// Makes the process's QCoreApplication if the host has none (Qt's timers and sockets want one), and
// puts back the locale that its constructor changes. Any thread, any number of times.
void ensureQtApplication();

// A running event loop. Made, used and destroyed by any other thread.
class LoopThread {
 public:
  LoopThread();
  // Waits for the loop to end; what is still posted is dropped.
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // Runs `job` on the loop and returns once it has run. Not from the loop itself.
  void run(const std::function<void()>& job);
  // Runs it later; returns at once.
  void post(std::function<void()> job);

 private:
  QThread thread_;
  Mailbox mailbox_;  // lives on thread_
};

}  // namespace muster
