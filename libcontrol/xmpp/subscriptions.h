// Presence as the daemons see it (RFC 6121, sections 3 and 4), and mood (XEP-0107).
#pragma once

#include <optional>
#include <string>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/element.h"
#include "libcontrol/xmpp/stanza.h"
#include "muster/wire.pb.h"

namespace muster::xmpp {

enum class PresenceType {
  kAvailable,
  kUnavailable,
  kSubscribe,
  kSubscribed,
  kUnsubscribe,
  kUnsubscribed,
  kProbe,
  kError,
};

struct PresenceInfo {
  Jid from;
  Jid to;  // empty if the stanza has none
  PresenceType type = PresenceType::kAvailable;
  Show show = Show::kNone;
  std::string status;    // cleaned, at most 1 KiB
  bool delayed = false;  // resent by a server: old news
  // The <status xmlns='urn:muster:status:1'/> of a node. Of one that can't be read only the reason
  // is kept; a person's presence has neither.
  std::optional<v1::NodeStatus> node;
  std::string node_problem;
};

// kInvalidArgument if it isn't a presence, has no usable `from`, or an unknown type; an unknown
// show counts as none.
Result<PresenceInfo> readPresence(const Element& stanza);

// Available, or of another type without content. `from` stays empty for a client.
Element presenceOf(const Jid& from, const Jid& to, PresenceType type);
// A node's broadcast presence.
Element nodePresence(Show show, const std::string& sentence, const v1::NodeStatus& status);

// A presence of a contact that we play: from it, to whoever subscribed or probed.
Element contactPresence(const Jid& from, const Jid& to, Show show, const std::string& sentence);

// XEP-0107 over XEP-0163: an iq to the own account that publishes the mood ("contented", "worried",
// "stressed", "confused") with an optional text. Servers without PEP answer with an error, which
// may be ignored.
Element moodPublish(const std::string& mood, const std::string& text);

}  // namespace muster::xmpp
