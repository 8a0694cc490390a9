#include "libcontrol/xmpp/room.h"

#include <algorithm>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/stanza.h"

namespace muster::xmpp {
namespace {

// Status codes of XEP-0045.
constexpr char kSelf[] = "110";
constexpr char kCreated[] = "201";
constexpr char kNickChanged[] = "303";

// A service takes what occupants put into their presence for its own out of it; where there are two
// all the same, somebody has smuggled one in.
const Element* userOf(const Element& stanza) {
  const Element* found = nullptr;
  for (const Element& child : stanza.children()) {
    if (!child.is("x", ns::kMucUser)) continue;
    if (found != nullptr) return nullptr;
    found = &child;
  }
  return found;
}

std::set<std::string> codesOf(const Element* user) {
  std::set<std::string> out;
  if (user == nullptr) return out;
  for (const Element& child : user->children()) {
    if (child.is("status", ns::kMucUser)) out.insert(child.attribute("code"));
  }
  return out;
}

const Element* itemOf(const Element* user) {
  return user == nullptr ? nullptr : user->child("item", ns::kMucUser);
}

// Why we were put out, by the codes of our own unavailable presence (XEP-0045, section 17).
std::string whyOut(const std::set<std::string>& codes, const Element* user) {
  if (user != nullptr && user->child("destroy", ns::kMucUser) != nullptr) {
    return "the room was destroyed";
  }
  static const std::map<std::string, std::string> kReasons = {
      {"301", "we were banned from it"},
      {"307", "we were kicked out of it"},
      {"321", "we are no member of it any more"},
      {"322", "it is for members only now, and we are none"},
      {"332", "the room's server is being shut down"},
      {"333", "the room's server could not reach us"}};
  for (const auto& [code, reason] : kReasons) {
    if (codes.contains(code)) return reason;
  }
  return "the room took us out";
}

// XEP-0045, section 7.2: what a refusal means, and what would mend it.
std::string whyRefused(const StanzaError& error, const std::string& nick) {
  switch (error.condition) {
    case Condition::kNotAuthorized:
      return "the room wants a password, or another one";
    case Condition::kForbidden:
      return "we are banned from it";
    case Condition::kRegistrationRequired:
      return "it is for members only; the coordinator's address has to be made one";
    case Condition::kConflict:
      return "somebody else in it is called '" + nick + "'";
    case Condition::kItemNotFound:
      return "there is no such room, or it is locked; somebody has to make it first";
    case Condition::kServiceUnavailable:
      return "it is full";
    default:
      return toStatus(error).text();
  }
}

}  // namespace

Room::Room(Endpoint& endpoint, RoomConfig config, Clock& clock, Hooks hooks)
    : endpoint_(endpoint),
      config_(std::move(config)),
      clock_(clock),
      hooks_(std::move(hooks)),
      nick_(config_.nick) {
  Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [this](const DownEvent&) { onDown(); };
  listener.message = [this](const Element& message) { onMessage(message); };
  listener.presence = [this](const Element& stanza) { onPresence(stanza); };
  listener_ = endpoint_.addListener(std::move(listener));
  if (endpoint_.isUp()) onUp();
}

Room::~Room() {
  endpoint_.removeListener(listener_);
}

// --- getting in ---------------------------------------------------------------------------------

void Room::onUp() {
  wait_ = limits::kRoomFirstRetry;
  look();
}

void Room::onDown() {
  const bool inside = isInside();
  ++stay_;
  phase_ = Phase::kDown;
  occupants_.clear();
  if (inside) hooks_.outside("the connection is gone");
}

void Room::request(std::string_view type, const Jid& to, Element payload,
                   Endpoint::RequestDone done) {
  Element iq = makeIq(type, to);
  iq.setAttribute("from", config_.self.toString());
  iq.add(std::move(payload));
  endpoint_.request(
      std::move(iq), limits::kRoomTimeout,
      [this, stay = stay_, alive = std::weak_ptr(alive_), done = std::move(done)](const auto& out) {
        if (!alive.expired() && stay == stay_) done(out);
      });
}

void Room::look() {
  ++stay_;
  phase_ = Phase::kLooking;
  request("get", config_.room, Element("query", ns::kDiscoInfo), [this](const IqOutcome& outcome) {
    if (outcome.error && outcome.error->condition == Condition::kItemNotFound) {
      return stayAway("there is no such room; somebody has to make it first, and to keep");
    }
    // Some tell nothing of themselves to those outside: entering shows more.
    if (!outcome.isOk() && !outcome.error) return stayAway(outcome.status.text());
    enter();
  });
}

Element Room::presence(const std::string& type) const {
  OutPresence out;
  out.from = config_.self;
  out.to = config_.room.withResource(config_.nick);
  out.type = type;
  return makePresence(out);
}

void Room::enter() {
  phase_ = Phase::kEntering;
  enter_by_ = clock_.elapsed() + limits::kRoomTimeout;
  nick_ = config_.nick;
  occupants_.clear();
  Element stanza = presence("");
  Element& muc = stanza.add("x", ns::kMuc);
  muc.add("history").setAttribute("maxstanzas", "0").setAttribute("maxchars", "0");
  if (!config_.password.empty()) muc.add("password").setText(config_.password);
  endpoint_.send(std::move(stanza));
}

void Room::stayAway(const std::string& why) {
  const ElapsedTime now = clock_.elapsed();
  if (isInside() && now - entered_ >= limits::kRoomStable) wait_ = limits::kRoomFirstRetry;
  ++stay_;
  phase_ = Phase::kAway;
  occupants_.clear();
  retry_at_ = now + wait_;
  wait_ = std::min(wait_ * 2, limits::kRoomLastRetry);
  hooks_.outside(why);
}

void Room::leave() {
  if (isInside() || phase_ == Phase::kEntering) endpoint_.send(presence("unavailable"));
}

void Room::tick() {
  const ElapsedTime now = clock_.elapsed();
  switch (phase_) {
    case Phase::kDown:
    case Phase::kLooking:  // the request has its own deadline
      return;
    case Phase::kAway:
      if (now >= retry_at_) look();
      return;
    case Phase::kEntering:
      if (now >= enter_by_) stayAway("the room did not answer");
      return;
    case Phase::kInside:
      break;
  }
  if (ask_again_ && now >= *ask_again_) askFeatures();
  if (!pinging_ && now - heard_ >= limits::kRoomPingEvery) ping();
}

// --- who is in it -------------------------------------------------------------------------------

bool Room::isForUs(const Element& stanza) const {
  const auto from = jidAttribute(stanza, "from");
  const auto to = jidAttribute(stanza, "to");
  return from && from->bare() == config_.room && to == config_.self;
}

void Room::onPresence(const Element& presence) {
  if ((phase_ != Phase::kEntering && !isInside()) || !isForUs(presence)) return;
  heard_ = clock_.elapsed();
  const std::string nick = jidAttribute(presence, "from")->resource();
  const std::string& type = presence.attribute("type");
  if (type == "error") {
    if (phase_ != Phase::kEntering) return;
    const auto error = readError(presence);
    return stayAway(error ? whyRefused(*error, config_.nick) : "the room refused us");
  }
  if (nick.empty()) return;
  if (type.empty()) return onAvailable(nick, presence);
  if (type == "unavailable") onUnavailable(nick, presence);
}

void Room::onAvailable(const std::string& nick, const Element& presence) {
  const Element* user = userOf(presence);
  const Element* item = itemOf(user);
  const auto codes = codesOf(user);
  if (occupants_.contains(nick) || occupants_.size() < limits::kMaxRoomOccupants) {
    occupants_[nick] = item != nullptr ? jidAttribute(*item, "jid") : std::nullopt;
  }
  if (!codes.contains(kSelf)) return;
  nick_ = nick;
  if (codes.contains(kCreated)) {
    // It went in between; what entering makes is open to everybody.
    leave();
    return stayAway("there is no such room; somebody has to make it first, and to keep");
  }
  if (isInside()) return;
  phase_ = Phase::kInside;
  entered_ = clock_.elapsed();
  pinging_ = false;
  silent_ = 0;
  askFeatures();
  hooks_.entered();
}

void Room::onUnavailable(const std::string& nick, const Element& presence) {
  const Element* user = userOf(presence);
  const auto codes = codesOf(user);
  occupants_.erase(nick);
  if (nick != nick_ && !codes.contains(kSelf)) return;
  if (codes.contains(kNickChanged)) {
    const Element* item = itemOf(user);
    if (item != nullptr && !item->attribute("nick").empty()) nick_ = item->attribute("nick");
    return;
  }
  // Who merely was called as we want to be has gone.
  if (phase_ == Phase::kEntering && !codes.contains(kSelf)) return;
  stayAway(whyOut(codes, user));
}

std::optional<Jid> Room::realJid(const std::string& nick) const {
  const auto found = occupants_.find(nick);
  return found == occupants_.end() ? std::nullopt : found->second;
}

// --- what the room is ---------------------------------------------------------------------------

void Room::askFeatures() {
  trusted_ = false;
  ask_again_.reset();
  const uint64_t asked = ++asked_;
  request("get", config_.room, Element("query", ns::kDiscoInfo),
          [this, asked](const IqOutcome& outcome) {
            if (asked != asked_) return;
            const Element* query = outcome.payload();
            if (query == nullptr) {
              ask_again_ = clock_.elapsed() + limits::kRoomPingEvery;
              return;
            }
            std::set<std::string> features;
            for (const Element& child : query->children()) {
              if (child.is("feature", ns::kDiscoInfo)) features.insert(child.attribute("var"));
            }
            trusted_ = features.contains("muc_membersonly") &&
                       features.contains("muc_nonanonymous") && !features.contains("muc_open") &&
                       !features.contains("muc_semianonymous");
          });
}

void Room::ping() {
  pinging_ = true;
  request("get", occupantJid(), Element("ping", ns::kPing),
          [this](const IqOutcome& outcome) { onPinged(outcome); });
}

// XEP-0410, section 3.3.
void Room::onPinged(const IqOutcome& outcome) {
  pinging_ = false;
  if (!outcome.isOk() && !outcome.error) {
    if (++silent_ >= 2) stayAway("the room does not answer");
    return;
  }
  silent_ = 0;
  heard_ = clock_.elapsed();
  if (outcome.isOk()) return;
  switch (outcome.error->condition) {
    case Condition::kServiceUnavailable:
    case Condition::kFeatureNotImplemented:
    case Condition::kItemNotFound:          // in it, under a name that has just changed
    case Condition::kRemoteServerNotFound:  // whether in it or not, another try would not do
    case Condition::kRemoteServerTimeout:
      return;
    default:
      return stayAway("the room does not know us any more");
  }
}

// --- what is said -------------------------------------------------------------------------------

bool Room::send(const std::string& id, const std::string& text) {
  if (!isInside()) return false;
  OutMessage out;
  out.from = config_.self;
  out.to = config_.room;
  out.id = id;
  out.type = "groupchat";
  out.body = text;
  return endpoint_.send(makeMessage(out));
}

void Room::onMessage(const Element& message) {
  if (!isInside() || !isForUs(message)) return;
  heard_ = clock_.elapsed();
  const std::string nick = jidAttribute(message, "from")->resource();
  if (nick.empty()) return onRoomItself(message);
  if (message.attribute("type") != "groupchat") return;
  if (nick == nick_) {
    if (!isDelayed(message)) hooks_.reflected(message.attribute("id"));
    return;
  }
  const ChatVerdict verdict = judgeRoomMessage(message);
  if (verdict == ChatVerdict::kIgnore) return;
  hooks_.line({nick, realJid(nick), verdict, childText(message, "body")});
}

void Room::onRoomItself(const Element& message) {
  if (message.attribute("type") == "error") {
    const auto error = readError(message);
    // What we say is sent back since we are not in it (XEP-0045, section 7.4).
    if (error && error->condition == Condition::kNotAcceptable) {
      stayAway("the room does not know us any more");
    }
    return;
  }
  // XEP-0045, section 10.2.1: the configuration, or just what is shown of people, has changed.
  static const std::set<std::string> kChanged = {"104", "172", "173", "174"};
  for (const std::string& code : codesOf(userOf(message))) {
    if (kChanged.contains(code)) return askFeatures();
  }
}

std::optional<std::string> lineFor(const std::string& nick, const std::string& body) {
  if (body.size() <= nick.size()) return std::nullopt;
  if (asciiLower(body.substr(0, nick.size())) != asciiLower(nick)) return std::nullopt;
  if (body[nick.size()] != ':' && body[nick.size()] != ',') return std::nullopt;
  const size_t begin = body.find_first_not_of(" \t\r\n", nick.size() + 1);
  if (begin == std::string::npos) return std::nullopt;
  return body.substr(begin, body.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace muster::xmpp
