#include "coordinator/channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

namespace muster::coordinator {
namespace {

using testing::HasSubstr;
using testing::Not;

incident::Incident incidentOf(uint64_t id) {
  incident::Incident out;
  out.id = id;
  out.target = "user.ledger";
  out.group = "ledger";
  out.sentence = "User service level: 98.3%";
  out.since = {1'767'225'600'000};
  return out;
}

incident::Message messageTo(const std::string& channel, incident::NoticeKind kind) {
  incident::Message out;
  out.id = "0123abcd";
  out.notice.channel = channel;
  out.notice.incident = 17;
  out.notice.kind = kind;
  out.notice.text = "Incident 17\nmore";
  out.notice.gist = "#17 down\r\nBcc: everybody@example.org";
  return out;
}

TEST(ChannelTexts, TheBodyIsWhatAlertmanagersReceiversTake) {
  incident::Incident incident = incidentOf(17);
  const auto parse = [](const std::string& text) {
    return QJsonDocument::fromJson(QByteArray::fromStdString(text)).object();
  };
  QJsonObject body = parse(alertmanagerBody("pager", incident, "text", false));
  EXPECT_EQ(body["version"].toString(), "4");
  EXPECT_EQ(body["status"].toString(), "firing");
  EXPECT_EQ(body["receiver"].toString(), "pager");
  QJsonObject alert = body["alerts"].toArray().at(0).toObject();
  EXPECT_EQ(alert["labels"].toObject()["target"].toString(), "user.ledger");
  EXPECT_EQ(alert["startsAt"].toString(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(alert["endsAt"].toString(), "0001-01-01T00:00:00Z");
  const QString key = alert["fingerprint"].toString();
  incident.ended = WallTime{1'767'225'660'000};
  body = parse(alertmanagerBody("pager", incident, "text", true));
  alert = body["alerts"].toArray().at(0).toObject();
  EXPECT_EQ(alert["status"].toString(), "resolved");
  EXPECT_EQ(alert["endsAt"].toString(), "2026-01-01T00:01:00Z");
  EXPECT_EQ(alert["fingerprint"].toString(), key) << "the end belongs to the beginning";
}

TEST(ChannelTexts, AHeaderOfAMailStaysOne) {
  ChannelConfig config;
  config.to = {"ops@example.org\nBcc: eve@example.org"};
  config.from = "muster@example.org";
  const std::string mail = mailText(config, messageTo("mail", incident::NoticeKind::kOpened));
  EXPECT_THAT(mail, HasSubstr("Message-ID: <0123abcd@muster>\r\n"));
  EXPECT_THAT(mail, Not(HasSubstr("\nBcc:")));
  EXPECT_THAT(mail,
              HasSubstr("\r\n\r\n" + QByteArray("Incident 17\nmore").toBase64().toStdString()));
}

class ChannelsTest : public testing::Test {
 protected:
  ChannelsTest() {
    char name[] = "/tmp/muster-channels-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  ~ChannelsTest() override { std::filesystem::remove_all(dir_); }

  void make(ChannelConfig config) {
    config.name = "it";
    channels_ = std::make_unique<Channels>(
        std::vector{config}, [this](uint64_t) { return &incident_; },
        [this](const std::string&, const Status& status) { outcome_ = status; });
  }
  ChannelConfig hook(const std::string& script) {
    ChannelConfig config;
    config.kind = ChannelConfig::Kind::kHook;
    config.command = {"/bin/sh", "-c", script};
    return config;
  }
  // What came of one message; waits for it.
  Status send(incident::NoticeKind kind = incident::NoticeKind::kOpened) {
    outcome_.reset();
    EXPECT_TRUE(channels_->send(messageTo("it", kind)));
    QElapsedTimer timer;
    timer.start();
    while (!outcome_ && timer.elapsed() < 20'000) {
      QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 100);
    }
    return outcome_.value_or(Status(Code::kTimeout, "nothing came of it"));
  }
  std::string fileText(const std::string& name) {
    std::ifstream in(dir_ / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path dir_;
  incident::Incident incident_ = incidentOf(17);
  std::unique_ptr<Channels> channels_;
  std::optional<Status> outcome_;
};

TEST_F(ChannelsTest, AHookGetsTheIncidentOnItsInput) {
  make(hook("cat > " + (dir_ / "in").string() + "; echo $MUSTER_STATUS $MUSTER_INCIDENT > " +
            (dir_ / "env").string()));
  EXPECT_TRUE(send(incident::NoticeKind::kEnded));
  EXPECT_THAT(fileText("in"), HasSubstr("\"status\":\"resolved\""));
  EXPECT_EQ(fileText("env"), "resolved 17\n");
}

TEST_F(ChannelsTest, AHookThatFailsSaysWhy) {
  make(hook("echo no route >&2; exit 3"));
  EXPECT_EQ(send().text(), "it ended with exit code 3: no route");
  ChannelConfig missing = hook("");
  missing.command = {"/nowhere/at/all"};
  make(missing);
  EXPECT_FALSE(send());
}

TEST_F(ChannelsTest, AHookThatHangsIsKilled) {
  ChannelConfig config = hook("exec sleep 60");
  config.timeout = Duration::millis(200);
  make(config);
  EXPECT_EQ(send().text(), "it took longer than 200ms and was killed");
}

TEST_F(ChannelsTest, MailGoesThroughSendmail) {
  std::ofstream(dir_ / "sendmail") << "#!/bin/sh\necho \"$@\" > " << (dir_ / "args").string()
                                   << "\ncat > " << (dir_ / "mail").string() << "\n";
  std::filesystem::permissions(dir_ / "sendmail", std::filesystem::perms::owner_all);
  ChannelConfig config;
  config.kind = ChannelConfig::Kind::kMail;
  config.to = {"ops@example.org"};
  config.from = "muster@example.org";
  config.command = {(dir_ / "sendmail").string(), "-t", "-i"};
  make(config);
  EXPECT_TRUE(send());
  EXPECT_EQ(fileText("args"), "-t -i\n");
  EXPECT_THAT(fileText("mail"), HasSubstr("To: ops@example.org\r\n"));
}

TEST_F(ChannelsTest, AWebhookIsPostedAndItsAnswerCounts) {
  QTcpServer server;
  ASSERT_TRUE(server.listen(QHostAddress::LocalHost));
  QByteArray heard;
  QByteArray answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  QObject::connect(&server, &QTcpServer::newConnection, [&] {
    QTcpSocket* socket = server.nextPendingConnection();
    QObject::connect(socket, &QTcpSocket::readyRead, [&, socket] {
      heard += socket->readAll();
      if (!heard.contains("alerts")) return;
      socket->write(answer);
      socket->disconnectFromHost();
    });
  });
  ChannelConfig config;
  config.url = "http://127.0.0.1:" + std::to_string(server.serverPort()) + "/hook";
  make(config);
  EXPECT_TRUE(send()) << send().text();
  EXPECT_TRUE(heard.startsWith("POST /hook"));
  EXPECT_TRUE(heard.contains("\"status\":\"firing\""));
  EXPECT_FALSE(heard.contains("Authorization"));
  config.token = "abc.def";
  make(config);
  heard.clear();
  EXPECT_TRUE(send());
  EXPECT_TRUE(heard.contains("\r\nAuthorization: Bearer abc.def\r\n"));
  answer =
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  EXPECT_THAT(send().text(), HasSubstr("302")) << "alerts go nowhere but to the address given";
  server.close();
  EXPECT_EQ(send().code(), Code::kUnavailable);
}

TEST_F(ChannelsTest, WhatIsNotConfiguredIsNotTaken) {
  make(hook("true"));
  EXPECT_FALSE(channels_->send(messageTo("other", incident::NoticeKind::kOpened)));
}

}  // namespace
}  // namespace muster::coordinator
