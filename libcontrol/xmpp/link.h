// The one seam to the outside: stanzas out, stanzas in, up and down.
#pragma once

#include <functional>
#include <string>

#include "libcontrol/base/jid.h"
#include "libcontrol/xmpp/element.h"

namespace muster::xmpp {

enum class DownReason {
  kNetwork,      // the connection broke, could not be made, or the server is shutting down
  kConflict,     // somebody else is logged in as us: not retried blindly
  kAuth,         // the password or secret is wrong
  kTls,          // the server's certificate was not accepted
  kStreamError,  // the server ended the stream for another reason
  kStopped,      // stop() was called
};

struct DownEvent {
  DownReason reason;
  std::string text;
};

// Stanzas have the namespace jabber:client whatever the stream's own is; an implementation
// translates (jabber:component:accept). One thread, the one whose Qt event loop runs it; callbacks
// come from that loop and never from inside send() or drop(). A link that went down comes up again
// by itself, with backoff, until stop(); `down` is called once for each connection lost and each
// attempt that failed. A callback may call any function of the link but not destroy it.
class Link {
 public:
  using Received = std::function<void(const Element& stanza)>;
  using Up = std::function<void()>;
  using Down = std::function<void(const DownEvent&)>;

  virtual ~Link() = default;

  // Set before start().
  void onReceived(Received f) { received_ = std::move(f); }
  void onUp(Up f) { up_ = std::move(f); }
  void onDown(Down f) { down_ = std::move(f); }

  virtual void start() = 0;
  // Says goodbye if it can; `down` is not called. Idempotent.
  virtual void stop() = 0;
  // Ends this connection at once and makes a new one: what is on its way is not read (rule 1 of
  // docs/election.md: a process that was stopped must not believe its old input).
  virtual void drop(const std::string& why) = 0;
  // Of many that lost one server, those that are not urgent let the others connect first. A link
  // is urgent until it is told otherwise.
  virtual void setUrgent(bool /*urgent*/) {}
  virtual bool isUp() const = 0;
  // False if there is no connection; true says only that it was handed over.
  virtual bool send(const Element& stanza) = 0;
  // The full JID of a client, the domain of a component; empty before the first login of a client.
  virtual Jid jid() const = 0;

 protected:
  Received received_;
  Up up_;
  Down down_;
};

inline constexpr char kNsClient[] = "jabber:client";

}  // namespace muster::xmpp
