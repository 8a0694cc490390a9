#include "libcontrol/xmpp/component_link.h"

#include <QCryptographicHash>
#include <QHostAddress>
#include <QTcpSocket>
#include <QXmlStreamWriter>

#include "libcontrol/xmpp/xml_reader.h"

namespace muster::xmpp {

namespace {

// Servers and the boxes between close connections that are silent for minutes; and a peer that is
// gone without a word is only noticed by writing.
constexpr int kKeepaliveMs = 30'000;

// There is one of it, mostly on the server's own machine, and nobody becomes active while it is
// away: a server that comes back, however late, is not left waiting for it.
constexpr Duration kLongestWait = Duration::seconds(2);

bool isLoopback(const std::string& host) {
  if (host == "localhost") return true;
  const QHostAddress address(QString::fromStdString(host));
  return address.isLoopback();
}

QByteArray streamStart(const std::string& domain) {
  QByteArray xml;
  QXmlStreamWriter writer(&xml);
  writer.writeStartDocument();
  writer.writeNamespace(kNsStreams, "stream");
  writer.writeStartElement(kNsStreams, "stream");
  writer.writeDefaultNamespace(kNsComponent);
  writer.writeAttribute("to", QString::fromStdString(domain));
  writer.writeCharacters("");  // Closes the tag.
  return xml;
}

}  // namespace

// The last reference may go inside one of the socket's own signals: it is deleted later, or with
// its parent if no event loop runs any more.
struct ComponentLink::Connection {
  explicit Connection(QObject* parent) : socket(new QTcpSocket(parent)) {}
  ~Connection() { socket->deleteLater(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  QTcpSocket* const socket;
  XmlReader reader{kNsComponent, kNsClient};
};

ComponentLink::ComponentLink(ComponentConfig config)
    : ReconnectingLink(kLongestWait), config_(std::move(config)), jid_([this] {
        const Result<Jid> jid = Jid::parse(config_.domain);
        return jid ? *jid : Jid();
      }()) {
  QObject::connect(&keepalive_, &QTimer::timeout, &context_, [this] {
    if (isUp()) connection_->socket->write(" ");
  });
  keepalive_.setInterval(kKeepaliveMs);
}

ComponentLink::~ComponentLink() {
  stop();
}

Status ComponentLink::check(const ComponentConfig& config) {
  const Result<Jid> jid = Jid::parse(config.domain);
  if (!jid) return jid.status();
  if (!jid->local().empty() || !jid->resource().empty())
    return {
        Code::kInvalidArgument,
        "a component's address is a domain such as muster.example.org, not '" + config.domain + "'",
        "domain"};
  if (config.secret.empty())
    return {Code::kInvalidArgument, "the component's secret is empty", "secret"};
  if (!config.allow_unencrypted && !isLoopback(config.host))
    return {Code::kInvalidArgument,
            "component streams are not encrypted: '" + config.host +
                "' is not a loopback address such as 127.0.0.1, and allow_unencrypted is not set",
            "host"};
  return Status::ok();
}

void ComponentLink::open() {
  if (const Status status = check(config_); !status) {
    lost(DownReason::kAuth, status.text());
    return;
  }
  connection_ = std::make_shared<Connection>(&context_);
  QTcpSocket* socket = connection_->socket;
  QObject::connect(socket, &QTcpSocket::connected, &context_, [this] { onConnected(); });
  QObject::connect(socket, &QTcpSocket::readyRead, &context_, [this] { onReadable(); });
  QObject::connect(socket, &QTcpSocket::errorOccurred, &context_, [this, socket] {
    lost(DownReason::kNetwork, config_.host + ":" + std::to_string(config_.port) + ": " +
                                   socket->errorString().toStdString());
  });
  socket->connectToHost(QString::fromStdString(config_.host), config_.port);
}

void ComponentLink::close(bool goodbye) {
  keepalive_.stop();
  if (!connection_) return;
  QTcpSocket& socket = *connection_->socket;
  QObject::disconnect(&socket, nullptr, &context_, nullptr);
  if (goodbye && socket.state() == QAbstractSocket::ConnectedState) {
    socket.write("</stream:stream>");
    socket.flush();
    socket.disconnectFromHost();
  } else {
    socket.abort();
  }
  connection_.reset();
}

void ComponentLink::onConnected() {
  QTcpSocket& socket = *connection_->socket;
  // Commands are small and each is waited for.
  socket.setSocketOption(QAbstractSocket::LowDelayOption, 1);
  socket.setSocketOption(QAbstractSocket::KeepAliveOption, 1);
  socket.write(streamStart(config_.domain));
}

void ComponentLink::onReadable() {
  // A callback may end this connection; what was read from it is then not believed any more.
  const std::shared_ptr<Connection> connection = connection_;
  connection->reader.feed(connection->socket->readAll());
  while (connection == connection_) {
    switch (connection->reader.next()) {
      case XmlReader::Event::kNeedMore:
        return;
      case XmlReader::Event::kStreamStart:
        sendHandshake(connection->reader.header().attribute("id"));
        break;
      case XmlReader::Event::kStanza:
        onElement(connection->reader.stanza());
        break;
      case XmlReader::Event::kDiscarded: {
        const std::string& why = connection->reader.discardReason();
        discard(connection->reader.stanza(), why, {Condition::kPolicyViolation, {}, why},
                From::kAsAddressed);
        break;
      }
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

void ComponentLink::onElement(Element& element) {
  if (element.is("error", kNsStreams)) {
    const DownEvent event = readStreamError(element);
    lost(event.reason, event.text);
  } else if (isUp()) {
    deliver(element);
  } else if (element.is("handshake", kNsClient)) {
    keepalive_.start();
    opened();
  }
}

void ComponentLink::sendHandshake(const std::string& stream_id) {
  const QByteArray digest = QCryptographicHash::hash(
      QByteArray::fromStdString(stream_id + config_.secret), QCryptographicHash::Sha1);
  Element handshake("handshake", kNsComponent);
  handshake.setText(digest.toHex().toStdString());
  connection_->socket->write(handshake.toXml(kNsComponent));
}

bool ComponentLink::send(const Element& stanza) {
  if (!isUp()) return false;
  QTcpSocket& socket = *connection_->socket;
  // Written without a namespace, it and all of its children that are in jabber:client are in the
  // stream's own, jabber:component:accept.
  const QByteArray xml = stanza.toXml(kNsClient);
  if (static_cast<size_t>(xml.size()) > config_.max_stanza_bytes) return false;
  if (static_cast<size_t>(socket.bytesToWrite()) > limits::kMaxUnsentBytes) return false;
  return socket.write(xml) == xml.size();
}

}  // namespace muster::xmpp
