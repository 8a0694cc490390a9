// An XMPP server and its links in memory, for tests of what is above: nothing happens but in
// deliver(), and always in the same order.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/xmpp/link.h"

namespace muster::xmpp {

class MemoryLink;

// Routes as RFC 6121, section 8, says, as far as that is of use here: to full JIDs, to all
// available resources of a bare one, to a component whatever the address under its domain. Stamps
// `from` on what clients send; a component must set its own. Requests that nobody can answer are
// answered with service-unavailable. Knows no roster: whom a presence without `to` reaches is said
// by subscribe(). Must outlive its links; one thread.
class MemoryServer {
 public:
  MemoryServer() = default;
  MemoryServer(const MemoryServer&) = delete;
  MemoryServer& operator=(const MemoryServer&) = delete;

  // Carries out everything that is under way, and what comes of it, until nothing is left or
  // `most` events have been carried out. Returns how many they were.
  size_t deliver(size_t most = 100'000);
  bool isIdle() const { return queue_.empty(); }

  // `watcher`, a bare JID or a component's domain, sees the presence of `contact`.
  void subscribe(const Jid& contact, const Jid& watcher);
  // Answers requests to the server itself or to an account (rosters, say); nothing: the default.
  using ServerIq = std::function<std::optional<Element>(const Element& iq)>;
  void onServerIq(ServerIq f) { server_iq_ = std::move(f); }
  // Sees every stanza that is routed; false loses it.
  void onRoute(std::function<bool(const Element&)> f) { on_route_ = std::move(f); }

  // Breaks one link, as a network does; it comes up again within deliver() unless the server is
  // stopped. What it had sent before still arrives.
  void dropLink(const Jid& jid);
  // Breaks all, loses what is under way, and refuses new ones until start().
  void stop();
  void start();
  void restart() {
    stop();
    start();
  }

 private:
  friend class MemoryLink;
  struct Session {
    MemoryLink* link = nullptr;
    std::optional<Element> presence;  // Of a client that is available.
  };

  void connect(MemoryLink* link);
  void disconnect(MemoryLink* link, const DownEvent* why);
  void forget(MemoryLink* link);
  void accept(const Jid& sender, bool is_component, Element stanza);
  void route(const Element& stanza);
  void routeToAccount(const Jid& to, const Element& stanza);
  void onUndirectedPresence(const Jid& sender, const Element& stanza);
  void announce(const Jid& sender, const Element& presence);
  void toLink(const Jid& jid, const Element& stanza);
  void refuse(const Element& stanza);
  void post(std::function<void()> event) { queue_.push_back(std::move(event)); }

  bool running_ = true;
  std::map<Jid, Session> sessions_;
  std::vector<MemoryLink*> waiting_;  // In the order in which they asked.
  std::map<Jid, std::set<Jid>> watchers_;
  ServerIq server_iq_;
  std::function<bool(const Element&)> on_route_;
  std::deque<std::function<void()>> queue_;
};

// A full JID makes a client, a domain a component.
class MemoryLink final : public Link {
 public:
  MemoryLink(MemoryServer& server, Jid jid) : server_(server), jid_(std::move(jid)) {}
  ~MemoryLink() override;

  void start() override;
  void stop() override;
  void drop(const std::string& why) override;
  void setUrgent(bool urgent) override { urgent_ = urgent; }
  bool isUrgent() const { return urgent_; }
  bool isUp() const override { return up_now_; }
  bool send(const Element& stanza) override;
  Jid jid() const override { return jid_; }

 private:
  friend class MemoryServer;
  bool isComponent() const { return jid_.local().empty(); }

  MemoryServer& server_;
  const Jid jid_;
  // Events under way for an earlier connection, or for a link that is gone, find another value
  // here.
  std::shared_ptr<int> connection_ = std::make_shared<int>(0);
  bool started_ = false;
  bool up_now_ = false;
  bool urgent_ = true;
};

}  // namespace muster::xmpp
