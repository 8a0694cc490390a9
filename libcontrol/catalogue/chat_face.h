// Commands as lines of chat, the face that every client has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/catalogue/chat_line.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/catalogue/held_pages.h"

namespace muster::catalogue {

struct ChatAnswer {
  // A stranger is told nothing: answer as the server does for nobody (service-unavailable) or not.
  bool stranger = false;
  // The messages to send; one, unless it is for a stranger.
  std::vector<std::string> pages;
};

// Which messages are commands at all (not delayed, forwarded, from a room, of type error or
// groupchat) is decided before this. A command that can hurt is answered with what it would do and
// a six-digit code; that code alone as a line, from the same full JID to the same address within
// limits::kConfirmLife, carries out exactly what was bound. One such request a full JID and
// address: another one replaces it, three wrong codes end it, and other lines in between leave it
// standing.
//
// An answer longer than limits::kMaxChatPageBytes is cut into pages, and 'more' from the same full
// JID to the same address brings the next one, for ten minutes.
//
// Programs that hold the coordinator's role are met with silence, or two of them could talk
// forever.
//
// One thread. The dispatcher must outlive it; it may be destroyed while calls are open.
class ChatFace {
 public:
  using Done = std::function<void(ChatAnswer)>;
  struct At {
    std::string place;
    std::string group;
    // What a line has to begin with to reach us there ("muster: "); empty: nothing.
    std::string prefix{};
  };

  ChatFace(Dispatcher& dispatcher, Random& random);

  // Calls `done` exactly once unless the dispatcher ends before.
  void handle(const Jid& from, const At& at, const std::string& line, ElapsedTime now,
              WallTime wall, Done done);

 private:
  struct Pending {
    std::string code;
    CallRequest request;
    std::string bound;  // the request message's bytes
    ElapsedTime expires;
    int wrong = 0;
  };
  using Key = std::pair<std::string, std::string>;  // full JID, place

  void command(CallRequest request, const std::string& prefix, ElapsedTime now, WallTime wall,
               const Done& done);
  void help(const Scope& scope, const RawArguments& arguments, const Done& done) const;
  ChatAnswer askBack(const Dispatcher::Prepared& prepared, const CallRequest& request,
                     const std::string& prefix, ElapsedTime now, WallTime wall);
  void confirm(const Key& key, const std::string& code, ElapsedTime now, WallTime wall,
               const Done& done);
  void run(Dispatcher::Prepared prepared, const CallRequest& request, ElapsedTime now,
           WallTime wall, const Done& done);

  Dispatcher& dispatcher_;
  Random& random_;
  std::map<Key, Pending> pending_;
  // Shared with the calls that are open.
  const std::shared_ptr<HeldPages> held_ = std::make_shared<HeldPages>();
};

// The text in pieces of at most max_bytes, parted at line ends where there are any.
std::vector<std::string> splitPages(const std::string& text, size_t max_bytes);

}  // namespace muster::catalogue
