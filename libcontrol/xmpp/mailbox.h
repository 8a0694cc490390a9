// Jobs from any thread for the thread of an event loop.
#pragma once

#include <QObject>
#include <deque>
#include <functional>
#include <mutex>

namespace muster {

// Belongs to the loop on which the jobs run, in the order in which they were posted. Whoever posts
// must know it alive; when it is destroyed, on that loop, what was posted and has not run is
// dropped.
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Before the first post.
  void moveToThread(QThread* thread) { context_.moveToThread(thread); }
  void post(std::function<void()> job);

 private:
  class Context : public QObject {
   public:
    explicit Context(Mailbox& mailbox) : mailbox_(mailbox) {}

   protected:
    void customEvent(QEvent*) override { mailbox_.runOne(); }

   private:
    Mailbox& mailbox_;
  };

  void runOne();

  std::mutex mutex_;
  std::deque<std::function<void()>> jobs_;
  Context context_{*this};  // an event to it stands for each job
};

}  // namespace muster
