#include "libcontrol/adhoc/session_table.h"

#include <algorithm>
#include <optional>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"

namespace muster::adhoc {

Result<std::string> SessionTable::open(const SessionOwner& owner, const std::string& own_id,
                                       ElapsedTime now) {
  if (own_id.size() > kMaxOwnIdBytes) {
    return Status(Code::kInvalidArgument,
                  "the session id is longer than " + std::to_string(kMaxOwnIdBytes) + " bytes");
  }
  const std::string id = own_id.empty() ? Id128::make(random_).toHex() : own_id;
  sessions_.erase(Key{owner.requester, id});
  makeRoomFor(owner.requester);
  if (sessions_.size() >= limits::kMaxSessions) dropExpired(now);
  if (sessions_.size() >= limits::kMaxSessions) {
    return Status(Code::kResourceExhausted,
                  "too many command sessions are open; try again in some minutes");
  }
  sessions_.emplace(Key{owner.requester, id}, Session{owner, now, next_order_++});
  return id;
}

SessionTable::Found SessionTable::find(const SessionOwner& owner, const std::string& id,
                                       ElapsedTime now) {
  const Session* session = lookUp(owner, id);
  if (session == nullptr) return Found::kUnknown;
  if (session->busy) return Found::kBusy;
  if (now - session->opened < limits::kSessionLife) return Found::kOpen;
  close(owner, id);
  return Found::kExpired;
}

void SessionTable::setBusy(const SessionOwner& owner, const std::string& id, bool busy) {
  if (Session* session = lookUp(owner, id)) session->busy = busy;
}

void SessionTable::close(const SessionOwner& owner, const std::string& id) {
  if (lookUp(owner, id) != nullptr) sessions_.erase(Key{owner.requester, id});
}

bool SessionTable::isOurShape(const std::string& id) {
  return Id128::fromHex(id).has_value();
}

SessionTable::Session* SessionTable::lookUp(const SessionOwner& owner, const std::string& id) {
  const auto found = sessions_.find(Key{owner.requester, id});
  if (found == sessions_.end() || !(found->second.owner == owner)) return nullptr;
  return &found->second;
}

void SessionTable::makeRoomFor(const Jid& requester) {
  const auto begin = sessions_.lower_bound(Key{requester, ""});
  auto oldest = sessions_.end();
  size_t count = 0;
  for (auto it = begin; it != sessions_.end() && it->first.first == requester; ++it, ++count) {
    if (oldest == sessions_.end() || it->second.order < oldest->second.order) oldest = it;
  }
  if (count >= limits::kMaxSessionsPerJid) sessions_.erase(oldest);
}

void SessionTable::dropExpired(ElapsedTime now) {
  std::erase_if(sessions_, [now](const auto& entry) {
    return now - entry.second.opened >= limits::kSessionLife;
  });
}

}  // namespace muster::adhoc
