#include "libcontrol/xmpp/chat_endpoint.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {
namespace {

constexpr Duration kPerHint = Duration::seconds(60);
constexpr size_t kMaxThreadBytes = 256;

bool isBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

// Inside of these somebody else's words travel, or words said elsewhere.
bool isCopyOrRoom(const Element& message) {
  return message.child("forwarded", ns::kForward) != nullptr ||
         message.child("sent", ns::kCarbons) != nullptr ||
         message.child("received", ns::kCarbons) != nullptr ||
         message.child("x", ns::kMucUser) != nullptr ||
         message.child("event", ns::kPubSubEvent) != nullptr;
}

// What has a body that can be read at all, whoever it is for.
ChatVerdict judgeContent(const Element& message) {
  if (isCopyOrRoom(message)) return ChatVerdict::kIgnore;
  const std::string& body = childText(message, "body");
  if (isBlank(body)) return ChatVerdict::kIgnore;
  if (isDelayed(message)) return ChatVerdict::kDelayed;
  if (message.child("replace", ns::kCorrection) != nullptr) return ChatVerdict::kCorrection;
  if (message.child("encryption", ns::kEncryption) != nullptr) return ChatVerdict::kEncrypted;
  if (body.size() > limits::kMaxChatLineBytes) return ChatVerdict::kTooLong;
  return ChatVerdict::kLine;
}

}  // namespace

ChatVerdict judgeMessage(const Element& message) {
  const std::string& type = message.attribute("type");
  if (!type.empty() && type != "chat" && type != "normal") return ChatVerdict::kIgnore;
  return judgeContent(message);
}

ChatVerdict judgeRoomMessage(const Element& message) {
  return message.attribute("type") == "groupchat" ? judgeContent(message) : ChatVerdict::kIgnore;
}

const char* hintFor(ChatVerdict verdict) {
  switch (verdict) {
    case ChatVerdict::kDelayed:
      return "That message arrived late and was not carried out; send it again if it still holds.";
    case ChatVerdict::kCorrection:
      return "A corrected message is not carried out; send the line as a new message.";
    case ChatVerdict::kEncrypted:
      return "That message was end-to-end encrypted and can't be read here; switch encryption off "
             "for this contact and send it again.";
    case ChatVerdict::kTooLong:
      return "That message is too long for a command (at most 4096 bytes) and was not carried out.";
    case ChatVerdict::kLine:
    case ChatVerdict::kIgnore:
      break;
  }
  return "";
}
static_assert(limits::kMaxChatLineBytes == 4096, "the hint above names it");

ChatEndpoint::ChatEndpoint(Endpoint& endpoint, const Addresses& addresses, Clock& clock,
                           ChatHandler handler)
    : endpoint_(endpoint),
      addresses_(addresses),
      clock_(clock),
      handler_(std::move(handler)),
      lines_(limits::kChatLineBurst, limits::kChatLineEvery),
      hints_(1, kPerHint),
      self_(std::make_shared<ChatEndpoint*>(this)) {
  Endpoint::Listener listener;
  listener.message = [this](const Element& message) { onMessage(message); };
  listener_ = endpoint_.addListener(std::move(listener));
}

ChatEndpoint::~ChatEndpoint() {
  *self_ = nullptr;
  endpoint_.removeListener(listener_);
}

bool ChatEndpoint::isOurs(const Jid& from) const {
  return addresses_.find(from) != nullptr || from.bare() == endpoint_.jid().bare();
}

void ChatEndpoint::onMessage(const Element& message) {
  const auto from = jidAttribute(message, "from");
  const ChatVerdict verdict = judgeMessage(message);
  if (verdict == ChatVerdict::kIgnore || !from || isOurs(*from)) return;
  const Jid to = jidAttribute(message, "to").value_or(endpoint_.jid());
  if (!addresses_.answers(*from, to)) {
    return endpoint_.sendError(message, {.condition = Condition::kServiceUnavailable});
  }
  // Two daemons that answer each other would never end.
  if (addresses_.roleOf(*from) == v1::ROLE_COORDINATOR) return;
  if (verdict != ChatVerdict::kLine) return hint(message, hintFor(verdict));
  switch (lines_.take(from->bare(), clock_.elapsed())) {
    case RateLimit::Verdict::kAllowed:
      return onLine(message, *addresses_.find(to));
    case RateLimit::Verdict::kRefusedFirst:
      return answer(message,
                    "Too many lines at once; this one and those that follow are not carried out. "
                    "Wait some seconds and go on with at most 2 a second.");
    case RateLimit::Verdict::kRefused:
      return;
  }
}

void ChatEndpoint::onLine(const Element& message, const Address& address) {
  ChatLine line{.from = *jidAttribute(message, "from"),
                .address = address,
                .body = childText(message, "body"),
                .thread = childText(message, "thread").substr(0, kMaxThreadBytes)};
  const Jid speaker = jidAttribute(message, "to").value_or(address.jid);
  handler_(line, [self = self_, speaker, to = line.from,
                  thread = line.thread](const std::vector<std::string>& pages) {
    for (const std::string& page : pages) {
      if (*self != nullptr) (*self)->say(speaker, to, page, thread);
    }
  });
}

void ChatEndpoint::hint(const Element& message, const std::string& text) {
  const Jid bare = jidAttribute(message, "from")->bare();
  if (hints_.take(bare, clock_.elapsed()) != RateLimit::Verdict::kAllowed) return;
  answer(message, text);
}

void ChatEndpoint::answer(const Element& message, const std::string& text) {
  say(jidAttribute(message, "to").value_or(Jid()), *jidAttribute(message, "from"), text,
      childText(message, "thread"));
}

bool ChatEndpoint::say(const Jid& from, const Jid& to, const std::string& text,
                       const std::string& thread) {
  OutMessage out;
  if (endpoint_.isComponent()) out.from = from;
  out.to = to;
  out.id = endpoint_.newId();
  out.body = text;
  out.thread = cleanText(thread, kMaxThreadBytes);
  return endpoint_.send(makeMessage(out));
}

}  // namespace muster::xmpp
