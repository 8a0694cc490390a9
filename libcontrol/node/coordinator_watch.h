// Whether the coordinator is there, by the presence of its account.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster {

// The server tells of the account's death; the component's own contacts would keep the presence
// that they had. Lives on the event loop's thread; endpoint and clock must outlive it.
class CoordinatorWatch {
 public:
  // `account` is bare; empty: there is none to watch, and the coordinator counts as there.
  // `changed` is called when it comes or goes.
  CoordinatorWatch(xmpp::Endpoint& endpoint, Jid account, Clock& clock,
                   std::function<void()> changed);
  ~CoordinatorWatch();
  CoordinatorWatch(const CoordinatorWatch&) = delete;
  CoordinatorWatch& operator=(const CoordinatorWatch&) = delete;

  bool isThere() const { return account_.isEmpty() || !resources_.empty(); }
  // Since when it has not been seen; across logins of our own the moment at which it was last seen.
  std::optional<WallTime> missingSince() const;
  // The same once it is worth telling: its death at once, its not having been seen since our own
  // login after a moment in which its presence may still be on its way.
  std::optional<WallTime> missed() const;

 private:
  void onUp();
  void onDown();
  void onPresence(const xmpp::Element& stanza);
  void lost(bool told_at_once);

  xmpp::Endpoint& endpoint_;
  const Jid account_;
  Clock& clock_;
  const std::function<void()> changed_;
  xmpp::Endpoint::ListenerId listener_ = 0;
  std::set<std::string> resources_;  // those of the account that are available; bounded
  WallTime missing_since_;
  ElapsedTime told_from_;
};

}  // namespace muster
