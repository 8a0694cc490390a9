// Which of the site's hooks are still to be run after changes of the active role: in order, one
// after the other within a group, each at most once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

inline constexpr char kPreFailover[] = "pre_failover";
inline constexpr char kOnDemote[] = "on_demote";
inline constexpr char kOnPromote[] = "on_promote";
inline constexpr char kPostFailover[] = "post_failover";

// What is to be run is told by events, written a moment later (advance()), and marked as begun
// before it is started. A crash before that first write loses the event's words but not the change
// of the role: look() compares who has it with of whom the hooks were told last, which is on disk.
//
// Starts nothing itself and reads no other clock; one thread.
class HookQueue {
 public:
  using Ended = std::function<void(const Status&)>;
  struct Parts {
    store::HookStore& store;
    Clock& clock;
    std::set<std::string> wanted;  // names of hooks; others are passed over
    // Starts one; `ended` is to be called once, not from within.
    std::function<void(const store::HookRunRow&, Ended ended)> start;
    // What somebody should know of one: it failed, was given up or may have been cut short.
    std::function<void(const store::HookRunRow&, const std::string& why)> failed;
  };
  // Who has the role, as the group's record and its holder's presence say.
  struct Role {
    std::string node;
    uint64_t epoch = 0;
    bool held = false;
    bool confirmed = false;  // the holder says that its application is active
  };
  struct Why {
    std::string cause;
    std::string by;  // bare JID; empty: nobody asked
  };

  explicit HookQueue(Parts parts) : parts_(std::move(parts)) {}

  // Reads what is still to be run; once. What had begun is not run again.
  Status load();

  // The holder under this epoch has stopped for certain.
  void demoted(const std::string& group, uint64_t epoch, const Why& why);
  // The holder's application is active.
  void promoted(const std::string& group, const Role& role, const Why& why);
  // A move has ended without anybody's promotion: `outcome` says how.
  void moveEnded(const std::string& group, const Role& was, const Role& now,
                 const std::string& outcome, const Why& why);
  // What no event has told of, after a crash. A group that was not known takes its holder for one
  // that had the role before there were hooks.
  void look(const std::string& group, const Role& now);

  // Writes what is new and starts what has its turn. If that can't be written nothing is started;
  // the next call tries again.
  void advance();

  // Not ended yet, of all groups.
  size_t waiting() const;

 private:
  using Waiting = std::deque<store::HookRunRow>;
  void add(store::HookRunRow row, const char* hook);
  void keep(const store::HookHolderRow& row);
  void drop(Waiting& waiting);
  void ended(const std::string& group, uint64_t seq, const Status& status);

  const Parts parts_;
  std::map<std::string, store::HookHolderRow> holders_;  // by group
  std::map<std::string, Waiting> waiting_;               // by group; the first may be running
  std::set<std::string> running_;                        // groups
  store::HookCommit changes_;                            // not written yet
  uint64_t next_seq_ = 1;
  bool wrote_ = true;
};

}  // namespace muster::coordinator
