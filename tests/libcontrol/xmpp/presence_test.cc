// Presence stanzas, the wire's messages and the roster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/roster.h"
#include "libcontrol/xmpp/subscriptions.h"
#include "libcontrol/xmpp/wire.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::NodeStatus someStatus() {
  v1::NodeStatus status;
  status.set_name("node1");
  status.set_group("storage");
  status.set_epoch(41);
  return status;
}

TEST(Presence, ANodesComesBackAsItWas) {
  Element stanza = nodePresence(Show::kDnd, "Storage service level: 98%", someStatus());
  EXPECT_THAT(text(stanza), HasSubstr("<presence><show>dnd</show><status>Storage service level: "
                                      "98%</status><c xmlns=\"http://jabber.org/protocol/caps\""));
  stanza.setAttribute("from", "node1@example.org/node-1");
  const auto info = readPresence(stanza);
  ASSERT_TRUE(info.isOk()) << info.status().text();
  EXPECT_EQ(info->from.resource(), "node-1");
  EXPECT_EQ(info->type, PresenceType::kAvailable);
  EXPECT_EQ(info->show, Show::kDnd);
  EXPECT_EQ(info->status, "Storage service level: 98%");
  EXPECT_FALSE(info->delayed);
  ASSERT_TRUE(info->node.has_value());
  EXPECT_EQ(info->node->epoch(), 41U);
}

TEST(Presence, WhatOthersSendIsReadWithCare) {
  auto info =
      readPresence(xml("<presence from='a@b/c' to='d@e'><show>asleep</show><status>x</status>"
                       "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
                       "<status xmlns='urn:muster:status:1'>%%%</status></presence>"));
  ASSERT_TRUE(info.isOk());
  EXPECT_EQ(info->show, Show::kNone);
  EXPECT_TRUE(info->delayed);
  EXPECT_EQ(info->status, "x");
  EXPECT_FALSE(info->node.has_value());
  EXPECT_THAT(info->node_problem, HasSubstr("base64"));

  EXPECT_FALSE(readPresence(xml("<presence/>")).isOk());
  EXPECT_FALSE(readPresence(xml("<presence from='@'/>")).isOk());
  EXPECT_FALSE(readPresence(xml("<presence from='a@b' type='odd'/>")).isOk());
  EXPECT_FALSE(readPresence(xml("<message from='a@b'/>")).isOk());
}

TEST(Presence, EveryTypeGoesBothWays) {
  for (const PresenceType type :
       {PresenceType::kAvailable, PresenceType::kUnavailable, PresenceType::kSubscribe,
        PresenceType::kSubscribed, PresenceType::kUnsubscribe, PresenceType::kUnsubscribed,
        PresenceType::kProbe, PresenceType::kError}) {
    const auto info = readPresence(presenceOf(jidOf("a@b"), jidOf("c@d"), type));
    ASSERT_TRUE(info.isOk());
    EXPECT_EQ(info->type, type);
  }
  EXPECT_EQ(text(presenceOf({}, jidOf("c@d"), PresenceType::kProbe)),
            R"(<presence type="probe" to="c@d"/>)");
}

TEST(Presence, MoodIsPublished) {
  EXPECT_EQ(text(moodPublish("worried", "No data")),
            R"(<iq type="set"><pubsub xmlns="http://jabber.org/protocol/pubsub">)"
            R"(<publish node="http://jabber.org/protocol/mood"><item id="current">)"
            R"(<mood xmlns="http://jabber.org/protocol/mood"><worried/><text>No data</text></mood>)"
            R"(</item></publish></pubsub></iq>)");
}

TEST(Wire, LeaseAndGrantsComeBackAsTheyWere) {
  v1::LeaseMessage lease;
  lease.mutable_renew()->set_epoch(7);
  lease.mutable_renew()->set_request_nonce(0xfedcba9876543210);
  EXPECT_EQ(writeLease(lease).ns(), "urn:muster:lease:1");
  const auto read = readLease(xml(text(writeLease(lease))));
  ASSERT_TRUE(read.isOk()) << read.status().text();
  EXPECT_EQ(read->renew().request_nonce(), 0xfedcba9876543210);

  v1::Grants grants;
  grants.set_version(3);
  grants.add_grants()->set_jid("olga@example.org");
  EXPECT_EQ(readGrants(writeGrants(grants))->grants(0).jid(), "olga@example.org");
}

TEST(Wire, FailuresNameWhatWasWrong) {
  const auto why = [](const std::string& element) { return readLease(xml(element)).status(); };
  EXPECT_THAT(why("<lease xmlns='urn:muster:lease:2'/>").text(), HasSubstr("urn:muster:lease:2"));
  EXPECT_THAT(why("<lease xmlns='urn:muster:lease:1'>a b</lease>").text(), HasSubstr("base64"));
  EXPECT_THAT(why("<lease xmlns='urn:muster:lease:1'>/////w==</lease>").text(),
              HasSubstr("muster.v1.LeaseMessage"));
  EXPECT_THAT(why("<lease xmlns='urn:muster:lease:1'/>").text(), HasSubstr("no kind"));
  EXPECT_THAT(
      why("<lease xmlns='urn:muster:lease:1'>" + std::string(kMaxWireBytes + 4, 'A') + "</lease>")
          .text(),
      HasSubstr("at most 65536"));
  EXPECT_EQ(why("<lease xmlns='urn:muster:lease:1'/>").code(), Code::kInvalidArgument);
}

class RosterTest : public ClientFixture {
 protected:
  RosterTest()
      : roster(*endpoint, [this](const Jid& bare) { return approved.contains(bare.toString()); }) {
    roster.onChange([this] { ++changes; });
    link.up();
  }
  // Answers the fetch that is under way.
  void load(const std::string& items) {
    ASSERT_FALSE(link.sent.empty());
    const std::string id = link.sent.back().attribute("id");
    link.sent.clear();
    link.receive("<iq type='result' id='" + id + "' to='node1@example.org/node-1'>" +
                 "<query xmlns='jabber:iq:roster'>" + items + "</query></iq>");
  }
  std::string push(const std::string& from, const std::string& item) {
    return link.ask("<iq type='set' id='p'" + from + "><query xmlns='jabber:iq:roster'>" + item +
                    "</query></iq>");
  }

  std::set<std::string> approved = {"muster@example.org", "muster.example.org"};
  Roster roster;
  int changes = 0;
};

TEST_F(RosterTest, FetchedAndWantedOnesAreAskedOncePerLogin) {
  roster.subscribe(jidOf("muster@example.org"));
  roster.subscribe(jidOf("muster.example.org"));
  EXPECT_EQ(link.sent.size(), 1U) << "only the fetch";
  load("<item jid='muster.example.org' subscription='both'/><item jid='@'/>");
  EXPECT_TRUE(roster.isLoaded());
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(roster.items().size(), 1U);
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<presence type="subscribe" to="muster@example.org"/>)"));
  roster.subscribe(jidOf("muster@example.org"));
  EXPECT_THAT(link.takeSent(), IsEmpty());
  link.down();
  link.up();
  load(
      "<item jid='muster@example.org' subscription='none' ask='subscribe'/>"
      "<item jid='muster.example.org' subscription='both'/>");
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<presence type="subscribe" to="muster@example.org"/>)"));
}

TEST_F(RosterTest, OnlyTheOwnAccountPushes) {
  load("");
  const std::string item = "<item jid='muster@example.org' subscription='to'/>";
  for (const char* from : {" from='eve@example.org/x'", " from='eve@example.org'", " from='@'"}) {
    EXPECT_THAT(push(from, item), HasSubstr("service-unavailable")) << from;
  }
  EXPECT_EQ(roster.find(jidOf("muster@example.org")), nullptr);
  EXPECT_EQ(push("", item), R"(<iq type="result" id="p"/>)");
  ASSERT_NE(roster.find(jidOf("muster@example.org/any")), nullptr);
  EXPECT_TRUE(roster.find(jidOf("muster@example.org"))->seesTo());
  EXPECT_FALSE(roster.find(jidOf("muster@example.org"))->seenFrom());
  push(" from='node1@example.org'", "<item jid='muster@example.org' subscription='remove'/>");
  EXPECT_EQ(roster.find(jidOf("muster@example.org")), nullptr);
}

TEST_F(RosterTest, SubscribersAreApprovedOrWait) {
  load("");
  link.takeSent();
  link.receive("<presence type='subscribe' from='muster@example.org/x'/>");
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<presence type="subscribed" to="muster@example.org"/>)"));
  link.receive("<presence type='subscribe' from='olga@example.org'/>");
  EXPECT_THAT(link.takeSent(), IsEmpty()) << "a stranger is told nothing";
  approved.insert("olga@example.org");
  roster.enforce();
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<presence type="subscribed" to="olga@example.org"/>)"));
  roster.enforce();
  EXPECT_THAT(link.takeSent(), IsEmpty());
}

TEST_F(RosterTest, WhoMayNotSeeUsAnyMoreDoesNot) {
  load(
      "<item jid='eve@example.org' subscription='from'/>"
      "<item jid='muster@example.org' subscription='both'/>"
      "<item jid='bob@example.org' subscription='to'/>");
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<presence type="unsubscribed" to="eve@example.org"/>)"));
}

TEST_F(RosterTest, RemoveEndsBothDirections) {
  load("<item jid='muster@example.org' subscription='both'/>");
  link.takeSent();
  roster.remove(jidOf("muster@example.org"));
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_EQ(text(*link.sent[0].firstChild()),
            R"(<query xmlns="jabber:iq:roster"><item jid="muster@example.org" )"
            R"(subscription="remove"/></query>)");
}

}  // namespace
}  // namespace muster::xmpp::testing
