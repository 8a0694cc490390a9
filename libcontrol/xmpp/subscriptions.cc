#include "libcontrol/xmpp/subscriptions.h"

#include <array>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::xmpp {
namespace {

constexpr size_t kMaxStatusBytes = 1024;

constexpr std::array<std::pair<PresenceType, const char*>, 8> kTypes = {{
    {PresenceType::kAvailable, ""},
    {PresenceType::kUnavailable, "unavailable"},
    {PresenceType::kSubscribe, "subscribe"},
    {PresenceType::kSubscribed, "subscribed"},
    {PresenceType::kUnsubscribe, "unsubscribe"},
    {PresenceType::kUnsubscribed, "unsubscribed"},
    {PresenceType::kProbe, "probe"},
    {PresenceType::kError, "error"},
}};

const char* typeName(PresenceType type) {
  for (const auto& [value, name] : kTypes) {
    if (value == type) return name;
  }
  return "";
}

Show readShow(const std::string& text) {
  for (const Show show : {Show::kAway, Show::kChat, Show::kDnd, Show::kXa}) {
    if (text == showName(show)) return show;
  }
  return Show::kNone;
}

}  // namespace

Result<PresenceInfo> readPresence(const Element& stanza) {
  if (!stanza.is("presence", ns::kClient)) {
    return Status(Code::kInvalidArgument,
                  "<" + singleLine(stanza.name(), 64) + "/> is not a presence");
  }
  const auto from = jidAttribute(stanza, "from");
  if (!from) return Status(Code::kInvalidArgument, "the presence has no sender");
  PresenceInfo info;
  info.from = *from;
  info.to = jidAttribute(stanza, "to").value_or(Jid());
  bool known = false;
  for (const auto& [value, name] : kTypes) {
    if (stanza.attribute("type") != name) continue;
    info.type = value;
    known = true;
  }
  if (!known) {
    return Status(Code::kInvalidArgument,
                  "a presence has no type '" + singleLine(stanza.attribute("type"), 64) + "'");
  }
  info.show = readShow(childText(stanza, "show"));
  info.status = cleanText(childText(stanza, "status"), kMaxStatusBytes);
  info.delayed = isDelayed(stanza);
  if (const Element* status = stanza.child("status", ns::kNodeStatus)) {
    auto node = readNodeStatus(*status);
    if (node) {
      info.node = std::move(*node);
    } else {
      info.node_problem = node.status().text();
    }
  }
  return info;
}

Element presenceOf(const Jid& from, const Jid& to, PresenceType type) {
  OutPresence out;
  out.from = from;
  out.to = to;
  out.type = typeName(type);
  return makePresence(out);
}

Element nodePresence(Show show, const std::string& sentence, const v1::NodeStatus& status) {
  OutPresence out;
  out.show = show;
  out.status = cleanText(sentence, kMaxStatusBytes);
  out.extra = {capsElement({}), writeNodeStatus(status)};
  return makePresence(out);
}

Element contactPresence(const Jid& from, const Jid& to, Show show, const std::string& sentence) {
  OutPresence out;
  out.from = from;
  out.to = to;
  out.show = show;
  out.status = cleanText(sentence, kMaxStatusBytes);
  out.extra = {capsElement(from)};
  return makePresence(out);
}

Element moodPublish(const std::string& mood, const std::string& text) {
  Element iq = makeIq("set", {});
  Element& publish = iq.add("pubsub", ns::kPubSub).add("publish");
  publish.setAttribute("node", ns::kMood);
  Element& item = publish.add("item");
  item.setAttribute("id", "current");
  Element& element = item.add("mood", ns::kMood);
  element.add(mood);
  if (!text.empty()) element.add("text").setText(singleLine(text, kMaxStatusBytes));
  return iq;
}

}  // namespace muster::xmpp
