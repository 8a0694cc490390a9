#include "libcontrol/xmpp/component_link.h"

#include <gtest/gtest.h>

#include <QCryptographicHash>
#include <QTcpServer>
#include <QTcpSocket>

#include "libcontrol/xmpp/xml_reader.h"
#include "tests/libcontrol/xmpp/link_log.h"

namespace muster::xmpp {
namespace {

// As much of a server as the handshake takes.
class FakeServer {
 public:
  explicit FakeServer(std::string secret) : secret_(std::move(secret)) {
    listen();
    QObject::connect(&server_, &QTcpServer::newConnection, [this] { accept(); });
  }
  void listen() { EXPECT_TRUE(server_.listen(QHostAddress::LocalHost, port_)); }
  void stop() {
    port_ = server_.serverPort();
    server_.close();
    if (peer != nullptr) peer->abort();
  }
  uint16_t port() const { return server_.serverPort(); }
  void write(const QByteArray& bytes) { peer->write(bytes); }
  // One byte a segment, as far as the sockets let us.
  void writeSplit(const QByteArray& bytes) {
    for (const char c : bytes) {
      peer->write(&c, 1);
      peer->flush();
      QCoreApplication::processEvents();
    }
  }

  QTcpSocket* peer = nullptr;
  int connections = 0;
  int handshakes = 0;
  Element header;
  std::vector<Element> stanzas;
  QByteArray raw;
  bool ended = false;
  QByteArray instead_of_handshake;

 private:
  void accept() {
    peer = server_.nextPendingConnection();
    ++connections;
    reader_ = std::make_unique<XmlReader>();
    ended = false;
    QObject::connect(peer, &QTcpSocket::readyRead, [this] { read(); });
  }
  void read() {
    const QByteArray bytes = peer->readAll();
    raw += bytes;
    reader_->feed(bytes);
    while (true) {
      switch (reader_->next()) {
        case XmlReader::Event::kStreamStart:
          header = reader_->header();
          write(
              "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
              "xmlns:stream='http://etherx.jabber.org/streams' id='abc' from='muster.test'>");
          break;
        case XmlReader::Event::kStanza:
          onStanza(reader_->stanza());
          break;
        case XmlReader::Event::kStreamEnd:
          ended = true;
          return;
        default:
          return;
      }
    }
  }
  void onStanza(const Element& stanza) {
    if (stanza.name() != "handshake") {
      stanzas.push_back(stanza);
      return;
    }
    const QByteArray expected = QCryptographicHash::hash(QByteArray::fromStdString("abc" + secret_),
                                                         QCryptographicHash::Sha1)
                                    .toHex();
    ++handshakes;
    if (!instead_of_handshake.isEmpty())
      write(instead_of_handshake);
    else if (stanza.text() == expected.toStdString())
      write("<handshake/>");
    else
      write(
          "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
          "</stream:error></stream:stream>");
  }

  const std::string secret_;
  QTcpServer server_;
  uint16_t port_ = 0;
  std::unique_ptr<XmlReader> reader_;
};

class ComponentLinkTest : public ::testing::Test {
 protected:
  ComponentConfig config() {
    ComponentConfig config;
    config.domain = "muster.test";
    config.secret = "s3cret";
    config.port = server_.port();
    return config;
  }
  FakeServer server_{"s3cret"};
};

TEST_F(ComponentLinkTest, ShakesHandsAndTranslatesBothWays) {
  ComponentLink link(config());
  LinkLog log(link);
  EXPECT_FALSE(link.send(message("a@b", "too early")));
  link.start();
  ASSERT_TRUE(log.up(1));
  EXPECT_EQ(link.jid().toString(), "muster.test");
  EXPECT_TRUE(server_.header.is("stream", kNsStreams));
  EXPECT_EQ(server_.header.attribute("to"), "muster.test");

  Element out = message("a@people.test", "x");
  out.setAttribute("from", "muster.test");
  ASSERT_TRUE(link.send(out));
  ASSERT_TRUE(runUntil([&] { return server_.stanzas.size() == 1; }));
  EXPECT_TRUE(server_.stanzas[0].is("message", kNsComponent));
  EXPECT_NE(server_.stanzas[0].child("body", kNsComponent), nullptr);
  EXPECT_FALSE(server_.raw.contains("jabber:client"));

  server_.write("<iq type='get' id='1' from='a@b'><ping xmlns='urn:xmpp:ping'/></iq>");
  ASSERT_TRUE(log.received(1));
  EXPECT_TRUE(log.stanzas[0].is("iq", kNsClient));
  EXPECT_NE(log.stanzas[0].child("ping", "urn:xmpp:ping"), nullptr);

  link.stop();
  EXPECT_FALSE(link.isUp());
  EXPECT_TRUE(runUntil([&] { return server_.ended; }));
  EXPECT_TRUE(log.downs.empty());
}

TEST_F(ComponentLinkTest, WrongSecretIsReportedAndNotRetriedSoon) {
  ComponentConfig wrong = config();
  wrong.secret = "other";
  ComponentLink link(wrong);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kAuth);
  EXPECT_NE(log.downs[0].text.find("not-authorized"), std::string::npos);
  runFor(600);
  EXPECT_EQ(server_.connections, 1);
  EXPECT_EQ(log.ups, 0);
}

TEST_F(ComponentLinkTest, ConflictIsReportedAndNotRetriedSoon) {
  server_.instead_of_handshake =
      "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Component already connected</text>"
      "</stream:error></stream:stream>";
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kConflict);
  EXPECT_NE(log.downs[0].text.find("Component already connected"), std::string::npos);
  runFor(600);
  EXPECT_EQ(server_.connections, 1);
}

TEST_F(ComponentLinkTest, ComesBackAfterTheServerWasAway) {
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  server_.stop();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kNetwork);
  EXPECT_FALSE(link.send(message("a@b", "nobody there")));
  ASSERT_TRUE(log.down(2));  // Refused at least once.
  server_.listen();
  ASSERT_TRUE(log.up(2));
  EXPECT_TRUE(link.send(message("a@b", "again")));
  EXPECT_TRUE(runUntil([&] { return server_.stanzas.size() == 1; }));
}

TEST_F(ComponentLinkTest, ReadsWhateverTheSegments) {
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  server_.writeSplit("<message from='a@b'><body>\xF0\x9F\x8C\xB2 &amp; more</body></message> ");
  ASSERT_TRUE(log.received(1));
  EXPECT_EQ(log.stanzas[0].child("body", kNsClient)->text(), "\xF0\x9F\x8C\xB2 & more");
}

TEST_F(ComponentLinkTest, FiveThousandStanzasEachWay) {
  constexpr size_t kMany = 5000;
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  for (size_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE(link.send(message("a@b", std::to_string(i))));
    server_.write(message("muster.test", std::to_string(i)).toXml(kNsClient));
  }
  ASSERT_TRUE(log.received(kMany));
  ASSERT_TRUE(runUntil([&] { return server_.stanzas.size() == kMany; }));
  for (size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(log.stanzas[i].firstChild()->text(), std::to_string(i));
    ASSERT_EQ(server_.stanzas[i].firstChild()->text(), std::to_string(i));
  }
}

TEST_F(ComponentLinkTest, AfterDropNothingOldIsBelieved) {
  ComponentLink link(config());
  LinkLog log(link);
  int heard = 0;
  link.onReceived([&](const Element&) {
    ++heard;
    link.drop("stood still");
    EXPECT_FALSE(link.isUp());
    EXPECT_TRUE(log.downs.empty());
  });
  link.start();
  ASSERT_TRUE(log.up(1));
  server_.write(message("muster.test", "x").toXml(kNsClient).repeated(100));
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].text, "stood still");
  ASSERT_TRUE(log.up(2));
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(server_.connections, 2);
}

TEST_F(ComponentLinkTest, WhatIsOutOfBoundsIsCountedAndItsSenderAnswered) {
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  const QByteArray deep =
      ">" + QByteArray("<a>").repeated(40) + QByteArray("</a>").repeated(40) + "</iq>";
  const QByteArray addresses = " from='a@b/c' to='x@muster.test'";
  for (const char* type : {"get", "set", "result", "error"})
    server_.write("<iq id='" + QByteArray(type) + "' type='" + type + "'" + addresses + deep);
  server_.write("<message type='get'" + addresses + deep.chopped(5) + "</message>");
  server_.write("<message" + addresses + "/>");
  ASSERT_TRUE(log.received(1));
  EXPECT_EQ(log.stanzas[0].name(), "message");
  EXPECT_EQ(link.discarded(), 5u);
  EXPECT_EQ(link.lastDiscardReason(), "elements nested too deep");

  ASSERT_TRUE(link.send(message("a@b", "the last")));
  ASSERT_TRUE(runUntil([&] { return server_.stanzas.size() == 3; }));
  for (int i = 0; i < 2; ++i) {
    const Element& answer = server_.stanzas[i];
    EXPECT_TRUE(answer.is("iq", kNsComponent));
    EXPECT_EQ(answer.attribute("type"), "error");
    EXPECT_EQ(answer.attribute("id"), i == 0 ? "get" : "set");
    EXPECT_EQ(answer.attribute("to"), "a@b/c");
    EXPECT_EQ(answer.attribute("from"), "x@muster.test");
    ASSERT_NE(answer.child("error", kNsComponent), nullptr);
    EXPECT_NE(answer.child("error", kNsComponent)
                  ->child("policy-violation", "urn:ietf:params:xml:ns:xmpp-stanzas"),
              nullptr);
  }
  EXPECT_EQ(log.downs.size(), 0u);
}

TEST_F(ComponentLinkTest, HostileInputEndsTheConnectionWithItsCause) {
  ComponentLink link(config());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  server_.write("<message><!-- x --></message>");
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kStreamError);
  EXPECT_NE(log.downs[0].text.find("restricted-xml"), std::string::npos);
  EXPECT_TRUE(log.stanzas.empty());
  EXPECT_TRUE(log.up(2));
}

TEST_F(ComponentLinkTest, RefusesWhatTheServerWouldCut) {
  ComponentConfig small = config();
  small.max_stanza_bytes = 1000;
  ComponentLink link(small);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  EXPECT_FALSE(link.send(message("a@b", std::string(1000, 'x'))));
  EXPECT_TRUE(link.send(message("a@b", std::string(900, 'x'))));
}

TEST(ComponentConfigCheck, SaysWhatIsWrong) {
  ComponentConfig config;
  config.domain = "muster.test";
  config.secret = "x";
  EXPECT_TRUE(ComponentLink::check(config));
  for (const char* host : {"localhost", "::1", "127.8.0.1"}) {
    config.host = host;
    EXPECT_TRUE(ComponentLink::check(config)) << host;
  }
  for (const char* host : {"example.org", "192.0.2.1", "127.example.org", ""}) {
    config.host = host;
    EXPECT_EQ(ComponentLink::check(config).field(), "host") << host;
  }
  config.allow_unencrypted = true;
  config.host = "192.0.2.1";
  EXPECT_TRUE(ComponentLink::check(config));
  config.secret.clear();
  EXPECT_EQ(ComponentLink::check(config).field(), "secret");
  config.secret = "x";
  config.domain = "a@muster.test";
  EXPECT_EQ(ComponentLink::check(config).field(), "domain");
}

}  // namespace
}  // namespace muster::xmpp
