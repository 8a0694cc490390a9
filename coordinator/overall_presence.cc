#include "coordinator/overall_presence.h"

#include "coordinator/contacts.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/stanza.h"
#include "libcontrol/xmpp/subscriptions.h"

namespace muster::coordinator {

void OverallPresence::show(const service::PresenceText& text) {
  text_ = text;
  send();
}

void OverallPresence::sendAnew() {
  throttle_.reset();
  mood_.clear();
  send();
}

void OverallPresence::send() {
  if (!account_.isUp() || text_.status.empty()) return;
  if (!throttle_.shouldSend(text_, clock_.elapsed())) return;
  xmpp::OutPresence presence;
  presence.show = toXmpp(text_.show);
  presence.status = text_.status;
  presence.extra.push_back(xmpp::capsElement({}));
  account_.send(xmpp::makePresence(presence));
  if (text_.mood == mood_) return;
  mood_ = text_.mood;
  // Best effort: not every server has personal eventing.
  account_.request(xmpp::moodPublish(mood_, ""), limits::kIqTimeout, [](const xmpp::IqOutcome&) {});
}

}  // namespace muster::coordinator
