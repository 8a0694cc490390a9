// The chat room to which incidents are taken: what is posted there, and which of what people say
// there is carried out.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/chat_face.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/xmpp/rate_limit.h"
#include "libcontrol/xmpp/room.h"

namespace muster::coordinator {

struct AlertRoomConfig {
  Jid room;  // bare
  std::string nick;
  std::string password;  // empty: none
  // In a room that isn't both members-only and non-anonymous: everybody in it may use the commands
  // that change nothing and want no more than an observer. Otherwise nobody may use any there.
  bool anyone_may_read = false;
};

// A line that is addressed to us by nick is a command. In a room that is members-only and
// non-anonymous it is one of the person behind the nick, with their role, and a code is asked back
// as in chat. Answers are said in the room, for all to read.
//
// Has a dispatcher of its own, for there are people to it who have no role elsewhere. Lives on the
// event loop's thread; all references must outlive it.
class AlertRoom {
 public:
  struct Parts {
    xmpp::Endpoint& component;
    Jid address;  // ours; under it stands the one in the room
    const catalogue::Authority& people;
    Clock& clock;
    Random& random;
    std::function<void()> entered;
    std::function<void()> left;
    std::function<void(const std::string& id)> delivered;
  };

  AlertRoom(AlertRoomConfig config, Parts parts);

  // For its dispatcher: those who have a role, and whoever may read.
  const catalogue::Authority& authority() const { return authority_; }
  // Before the link starts; until then nothing is carried out.
  void serve(std::unique_ptr<catalogue::Dispatcher> dispatcher);

  const Jid& jid() const { return config_.room; }
  void tick() { room_.tick(); }
  // False if we are not in it.
  bool send(const std::string& id, const std::string& text) { return room_.send(id, text); }
  void leave() { room_.leave(); }
  // Whether a command that was given at that place was given in this room.
  bool isAskedHere(const Jid& place) const { return place == here(); }
  // What became later of something that somebody asked for at that place. False if that was not
  // this room, or we are not in it now.
  bool tellOutcome(const Jid& place, const Jid& who, const std::string& text);

 private:
  class Authority : public catalogue::Authority {
   public:
    Authority(const catalogue::Authority& people, const AlertRoomConfig& config)
        : people_(people), config_(config) {}
    std::optional<v1::Role> roleOf(const Jid& bare) const override;

   private:
    const catalogue::Authority& people_;
    const AlertRoomConfig& config_;
  };

  Jid here() const { return parts_.address.withResource(config_.room.toString()); }
  xmpp::Room::Hooks hooks();
  void onLine(const xmpp::RoomLine& line);
  // As whom it is carried out; nullopt: not at all, and why has been said.
  std::optional<Jid> callerOf(const xmpp::RoomLine& line, const std::string& words);
  // Whether the words are a command for whoever may read; else says why not.
  bool isReadOnly(const std::string& words, const std::string& nick);
  void answer(const std::string& nick, const std::string& text);
  // Says it at most once a minute to each person.
  void hint(const xmpp::RoomLine& line, const std::string& text);
  Jid personOf(const xmpp::RoomLine& line) const;

  const AlertRoomConfig config_;
  const Parts parts_;
  const Authority authority_;
  xmpp::Room room_;
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
  std::unique_ptr<catalogue::ChatFace> face_;
  xmpp::RateLimit lines_;
  xmpp::RateLimit hints_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace muster::coordinator
