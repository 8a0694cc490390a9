#include "libcontrol/xmpp/memory_link.h"

#include <algorithm>

#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {

namespace {

Element unavailablePresence(const Jid& from) {
  Element presence("presence", kNsClient);
  presence.setAttribute("from", from.toString()).setAttribute("type", "unavailable");
  return presence;
}

bool isAnswer(const Element& stanza) {
  const std::string& type = stanza.attribute("type");
  return type == "result" || type == "error";
}

}  // namespace

size_t MemoryServer::deliver(size_t most) {
  size_t done = 0;
  for (; done < most && !queue_.empty(); ++done) {
    const std::function<void()> event = std::move(queue_.front());
    queue_.pop_front();
    event();
  }
  return done;
}

void MemoryServer::subscribe(const Jid& contact, const Jid& watcher) {
  watchers_[contact.bare()].insert(watcher.bare());
}

void MemoryServer::dropLink(const Jid& jid) {
  const auto it = sessions_.find(jid);
  if (it == sessions_.end()) return;
  const DownEvent why{DownReason::kNetwork, "the connection was cut"};
  disconnect(it->second.link, &why);
}

void MemoryServer::stop() {
  running_ = false;
  queue_.clear();
  const DownEvent why{DownReason::kStreamError, "the server ended the stream: system-shutdown"};
  const std::map<Jid, Session> sessions = std::move(sessions_);
  sessions_.clear();
  for (const auto& [jid, session] : sessions) disconnect(session.link, &why);
}

void MemoryServer::start() {
  running_ = true;
  const std::vector<MemoryLink*> waiting = std::move(waiting_);
  waiting_.clear();
  for (MemoryLink* link : waiting) connect(link);
}

void MemoryServer::connect(MemoryLink* link) {
  if (std::find(waiting_.begin(), waiting_.end(), link) == waiting_.end()) waiting_.push_back(link);
  if (!running_) return;
  post([this, link] {
    if (std::erase(waiting_, link) == 0) return;
    const auto twin = sessions_.find(link->jid_);
    if (twin != sessions_.end()) {
      const DownEvent why{DownReason::kConflict, "the server ended the stream: conflict"};
      disconnect(twin->second.link, &why);
    }
    sessions_[link->jid_] = Session{link, std::nullopt};
    link->up_now_ = true;
    if (link->up_) link->up_();
  });
}

// Without `why` the link wanted it itself. A conflict is not retried.
void MemoryServer::disconnect(MemoryLink* link, const DownEvent* why) {
  link->up_now_ = false;
  link->connection_ = std::make_shared<int>(0);
  forget(link);
  if (why == nullptr) return;
  const std::weak_ptr<int> which = link->connection_;
  post([link, which, event = *why] {
    if (!which.expired() && link->down_) link->down_(event);
  });
  if (why->reason != DownReason::kConflict) connect(link);
}

void MemoryServer::forget(MemoryLink* link) {
  std::erase(waiting_, link);
  const auto it = sessions_.find(link->jid_);
  if (it == sessions_.end() || it->second.link != link) return;
  const bool was_available = it->second.presence.has_value();
  sessions_.erase(it);
  if (was_available) announce(link->jid_, unavailablePresence(link->jid_));
}

void MemoryServer::accept(const Jid& sender, bool is_component, Element stanza) {
  if (!is_component) stanza.setAttribute("from", sender.toString());
  if (!is_component && stanza.name() == "presence" && !stanza.hasAttribute("to"))
    onUndirectedPresence(sender, stanza);
  else
    route(stanza);
}

void MemoryServer::route(const Element& stanza) {
  if (on_route_ && !on_route_(stanza)) return;
  // Without an address it is for the sender's own account.
  const Result<Jid> from = Jid::parse(stanza.attribute("from"));
  const Result<Jid> to =
      stanza.hasAttribute("to") ? Jid::parse(stanza.attribute("to")) : Result<Jid>(from);
  if (!from || !to) return;
  const Result<Jid> domain = Jid::parse(to->domain());
  if (domain && sessions_.count(*domain) != 0) return toLink(*domain, stanza);
  if (!to->resource().empty() && stanza.hasAttribute("to")) {
    if (sessions_.count(*to) != 0) return toLink(*to, stanza);
    return refuse(stanza);
  }
  routeToAccount(to->bare(), stanza);
}

void MemoryServer::routeToAccount(const Jid& to, const Element& stanza) {
  if (stanza.name() == "iq") {
    if (isAnswer(stanza)) return;
    std::optional<Element> answer = server_iq_ ? server_iq_(stanza) : std::nullopt;
    if (!answer) return refuse(stanza);
    answer->setAttribute("id", stanza.attribute("id"));
    answer->setAttribute("from", to.toString());
    answer->setAttribute("to", stanza.attribute("from"));
    return route(*answer);
  }
  bool reached = false;
  for (const auto& [jid, session] : sessions_) {
    if (jid.bare() != to || to.local().empty() || !session.presence) continue;
    toLink(jid, stanza);
    reached = true;
  }
  if (!reached && stanza.name() == "message") refuse(stanza);
}

void MemoryServer::onUndirectedPresence(const Jid& sender, const Element& stanza) {
  const auto it = sessions_.find(sender);
  const std::string& type = stanza.attribute("type");
  if (it == sessions_.end() || !(type.empty() || type == "unavailable")) return;
  const bool comes = type.empty() && !it->second.presence;
  if (type.empty())
    it->second.presence = stanza;
  else
    it->second.presence.reset();
  announce(sender, stanza);
  if (!comes) return;
  // One who comes sees who is there (RFC 6121, section 4.3).
  for (const auto& [jid, session] : sessions_) {
    const auto seen_by = watchers_.find(jid.bare());
    const bool watches = seen_by != watchers_.end() && seen_by->second.count(sender.bare()) != 0;
    if (watches && session.presence) {
      Element presence = *session.presence;
      toLink(sender, presence.setAttribute("to", sender.toString()));
    }
  }
}

void MemoryServer::announce(const Jid& sender, const Element& presence) {
  for (const Jid& watcher : watchers_[sender.bare()]) {
    Element copy = presence;
    route(copy.setAttribute("to", watcher.toString()));
  }
}

void MemoryServer::toLink(const Jid& jid, const Element& stanza) {
  MemoryLink* link = sessions_.at(jid).link;
  const std::weak_ptr<int> which = link->connection_;
  post([link, which, stanza] {
    if (!which.expired() && link->up_now_ && link->received_) link->received_(stanza);
  });
}

// Only requests and messages are answered, lest errors answer errors.
void MemoryServer::refuse(const Element& stanza) {
  if (stanza.name() == "presence" || isAnswer(stanza)) return;
  Element error(stanza.name(), kNsClient);
  error.setAttribute("type", "error").setAttribute("id", stanza.attribute("id"));
  error.setAttribute("from", stanza.attribute("to"));
  error.setAttribute("to", stanza.attribute("from"));
  Element& reason = error.add("error");
  reason.setAttribute("type", "cancel");
  reason.add("service-unavailable", ns::kStanzas);
  route(error);
}

MemoryLink::~MemoryLink() {
  stop();
}

void MemoryLink::start() {
  if (started_) return;
  started_ = true;
  server_.connect(this);
}

void MemoryLink::stop() {
  if (!started_) return;
  started_ = false;
  server_.disconnect(this, nullptr);
}

void MemoryLink::drop(const std::string& why) {
  if (!up_now_) return;
  const DownEvent event{DownReason::kNetwork, why};
  server_.disconnect(this, &event);
}

bool MemoryLink::send(const Element& stanza) {
  if (!up_now_) return false;
  server_.post([server = &server_, jid = jid_, component = isComponent(), stanza] {
    server->accept(jid, component, stanza);
  });
  return true;
}

}  // namespace muster::xmpp
