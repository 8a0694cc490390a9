#include "coordinator/alert_room.h"

#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/chat_line.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

constexpr Duration kPerHint = Duration::seconds(60);

constexpr char kClosed[] =
    "No commands are taken in this room: it is not both members-only and non-anonymous, so nobody "
    "can tell here who asks. Ask in a chat of your own.";

// Of those who were in it before it began to show who everybody is.
constexpr char kUnseen[] =
    "This room has not shown me who you are. Leave it, enter it again, and say that once more.";

}  // namespace

std::optional<v1::Role> AlertRoom::Authority::roleOf(const Jid& bare) const {
  if (bare != config_.room) return people_.roleOf(bare);
  return config_.anyone_may_read ? std::optional(v1::ROLE_OBSERVER) : std::nullopt;
}

// Our address in it is a resource of our own that names the room, so that the audit trail says
// where something was asked for.
AlertRoom::AlertRoom(AlertRoomConfig config, Parts parts)
    : config_(std::move(config)),
      parts_(std::move(parts)),
      authority_(parts_.people, config_),
      room_(parts_.component, {config_.room, config_.nick, config_.password, here()}, parts_.clock,
            hooks()),
      lines_(limits::kChatLineBurst, limits::kChatLineEvery),
      hints_(1, kPerHint) {}

xmpp::Room::Hooks AlertRoom::hooks() {
  xmpp::Room::Hooks hooks;
  hooks.entered = [this] {
    logger("muster.room")->info("in the room {} as {}", config_.room.toString(), room_.nick());
    parts_.entered();
  };
  hooks.outside = [this](const std::string& why) {
    logger("muster.room")->warn("not in the room {}: {}", config_.room.toString(), why);
    parts_.left();
  };
  hooks.reflected = [this](const std::string& id) { parts_.delivered(id); };
  hooks.line = [this](const xmpp::RoomLine& line) { onLine(line); };
  return hooks;
}

void AlertRoom::serve(std::unique_ptr<catalogue::Dispatcher> dispatcher) {
  dispatcher_ = std::move(dispatcher);
  face_ = std::make_unique<catalogue::ChatFace>(*dispatcher_, parts_.random);
}

void AlertRoom::onLine(const xmpp::RoomLine& line) {
  // What was kept back is old, and no news to anybody here.
  if (face_ == nullptr || line.verdict == xmpp::ChatVerdict::kDelayed) return;
  const auto words = xmpp::lineFor(room_.nick(), line.body);
  if (!words) return;
  switch (lines_.take(personOf(line), parts_.clock.elapsed())) {
    case xmpp::RateLimit::Verdict::kAllowed:
      break;
    case xmpp::RateLimit::Verdict::kRefusedFirst:
      return answer(line.nick, "Too many lines at once; wait some seconds.");
    case xmpp::RateLimit::Verdict::kRefused:
      return;
  }
  const auto caller = callerOf(line, *words);
  if (!caller) return;
  face_->handle(*caller, {here().toString(), "", room_.nick() + ": "}, *words,
                parts_.clock.elapsed(), parts_.clock.wall(),
                [this, alive = std::weak_ptr(alive_), nick = line.nick](const auto& said) {
                  if (alive.expired()) return;
                  for (const std::string& page : said.pages) answer(nick, page);
                });
}

std::optional<Jid> AlertRoom::callerOf(const xmpp::RoomLine& line, const std::string& words) {
  const bool trusted = room_.isTrusted() && line.real.has_value();
  if (!trusted && !config_.anyone_may_read) {
    hint(line, room_.isTrusted() ? kUnseen : kClosed);
    return std::nullopt;
  }
  if (line.verdict != xmpp::ChatVerdict::kLine) {
    hint(line, xmpp::hintFor(line.verdict));
    return std::nullopt;
  }
  if (!trusted) {
    if (!isReadOnly(words, line.nick)) return std::nullopt;
    return config_.room.withResource(line.nick);
  }
  if (parts_.people.roleOf(line.real->bare())) return line.real;
  hint(line, line.real->bare().toString() + " has no role here; an admin can grant one.");
  return std::nullopt;
}

bool AlertRoom::isReadOnly(const std::string& words, const std::string& nick) {
  const auto parsed = catalogue::parseChatLine(words);
  // What can't be read, and what isn't there, is told by the face.
  const catalogue::Command* command =
      parsed ? dispatcher_->catalogue().find(parsed->verb) : nullptr;
  if (command == nullptr || (!command->changes && command->role == v1::ROLE_OBSERVER)) return true;
  answer(nick, "'" + command->verb +
                   "' is not taken in this room: it is not both members-only and non-anonymous, so "
                   "only what changes nothing is. Ask in a chat of your own.");
  return false;
}

void AlertRoom::answer(const std::string& nick, const std::string& text) {
  room_.say(nick + (text.find('\n') == std::string::npos ? ": " : ":\n") + text);
}

bool AlertRoom::tellOutcome(const Jid& place, const Jid& who, const std::string& text) {
  return isAskedHere(place) && room_.say(who.toString() + ": " + text);
}

void AlertRoom::hint(const xmpp::RoomLine& line, const std::string& text) {
  if (hints_.take(personOf(line), parts_.clock.elapsed()) != xmpp::RateLimit::Verdict::kAllowed) {
    return;
  }
  answer(line.nick, text);
}

// Whom to count it to: nicks change at will, so in an anonymous room all share one budget.
Jid AlertRoom::personOf(const xmpp::RoomLine& line) const {
  return line.real ? line.real->bare() : config_.room;
}

}  // namespace muster::coordinator
