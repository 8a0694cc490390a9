#include "libcontrol/node/node_presence.h"

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/stanza.h"
#include "libcontrol/xmpp/subscriptions.h"

namespace muster {
namespace {

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

}  // namespace

void NodePresence::connected() {
  throttle_.reset();
  mood_.clear();
}

void NodePresence::publish(const service::PresenceText& text,
                           const std::function<v1::NodeStatus()>& status, bool even_if_unchanged,
                           ElapsedTime now) {
  if (even_if_unchanged) throttle_.reset();
  if (!throttle_.shouldSend(text, now)) return;
  endpoint_.send(xmpp::nodePresence(toXmpp(text.show), text.status, status()));
  if (text.mood == mood_) return;
  mood_ = text.mood;
  // Best effort: not every server has personal eventing.
  endpoint_.request(xmpp::moodPublish(mood_, ""), limits::kIqTimeout,
                    [](const xmpp::IqOutcome&) {});
}

}  // namespace muster
