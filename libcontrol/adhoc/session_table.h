// The open sessions of a responder (XEP-0050, section 3.2).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"

namespace muster::adhoc {

// Who holds a session: another requester, node or address doesn't find it.
struct SessionOwner {
  Jid requester;  // full
  std::string place;
  std::string node;
  bool operator==(const SessionOwner&) const = default;
};

// Bounded: limits::kMaxSessions in all, limits::kMaxSessionsPerJid of one full JID (the oldest of
// which gives way), limits::kSessionLife each. One thread.
class SessionTable {
 public:
  enum class Found { kOpen, kBusy, kExpired, kUnknown };

  explicit SessionTable(Random& random) : random_(random) {}

  // Returns the id: 32 hex digits that nobody can guess, or `own_id` if the requester brought one
  // (at most kMaxOwnIdBytes; a session of theirs with that id is replaced). kResourceExhausted if
  // the table is full of sessions of others.
  Result<std::string> open(const SessionOwner& owner, const std::string& own_id, ElapsedTime now);
  // Tells an id that has outlived its time, once, from one that never was.
  Found find(const SessionOwner& owner, const std::string& id, ElapsedTime now);
  // While its command is carried out a session takes no further request. No effect if it is gone.
  void setBusy(const SessionOwner& owner, const std::string& id, bool busy);
  void close(const SessionOwner& owner, const std::string& id);

  size_t size() const { return sessions_.size(); }
  // Whether an id looks as if it had come from a table like this.
  static bool isOurShape(const std::string& id);
  static constexpr size_t kMaxOwnIdBytes = 128;

 private:
  // Ids of the requesters' own choice are only unique for each.
  using Key = std::pair<Jid, std::string>;
  struct Session {
    SessionOwner owner;
    ElapsedTime opened;
    uint64_t order;
    bool busy = false;
  };
  Session* lookUp(const SessionOwner& owner, const std::string& id);
  void makeRoomFor(const Jid& requester);
  void dropExpired(ElapsedTime now);

  Random& random_;
  std::map<Key, Session> sessions_;
  uint64_t next_order_ = 0;
};

}  // namespace muster::adhoc
