#include "coordinator/alert_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "muster/cluster.pb.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/support/other_handlers.h"

namespace muster::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using xmpp::testing::jidOf;

constexpr char kSelf[] = "muster.example.org/ops@rooms.example.org";

class People : public catalogue::Authority {
 public:
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    const auto found = roles.find(bare.toString());
    return found == roles.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, v1::Role> roles = {{"olga@example.org", v1::ROLE_OPERATOR},
                                           {"otto@example.org", v1::ROLE_OBSERVER}};
};

class Trail : public catalogue::AuditSink {
 public:
  Status record(const catalogue::AuditEntry& entry) override {
    entries.push_back(entry);
    return Status::ok();
  }
  std::vector<catalogue::AuditEntry> entries;
};

// Every command is answered with an empty reply: what counts is whether it is carried out.
class AlertRoomTest : public xmpp::testing::ComponentFixture {
 protected:
  void make(bool anyone_may_read) {
    AlertRoomConfig config{jidOf("ops@rooms.example.org"), "muster", "", anyone_may_read};
    AlertRoom::Parts parts{*endpoint, jidOf("muster.example.org"), people, clock, random, {}, {},
                           {}};
    parts.entered = [] {};
    parts.left = [] {};
    parts.delivered = [this](const std::string& id) { delivered.push_back(id); };
    room = std::make_unique<AlertRoom>(config, std::move(parts));
    const auto& service =
        *v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands");
    auto dispatcher = catalogue::Dispatcher::make(
        catalogue::Catalogue::build({&service}).value(), catalogue::withTheOthers(service, {}),
        {&room->authority(), &directory, &trail, &random});
    ASSERT_TRUE(dispatcher.isOk()) << dispatcher.status().text();
    room->serve(std::move(dispatcher).value());
  }
  void enter(bool trusted) {
    answerInfo("");
    presence("muster", "<item/><status code='110'/>");
    answerInfo(trusted ? "<feature var='muc_membersonly'/><feature var='muc_nonanonymous'/>"
                       : "<feature var='muc_open'/>");
    for (const char* name : {"olga", "otto", "sam"}) {
      presence(name, std::string("<item jid='") + name + "@example.org/phone'/>");
    }
    link.sent.clear();
  }
  void answerInfo(const std::string& features) {
    const xmpp::Element asked = link.sent.back();
    link.receive("<iq type='result' id='" + asked.attribute("id") + "' from='" +
                 asked.attribute("to") + "' to='" + kSelf +
                 "'><query xmlns='http://jabber.org/protocol/disco#info'>" + features +
                 "</query></iq>");
    runLoop();
  }
  void presence(const std::string& nick, const std::string& user) {
    link.receive("<presence from='ops@rooms.example.org/" + nick + "' to='" + kSelf +
                 "'><x xmlns='http://jabber.org/protocol/muc#user'>" + user + "</x></presence>");
  }
  // What is said in the room to that.
  std::vector<std::string> say(const std::string& nick, const std::string& body,
                               const std::string& more = "") {
    link.sent.clear();
    clock.advance(Duration::seconds(1));
    link.receive("<message type='groupchat' id='m' from='ops@rooms.example.org/" + nick + "' to='" +
                 kSelf + "'><body>" + body + "</body>" + more + "</message>");
    std::vector<std::string> out;
    for (const xmpp::Element& stanza : link.sent) {
      EXPECT_EQ(stanza.attribute("type"), "groupchat");
      EXPECT_EQ(stanza.attribute("to"), "ops@rooms.example.org");
      EXPECT_EQ(stanza.attribute("from"), kSelf);
      out.push_back(xmpp::childText(stanza, "body"));
    }
    return out;
  }
  std::vector<std::string> done() const {
    std::vector<std::string> out;
    for (const catalogue::AuditEntry& entry : trail.entries) {
      if (entry.stage != catalogue::AuditEntry::Stage::kDone) continue;
      out.push_back(entry.who.toString() + " " + entry.verb + " at " + entry.place);
    }
    return out;
  }

  People people;
  catalogue::OpenDirectory directory;
  Trail trail;
  std::vector<std::string> delivered;
  std::unique_ptr<AlertRoom> room;
};

TEST_F(AlertRoomTest, AmongMembersItIsTheRealPersonWhoAsks) {
  make(false);
  enter(true);
  EXPECT_THAT(say("olga", "muster: ack 17"), ElementsAre(StartsWith("olga:")));
  EXPECT_THAT(done(), ElementsAre("olga@example.org/phone ack at " + std::string(kSelf)));
  EXPECT_THAT(say("otto", "muster, ack 17"), ElementsAre(HasSubstr("operator")));
  EXPECT_THAT(say("sam", "muster: status"),
              ElementsAre(HasSubstr("sam@example.org has no role here")));
  EXPECT_THAT(say("sam", "muster: status"), IsEmpty()) << "once a minute";
  EXPECT_THAT(done(), ::testing::SizeIs(1));
}

TEST_F(AlertRoomTest, ACodeIsOfWhoeverWasAskedForIt) {
  make(false);
  enter(true);
  const auto asked = say("olga", "muster: drain node1");
  ASSERT_THAT(asked, ElementsAre(HasSubstr("Send 'muster: ")));
  const std::string code = asked[0].substr(asked[0].find("'muster: ") + 9, 6);
  EXPECT_THAT(say("otto", "muster: " + code), ElementsAre(HasSubstr("no command awaits a code")));
  EXPECT_THAT(say("olga", code), IsEmpty()) << "nobody is addressed";
  EXPECT_THAT(done(), IsEmpty());
  say("olga", "muster: " + code);
  EXPECT_THAT(done(), ElementsAre(StartsWith("olga@example.org/phone drain")));
}

TEST_F(AlertRoomTest, WhatIsOldForwardedOrNotForUsIsNoCommand) {
  make(true);
  enter(true);
  const std::string delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
  EXPECT_THAT(say("olga", "muster: ack 17", delay), IsEmpty());
  EXPECT_THAT(say("olga", "ack 17"), IsEmpty());
  EXPECT_THAT(say("muster", "muster: ack 17"), IsEmpty()) << "our own words";
  EXPECT_THAT(say("olga", "muster: ack 17", "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>"),
              ElementsAre(HasSubstr("corrected message")));
  EXPECT_THAT(done(), IsEmpty());
}

TEST_F(AlertRoomTest, WhereAnybodyMayBeNobodyMayDoAnything) {
  make(false);
  enter(false);
  EXPECT_THAT(say("olga", "muster: status"),
              ElementsAre("olga: No commands are taken in this room: it is not both members-only "
                          "and non-anonymous, so nobody can tell here who asks. Ask in a chat of "
                          "your own."));
  EXPECT_THAT(say("otto", "muster: help"), ::testing::SizeIs(1));
  EXPECT_THAT(say("olga", "muster: ack 17"), IsEmpty());
  EXPECT_THAT(trail.entries, IsEmpty());
}

TEST_F(AlertRoomTest, WhereAnybodyMayReadTheyMayDoNoMore) {
  make(true);
  enter(false);
  EXPECT_THAT(say("sam", "muster: status"), ElementsAre(StartsWith("sam:")));
  EXPECT_THAT(say("sam", "muster: explain storage"), ::testing::SizeIs(1));
  for (const char* line : {"ack 17", "subscribe storage", "Subscribe storage", "drain node1",
                           "grant sam@example.org admin", "audit"}) {
    EXPECT_THAT(say("olga", "muster: " + std::string(line)),
                ElementsAre(HasSubstr("is not taken in this room")))
        << line;
  }
  EXPECT_THAT(say("olga", "muster: 123456"), ElementsAre(HasSubstr("no command awaits a code")));
  EXPECT_THAT(done(), IsEmpty()) << "what only reads leaves no trace";
}

TEST_F(AlertRoomTest, WhoIsNotShownIsNobody) {
  make(false);
  enter(true);
  presence("ann", "<item role='participant'/>");
  EXPECT_THAT(say("ann", "muster: status"), ElementsAre(HasSubstr("has not shown me who you are")));
  EXPECT_THAT(say("nobody", "muster: ack 17"), IsEmpty()) << "once a minute for all of them";
  EXPECT_THAT(trail.entries, IsEmpty());
}

TEST_F(AlertRoomTest, TheRoomsAddressIsNobody) {
  make(false);
  EXPECT_EQ(room->authority().roleOf(jidOf("ops@rooms.example.org")), std::nullopt);
  people.roles["ops@rooms.example.org"] = v1::ROLE_ADMIN;
  EXPECT_EQ(room->authority().roleOf(jidOf("ops@rooms.example.org")), std::nullopt);
}

TEST_F(AlertRoomTest, WhatIsPostedIsDeliveredWhenItComesBack) {
  make(false);
  EXPECT_FALSE(room->send("i1", "It is on fire"));
  enter(true);
  EXPECT_TRUE(room->send("i1", "It is on fire"));
  EXPECT_THAT(delivered, IsEmpty());
  link.receive("<message type='groupchat' id='i1' from='ops@rooms.example.org/muster' to='" +
               std::string(kSelf) + "'><body>It is on fire</body></message>");
  EXPECT_THAT(delivered, ElementsAre("i1"));
}

TEST_F(AlertRoomTest, AFloodIsStopped) {
  make(true);
  enter(true);
  size_t answers = 0;
  for (int i = 0; i < 200; ++i) {
    link.sent.clear();
    link.receive("<message type='groupchat' id='m' from='ops@rooms.example.org/olga' to='" +
                 std::string(kSelf) + "'><body>muster: status</body></message>");
    answers += link.sent.size();
  }
  EXPECT_LT(answers, 30U);
}

}  // namespace
}  // namespace muster::coordinator
