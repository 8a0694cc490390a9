// A client's roster (RFC 6121, section 2) as far as subscriptions need it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "libcontrol/base/jid.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::xmpp {

enum class Subscription { kNone, kTo, kFrom, kBoth };

struct RosterItem {
  Jid jid;  // bare
  std::string name;
  Subscription subscription = Subscription::kNone;
  bool pending_out = false;  // ask='subscribe'

  // We see its presence.
  bool seesTo() const {
    return subscription == Subscription::kTo || subscription == Subscription::kBoth;
  }
  // It sees ours.
  bool seenFrom() const {
    return subscription == Subscription::kFrom || subscription == Subscription::kBoth;
  }
};

// Fetches the roster whenever the link comes up, follows the pushes of the own account (from
// anybody else they are refused, section 2.1.6), and answers subscription requests. One that isn't
// approved stays unanswered, which tells a stranger nothing, and is looked at again by enforce().
// For client links only. Lives on the endpoint's thread; the endpoint must outlive it.
class Roster {
 public:
  // May that bare JID see our presence?
  using Approve = std::function<bool(const Jid& bare)>;

  Roster(Endpoint& endpoint, Approve approve);
  ~Roster();
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  // We want to see that presence: asked for as soon as the roster is known, unless we see it or
  // have asked already, and again after each login until it is granted.
  void subscribe(const Jid& bare);
  // No longer wanted: the item is removed, and with it both directions.
  void remove(const Jid& bare);

  // Called after the roster has been fetched and after each change to it.
  void onChange(std::function<void()> f) { changed_ = std::move(f); }

  // The roster of this login has been read.
  bool isLoaded() const { return loaded_; }
  const std::map<Jid, RosterItem>& items() const { return items_; }
  const RosterItem* find(const Jid& bare) const;
  // To be called when the grants have changed; done by itself after a fetch. Cancels the
  // subscription of each item that sees us but may not (any more), and approves those that wait and
  // now may.
  void enforce();

  static constexpr size_t kMaxWaiting = 1024;

 private:
  void fetch();
  void onFetched(const IqOutcome& outcome);
  void onPush(const Element& iq, const IqReply& reply);
  void onPresence(const Element& stanza);
  void apply(const Element& item);
  void askWanted();

  Endpoint& endpoint_;
  Approve approve_;
  std::function<void()> changed_;
  Endpoint::ListenerId listener_ = 0;
  std::map<Jid, RosterItem> items_;
  std::set<Jid> wanted_;
  std::set<Jid> asked_;    // in this login
  std::set<Jid> waiting_;  // for our approval; at most kMaxWaiting
  bool loaded_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace muster::xmpp
