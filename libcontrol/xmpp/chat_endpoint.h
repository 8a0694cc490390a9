// Chat lines off an endpoint: which messages are one, and the way back for the answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/rate_limit.h"

namespace muster::xmpp {

// What a message is to us. Only kLine may ever be carried out.
enum class ChatVerdict {
  kLine,
  kIgnore,      // no body, of another type, a room's, a copy, a forward
  kDelayed,     // somebody kept it back: it may be hours old
  kCorrection,  // XEP-0308: the line it corrects has been carried out already
  kEncrypted,   // its body only says that the text is elsewhere
  kTooLong,     // over limits::kMaxChatLineBytes
};
ChatVerdict judgeMessage(const Element& message);
// The same of what an occupant says to a whole room (type groupchat), where a private message is
// none.
ChatVerdict judgeRoomMessage(const Element& message);
// What to tell a person whose message was not taken for a line; empty for kLine and kIgnore.
const char* hintFor(ChatVerdict verdict);

struct ChatLine {
  Jid from;  // full
  Address address;
  std::string body;
  std::string thread;  // of the message; answers bear it too
};
// Answers with the pages of a reply in their order, at once or later and as often as there is
// something to say, on the endpoint's thread.
using SayPages = std::function<void(const std::vector<std::string>& pages)>;
using ChatHandler = std::function<void(const ChatLine& line, SayPages answer)>;

// Strangers get the error that an address which doesn't exist would give; messages of the
// coordinator role, of our own addresses and of what isn't a line are passed over. Who sends more
// than 20 lines at once or 2 a second is told so once. Lives on the endpoint's thread; endpoint,
// addresses and clock must outlive it; an answer after its end goes nowhere.
class ChatEndpoint {
 public:
  ChatEndpoint(Endpoint& endpoint, const Addresses& addresses, Clock& clock, ChatHandler handler);
  ~ChatEndpoint();
  ChatEndpoint(const ChatEndpoint&) = delete;
  ChatEndpoint& operator=(const ChatEndpoint&) = delete;

  // A message of our own accord. `from` is the address that speaks (ignored by a client link).
  // False if there is no connection.
  bool say(const Jid& from, const Jid& to, const std::string& text, const std::string& thread = {});

 private:
  void onMessage(const Element& message);
  void onLine(const Element& message, const Address& address);
  bool isOurs(const Jid& from) const;
  // Says it at most once a minute to each person.
  void hint(const Element& message, const std::string& text);
  void answer(const Element& message, const std::string& text);

  Endpoint& endpoint_;
  const Addresses& addresses_;
  Clock& clock_;
  const ChatHandler handler_;
  RateLimit lines_;
  RateLimit hints_;
  Endpoint::ListenerId listener_ = 0;
  std::shared_ptr<ChatEndpoint*> self_;  // null once ended
};

}  // namespace muster::xmpp
