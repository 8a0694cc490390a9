// The link of a node, a command-line client or the coordinator's own account: a client stream
// (RFC 6120 and 6121) over TLS.
#pragma once

#include <memory>
#include <string>

#include "libcontrol/xmpp/reconnecting_link.h"

namespace muster::xmpp {

struct ClientConfig {
  Jid jid;  // With or without a resource; without, one is made up at each start of the process.
  std::string password;
  // Where to connect; with an empty host the domain's SRV record is asked.
  std::string host;
  uint16_t port = 5222;
  // PEM file of the authorities that may have signed the server's certificate; empty: the system's.
  // The certificate must be for the JID's domain, whatever the host.
  std::string ca_file;
  // What the server takes at most in one stanza; ejabberd's and Prosody's default for clients.
  size_t max_stanza_bytes = 256 * 1024;
};

// QXmppClient does TLS, always, and the proof of the password, by SCRAM only. From then on the
// socket is read and written here, the resource's binding included, because QXmpp holds a stanza
// back until a read ends on a stanza's border, breaks UTF-8 that is split between two, and once the
// resource is bound anybody may write to us. There is no stream management (XEP-0198), whose
// resumption is broken in QXmpp 1.4. Each attempt has a QXmppClient of its own.
//
// The session begins without presence: it is not available until the presence of the layer above is
// sent. Needs a QCoreApplication; belongs to the thread that made it; not to be destroyed inside
// one of its callbacks.
class ClientLink final : public ReconnectingLink {
 public:
  explicit ClientLink(ClientConfig config);
  ~ClientLink() override;

  bool send(const Element& stanza) override;
  Jid jid() const override { return jid_; }

 private:
  class Login;
  struct Connection;

  void open() override;
  void listen();
  void close(bool goodbye) override;
  // The password was accepted; binds the resource. With `needs_session` the server wants the
  // request that RFC 3921 had besides.
  void takeOver(bool needs_session);
  void onBound(const Element& answer);
  void onReadable();
  void onElement(const Element& element);
  void onTick();
  // Like lost(), but in the next turn of the event loop: QXmpp is on the stack. The first call for
  // a connection names the cause.
  void lostSoon(DownReason reason, std::string text);
  bool write(const Element& element);

  const ClientConfig config_;
  const std::string resource_;
  Jid jid_;
  QTimer tick_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace muster::xmpp
