#include "coordinator/contacts.h"

#include "muster/log.h"

namespace muster::coordinator {

xmpp::Show toXmpp(service::Show show) {
  switch (show) {
    case service::Show::kNone:
      return xmpp::Show::kNone;
    case service::Show::kAway:
      return xmpp::Show::kAway;
    case service::Show::kDnd:
      return xmpp::Show::kDnd;
  }
  return xmpp::Show::kAway;
}

Contacts::Contacts(xmpp::Endpoint& component, store::SubscriptionStore& store,
                   const catalogue::Authority& authority, Clock& clock)
    : component_(component), store_(store), authority_(authority), clock_(clock) {}

Status Contacts::load() {
  auto rows = store_.list();
  if (!rows) return rows.status();
  for (const store::SubscriptionRow& row : *rows) {
    const auto contact = Jid::parse(row.contact);
    const auto subscriber = Jid::parse(row.subscriber);
    if (!contact || !subscriber) {
      return {Code::kDataLoss,
              "subscription of " + row.subscriber + " to " + row.contact + ": not a pair of JIDs"};
    }
    // A group that is no more keeps its row, in case it comes back.
    if (const auto it = contacts_.find(*contact); it != contacts_.end()) {
      it->second.subscribers.insert(*subscriber);
    } else {
      unclaimed_[*contact].insert(*subscriber);
    }
  }
  return Status::ok();
}

bool Contacts::add(const Jid& jid) {
  const auto [added, is_new] = contacts_.try_emplace(jid);
  const auto unclaimed = unclaimed_.find(jid);
  if (unclaimed != unclaimed_.end()) {
    added->second.subscribers.merge(unclaimed->second);
    unclaimed_.erase(unclaimed);
  }
  return is_new;
}

void Contacts::show(const Jid& jid, const service::PresenceText& text) {
  const auto it = contacts_.find(jid);
  if (it == contacts_.end()) return;
  Contact& contact = it->second;
  contact.text = text;
  if (component_.isUp() && contact.throttle.shouldSend(text, clock_.elapsed())) {
    broadcast(jid, contact);
  }
}

void Contacts::onPresence(const xmpp::PresenceInfo& presence) {
  const auto it = contacts_.find(presence.to.bare());
  const Jid subscriber = presence.from.bare();
  // Who has no role is answered as if the contact weren't there.
  const bool welcome = it != contacts_.end() && authority_.roleOf(subscriber).has_value();
  switch (presence.type) {
    case xmpp::PresenceType::kSubscribe:
      if (welcome) return subscribe(it->first, it->second, subscriber);
      component_.send(
          xmpp::presenceOf(presence.to.bare(), subscriber, xmpp::PresenceType::kUnsubscribed));
      return;
    case xmpp::PresenceType::kUnsubscribe:
      if (it != contacts_.end()) unsubscribe(it->first, it->second, subscriber);
      return;
    case xmpp::PresenceType::kProbe:
      if (welcome && it->second.subscribers.contains(subscriber)) {
        return send(it->first, it->second, presence.from);
      }
      component_.send(
          xmpp::presenceOf(presence.to.bare(), subscriber, xmpp::PresenceType::kUnsubscribed));
      return;
    default:
      return;  // nobody's presence is wanted here but the members'
  }
}

void Contacts::subscribe(const Jid& jid, Contact& contact, const Jid& subscriber) {
  const Status stored = store_.add({jid.toString(), subscriber.toString()});
  if (!stored) {
    // Unanswered, the request stays pending at the subscriber's server and is made again.
    logger("muster.contacts")
        ->error("{} can't subscribe to {}: {}", subscriber.toString(), jid.toString(),
                stored.text());
    return;
  }
  contact.subscribers.insert(subscriber);
  component_.send(xmpp::presenceOf(jid, subscriber, xmpp::PresenceType::kSubscribed));
  send(jid, contact, subscriber);
}

void Contacts::unsubscribe(const Jid& jid, Contact& contact, const Jid& subscriber) {
  const Status removed = store_.remove({jid.toString(), subscriber.toString()});
  if (!removed) {
    logger("muster.contacts")
        ->error("{} can't unsubscribe from {}: {}", subscriber.toString(), jid.toString(),
                removed.text());
    return;
  }
  contact.subscribers.erase(subscriber);
  component_.send(xmpp::presenceOf(jid, subscriber, xmpp::PresenceType::kUnsubscribed));
  component_.send(xmpp::presenceOf(jid, subscriber, xmpp::PresenceType::kUnavailable));
}

std::set<Jid> Contacts::subscribersOf(const Jid& contact) const {
  const auto it = contacts_.find(contact);
  return it == contacts_.end() ? std::set<Jid>() : it->second.subscribers;
}

void Contacts::dismiss(const Jid& subscriber) {
  for (auto& [jid, contact] : contacts_) {
    if (contact.subscribers.contains(subscriber)) unsubscribe(jid, contact, subscriber);
  }
  for (auto& [jid, subscribers] : unclaimed_) {
    if (subscribers.erase(subscriber) == 0) continue;
    if (const Status removed = store_.remove({jid.toString(), subscriber.toString()}); !removed) {
      logger("muster.contacts")
          ->error("{} can't be removed from {}: {}", subscriber.toString(), jid.toString(),
                  removed.text());
    }
  }
}

void Contacts::announceAll() {
  for (auto& [jid, contact] : contacts_) {
    contact.throttle.reset();
    if (!contact.text.status.empty()) show(jid, contact.text);
  }
}

void Contacts::sayGoodbye() {
  for (const auto& [jid, contact] : contacts_) {
    for (const Jid& subscriber : contact.subscribers) {
      component_.send(xmpp::presenceOf(jid, subscriber, xmpp::PresenceType::kUnavailable));
    }
  }
}

void Contacts::send(const Jid& jid, const Contact& contact, const Jid& to) {
  component_.send(xmpp::contactPresence(jid, to, toXmpp(contact.text.show), contact.text.status));
}

void Contacts::broadcast(const Jid& jid, const Contact& contact) {
  // Who has lost every role since hears nothing more.
  for (const Jid& subscriber : contact.subscribers) {
    if (authority_.roleOf(subscriber)) send(jid, contact, subscriber);
  }
}

}  // namespace muster::coordinator
