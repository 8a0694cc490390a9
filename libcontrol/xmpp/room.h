// A chat room of many (XEP-0045) in which we sit as one occupant: getting in and staying in, who
// else is there, and what is said.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::xmpp {

struct RoomConfig {
  Jid room;  // bare
  std::string nick;
  std::string password;  // empty: the room wants none
  Jid self;              // full: the address of ours that is in the room
};

// What somebody else said to the whole room while we were in it.
struct RoomLine {
  std::string nick;
  // Full, as the room's own server says; none if it hides who that is.
  std::optional<Jid> real;
  ChatVerdict verdict = ChatVerdict::kIgnore;  // never kIgnore
  std::string body;
};

// Enters as soon as the endpoint is up, without history, and enters again after a kick, an error
// or silence; each time it asks the room first whether it exists, since entering one that doesn't
// would make an open one. Once in it, it pings itself through the room (XEP-0410) when nothing
// comes.
//
// Private messages, which go through the room too, are never lines; nor is what we said ourselves.
//
// Lives on the thread of the endpoint, which must outlive it, as must the clock.
class Room {
 public:
  // Called from within the endpoint's callbacks and tick().
  struct Hooks {
    std::function<void()> entered;
    // We are not in it any more, or were not let in; `why` is for the log.
    std::function<void(const std::string& why)> outside;
    // Our own message with that id has come back: the room has it.
    std::function<void(const std::string& id)> reflected;
    std::function<void(const RoomLine& line)> line;
  };

  Room(Endpoint& endpoint, RoomConfig config, Clock& clock, Hooks hooks);
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  // To be called once a second.
  void tick();
  // To everybody in it; false if we are not. The id comes back by `reflected`.
  bool send(const std::string& id, const std::string& text);
  // The same with an id that nobody waits for.
  bool say(const std::string& text) { return send(endpoint_.newId(), text); }
  // Tells the others that we go; to be called before the link is closed.
  void leave();

  bool isInside() const { return phase_ == Phase::kInside; }
  // As the room calls us, which may differ from what we asked for.
  const std::string& nick() const { return nick_; }
  // The room is for members only and shows everybody who everybody is. False until the room has
  // said so since we entered it, and from the moment at which its configuration changes until it
  // has said so again.
  bool isTrusted() const { return isInside() && trusted_; }
  // The full JID behind a nick, if the room shows it.
  std::optional<Jid> realJid(const std::string& nick) const;
  size_t occupants() const { return occupants_.size(); }

 private:
  enum class Phase {
    kDown,      // no connection
    kAway,      // until retry_at_
    kLooking,   // whether there is such a room
    kEntering,  // until enter_by_
    kInside,
  };

  void onUp();
  void onDown();
  void look();
  void enter();
  void stayAway(const std::string& why);
  void onPresence(const Element& presence);
  void onAvailable(const std::string& nick, const Element& presence);
  void onUnavailable(const std::string& nick, const Element& presence);
  void onMessage(const Element& message);
  void onRoomItself(const Element& message);
  void askFeatures();
  void ping();
  void onPinged(const IqOutcome& outcome);
  bool isForUs(const Element& stanza) const;
  Jid occupantJid() const { return config_.room.withResource(nick_); }
  void request(std::string_view type, const Jid& to, Element payload, Endpoint::RequestDone done);
  Element presence(const std::string& type) const;

  Endpoint& endpoint_;
  const RoomConfig config_;
  Clock& clock_;
  const Hooks hooks_;
  Endpoint::ListenerId listener_ = 0;

  Phase phase_ = Phase::kDown;
  std::string nick_;
  bool trusted_ = false;
  std::map<std::string, std::optional<Jid>> occupants_;  // by nick, ours among them
  ElapsedTime retry_at_{};
  ElapsedTime enter_by_{};
  ElapsedTime entered_{};
  ElapsedTime heard_{};  // anything from the room
  Duration wait_ = limits::kRoomFirstRetry;
  bool pinging_ = false;
  int silent_ = 0;                          // pings in a row that nobody answered
  std::optional<ElapsedTime> ask_again_{};  // for the features
  // Answers to questions of an earlier stay, or about an earlier configuration, don't count.
  uint64_t stay_ = 0;
  uint64_t asked_ = 0;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// What is left of a line that is said to `nick` ("nick: line" or "nick, line", in letters of either
// case); nullopt if it isn't, or nothing is left.
std::optional<std::string> lineFor(const std::string& nick, const std::string& body);

}  // namespace muster::xmpp
