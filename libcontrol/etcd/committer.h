// Writes to etcd as the leader, and reads what leaders before it wrote.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/etcd/client.h"

namespace muster::etcd {

// Who may write: the one that made this key in this revision, for as long as the key is there.
struct Term {
  std::string leader_key;
  int64_t create_revision = 0;
};

// What is to be there, by key without the prefix: a value, or nothing.
using Changes = std::map<std::string, std::optional<std::string>>;

// Each commit happens exactly once and in its order. Its transaction is sent again until it has an
// answer; it counts the commits before it (in the key "commit"), so that one that was done is not
// done again, and a late copy of it can't undo a later one. What is too much for one transaction is
// first laid down beside (under "intent/"), becomes durable with one key ("intent"), and is then
// put in its place; whoever reads finishes what was begun.
//
// One thread; stop() from any. After an error nothing more can be committed.
class Committer {
 public:
  struct Parts {
    Client& client;
    Clock& clock;
    std::string prefix;  // of all keys, with its "/"
    Term term;
    // Until when the term certainly lasts; any thread. Nothing is sent after that.
    std::function<ElapsedTime()> lasts_until;
  };
  explicit Committer(Parts parts) : parts_(std::move(parts)) {}

  // What was written under "rows/", without that. To be called first, once.
  Result<std::map<std::string, std::string>> read();
  // All of it or nothing. kConflict: the term is over. kUnavailable: nobody can say whether it was
  // written. Any other error is etcd's.
  Status commit(const Changes& changes);
  // A transaction that changes nothing and finds that the term goes on; else as commit().
  Status confirm();

  void stop() { stopped_ = true; }
  // Sent and answered so far; any thread.
  uint64_t transactions() const { return transactions_; }

 private:
  Status commitAtOnce(const Changes& changes);
  Status commitByIntent(const Changes& changes);
  Status putInPlace(const Changes& changes);
  Status counted(std::vector<Op> ops);
  Status send(const Transaction& transaction, const std::string& commit_after);
  std::string key(const std::string& name) const { return parts_.prefix + name; }
  Op opFor(const Changes::value_type& change) const;

  const Parts parts_;
  uint64_t commits_ = 0;
  std::atomic<uint64_t> transactions_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace muster::etcd
