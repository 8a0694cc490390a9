// Against a Prosody: what needs a configuration or module of its own. What is the same on every
// server is in links_on_servers_test.cc.
#include "libcontrol/xmpp/client_link.h"

#include <gtest/gtest.h>

#include "libcontrol/xmpp/component_link.h"
#include "tests/libcontrol/xmpp/link_log.h"
#include "tests/support/prosody_server.h"

namespace muster::xmpp {
namespace {

using muster::testing::ProsodyConfig;
using muster::testing::ProsodyServer;

ProsodyConfig serverConfig() {
  ProsodyConfig config;
  config.accounts = {{"nodes.test", "n1", "pass \"1\""},
                     {"people.test", "anna", "secret"},
                     {"plain.test", "old", "secret"}};
  config.extra_hosts =
      "VirtualHost \"plain.test\"\n  authentication = \"internal_hashed\"\n"
      "  disable_sasl_mechanisms = { \"SCRAM-SHA-1\", \"SCRAM-SHA-256\", \"SCRAM-SHA-1-PLUS\", "
      "\"SCRAM-SHA-256-PLUS\" }\n";
  return config;
}

class ClientLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ProsodyServer::isInstalled())
      FAIL() << "prosody and openssl are needed; scripts/install-packages installs them";
    ASSERT_TRUE(server_.start()) << server_.error();
  }
  ClientConfig config(const std::string& jid, const std::string& password) {
    ClientConfig config;
    config.jid = *Jid::parse(jid);
    config.password = password;
    config.host = "127.0.0.1";
    config.port = server_.clientPort();
    config.ca_file = server_.caFile();
    return config;
  }
  ClientConfig node() { return config("n1@nodes.test/node-0badcafe", "pass \"1\""); }
  ClientConfig anna() { return config("anna@people.test", "secret"); }

  ProsodyServer server_{serverConfig()};
};

Element available() {
  return Element("presence", kNsClient);
}

// Stream management, which people.test offers, would hold the session of a connection that was cut
// as available for minutes.
TEST_F(ClientLinkTest, NegotiatesNoStreamManagement) {
  ClientConfig second = anna();
  second.jid = second.jid.withResource("watcher");
  ClientLink watcher(second);
  ClientLink link(anna());
  LinkLog watched(watcher);
  LinkLog log(link);
  watcher.start();
  link.start();
  ASSERT_TRUE(watched.up(1));
  ASSERT_TRUE(log.up(1));
  ASSERT_TRUE(watcher.send(available()));
  ASSERT_TRUE(watched.received(1));
  ASSERT_TRUE(link.send(available()));
  ASSERT_TRUE(watched.received(2));
  link.drop("cut");
  ASSERT_TRUE(watched.received(3));
  EXPECT_EQ(watched.stanzas[2].attribute("type"), "unavailable");
}

TEST_F(ClientLinkTest, RefusesACertificateForAnotherDomain) {
  // plain.test has no certificate of its own: the server shows that of another host.
  ClientLink link(config("old@plain.test", "secret"));
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kTls) << log.downs[0].text;
}

TEST_F(ClientLinkTest, SaysSoIfTheAuthoritiesCannotBeRead) {
  ClientConfig wrong = node();
  wrong.ca_file = server_.dir() + "/missing.pem";
  ClientLink link(wrong);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kTls);
  EXPECT_NE(log.downs[0].text.find("missing.pem"), std::string::npos);
}

// ejabberd takes both, and gives each a part of what comes.
TEST_F(ClientLinkTest, ASecondComponentOfTheSameNameIsAConflict) {
  ComponentConfig component;
  component.domain = "muster.test";
  component.secret = "component secret";
  component.port = server_.componentPort();
  ComponentLink link(component);
  ComponentLink twin(component);
  LinkLog log(link);
  LinkLog twin_log(twin);
  link.start();
  ASSERT_TRUE(log.up(1)) << server_.log();
  twin.start();
  ASSERT_TRUE(twin_log.down(1));
  EXPECT_EQ(twin_log.downs[0].reason, DownReason::kConflict) << twin_log.downs[0].text;
}

// Has the server send something in one piece with the answer that binds the resource.
constexpr char kSendsWithTheBinding[] = R"(
module:set_global();
local filters = require "util.filters";
local deep = ("<a xmlns='urn:x'>"):rep(2000) .. ("</a>"):rep(2000);
filters.add_filter_hook(function (session)
  filters.add_filter(session, "bytes/out", function (data)
    if not (data:find("xmpp-bind", 1, true) and data:find("type='result'", 1, true)) then
      return data;
    end
    local self = data:match("<jid>(.-)</jid>");
    return data .. "<message from='eve@people.test/x'>" .. deep .. "</message>"
      .. "<presence type='unavailable' from='" .. self .. "'/>"
      .. "<message from='eve@people.test/x'><body>\226\130\172</body></message>"
      .. "<message from='eve@people.test/x'><bo";
  end);
end);
)";

TEST(ClientLinkBinding, WhatComesWithItIsReadLikeAllTheRest) {
  if (!ProsodyServer::isInstalled())
    FAIL() << "prosody and openssl are needed; scripts/install-packages installs them";
  ProsodyConfig config = serverConfig();
  config.modules = {{"with_binding", kSendsWithTheBinding}};
  ProsodyServer server(config);
  ASSERT_TRUE(server.start()) << server.error();
  ClientConfig client;
  client.jid = *Jid::parse("n1@nodes.test/node-0badcafe");
  client.password = "pass \"1\"";
  client.host = "127.0.0.1";
  client.port = server.clientPort();
  client.ca_file = server.caFile();
  ClientLink link(client);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.up(1)) << server.log();
  ASSERT_TRUE(log.received(2)) << server.log();
  EXPECT_EQ(log.stanzas[0].attribute("type"), "unavailable");
  EXPECT_EQ(log.stanzas[1].child("body", kNsClient)->text(), "\xE2\x82\xAC");
  EXPECT_EQ(link.discarded(), 1u);
  EXPECT_TRUE(log.downs.empty()) << log.downs[0].text;
}

// A host with a certificate that offers nothing but PLAIN.
TEST(ClientLinkPlain, NeverTellsAServerThePassword) {
  if (!ProsodyServer::isInstalled())
    FAIL() << "prosody and openssl are needed; scripts/install-packages installs them";
  ProsodyConfig config = serverConfig();
  config.accounts = {{"nodes.test", "n1", "x"}};
  config.extra_global =
      "disable_sasl_mechanisms = { \"SCRAM-SHA-1\", \"SCRAM-SHA-256\", \"SCRAM-SHA-1-PLUS\", "
      "\"SCRAM-SHA-256-PLUS\" }";
  ProsodyServer server(config);
  ASSERT_TRUE(server.start()) << server.error();
  ClientConfig client;
  client.jid = *Jid::parse("n1@nodes.test");
  client.password = "x";
  client.host = "127.0.0.1";
  client.port = server.clientPort();
  client.ca_file = server.caFile();
  ClientLink link(client);
  LinkLog log(link);
  link.start();
  ASSERT_TRUE(log.down(1));
  EXPECT_EQ(log.downs[0].reason, DownReason::kAuth) << log.downs[0].text;
  EXPECT_EQ(log.downs[0].text, "the server offers no SCRAM mechanism");
}

}  // namespace
}  // namespace muster::xmpp
