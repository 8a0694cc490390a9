// Which of several coordinators leads: the one whose key is in etcd, under a lease that it renews.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/etcd/commit_queue.h"
#include "libcontrol/etcd/committer.h"

namespace muster::etcd {

// Made and ended on one thread, which `post` leads to and all callbacks come on; etcd is asked by a
// thread of its own. Its end gives the leadership up, so that another can have it at once, and
// waits for that no longer than one call takes.
class Leadership {
 public:
  struct Parts {
    Client& client;
    Clock& clock;  // one that goes on through a suspend
    Post post;
    std::string prefix;  // of all keys, with its "/"
    std::string name;    // of this coordinator; no other may have it
    std::string about;   // what the others are to know of it, under its name
    // Whether this coordinator said that of itself, now or as a process of before; any thread.
    std::function<bool(const std::string& about)> own;
    Duration ttl;  // the lease's length; etcd may make it longer
    // This one leads from now on; what it commits belongs to this term.
    std::function<void(const Term&)> won;
    // It doesn't any more, or can't be sure. It stands again by itself.
    std::function<void(const std::string& why)> lost;
    // Who leads, as it said of itself; empty: nobody. Called with each change.
    std::function<void(const std::string& about)> leader;
    // What those that take part said of themselves, by name, as the one that leads sees it; called
    // with each change.
    std::function<void(const std::map<std::string, std::string>&)> participants;
    // What is wrong with etcd, or that it is well again; called with each change.
    std::function<void(const Status&)> health;
  };
  explicit Leadership(Parts parts);
  ~Leadership();
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  // Until when etcd keeps the leadership for this coordinator, unless somebody deposes it; in the
  // past if it doesn't lead. Any thread.
  ElapsedTime lastsUntil() const;
  // Gives it up because it can't be carried out, and doesn't stand again for `pause`.
  void giveUp(const std::string& why, Duration pause);
  // Ends the term of whoever leads, so that somebody else can; for when the leader can't be
  // reached, which etcd need not notice. Whatever it does after that finds its term over.
  void depose();

 private:
  void run();
  void step();
  void takeLease();
  void dropLease();
  void keepLease();
  void stand();
  void look();
  void lose(const std::string& why);
  void removeLeader();
  void countParticipants();
  void tellLeader(const std::string& about);
  void tellHealth(const Status& status);
  void post(std::function<void()> what);

  const Parts parts_;
  const std::string leader_key_;
  // Of the thread alone.
  std::optional<int64_t> lease_;
  // One of before that etcd may still keep, and the leader's key with it.
  std::optional<int64_t> old_lease_;
  ElapsedTime lease_until_;
  ElapsedTime renew_at_;
  std::optional<Term> term_;
  std::optional<Term> others_term_;  // of the one that leads instead
  std::optional<std::string> told_leader_;
  std::string told_health_;  // empty: well
  std::map<std::string, std::string> told_participants_;
  ElapsedTime count_at_;

  std::atomic<int64_t> lasts_until_ns_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool depose_ = false;
  bool ending_ = false;                  // under mutex_, as are the two around it
  std::optional<std::string> given_up_;  // why
  ElapsedTime stand_at_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

}  // namespace muster::etcd
