#include "libcontrol/xmpp/client_link.h"

#include <QXmppClient.h>
#include <QXmppClientExtension.h>
#include <QXmppConfiguration.h>
#include <QXmppDiscoveryManager.h>
#include <QXmppEntityTimeManager.h>
#include <QXmppLogger.h>
#include <QXmppRosterManager.h>
#include <QXmppVCardManager.h>
#include <QXmppVersionManager.h>
#include <QDomElement>
#include <QSslSocket>

#include "libcontrol/base/ids.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/xml_reader.h"

namespace muster::xmpp {

namespace {

constexpr char kNsSasl[] = "urn:ietf:params:xml:ns:xmpp-sasl";
constexpr char kNsTls[] = "urn:ietf:params:xml:ns:xmpp-tls";
constexpr char kNsSession[] = "urn:ietf:params:xml:ns:xmpp-session";
constexpr char kNsBind[] = "urn:ietf:params:xml:ns:xmpp-bind";
constexpr char kPingId[] = "muster-keepalive";
constexpr char kBindId[] = "muster-bind";
constexpr char kSessionId[] = "muster-session";

// A silent server is pinged after 30 s and given up after 10 more.
constexpr int kTickMs = 10'000;
constexpr int kPingAtTick = 3;

std::string randomResource() {
  SystemRandom random;
  return "muster-" + Id128::make(random).toHex().substr(0, 8);
}

QString toQt(const std::string& text) {
  return QString::fromStdString(text);
}

bool isNamed(const QDomElement& element, const char* name, const char* ns) {
  return element.localName() == QLatin1String(name) && element.namespaceURI() == QLatin1String(ns);
}

QDomElement childOf(const QDomElement& parent, const char* name, const char* ns) {
  for (QDomElement child = parent.firstChildElement(); !child.isNull();
       child = child.nextSiblingElement())
    if (isNamed(child, name, ns)) return child;
  return {};
}

// Leaves SCRAM only, so that no server, true or false, is ever told the password. False if nothing
// is left of what was offered.
bool keepScramOnly(QDomElement mechanisms) {
  bool left = false;
  QDomElement next;
  for (QDomElement offer = mechanisms.firstChildElement(); !offer.isNull(); offer = next) {
    next = offer.nextSiblingElement();
    const QString name = offer.text().trimmed();
    // The -PLUS variants bind to the TLS channel, which QXmpp cannot do.
    const bool usable =
        name.startsWith(QLatin1String("SCRAM-")) && !name.endsWith(QLatin1String("-PLUS"));
    if (!usable) mechanisms.removeChild(offer);
    left = left || usable;
  }
  return left;
}

template <typename Manager>
void remove(QXmppClient& client) {
  if (auto* manager = client.findExtension<Manager>()) client.removeExtension(manager);
}

QXmppConfiguration loginConfiguration(const ClientConfig& config, const std::string& resource) {
  QXmppConfiguration login;
  login.setJid(toQt(config.jid.bare().toString()));
  login.setResource(toQt(resource));
  login.setPassword(toQt(config.password));
  login.setHost(toQt(config.host));
  login.setPort(config.port);
  login.setStreamSecurityMode(QXmppConfiguration::TLSRequired);
  login.setIgnoreSslErrors(false);
  login.setUseNonSASLAuthentication(false);
  login.setAutoReconnectionEnabled(false);
  login.setKeepAliveInterval(0);
  return login;
}

// A client asks for QXmpp's one logger, which is made without a lock when somebody asks first;
// nodes of one process may do so at once, each on a thread of its own.
QXmppClient* makeClient(QObject* parent) {
  static const QXmppLogger* const made = QXmppLogger::getLogger();
  (void)made;
  return new QXmppClient(parent);
}

}  // namespace

struct ClientLink::Connection {
  explicit Connection(QObject* parent) : client(makeClient(parent)) {}
  ~Connection() { client->deleteLater(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  QXmppClient* const client;
  QSslSocket* socket = nullptr;  // The client's.
  XmlReader reader;
  bool taken_over = false;
  bool needs_session = false;
  bool failed = false;
  int silent_ticks = 0;
  std::string last_warning;
};

// Sees every element before QXmpp does, and takes out of them what QXmpp must not find. What comes
// when the password has been accepted is no longer QXmpp's.
class ClientLink::Login final : public QXmppClientExtension {
 public:
  Login(ClientLink& link, QSslSocket& socket) : link_(link), socket_(socket) {}

  bool handleStanza(const QDomElement& element) override {
    // Nothing may follow the features in the same read: the server waits for us to bind.
    if (!link_.connection_ || link_.connection_->taken_over) return true;
    if (isNamed(element, "features", kNsStreams)) return onFeatures(element);
    if (isNamed(element, "failure", kNsSasl)) {
      const std::string condition = element.firstChildElement().localName().toStdString();
      const bool passing = condition == "temporary-auth-failure";
      link_.lostSoon(passing ? DownReason::kStreamError : DownReason::kAuth,
                     "the server refused the login: " + condition);
      return true;
    }
    if (isNamed(element, "error", kNsStreams)) {
      const DownEvent event = readStreamError(Element::fromDom(element));
      link_.lostSoon(event.reason, event.text);
      return true;
    }
    return false;
  }

 private:
  // False: QXmpp goes on with them.
  bool onFeatures(const QDomElement& features) {
    if (!socket_.isEncrypted()) {
      if (!childOf(features, "starttls", kNsTls).isNull()) return false;
      link_.lostSoon(DownReason::kTls, "the server offers no encryption (STARTTLS)");
      return true;
    }
    const QDomElement mechanisms = childOf(features, "mechanisms", kNsSasl);
    if (!mechanisms.isNull()) {
      if (keepScramOnly(mechanisms)) return false;
      link_.lostSoon(DownReason::kAuth, "the server offers no SCRAM mechanism");
      return true;
    }
    if (childOf(features, "bind", kNsBind).isNull()) {
      link_.lostSoon(DownReason::kStreamError, "the server offers no binding of a resource");
      return true;
    }
    const QDomElement session = childOf(features, "session", kNsSession);
    link_.takeOver(!session.isNull() && childOf(session, "optional", kNsSession).isNull());
    return true;
  }

  ClientLink& link_;
  QSslSocket& socket_;
};

ClientLink::ClientLink(ClientConfig config)
    : config_(std::move(config)),
      resource_(config_.jid.isBare() ? randomResource() : config_.jid.resource()) {
  QObject::connect(&tick_, &QTimer::timeout, &context_, [this] { onTick(); });
  tick_.setInterval(kTickMs);
}

ClientLink::~ClientLink() {
  stop();
}

void ClientLink::open() {
  connection_ = std::make_shared<Connection>(&context_);
  QXmppClient& client = *connection_->client;
  client.setLogger(nullptr);
  remove<QXmppRosterManager>(client);
  remove<QXmppVCardManager>(client);
  remove<QXmppVersionManager>(client);
  remove<QXmppEntityTimeManager>(client);
  remove<QXmppDiscoveryManager>(client);

  connection_->socket = client.findChild<QSslSocket*>();
  if (connection_->socket == nullptr) {
    lost(DownReason::kStreamError, "this version of QXmpp keeps its socket elsewhere");
    return;
  }
  client.insertExtension(0, new Login(*this, *connection_->socket));

  QXmppConfiguration login = loginConfiguration(config_, resource_);
  if (!config_.ca_file.empty()) {
    const QList<QSslCertificate> authorities = QSslCertificate::fromPath(toQt(config_.ca_file));
    if (authorities.isEmpty()) {
      lost(DownReason::kTls, "no certificate in PEM form could be read from " + config_.ca_file);
      return;
    }
    login.setCaCertificates(authorities);
  }
  listen();
  client.connectToServer(login);
}

void ClientLink::listen() {
  QXmppClient* client = connection_->client;
  QObject::connect(client, &QXmppClient::sslErrors, &context_,
                   [this](const QList<QSslError>& errors) {
                     std::string text = "the server's certificate was not accepted";
                     for (const QSslError& error : errors)
                       text += ": " + error.errorString().toStdString();
                     lostSoon(DownReason::kTls, text);
                   });
  QObject::connect(client, &QXmppClient::error, &context_, [this, client](QXmppClient::Error) {
    const bool tls = connection_->socket->error() == QAbstractSocket::SslHandshakeFailedError;
    lostSoon(tls ? DownReason::kTls : DownReason::kNetwork,
             client->socketErrorString().toStdString());
  });
  QObject::connect(client, &QXmppClient::disconnected, &context_, [this] {
    const std::string& warning = connection_->last_warning;
    lostSoon(DownReason::kNetwork,
             warning.empty() ? "the connection was closed" : "the login ended: " + warning);
  });
  QObject::connect(client, &QXmppLoggable::logMessage, &context_,
                   [this](QXmppLogger::MessageType type, const QString& text) {
                     if (type == QXmppLogger::WarningMessage)
                       connection_->last_warning = text.toStdString();
                   });
}

void ClientLink::close(bool goodbye) {
  tick_.stop();
  if (!connection_) return;
  QObject::disconnect(connection_->client, nullptr, &context_, nullptr);
  if (QSslSocket* socket = connection_->socket) {
    QObject::disconnect(socket, nullptr, &context_, nullptr);
    if (goodbye && socket->isEncrypted() && socket->state() == QAbstractSocket::ConnectedState) {
      // The server announces the end of a session that was available by itself.
      socket->write("</stream:stream>");
      socket->flush();
      socket->disconnectFromHost();
    } else {
      socket->abort();
    }
  }
  connection_.reset();
}

void ClientLink::lostSoon(DownReason reason, std::string text) {
  if (!connection_ || connection_->failed) return;
  connection_->failed = true;
  const std::weak_ptr<Connection> which = connection_;
  QTimer::singleShot(0, &context_, [this, which, reason, text = std::move(text)] {
    if (connection_ && connection_ == which.lock()) lost(reason, text);
  });
}

// QXmpp is on the stack, and its buffer is empty: what it held has just been parsed. It is cut off
// from all of the socket's signals; at an error, for one, it would try the domain's next server.
void ClientLink::takeOver(bool needs_session) {
  QSslSocket& socket = *connection_->socket;
  QObject* stream = socket.parent();
  if (!QObject::disconnect(&socket, SIGNAL(readyRead()), stream, nullptr)) {
    lostSoon(DownReason::kStreamError, "the stream could not be taken over from QXmpp");
    return;
  }
  QObject::disconnect(&socket, nullptr, stream, nullptr);
  QObject::disconnect(connection_->client, nullptr, &context_, nullptr);
  QObject::connect(&socket, &QSslSocket::readyRead, &context_, [this] { onReadable(); });
  QObject::connect(&socket, &QSslSocket::errorOccurred, &context_, [this, &socket] {
    lostSoon(DownReason::kNetwork, socket.errorString().toStdString());
  });
  QObject::connect(&socket, &QSslSocket::disconnected, &context_,
                   [this] { lostSoon(DownReason::kNetwork, "the connection was closed"); });
  socket.setSocketOption(QAbstractSocket::LowDelayOption, 1);
  connection_->taken_over = true;
  connection_->needs_session = needs_session;
  // The header was read by QXmpp.
  connection_->reader.feed(QByteArray("<stream:stream xmlns='") + kNsClient + "' xmlns:stream='" +
                           kNsStreams + "'>");
  Element bind("iq", kNsClient);
  bind.setAttribute("type", "set").setAttribute("id", kBindId);
  bind.add("bind", kNsBind).add("resource").setText(resource_);
  write(bind);
}

void ClientLink::onBound(const Element& answer) {
  if (const auto error = readError(answer)) {
    const bool conflict = error->condition == Condition::kConflict;
    lost(conflict ? DownReason::kConflict : DownReason::kStreamError,
         std::string("the server refused the resource: ") + conditionName(error->condition) +
             (error->text.empty() ? "" : " (" + error->text + ")"));
    return;
  }
  const Element* bind = answer.child("bind", kNsBind);
  const Element* full = bind == nullptr ? nullptr : bind->child("jid", kNsBind);
  const Result<Jid> jid = Jid::parse(full == nullptr ? "" : full->text());
  if (!jid || jid->isBare()) {
    lost(DownReason::kStreamError, "the server bound no full JID");
    return;
  }
  jid_ = *jid;
  if (connection_->needs_session) {
    // It is in force before whatever is sent next; the answer is of no interest.
    Element session("iq", kNsClient);
    session.setAttribute("type", "set").setAttribute("id", kSessionId);
    session.add("session", kNsSession);
    write(session);
  }
  tick_.start();
  opened();
}

void ClientLink::onReadable() {
  // A callback may end this connection; what was read from it is then not believed any more.
  const std::shared_ptr<Connection> connection = connection_;
  connection->silent_ticks = 0;
  connection->reader.feed(connection->socket->readAll());
  while (connection == connection_) {
    switch (connection->reader.next()) {
      case XmlReader::Event::kNeedMore:
        return;
      case XmlReader::Event::kStreamStart:
        break;
      case XmlReader::Event::kStanza:
        onElement(connection->reader.stanza());
        break;
      case XmlReader::Event::kDiscarded:
        // What the server says for a client that isn't there: strangers learn nothing.
        discard(connection->reader.stanza(), connection->reader.discardReason(),
                {Condition::kServiceUnavailable}, From::kLeftOut);
        break;
      case XmlReader::Event::kStreamEnd:
        lost(DownReason::kNetwork, "the server closed the stream");
        return;
      case XmlReader::Event::kError:
        lost(DownReason::kStreamError,
             "what the server sent could not be read: " + connection->reader.error());
        return;
    }
  }
}

void ClientLink::onElement(const Element& element) {
  if (element.is("error", kNsStreams)) {
    const DownEvent event = readStreamError(element);
    lost(event.reason, event.text);
    return;
  }
  if (connection_->failed || element.ns() != kNsClient) return;
  const std::string& id = element.attribute("id");
  const std::string& type = element.attribute("type");
  const bool answer = element.name() == "iq" && (type == "result" || type == "error");
  if (!isUp()) {
    // Nobody can write to us before.
    if (answer && id == kBindId) onBound(element);
    return;
  }
  if (answer && (id == kPingId || id == kSessionId)) return;
  deliver(element);
}

void ClientLink::onTick() {
  const int silent = ++connection_->silent_ticks;
  if (silent == kPingAtTick) {
    Element ping("iq", kNsClient);
    ping.setAttribute("type", "get").setAttribute("id", kPingId);
    ping.setAttribute("to", jid_.domain());
    ping.add("ping", ns::kPing);
    write(ping);
  } else if (silent > kPingAtTick) {
    lost(DownReason::kNetwork, "the server has not answered for 40 s");
  }
}

bool ClientLink::send(const Element& stanza) {
  return isUp() && !connection_->failed && write(stanza);
}

bool ClientLink::write(const Element& element) {
  QSslSocket& socket = *connection_->socket;
  const QByteArray xml = element.toXml(kNsClient);
  if (static_cast<size_t>(xml.size()) > config_.max_stanza_bytes) return false;
  if (static_cast<size_t>(socket.bytesToWrite() + socket.encryptedBytesToWrite()) >
      limits::kMaxUnsentBytes)
    return false;
  return socket.write(xml) == xml.size();
}

}  // namespace muster::xmpp
