// A leader's commits, one after the other, each with all that has come since the last one began.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "libcontrol/etcd/committer.h"

namespace muster::etcd {

// Has a function called on the thread that everything else lives on, later.
using Post = std::function<void(std::function<void()>)>;

// Made and used on one thread, which `post` leads to; the committer runs on a thread of this. Ends
// without waiting for more than the call that is under way: what has no answer by then never gets
// one.
class CommitQueue {
 public:
  using Done = std::function<void(const Status&)>;
  // The committer has read; both must outlive this.
  CommitQueue(Committer& committer, Post post);
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  // All of it becomes durable at once, with or after all that was queued before. After the first
  // error everything has that error.
  void write(Changes changes, Done done);
  // The same, and waits for it.
  Status writeNow(Changes changes);
  // `done` once a transaction that was begun after this call has found the term going on. Waits a
  // moment for others that want the same, so that a thousand groups don't make a thousand of them.
  void confirm(Done done);

 private:
  struct Entry {
    Changes changes;
    Done done;
    std::optional<Status>* outcome = nullptr;  // of somebody who waits; `done` is empty then
  };
  void push(Entry entry);
  void run();
  std::vector<Entry> next();
  void tell(std::vector<Entry> entries, const Status& status);

  Committer& committer_;
  const Post post_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable told_;
  std::deque<Entry> queue_;  // under mutex_, as is the rest
  size_t urgent_ = 0;        // of them, those that write something
  std::optional<std::chrono::steady_clock::time_point> confirm_at_;
  bool ending_ = false;
  // Whoever is still to be told on the owner's thread isn't once this has gone.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

}  // namespace muster::etcd
