#include "libcontrol/etcd/commit_queue.h"

#include <utility>

namespace muster::etcd {
namespace {

// For how long a confirmation waits for others. Added to a renewal's answer, which a lease of
// seconds doesn't notice.
constexpr auto kGather = std::chrono::milliseconds(20);
// Changes of one commit, unless they are asked for together: what one transaction of etcd takes.
constexpr size_t kMaxChanges = 100;

}  // namespace

CommitQueue::CommitQueue(Committer& committer, Post post)
    : committer_(committer), post_(std::move(post)), thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() {
  committer_.stop();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void CommitQueue::push(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    if (!entry.changes.empty() || entry.outcome != nullptr) {
      ++urgent_;
    } else if (!confirm_at_) {
      confirm_at_ = std::chrono::steady_clock::now() + kGather;
    }
    queue_.push_back(std::move(entry));
  }
  wake_.notify_all();
}

void CommitQueue::write(Changes changes, Done done) {
  push({std::move(changes), std::move(done)});
}

void CommitQueue::confirm(Done done) {
  push({{}, std::move(done)});
}

Status CommitQueue::writeNow(Changes changes) {
  std::optional<Status> outcome;
  push({std::move(changes), nullptr, &outcome});
  std::unique_lock lock(mutex_);
  told_.wait(lock, [&] { return outcome.has_value(); });
  return *outcome;
}

void CommitQueue::run() {
  Status failed;
  while (true) {
    std::vector<Entry> entries = next();
    if (entries.empty()) return;
    if (failed) {
      Changes changes;
      for (Entry& entry : entries) {
        // Of one key the last one counts.
        for (auto& [key, value] : entry.changes) changes.insert_or_assign(key, std::move(value));
      }
      failed = changes.empty() ? committer_.confirm() : committer_.commit(changes);
    }
    tell(std::move(entries), failed);
  }
}

// Waits for something to do; nothing comes once this is to end.
std::vector<CommitQueue::Entry> CommitQueue::next() {
  std::unique_lock lock(mutex_);
  while (!ending_ && urgent_ == 0) {
    if (!confirm_at_) {
      wake_.wait(lock);
    } else if (wake_.wait_until(lock, *confirm_at_) == std::cv_status::timeout) {
      break;
    }
  }
  std::vector<Entry> entries;
  if (ending_) return entries;
  size_t changes = 0;
  while (!queue_.empty()) {
    Entry& first = queue_.front();
    if (changes > 0 && changes + first.changes.size() > kMaxChanges) break;
    changes += first.changes.size();
    if (!first.changes.empty() || first.outcome != nullptr) --urgent_;
    entries.push_back(std::move(first));
    queue_.pop_front();
  }
  if (queue_.empty()) confirm_at_.reset();
  return entries;
}

void CommitQueue::tell(std::vector<Entry> entries, const Status& status) {
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries) {
      if (entry.outcome != nullptr) *entry.outcome = status;
      if (entry.done) waiting.push_back(std::move(entry.done));
    }
  }
  told_.notify_all();
  if (waiting.empty()) return;
  post_([waiting = std::move(waiting), status, alive = std::weak_ptr<bool>(alive_)] {
    for (const Done& done : waiting) {
      if (alive.expired()) return;  // also if one of them has ended it
      done(status);
    }
  });
}

}  // namespace muster::etcd
