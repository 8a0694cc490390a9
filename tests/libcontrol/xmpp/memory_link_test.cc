#include "libcontrol/xmpp/memory_link.h"

#include <gtest/gtest.h>

#include "libcontrol/xmpp/namespaces.h"
#include "tests/libcontrol/xmpp/link_log.h"

namespace muster::xmpp {
namespace {

class MemoryLinkTest : public ::testing::Test {
 protected:
  void startAll() {
    a_.start();
    b_.start();
    component_.start();
    server_.deliver();
  }
  void becomeAvailable(MemoryLink& link) {
    ASSERT_TRUE(link.send(Element("presence", kNsClient)));
    server_.deliver();
  }

  MemoryServer server_;
  MemoryLink a_{server_, *Jid::parse("a@nodes.test/1")};
  MemoryLink b_{server_, *Jid::parse("b@people.test/2")};
  MemoryLink component_{server_, *Jid::parse("muster.test")};
  LinkLog at_a_{a_};
  LinkLog at_b_{b_};
  LinkLog at_component_{component_};
};

TEST_F(MemoryLinkTest, NothingHappensButInDeliver) {
  a_.start();
  EXPECT_FALSE(a_.isUp());
  EXPECT_FALSE(a_.send(message("b@people.test/2", "x")));
  server_.deliver();
  EXPECT_EQ(at_a_.ups, 1);
  b_.start();
  server_.deliver();
  EXPECT_TRUE(a_.send(message("b@people.test/2", "x")));
  EXPECT_TRUE(at_b_.stanzas.empty());
  server_.deliver();
  ASSERT_EQ(at_b_.stanzas.size(), 1u);
  EXPECT_EQ(at_b_.stanzas[0].attribute("from"), "a@nodes.test/1");
}

TEST_F(MemoryLinkTest, RoutesToTheComponentWhateverTheAddress) {
  startAll();
  for (const char* to : {"muster.test", "storage@muster.test", "storage@muster.test/x"})
    a_.send(message(to, "x"));
  server_.deliver();
  EXPECT_EQ(at_component_.stanzas.size(), 3u);
  Element answer = message("a@nodes.test/1", "y");
  answer.setAttribute("from", "storage@muster.test");
  component_.send(answer);
  server_.deliver();
  ASSERT_EQ(at_a_.stanzas.size(), 1u);
  EXPECT_EQ(at_a_.stanzas[0].attribute("from"), "storage@muster.test");
}

TEST_F(MemoryLinkTest, UnknownFullJidsAreUnavailable) {
  startAll();
  Element iq("iq", kNsClient);
  iq.setAttribute("type", "get").setAttribute("id", "7").setAttribute("to", "c@nodes.test/gone");
  a_.send(iq);
  server_.deliver();
  ASSERT_EQ(at_a_.stanzas.size(), 1u);
  EXPECT_EQ(at_a_.stanzas[0].attribute("id"), "7");
  EXPECT_EQ(at_a_.stanzas[0].attribute("from"), "c@nodes.test/gone");
  EXPECT_NE(at_a_.stanzas[0].child("error", kNsClient)->child("service-unavailable", ns::kStanzas),
            nullptr);
  iq.setAttribute("type", "result");
  a_.send(iq);
  server_.deliver();
  EXPECT_EQ(at_a_.stanzas.size(), 1u);
}

TEST_F(MemoryLinkTest, BareAddressesReachAvailableResources) {
  startAll();
  a_.send(message("b@people.test", "x"));
  server_.deliver();
  EXPECT_TRUE(at_b_.stanzas.empty());
  becomeAvailable(b_);
  a_.send(message("b@people.test", "x"));
  server_.deliver();
  EXPECT_EQ(at_b_.stanzas.size(), 1u);
}

TEST_F(MemoryLinkTest, PresenceReachesWatchersAndItsEndToo) {
  server_.subscribe(*Jid::parse("a@nodes.test"), *Jid::parse("muster.test"));
  server_.subscribe(*Jid::parse("a@nodes.test"), *Jid::parse("b@people.test"));
  startAll();
  becomeAvailable(a_);
  ASSERT_EQ(at_component_.stanzas.size(), 1u);
  EXPECT_EQ(at_component_.stanzas[0].attribute("from"), "a@nodes.test/1");
  EXPECT_TRUE(at_b_.stanzas.empty());
  becomeAvailable(b_);
  EXPECT_EQ(at_b_.stanzas.size(), 1u);
  a_.stop();
  server_.deliver();
  ASSERT_EQ(at_b_.stanzas.size(), 2u);
  EXPECT_EQ(at_b_.stanzas[1].attribute("type"), "unavailable");
  EXPECT_EQ(at_component_.stanzas.size(), 2u);
  EXPECT_TRUE(at_a_.downs.empty());
}

TEST_F(MemoryLinkTest, AServersOwnAnswersComeFromTheTest) {
  server_.onServerIq([](const Element& iq) -> std::optional<Element> {
    if (iq.firstChild() == nullptr || iq.firstChild()->ns() != ns::kRoster) return std::nullopt;
    Element result("iq", kNsClient);
    result.setAttribute("type", "result");
    result.add("query", ns::kRoster);
    return result;
  });
  startAll();
  Element iq("iq", kNsClient);
  iq.setAttribute("type", "get").setAttribute("id", "r");
  iq.add("query", ns::kRoster);
  a_.send(iq);
  server_.deliver();
  ASSERT_EQ(at_a_.stanzas.size(), 1u);
  EXPECT_EQ(at_a_.stanzas[0].attribute("type"), "result");
  EXPECT_EQ(at_a_.stanzas[0].attribute("id"), "r");
  EXPECT_EQ(at_a_.stanzas[0].attribute("from"), "a@nodes.test");
}

TEST_F(MemoryLinkTest, ADroppedLinkHearsNothingOldAndComesBack) {
  startAll();
  a_.send(message("b@people.test/2", "x"));
  server_.deliver(1);  // It is on its way from the server to b.
  b_.drop("stood still");
  EXPECT_FALSE(b_.isUp());
  EXPECT_TRUE(at_b_.downs.empty());
  server_.deliver();
  EXPECT_TRUE(at_b_.stanzas.empty());
  ASSERT_EQ(at_b_.downs.size(), 1u);
  EXPECT_EQ(at_b_.downs[0].text, "stood still");
  EXPECT_EQ(at_b_.ups, 2);
}

TEST_F(MemoryLinkTest, ARestartBringsAllBackInTheSameOrder) {
  startAll();
  server_.stop();
  server_.deliver();
  EXPECT_FALSE(a_.isUp());
  EXPECT_EQ(at_a_.downs.size(), 1u);
  server_.start();
  server_.deliver();
  for (const LinkLog* log : {&at_a_, &at_b_, &at_component_}) EXPECT_EQ(log->ups, 2);
}

TEST_F(MemoryLinkTest, TheOlderOfTwoEqualJidsYields) {
  startAll();
  MemoryLink twin(server_, a_.jid());
  LinkLog at_twin(twin);
  twin.start();
  server_.deliver();
  EXPECT_TRUE(twin.isUp());
  EXPECT_FALSE(a_.isUp());
  ASSERT_EQ(at_a_.downs.size(), 1u);
  EXPECT_EQ(at_a_.downs[0].reason, DownReason::kConflict);
}

TEST_F(MemoryLinkTest, LossIsInTheTestsHand) {
  startAll();
  server_.onRoute([](const Element& stanza) { return stanza.name() != "message"; });
  a_.send(message("b@people.test/2", "x"));
  server_.deliver();
  EXPECT_TRUE(at_b_.stanzas.empty());
}

}  // namespace
}  // namespace muster::xmpp
