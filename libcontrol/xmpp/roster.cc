#include "libcontrol/xmpp/roster.h"

#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/subscriptions.h"

namespace muster::xmpp {
namespace {

Subscription readSubscription(const std::string& text) {
  if (text == "to") return Subscription::kTo;
  if (text == "from") return Subscription::kFrom;
  if (text == "both") return Subscription::kBoth;
  return Subscription::kNone;
}

}  // namespace

Roster::Roster(Endpoint& endpoint, Approve approve)
    : endpoint_(endpoint), approve_(std::move(approve)) {
  Endpoint::Listener listener;
  listener.up = [this] { fetch(); };
  listener.down = [this](const DownEvent&) { loaded_ = false; };
  listener.presence = [this](const Element& stanza) { onPresence(stanza); };
  listener_ = endpoint_.addListener(std::move(listener));
  endpoint_.handleIq(Endpoint::IqType::kSet, "query", ns::kRoster,
                     [this](const Element& iq, const IqReply& reply) { onPush(iq, reply); });
}

Roster::~Roster() {
  endpoint_.removeListener(listener_);
  endpoint_.removeIqHandler(Endpoint::IqType::kSet, "query", ns::kRoster);
}

void Roster::fetch() {
  loaded_ = false;
  asked_.clear();
  waiting_.clear();  // the server hands them out again
  Element iq = makeIq("get", {});
  iq.add("query", ns::kRoster);
  endpoint_.request(std::move(iq), limits::kIqTimeout,
                    [this, alive = std::weak_ptr<const bool>(alive_)](const IqOutcome& outcome) {
                      if (!alive.expired()) onFetched(outcome);
                    });
}

void Roster::onFetched(const IqOutcome& outcome) {
  if (outcome.status.code() == Code::kTimeout && endpoint_.isUp()) return fetch();
  const Element* query = outcome.payload();
  if (query == nullptr || !query->is("query", ns::kRoster)) return;
  items_.clear();
  for (const Element& item : query->children()) apply(item);
  loaded_ = true;
  enforce();
  askWanted();
  if (changed_) changed_();
}

void Roster::apply(const Element& item) {
  const auto jid = jidAttribute(item, "jid");
  if (!item.is("item", ns::kRoster) || !jid) return;
  if (item.attribute("subscription") == "remove") {
    items_.erase(jid->bare());
    return;
  }
  items_[jid->bare()] = {.jid = jid->bare(),
                         .name = singleLine(item.attribute("name"), limits::kMaxArgumentBytes),
                         .subscription = readSubscription(item.attribute("subscription")),
                         .pending_out = item.attribute("ask") == "subscribe"};
}

void Roster::onPush(const Element& iq, const IqReply& reply) {
  // Somebody else's push would let him write our roster.
  if (iq.hasAttribute("from") && jidAttribute(iq, "from") != endpoint_.jid().bare()) {
    return reply.error(Condition::kServiceUnavailable);
  }
  for (const Element& item : iq.firstChild()->children()) apply(item);
  reply.result();
  if (loaded_ && changed_) changed_();
}

void Roster::onPresence(const Element& stanza) {
  const std::string& type = stanza.attribute("type");
  const auto from = jidAttribute(stanza, "from");
  if (!from || (type != "subscribe" && type != "unsubscribe")) return;
  const Jid bare = from->bare();
  if (type == "unsubscribe") {
    waiting_.erase(bare);
  } else if (approve_(bare)) {
    endpoint_.send(presenceOf({}, bare, PresenceType::kSubscribed));
  } else if (waiting_.size() < kMaxWaiting) {
    waiting_.insert(bare);
  }
}

void Roster::subscribe(const Jid& bare) {
  wanted_.insert(bare.bare());
  if (loaded_) askWanted();
}

void Roster::askWanted() {
  for (const Jid& jid : wanted_) {
    const RosterItem* item = find(jid);
    if ((item != nullptr && item->seesTo()) || !asked_.insert(jid).second) continue;
    endpoint_.send(presenceOf({}, jid, PresenceType::kSubscribe));
  }
}

void Roster::remove(const Jid& bare) {
  wanted_.erase(bare.bare());
  asked_.erase(bare.bare());
  if (find(bare) == nullptr) return;
  Element iq = makeIq("set", {});
  Element& item = iq.add("query", ns::kRoster).add("item");
  item.setAttribute("jid", bare.bare().toString());
  item.setAttribute("subscription", "remove");
  endpoint_.request(std::move(iq), limits::kIqTimeout, {});
}

const RosterItem* Roster::find(const Jid& bare) const {
  const auto found = items_.find(bare.bare());
  return found == items_.end() ? nullptr : &found->second;
}

void Roster::enforce() {
  for (const auto& [jid, item] : items_) {
    if (item.seenFrom() && !approve_(jid)) {
      endpoint_.send(presenceOf({}, jid, PresenceType::kUnsubscribed));
    }
  }
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (!approve_(*it)) {
      ++it;
      continue;
    }
    endpoint_.send(presenceOf({}, *it, PresenceType::kSubscribed));
    it = waiting_.erase(it);
  }
}

}  // namespace muster::xmpp
