#include "coordinator/messenger.h"

#include <utility>

#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/stanza.h"
#include "libcontrol/xmpp/subscriptions.h"

namespace muster::coordinator {

Messenger::Messenger(xmpp::Endpoint& component, const Jid& address, Hooks hooks,
                     xmpp::Endpoint* account, xmpp::Roster* roster)
    : component_(component),
      address_(address),
      hooks_(std::move(hooks)),
      account_(account),
      roster_(roster) {
  component_listener_ = listen(component_);
  if (account_ == nullptr) return;
  account_listener_ = listen(*account_);
  roster_->onChange([this] { onRoster(); });
}

Messenger::~Messenger() {
  component_.removeListener(component_listener_);
  if (account_ == nullptr) return;
  account_->removeListener(account_listener_);
  roster_->onChange({});
}

xmpp::Endpoint::ListenerId Messenger::listen(xmpp::Endpoint& endpoint) {
  xmpp::Endpoint::Listener listener;
  if (&endpoint == &component_) {
    listener.up = [this] { onUp(); };
    listener.down = [this](const xmpp::DownEvent&) {
      if (account_ == nullptr) hooks_.blind();
      hooks_.down();
    };
  } else {
    listener.down = [this](const xmpp::DownEvent&) { hooks_.blind(); };
  }
  listener.message = [this](const xmpp::Element& message) { onMessage(message); };
  listener.presence = [this](const xmpp::Element& stanza) { onPresence(stanza); };
  return endpoint.addListener(std::move(listener));
}

bool Messenger::send(const incident::Message& message) {
  const incident::Notice& notice = message.notice;
  const bool by_account = account_ != nullptr && notice.from == account_->jid().bare();
  xmpp::Endpoint& endpoint = by_account ? *account_ : component_;
  // A place of the account's from before, when there was one: the component speaks for it.
  const bool ours = notice.from.domain() == address_.domain();
  xmpp::OutMessage out;
  if (!by_account) out.from = ours ? notice.from : address_;
  out.to = notice.to;
  out.id = message.id;
  out.body = notice.text;
  out.ask_receipt = true;
  return endpoint.send(xmpp::makeMessage(out));
}

// --- what comes back ----------------------------------------------------------------------------

void Messenger::onMessage(const xmpp::Element& message) {
  const auto from = xmpp::jidAttribute(message, "from");
  if (!from) return;
  if (message.attribute("type") == "error") {
    const auto error = xmpp::readError(message);
    return hooks_.failed(message.attribute("id"),
                         error ? xmpp::toStatus(*error).text() : "it was sent back");
  }
  if (const auto id = xmpp::receiptIn(message)) return hooks_.delivered(*id, from->bare());
  // Only what somebody has just written themselves shows that somebody is there.
  if (xmpp::judgeMessage(message) == xmpp::ChatVerdict::kLine) hooks_.wrote(from->bare());
}

void Messenger::onPresence(const xmpp::Element& stanza) {
  const auto presence = xmpp::readPresence(stanza);
  if (!presence || !followed_.contains(presence->from.bare())) return;
  switch (presence->type) {
    case xmpp::PresenceType::kAvailable:
      return hooks_.came(presence->from, presence->show == xmpp::Show::kAway ||
                                             presence->show == xmpp::Show::kXa ||
                                             presence->show == xmpp::Show::kDnd);
    case xmpp::PresenceType::kUnavailable:
      return hooks_.gone(presence->from);
    default:
      return;
  }
}

// --- whose presence is seen ---------------------------------------------------------------------

void Messenger::onUp() {
  hooks_.up();
  for (const Jid& bare : followed_) ask(bare);
}

void Messenger::follow(const Jid& bare) {
  if (followed_.insert(bare).second) ask(bare);
}

void Messenger::ask(const Jid& bare) {
  if (roster_ != nullptr) return roster_->subscribe(bare);
  if (!component_.isUp()) return;
  // As for the nodes: the probe first, which Prosody answers by dropping a request that is pending.
  component_.send(xmpp::presenceOf(address_, bare, xmpp::PresenceType::kProbe));
  component_.send(xmpp::presenceOf(address_, bare, xmpp::PresenceType::kSubscribe));
}

void Messenger::onRoster() {
  for (const Jid& bare : followed_) {
    const xmpp::RosterItem* item = roster_->find(bare);
    if (item != nullptr && item->seesTo()) hooks_.absent(bare);
  }
}

}  // namespace muster::coordinator
