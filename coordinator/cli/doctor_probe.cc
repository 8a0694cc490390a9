#include "coordinator/cli/doctor_probe.h"

#include <QDnsLookup>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QHostAddress>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslSocket>
#include <QTimer>
#include <QXmlStreamReader>
#include <algorithm>
#include <vector>

#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

constexpr uint16_t kClientPort = 5222;
// What a server says before a login is a few hundred bytes.
constexpr int kMaxBytes = 64 * 1024;
constexpr size_t kMaxTextBytes = 200;

struct Endpoint {
  QString host;
  quint16 port = kClientPort;
};

QString toQt(const std::string& text) {
  return QString::fromStdString(text);
}

// RFC 6120, section 3.2: the SRV record of the domain, else the domain itself.
Endpoint endpointOf(const Login& login, int limit_ms) {
  const quint16 port = login.port == 0 ? kClientPort : login.port;
  if (!login.host.empty()) return {toQt(login.host), port};
  QDnsLookup lookup(QDnsLookup::SRV, "_xmpp-client._tcp." + toQt(login.jid.domain()));
  QEventLoop loop;
  QObject::connect(&lookup, &QDnsLookup::finished, &loop, &QEventLoop::quit);
  QTimer::singleShot(limit_ms, &loop, &QEventLoop::quit);
  lookup.lookup();
  if (!lookup.isFinished()) loop.exec();
  const auto records = lookup.serviceRecords();
  if (records.isEmpty()) return {toQt(login.jid.domain()), port};
  return {records.front().target(), records.front().port()};
}

std::string versionName(QSsl::SslProtocol protocol) {
  switch (protocol) {
    case QSsl::TlsV1_3:
      return "TLSv1.3";
    case QSsl::TlsV1_2:
      return "TLSv1.2";
    case QSsl::TlsV1_1:
      return "TLSv1.1";
    case QSsl::TlsV1_0:
      return "TLSv1.0";
    default:
      return "an unknown version of TLS";
  }
}

class Probe {
 public:
  Probe(const Login& login, Duration limit)
      : login_(login), limit_ms_(static_cast<int>(limit.toMillis())) {}

  StreamFacts run() {
    clock_.start();
    const Endpoint endpoint = endpointOf(login_, limit_ms_ / 2);
    facts_.address = endpoint.host.toStdString() + ":" + std::to_string(endpoint.port);
    QElapsedTimer connecting;
    connecting.start();
    socket_.connectToHost(endpoint.host, endpoint.port);
    if (!socket_.waitForConnected(left())) return failed(socket_.errorString());
    facts_.connect = Duration{connecting.nsecsElapsed()};
    socket_.setSocketOption(QAbstractSocket::LowDelayOption, 1);
    if (!openStream()) return failed("the server did not open a stream for " + domain());
    if (!seen_.contains("starttls")) return failed("the server offers no STARTTLS");
    socket_.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    if (!readUntil("proceed", false)) return failed("the server refused STARTTLS");
    if (!encrypt()) return failed(socket_.errorString());
    if (!openStream()) return failed("the stream ended after STARTTLS");
    socket_.write("</stream:stream>");
    socket_.flush();
    return facts_;
  }

 private:
  int left() const { return static_cast<int>(std::max<qint64>(1, limit_ms_ - clock_.elapsed())); }
  QString domain() const { return toQt(login_.jid.domain()); }

  StreamFacts failed(const QString& why) {
    facts_.error = singleLine(why.toStdString(), kMaxTextBytes);
    socket_.abort();
    return facts_;
  }

  bool openStream() {
    bytes_ = 0;
    seen_.clear();
    reader_.clear();
    const QString header =
        QStringLiteral(
            "<?xml version='1.0'?><stream:stream to='%1' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>")
            .arg(domain().toHtmlEscaped());
    socket_.write(header.toUtf8());
    return readUntil("features", true);
  }

  // Notes the names of elements, and the mechanisms, until the named one ends.
  bool readUntil(const char* name, bool with_children) {
    QString text;
    while (true) {
      while (!reader_.atEnd()) {
        const auto token = reader_.readNext();
        if (reader_.hasError()) break;
        const QString here = reader_.name().toString();
        if (token == QXmlStreamReader::StartElement) {
          text.clear();
          seen_ << here;
          if (!with_children && here == QLatin1String(name)) return true;
          if (here == QLatin1String("error") || here == QLatin1String("failure")) return false;
        } else if (token == QXmlStreamReader::Characters) {
          text += reader_.text();
        } else if (token == QXmlStreamReader::EndElement) {
          if (here == QLatin1String("mechanism")) {
            facts_.mechanisms.push_back(singleLine(text.toStdString(), kMaxTextBytes));
          }
          if (here == QLatin1String(name)) return true;
        }
      }
      if (reader_.hasError() && reader_.error() != QXmlStreamReader::PrematureEndOfDocumentError) {
        return false;
      }
      if (socket_.bytesAvailable() == 0 && !socket_.waitForReadyRead(left())) return false;
      const QByteArray bytes = socket_.readAll();
      bytes_ += bytes.size();
      if (bytes_ > kMaxBytes || clock_.elapsed() >= limit_ms_) return false;
      reader_.addData(bytes);
    }
  }

  bool encrypt() {
    facts_.mechanisms.clear();
    QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
    if (!login_.ca_file.empty()) {
      configuration.setCaCertificates(QSslCertificate::fromPath(toQt(login_.ca_file)));
    }
    configuration.setPeerVerifyMode(QSslSocket::QueryPeer);
    socket_.setSslConfiguration(configuration);
    socket_.setPeerVerifyName(domain());
    socket_.startClientEncryption();
    if (!socket_.waitForEncrypted(left())) return false;
    facts_.protocol = versionName(socket_.sessionProtocol());
    for (const QSslError& error : socket_.sslHandshakeErrors()) {
      facts_.certificate_errors.push_back(
          singleLine(error.errorString().toStdString(), kMaxTextBytes));
    }
    const QSslCertificate certificate = socket_.peerCertificate();
    if (!certificate.isNull()) {
      facts_.valid_until = WallTime{certificate.expiryDate().toMSecsSinceEpoch()};
    }
    return true;
  }

  const Login& login_;
  const int limit_ms_;
  QElapsedTimer clock_;
  QSslSocket socket_;
  QXmlStreamReader reader_;
  QStringList seen_;
  qint64 bytes_ = 0;
  StreamFacts facts_;
};

}  // namespace

StreamFacts probeStream(const Login& login, Duration limit) {
  return Probe(login, limit).run();
}

}  // namespace muster::cli
