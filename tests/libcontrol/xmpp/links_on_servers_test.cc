// Client and component links against real servers of each kind that is supported.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "libcontrol/xmpp/client_link.h"
#include "libcontrol/xmpp/component_link.h"
#include "tests/libcontrol/xmpp/link_log.h"
#include "tests/support/ejabberd_server.h"
#include "tests/support/prosody_server.h"

namespace muster::xmpp {
namespace {

using muster::testing::EjabberdConfig;
using muster::testing::EjabberdServer;
using muster::testing::ProsodyConfig;
using muster::testing::ProsodyServer;
using muster::testing::ServerAccount;
using muster::testing::ServerProcess;

enum class Kind { kProsody, kEjabberd };

std::string nameOf(Kind kind) {
  return kind == Kind::kProsody ? "Prosody" : "Ejabberd";
}

const std::vector<ServerAccount> kAccounts = {{"nodes.test", "n1", "pass \"1\""},
                                              {"people.test", "anna", "secret"}};

std::unique_ptr<ServerProcess> makeServer(Kind kind) {
  if (kind == Kind::kProsody) {
    ProsodyConfig config;
    config.accounts = kAccounts;
    return std::make_unique<ProsodyServer>(config);
  }
  EjabberdConfig config;
  config.accounts = kAccounts;
  return std::make_unique<EjabberdServer>(config);
}

// One server of each kind serves all tests of the process, and is running before each.
class LinkOnServerTest : public ::testing::TestWithParam<Kind> {
 protected:
  static void TearDownTestSuite() { servers_.clear(); }
  void SetUp() override {
    const bool installed =
        GetParam() == Kind::kProsody ? ProsodyServer::isInstalled() : EjabberdServer::isInstalled();
    if (!installed)
      FAIL() << nameOf(GetParam()) << " and openssl are needed; scripts/install-packages installs"
             << " them";
    std::unique_ptr<ServerProcess>& server = servers_[GetParam()];
    if (!server) server = makeServer(GetParam());
    ASSERT_TRUE(server->start()) << server->error();
  }
  ServerProcess& server() { return *servers_.at(GetParam()); }
  ClientConfig config(const std::string& jid, const std::string& password) {
    ClientConfig config;
    config.jid = *Jid::parse(jid);
    config.password = password;
    config.host = "127.0.0.1";
    config.port = server().clientPort();
    config.ca_file = server().caFile();
    return config;
  }
  ClientConfig node() { return config("n1@nodes.test/node-0badcafe", "pass \"1\""); }
  ClientConfig anna() { return config("anna@people.test", "secret"); }

 private:
  static inline std::map<Kind, std::unique_ptr<ServerProcess>> servers_;
};

INSTANTIATE_TEST_SUITE_P(Servers, LinkOnServerTest,
                         ::testing::Values(Kind::kProsody, Kind::kEjabberd),
                         [](const auto& each) { return nameOf(each.param); });

Element available() {
  return Element("presence", kNsClient);
}

TEST_P(LinkOnServerTest, LogsInAndTalks) {
  ClientLink link(node());
  ClientLink other(anna());
  LinkLog log(link);
  LinkLog other_log(other);
  EXPECT_FALSE(link.send(available()));
  link.start();
  other.start();
  ASSERT_TRUE(log.up(1)) << server().log();
  ASSERT_TRUE(other_log.up(1)) << server().log();
  EXPECT_EQ(link.jid().toString(), "n1@nodes.test/node-0badcafe");
  EXPECT_EQ(other.jid().resource().substr(0, 7), "muster-");

  // Larger than any one read, and UTF-8 all the way, so that it is split within characters.
  std::string body;
  for (int i = 0; i < 50'000; ++i) body += "\xE2\x82\xAC";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(other.send(message(link.jid().toString(), body)));
  ASSERT_TRUE(log.received(5));
  for (const Element& stanza : log.stanzas) {
    EXPECT_EQ(stanza.attribute("from"), other.jid().toString());
    EXPECT_EQ(stanza.child("body", kNsClient)->text(), body);
  }
  EXPECT_TRUE(link.send(message(other.jid().toString(), "a")));
  EXPECT_TRUE(other_log.received(1));
  EXPECT_FALSE(link.send(message(other.jid().toString(), std::string(300'000, 'x'))));
}

// Each of them is legal, and the server forwards it unchanged or larger.
std::vector<Element> oddPayloads() {
  std::vector<Element> payloads;
  Element deep("a", "urn:x");
  for (int i = 0; i < 40; ++i) {
    Element around("a", "urn:x");
    around.add(std::move(deep));
    deep = std::move(around);
  }
  payloads.push_back(std::move(deep));
  Element& many = payloads.emplace_back("a", "urn:x");
  for (int i = 0; i < 70; ++i) many.setAttribute("b" + std::to_string(i), "");
  payloads.emplace_back("body", kNsClient).setText(std::string(90'000, '\''));
  payloads.emplace_back("a", "urn:x").setAttribute("b", std::string(90'000, '\''));
  payloads.emplace_back("a", "x").setAttribute("xml:foo", "1");
  payloads.emplace_back(std::string(5000, 'n'), "urn:x");
  payloads.emplace_back("\xC3\xA9", "urn:x");
  Element& copies = payloads.emplace_back("a", std::string(20'000, 'u'));
  for (int i = 0; i < 1000; ++i) copies.add("b");
  return payloads;
}

// Of oddPayloads(), those that are within our bounds.
bool isReadable(const Element& payload) {
  return payload.name() == "body" || payload.hasAttribute("b") || payload.hasAttribute("xml:foo");
}

// Expat, which parses for the servers, puts off a tag that is longer than what they read at once (8
// KiB) until its bytes have doubled (since 2.6.0, and since the update for CVE-2023-52425): a
// stanza with such a tag waits for whatever its sender sends next. So as much has to follow it.
Element normalMessage(const std::string& to) {
  Element normal = message(to, "normal");
  normal.add("filler", "urn:x").setText(std::string(100'000, ' '));
  return normal;
}

// A stranger sends all of that to a link, which must neither go down nor miss what comes after.
void expectNoneHurts(ClientLink& stranger, ReconnectingLink& link, LinkLog& log) {
  std::vector<Element> received;
  uint64_t discarded = 0;
  for (const Element& payload : oddPayloads()) {
    Element odd("message", kNsClient);
    odd.setAttribute("to", link.jid().toString());
    odd.add(payload);
    ASSERT_TRUE(stranger.send(odd)) << payload.name().substr(0, 20);
    ASSERT_TRUE(stranger.send(normalMessage(link.jid().toString())));
    const bool readable = isReadable(payload);
    const size_t before = log.stanzas.size();
    ASSERT_TRUE(log.received(before + (readable ? 2 : 1))) << payload.name().substr(0, 20);
    EXPECT_EQ(log.stanzas.back().child("body", kNsClient)->text(), "normal");
    if (readable) {
      const Element* arrived = log.stanzas[before].child(payload.name(), payload.ns());
      ASSERT_NE(arrived, nullptr);
      EXPECT_TRUE(*arrived == payload);
    }
    discarded += readable ? 0 : 1;
    ASSERT_EQ(link.discarded(), discarded) << payload.name().substr(0, 20);
  }
  EXPECT_EQ(discarded, 5u);
  EXPECT_TRUE(log.downs.empty()) << log.downs[0].text;
  EXPECT_TRUE(stranger.isUp());
}

TEST_P(LinkOnServerTest, NothingAStrangerSendsEndsTheStream) {
  ClientLink link(node());
  ClientLink stranger(anna());
  LinkLog log(link);
  LinkLog stranger_log(stranger);
  link.start();
  stranger.start();
  ASSERT_TRUE(log.up(1)) << server().log();
  ASSERT_TRUE(stranger_log.up(1));
  ASSERT_NO_FATAL_FAILURE(expectNoneHurts(stranger, link, log));

  Element iq("iq", kNsClient);
  iq.setAttribute("type", "get")
      .setAttribute("id", "deep")
      .setAttribute("to", link.jid().toString());
  iq.add(oddPayloads()[0]);
  ASSERT_TRUE(stranger.send(iq));
  ASSERT_TRUE(stranger_log.received(1));
  EXPECT_EQ(stranger_log.stanzas[0].attribute("id"), "deep");
  EXPECT_EQ(stranger_log.stanzas[0].attribute("from"), link.jid().toString());
  ASSERT_TRUE(readError(stranger_log.stanzas[0]));
  EXPECT_EQ(readError(stranger_log.stanzas[0])->condition, Condition::kServiceUnavailable);
}

TEST_P(LinkOnServerTest, NothingAStrangerSendsEndsAComponentsStream) {
  ComponentConfig component;
  component.domain = "muster.test";
  component.secret = "component secret";
  component.port = server().componentPort();
  ComponentLink link(component);
  ClientLink stranger(anna());
  LinkLog log(link);
  LinkLog stranger_log(stranger);
  link.start();
  stranger.start();
  ASSERT_TRUE(log.up(1)) << server().log();
  ASSERT_TRUE(stranger_log.up(1));
  expectNoneHurts(stranger, link, log);
}

TEST_P(LinkOnServerTest, AnswersNothingByItself) {
  ClientLink link(node());
  ClientLink other(anna());
  LinkLog log(link);
  LinkLog other_log(other);
  link.start();
  other.start();
  ASSERT_TRUE(log.up(1));
  ASSERT_TRUE(other_log.up(1));
  const char* const kQueries[][2] = {{"query", "jabber:iq:version"},
                                     {"query", "http://jabber.org/protocol/disco#info"},
                                     {"ping", "urn:xmpp:ping"},
                                     {"time", "urn:xmpp:time"},
                                     {"unheard-of", "urn:x"}};
  for (const auto& query : kQueries) {
    Element iq("iq", kNsClient);
    iq.setAttribute("type", "get").setAttribute("id", query[1]);
    iq.setAttribute("to", link.jid().toString());
    iq.add(query[0], query[1]);
    ASSERT_TRUE(other.send(iq));
  }
  ASSERT_TRUE(log.received(5));
  runFor(200);
  EXPECT_EQ(log.stanzas.size(), 5u);
  EXPECT_TRUE(other_log.stanzas.empty());
}

TEST_P(LinkOnServerTest, IsNotAvailableUntilItsPresenceIsSent) {
  ClientConfig second = anna();
  second.jid = second.jid.withResource("watcher");
  ClientLink watcher(second);
  ClientLink link(anna());
  LinkLog watched(watcher);
  LinkLog log(link);
  watcher.start();
  ASSERT_TRUE(watched.up(1));
  ASSERT_TRUE(watcher.send(available()));
  ASSERT_TRUE(watched.received(1));  // Its own, back from the server.
  link.start();
  ASSERT_TRUE(log.up(1));
  runFor(300);
  EXPECT_EQ(watched.stanzas.size(), 1u);
  EXPECT_TRUE(log.stanzas.empty());

  ASSERT_TRUE(link.send(available()));
  ASSERT_TRUE(watched.received(2));
  EXPECT_EQ(watched.stanzas[1].attribute("from"), link.jid().toString());
  EXPECT_FALSE(watched.stanzas[1].hasAttribute("type"));
  link.stop();
  ASSERT_TRUE(watched.received(3));
  EXPECT_EQ(watched.stanzas[2].attribute("type"), "unavailable");
  EXPECT_TRUE(log.downs.empty());
}

TEST_P(LinkOnServerTest, RefusesACertificateOfAnotherAuthority) {
  ClientConfig wrong = node();
  wrong.ca_file = server().otherCaFile();
  ClientLink link(wrong);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kTls) << log.downs[0].text;
  EXPECT_NE(log.downs[0].text.find("certificate"), std::string::npos) << log.downs[0].text;
  EXPECT_EQ(log.ups, 0);
}

TEST_P(LinkOnServerTest, ReportsAWrongPassword) {
  ClientConfig wrong = node();
  wrong.password = "guess";
  ClientLink link(wrong);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kAuth) << log.downs[0].text;
  EXPECT_NE(log.downs[0].text.find("not-authorized"), std::string::npos) << log.downs[0].text;
  runFor(500);
  EXPECT_EQ(log.downs.size(), 1u);
}

TEST_P(LinkOnServerTest, ComesBackAfterARestart) {
  ClientLink link(node());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  server().stop();
  ASSERT_TRUE(log.down(1));
  ASSERT_TRUE(log.down(2)) << "an attempt that was refused";
  EXPECT_EQ(log.downs[1].reason, DownReason::kNetwork) << log.downs[1].text;
  ASSERT_TRUE(server().start()) << server().error();
  ASSERT_TRUE(log.up(2));
  server().kill();
  ASSERT_TRUE(log.down(log.downs.size() + 1));
  ASSERT_TRUE(server().start()) << server().error();
  ASSERT_TRUE(log.up(3));
  EXPECT_TRUE(link.send(available()));
  EXPECT_TRUE(log.received(1));
}

TEST_P(LinkOnServerTest, TheOlderOfTwoEqualResourcesYields) {
  ClientLink older(node());
  ClientLink newer(node());
  LinkLog older_log(older);
  LinkLog newer_log(newer);
  older.start();
  ASSERT_TRUE(older_log.up(1));
  newer.start();
  ASSERT_TRUE(newer_log.up(1));
  ASSERT_TRUE(older_log.down(1));
  EXPECT_EQ(older_log.downs[0].reason, DownReason::kConflict) << older_log.downs[0].text;
  runFor(700);
  EXPECT_FALSE(older.isUp());
  EXPECT_TRUE(newer.isUp());
}

TEST_P(LinkOnServerTest, DropMakesANewConnection) {
  ClientLink link(node());
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1));
  link.drop("stood still");
  EXPECT_FALSE(link.isUp());
  EXPECT_TRUE(log.downs.empty());
  ASSERT_TRUE(log.up(2));
  ASSERT_EQ(log.downs.size(), 1u);
  EXPECT_EQ(log.downs[0].text, "stood still");
}

TEST_P(LinkOnServerTest, MayBeStoppedAtAnyMoment) {
  for (int ms = 0; ms < 60; ms += 4) {
    ClientLink link(node());
    LinkLog log(link);
    link.start();
    runFor(ms);
    link.stop();
    runFor(1);
    EXPECT_TRUE(log.downs.empty());
  }
}

TEST_P(LinkOnServerTest, ComponentLogsInToTheSameServer) {
  ComponentConfig component;
  component.domain = "muster.test";
  component.secret = "component secret";
  component.port = server().componentPort();
  ComponentLink link(component);
  ClientLink client(node());
  LinkLog log(link);
  LinkLog client_log(client);
  link.start();
  client.start();
  ASSERT_TRUE(log.up(1)) << server().log();
  ASSERT_TRUE(client_log.up(1));
  ASSERT_TRUE(client.send(message("storage@muster.test", "x")));
  ASSERT_TRUE(log.received(1));
  Element answer = message(client.jid().toString(), "y");
  answer.setAttribute("from", "storage@muster.test");
  ASSERT_TRUE(link.send(answer));
  ASSERT_TRUE(client_log.received(1));
  EXPECT_EQ(client_log.stanzas[0].child("body", kNsClient)->text(), "y");

  ASSERT_TRUE(server().restart());
  ASSERT_TRUE(log.up(2));
  EXPECT_TRUE(client_log.up(2));
}

}  // namespace
}  // namespace muster::xmpp
