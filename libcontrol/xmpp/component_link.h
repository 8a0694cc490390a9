// The link of an external component (XEP-0114).
#pragma once

#include <memory>
#include <string>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/status.h"
#include "libcontrol/xmpp/reconnecting_link.h"

namespace muster::xmpp {

inline constexpr char kNsComponent[] = "jabber:component:accept";

struct ComponentConfig {
  std::string domain;  // The component's own, for example "muster.example.org".
  std::string secret;
  std::string host = "127.0.0.1";
  uint16_t port = 5347;
  // Such streams are not encrypted and the secret's hash is all that protects them: any address but
  // loopback is refused unless this is set.
  bool allow_unencrypted = false;
  // What the server takes at most in one stanza; send() refuses larger ones.
  size_t max_stanza_bytes = limits::kMaxSentStanzaBytes;
};

// Reads with a parser of our own, since QXmpp has no component stream. Stanzas written within one
// turn of the event loop leave together. Needs a QCoreApplication; belongs to the thread that made
// it; not to be destroyed inside one of its callbacks.
class ComponentLink final : public ReconnectingLink {
 public:
  explicit ComponentLink(ComponentConfig config);
  ~ComponentLink() override;

  // What start() would fail at for ever: an empty domain or secret, an address that is refused.
  static Status check(const ComponentConfig& config);

  bool send(const Element& stanza) override;
  Jid jid() const override { return jid_; }

 private:
  struct Connection;

  void open() override;
  void close(bool goodbye) override;
  void onConnected();
  void onReadable();
  void onElement(Element& element);
  void sendHandshake(const std::string& stream_id);

  const ComponentConfig config_;
  const Jid jid_;
  QTimer keepalive_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace muster::xmpp
