#include "libcontrol/xmpp/http_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QElapsedTimer>
#include <QTcpServer>
#include <QTcpSocket>

#include "libcontrol/xmpp/namespaces.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr char kService[] =
    "<query xmlns='http://jabber.org/protocol/disco#info'>"
    "<identity category='store' type='file'/><feature var='urn:xmpp:http:upload:0'/>"
    "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
    "<value>urn:xmpp:http:upload:0</value></field>"
    "<field var='max-file-size'><value>1000</value></field></x></query>";

std::string slotOf(const std::string& put, const std::string& get,
                   const std::string& headers = {}) {
  return "<slot xmlns='urn:xmpp:http:upload:0'><put url='" + put + "'>" + headers +
         "</put><get url='" + get + "'/></slot>";
}

TEST(UploadService, IsKnownByItsFeatureAndSaysItsBound) {
  const Jid jid = jidOf("upload.example.org");
  const auto service = readUploadService(jid, xml(kService));
  ASSERT_TRUE(service);
  EXPECT_EQ(service->jid, jid);
  EXPECT_EQ(service->max_bytes, 1000u);
  EXPECT_FALSE(readUploadService(
      jid, xml("<query xmlns='http://jabber.org/protocol/disco#info'><feature var='x'/></query>")));
  // A bound of another form is none of ours, and neither is one that is no number.
  const auto other = readUploadService(
      jid, xml("<query xmlns='http://jabber.org/protocol/disco#info'>"
               "<feature var='urn:xmpp:http:upload:0'/><x xmlns='jabber:x:data'>"
               "<field var='FORM_TYPE'><value>other</value></field>"
               "<field var='max-file-size'><value>5</value></field></x>"
               "<x xmlns='jabber:x:data'><field var='FORM_TYPE'>"
               "<value>urn:xmpp:http:upload:0</value></field>"
               "<field var='max-file-size'><value>many</value></field></x></query>"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->max_bytes);
}

TEST(UploadSlot, IsAskedForByNameSizeAndType) {
  EXPECT_EQ(text(slotRequest(jidOf("upload.example.org"), {"a b.txt", "text/plain", "12345"})),
            R"(<iq type="get" to="upload.example.org"><request xmlns="urn:xmpp:http:upload:0" )"
            R"(filename="a b.txt" size="5" content-type="text/plain"/></iq>)");
}

TEST(UploadSlot, TakesOnlyTheHeadersThatMayBeSent) {
  const auto slot = readUploadSlot(xml(
      slotOf("https://example.org/p", "https://example.org/g",
             "<header name='authorization'>Bearer&#10; x</header><header name='Cookie'>c</header>"
             "<header name='Host'>evil</header><header name='Expires'>never</header>")));
  ASSERT_TRUE(slot.isOk()) << slot.status().text();
  EXPECT_EQ(slot->put_url, "https://example.org/p");
  EXPECT_EQ(slot->get_url, "https://example.org/g");
  EXPECT_THAT(slot->headers, ElementsAre(Pair("Authorization", "Bearer x"), Pair("Cookie", "c"),
                                         Pair("Expires", "never")));
}

TEST(UploadSlot, GoesUnencryptedNoFurtherThanThisMachine) {
  const auto why = [](const std::string& put, const std::string& get) {
    return readUploadSlot(xml(slotOf(put, get))).status().text();
  };
  EXPECT_EQ(why("http://127.0.0.1:5280/p", "http://localhost:5280/g"), "");
  EXPECT_EQ(why("http://[::1]:5280/p", "http://upload.cluster.localhost/g"), "");
  EXPECT_THAT(why("http://example.org/p", "https://example.org/g"), HasSubstr("must be https"));
  EXPECT_THAT(why("https://example.org/p", "http://example.org/g"), HasSubstr("to get must be"));
  EXPECT_THAT(why("file:///etc/passwd", "https://example.org/g"), HasSubstr("is no address"));
  EXPECT_THAT(why("https://a:b@example.org/", "https://example.org/g"), HasSubstr("no address"));
  EXPECT_THAT(why("", "https://example.org/g"), HasSubstr("to put is missing"));
  EXPECT_THAT(why("https://example.org/" + std::string(3000, 'x'), "https://example.org/g"),
              HasSubstr("more than 2048 bytes"));
  EXPECT_THAT(readUploadSlot(xml("<slot xmlns='other'/>")).status().text(),
              HasSubstr("<slot xmlns='other'/>"));
}

// Takes one request, keeps it and answers with a status.
class HttpStub {
 public:
  explicit HttpStub(const std::string& status) {
    EXPECT_TRUE(server_.listen(QHostAddress::LocalHost));
    QObject::connect(&server_, &QTcpServer::newConnection, &server_, [this, status] {
      QTcpSocket* socket = server_.nextPendingConnection();
      QObject::connect(socket, &QTcpSocket::readyRead, socket, [this, socket, status] {
        request += socket->readAll().toStdString();
        if (!request.ends_with("END")) return;
        socket->write(
            QByteArray::fromStdString("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"));
        socket->disconnectFromHost();
      });
    });
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.serverPort()); }

  std::string request;

 private:
  QTcpServer server_;
};

class HttpUploadTest : public ClientFixture {
 protected:
  void upload(const std::string& content) {
    upload_.upload({"a.txt", "text/plain", content}, [this](Result<std::string> url) {
      EXPECT_FALSE(url_) << "a second answer";
      url_ = std::move(url);
    });
  }
  // Answers what was asked of that address; "" is an error.
  void answer(const std::string& from, const std::string& payload) {
    for (size_t i = 0; i < link.sent.size(); ++i) {
      if (link.sent[i].attribute("to") != from) continue;
      const std::string id = link.sent[i].attribute("id");
      link.sent.erase(link.sent.begin() + static_cast<std::ptrdiff_t>(i));
      const bool ok = payload.find("<error") == std::string::npos;
      return link.receive("<iq id='" + id + "' from='" + from + "' type='" +
                          (ok ? "result" : "error") + "'>" + payload + "</iq>");
    }
    ADD_FAILURE() << from << " was not asked";
  }
  void findService() {
    answer("example.org",
           "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='rooms.example.org'/>"
           "<item jid='upload.example.org'/></query>");
    answer("example.org", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    answer("upload.example.org", kService);
    answer("rooms.example.org", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  }
  void await() {
    QElapsedTimer time;
    time.start();
    while (!url_ && time.elapsed() < 20'000) {
      QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 50);
    }
    ASSERT_TRUE(url_) << "no answer";
  }

  HttpUpload upload_{*endpoint, ""};
  std::optional<Result<std::string>> url_;
};

TEST_F(HttpUploadTest, PutsTheFileWhereTheSlotIs) {
  HttpStub http("201 Created");
  upload("the lines END");
  findService();
  ASSERT_EQ(link.sent.size(), 1u);
  EXPECT_EQ(text(*link.sent[0].firstChild()),
            R"(<request xmlns="urn:xmpp:http:upload:0" filename="a.txt" size="13" )"
            R"(content-type="text/plain"/>)");
  answer("upload.example.org",
         slotOf(http.url() + "/put/a%20b", "https://example.org/get/a.txt",
                "<header name='Authorization'>Bearer t</header><header name='X'>y</header>"));
  await();
  ASSERT_TRUE(url_->isOk()) << url_->status().text();
  EXPECT_EQ(url_->value(), "https://example.org/get/a.txt");
  EXPECT_THAT(http.request, HasSubstr("PUT /put/a%20b HTTP/1.1\r\n"));
  EXPECT_THAT(http.request, HasSubstr("Authorization: Bearer t\r\n"));
  EXPECT_THAT(http.request, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(http.request, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(http.request, HasSubstr("\r\n\r\nthe lines END"));
  EXPECT_THAT(http.request, Not(HasSubstr("X: y")));
}

TEST_F(HttpUploadTest, LooksForTheServiceOnceAConnection) {
  upload("one");
  findService();
  answer("upload.example.org",
         "<error type='wait'><resource-constraint "
         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kResourceExhausted);
  url_.reset();
  upload("two");
  ASSERT_EQ(link.sent.size(), 1u) << "the slot alone";
  EXPECT_EQ(link.sent[0].attribute("to"), "upload.example.org");
  link.sent.clear();
  link.down();
  runLoop();
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kUnavailable);
  url_.reset();
  link.up();
  upload("three");
  ASSERT_EQ(link.sent.size(), 1u);
  EXPECT_EQ(link.sent[0].attribute("to"), "example.org");
}

TEST_F(HttpUploadTest, AServerWithoutTheServiceIsNamed) {
  upload("one");
  answer("example.org",
         "<error type='cancel'><service-unavailable "
         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  EXPECT_FALSE(url_);
  answer("example.org", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kUnavailable);
  EXPECT_EQ(url_->status().text(), "the server example.org offers no upload of files (XEP-0363)");
}

TEST_F(HttpUploadTest, WhatIsTooLargeIsNotEvenAskedFor) {
  upload(std::string(1001, 'x'));
  findService();
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kResourceExhausted);
  EXPECT_EQ(url_->status().text(),
            "the file has 1001 bytes, which upload.example.org does not take; at most 1000");
  EXPECT_THAT(link.takeSent(), IsEmpty());
}

TEST_F(HttpUploadTest, TheServiceMaySayThatItIsTooLarge) {
  upload("x");
  findService();
  answer("upload.example.org",
         "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
         "<file-too-large xmlns='urn:xmpp:http:upload:0'><max-file-size>0</max-file-size>"
         "</file-too-large></error>");
  ASSERT_TRUE(url_);
  EXPECT_THAT(url_->status().text(), HasSubstr("does not take; at most 0"));
}

TEST_F(HttpUploadTest, ARefusalIsTold) {
  upload("x");
  findService();
  answer("upload.example.org",
         "<error type='auth'><forbidden "
         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kUnavailable) << "it isn't the caller who is forbidden";
  EXPECT_THAT(url_->status().text(), HasSubstr("upload.example.org takes no file: "));
}

TEST_F(HttpUploadTest, ARefusalOfTheHttpServerIsTold) {
  HttpStub http("403 Forbidden");
  upload("END");
  findService();
  answer("upload.example.org", slotOf(http.url() + "/put", "https://example.org/get"));
  await();
  EXPECT_EQ(url_->status().code(), Code::kUnavailable);
  EXPECT_EQ(url_->status().text(), "the upload to 127.0.0.1 failed: HTTP status 403");
}

TEST_F(HttpUploadTest, WhoIsSilentIsGivenUp) {
  const auto late = [this] {
    clock.advance(limits::kUploadPatience);
    endpoint->checkDeadlines();
    runLoop();
  };
  upload("x");
  late();
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kTimeout);
  url_.reset();
  link.sent.clear();
  upload("x");
  answer("example.org",
         "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='gone.example.org'/>"
         "</query>");
  answer("example.org", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  EXPECT_FALSE(url_);
  late();
  ASSERT_TRUE(url_);
  EXPECT_EQ(url_->status().code(), Code::kTimeout) << "it may be the one that takes files";
}

TEST_F(HttpUploadTest, EndsWithoutAnAnswer) {
  {
    HttpUpload other(*endpoint, "");
    other.upload({"a", "text/plain", "x"}, [](const auto&) { FAIL(); });
  }
  answer("example.org", "<query xmlns='http://jabber.org/protocol/disco#items'/>");
  EXPECT_THAT(link.takeSent(), IsEmpty());
}

}  // namespace
}  // namespace muster::xmpp::testing
