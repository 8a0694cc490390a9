#include "libcontrol/xmpp/disco.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/xmpp/namespaces.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/libcontrol/xmpp/roles.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kOlga[] = "olga@example.org/phone";
constexpr char kOtto[] = "otto@example.org/desk";
constexpr char kEve[] = "eve@example.org/x";
constexpr char kInfo[] = "http://jabber.org/protocol/disco#info";
constexpr char kItems[] = "http://jabber.org/protocol/disco#items";
constexpr char kFeatures[] = R"(<feature var="http://jabber.org/protocol/commands"/>)"
                             R"(<feature var="http://jabber.org/protocol/disco#info"/>)"
                             R"(<feature var="http://jabber.org/protocol/disco#items"/>)"
                             R"(<feature var="jabber:iq:version"/><feature var="jabber:x:data"/>)"
                             R"(<feature var="urn:xmpp:ping"/><feature var="vcard-temp"/>)";

class DiscoTest : public ComponentFixture {
 protected:
  DiscoTest()
      : disco(
            *endpoint, cluster.addresses,
            [this](const Jid& requester, const Address&) {
              std::vector<CommandItem> items = {{"status", "Groups at a glance"}};
              if (cluster.addresses.roleOf(requester) == v1::ROLE_OPERATOR) {
                items.push_back({"failover", "Move the active role"});
              }
              return items;
            },
            "1.2.3") {}

  std::string ask(const std::string& from, const std::string& to, const std::string& payload) {
    return link.ask("<iq type='get' id='i' from='" + from + "' to='" + to + "'>" + payload +
                    "</iq>");
  }
  std::string query(const std::string& from, const std::string& to, const std::string& ns,
                    const std::string& node = "") {
    return ask(from, to,
               "<query xmlns='" + ns + "'" + (node.empty() ? "" : " node='" + node + "'") + "/>");
  }
  static std::string result(const std::string& to, const std::string& from,
                            const std::string& payload) {
    return "<iq type=\"result\" id=\"i\" to=\"" + to + "\" from=\"" + from + "\">" + payload +
           "</iq>";
  }

  Cluster cluster;
  Disco disco;
};

TEST_F(DiscoTest, EntityInfo) {
  EXPECT_EQ(query(kOtto, "muster.example.org", kInfo),
            result(kOtto, "muster.example.org",
                   std::string("<query xmlns=\"") + kInfo +
                       R"("><identity category="component" type="generic" name="Muster"/>)" +
                       kFeatures + "</query>"));
  EXPECT_THAT(query(kOtto, "storage@muster.example.org", kInfo),
              HasSubstr(R"(<identity category="client" type="bot" name="Muster"/>)"));
}

TEST_F(DiscoTest, ItemsDifferByRole) {
  const std::string head = std::string("<query xmlns=\"") + kItems +
                           R"(" node="http://jabber.org/protocol/commands">)"
                           R"(<item jid="muster.example.org" node="status" )"
                           R"(name="Groups at a glance"/>)";
  EXPECT_EQ(query(kOtto, "muster.example.org", kItems, ns::kCommands),
            result(kOtto, "muster.example.org", head + "</query>"));
  EXPECT_EQ(query(kOlga, "muster.example.org", kItems, ns::kCommands),
            result(kOlga, "muster.example.org",
                   head + R"(<item jid="muster.example.org" node="failover" )"
                          R"(name="Move the active role"/></query>)"));
  EXPECT_THAT(query(kOlga, "storage@muster.example.org/x", kItems, ns::kCommands),
              HasSubstr("<item jid=\"storage@muster.example.org/x\" node=\"status\""))
      << "the address as it was asked";
}

TEST_F(DiscoTest, CommandNodes) {
  EXPECT_EQ(query(kOlga, "muster.example.org", kInfo, ns::kCommands),
            result(kOlga, "muster.example.org",
                   std::string("<query xmlns=\"") + kInfo +
                       R"(" node="http://jabber.org/protocol/commands">)"
                       R"(<identity category="automation" type="command-list" name="Commands"/>)"
                       R"(<feature var="http://jabber.org/protocol/commands"/></query>)"));
  EXPECT_EQ(query(kOlga, "muster.example.org", kInfo, "failover"),
            result(kOlga, "muster.example.org",
                   std::string("<query xmlns=\"") + kInfo +
                       R"(" node="failover"><identity category="automation" type="command-node" )"
                       R"(name="Move the active role"/>)"
                       R"(<feature var="http://jabber.org/protocol/commands"/>)"
                       R"(<feature var="jabber:x:data"/></query>)"));
  EXPECT_THAT(query(kOtto, "muster.example.org", kInfo, "failover"), HasSubstr("<item-not-found"));
  EXPECT_THAT(query(kOtto, "muster.example.org", kItems, "nonsense"), HasSubstr("<item-not-found"));
  EXPECT_EQ(query(kOtto, "muster.example.org", kItems, "status"),
            result(kOtto, "muster.example.org",
                   std::string("<query xmlns=\"") + kItems + R"(" node="status"/>)"));
}

TEST_F(DiscoTest, TheComponentShowsItsContacts) {
  EXPECT_EQ(query(kOtto, "muster.example.org", kItems),
            result(kOtto, "muster.example.org",
                   std::string("<query xmlns=\"") + kItems +
                       R"("><item jid="storage@muster.example.org" name="storage"/></query>)"));
  EXPECT_EQ(query(kOtto, "storage@muster.example.org", kItems),
            result(kOtto, "storage@muster.example.org",
                   std::string("<query xmlns=\"") + kItems + R"("/>)"));
}

TEST_F(DiscoTest, StrangersLearnNothing) {
  const std::string nothing =
      R"(<iq type="error" id="i" to="eve@example.org/x" from="muster.example.org">)"
      R"(<error type="cancel"><service-unavailable )"
      R"(xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>)";
  EXPECT_EQ(query(kEve, "muster.example.org", kInfo), nothing);
  EXPECT_EQ(query(kEve, "muster.example.org", kInfo, ns::kCommands), nothing);
  EXPECT_EQ(query(kEve, "muster.example.org", kInfo, "status"), nothing);
  EXPECT_EQ(query(kEve, "muster.example.org", kItems), nothing);
  EXPECT_EQ(query(kEve, "muster.example.org", kItems, ns::kCommands), nothing);
  EXPECT_EQ(query(kEve, "muster.example.org", ns::kVersion), nothing);
  EXPECT_EQ(ask(kEve, "muster.example.org", "<vCard xmlns='vcard-temp'/>"), nothing);
  EXPECT_EQ(ask(kEve, "muster.example.org", "<ping xmlns='urn:xmpp:ping'/>"), nothing);
  for (const char* payload : {"<ping xmlns='urn:xmpp:ping'/>", "<vCard xmlns='vcard-temp'/>"}) {
    EXPECT_THAT(ask(kOlga, "nosuch@muster.example.org", payload), HasSubstr("service-unavailable"));
    EXPECT_THAT(ask(kOlga, "muster.example.org", payload), HasSubstr("type=\"result\""));
  }
}

TEST_F(DiscoTest, VCardAndVersion) {
  EXPECT_EQ(ask(kOtto, "storage@muster.example.org", "<vCard xmlns='vcard-temp'/>"),
            result(kOtto, "storage@muster.example.org",
                   R"(<vCard xmlns="vcard-temp"><FN>storage</FN><NICKNAME>storage</NICKNAME>)"
                   "</vCard>"));
  EXPECT_EQ(query(kOtto, "muster.example.org", ns::kVersion),
            result(kOtto, "muster.example.org",
                   R"(<query xmlns="jabber:iq:version"><name>Muster</name>)"
                   "<version>1.2.3</version></query>"));
}

TEST_F(DiscoTest, CapsAreWhatDiscoSays) {
  const Element caps = capsElement(jidOf("storage@muster.example.org"));
  EXPECT_EQ(caps, capsElement({})) << "a node's own presence bears no address";
  EXPECT_NE(caps, capsElement(jidOf("muster.example.org")));
  const std::string node = caps.attribute("node") + "#" + caps.attribute("ver");
  EXPECT_THAT(query(kOtto, "storage@muster.example.org", kInfo, node), HasSubstr(kFeatures));
  EXPECT_THAT(query(kOtto, "muster.example.org", kInfo, node), HasSubstr("item-not-found"));
}

}  // namespace
}  // namespace muster::xmpp::testing
