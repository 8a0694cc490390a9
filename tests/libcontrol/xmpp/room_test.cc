#include "libcontrol/xmpp/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSelf[] = "muster.example.org/ops@rooms.example.org";
constexpr char kMembersOnly[] = "<feature var='muc_membersonly'/><feature var='muc_nonanonymous'/>";

class RoomTest : public ComponentFixture {
 protected:
  RoomTest() {
    Room::Hooks hooks;
    hooks.entered = [this] { heard.push_back("entered"); };
    hooks.outside = [this](const std::string& why) { heard.push_back("outside: " + why); };
    hooks.reflected = [this](const std::string& id) { heard.push_back("reflected " + id); };
    hooks.line = [this](const RoomLine& line) { lines.push_back(line); };
    room = std::make_unique<Room>(
        *endpoint, RoomConfig{jidOf("ops@rooms.example.org"), "muster", "pa<ss", jidOf(kSelf)},
        clock, std::move(hooks));
  }

  std::vector<std::string> takeHeard() { return std::exchange(heard, {}); }
  // Of the last request that was sent.
  void answer(const std::string& payload, const std::string& type = "result") {
    for (auto it = link.sent.rbegin(); it != link.sent.rend(); ++it) {
      if (it->name() != "iq") continue;
      link.receive("<iq type='" + type + "' id='" + it->attribute("id") + "' from='" +
                   it->attribute("to") + "' to='" + it->attribute("from") + "'>" + payload +
                   "</iq>");
      runLoop();
      return;
    }
    ADD_FAILURE() << "nothing was asked";
  }
  void answerInfo(const std::string& features) {
    answer("<query xmlns='http://jabber.org/protocol/disco#info'>" + features + "</query>");
  }
  void fail(const std::string& condition, const std::string& type = "cancel") {
    answer("<error type='" + type + "'><" + condition +
               " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
           "error");
  }
  void presence(const std::string& nick, const std::string& user, const std::string& type = "") {
    link.receive("<presence from='ops@rooms.example.org/" + nick + "' to='" + std::string(kSelf) +
                 "'" + (type.empty() ? "" : " type='" + type + "'") +
                 "><x xmlns='http://jabber.org/protocol/muc#user'>" + user + "</x></presence>");
  }
  void admit() { presence("muster", "<item role='participant'/><status code='110'/>"); }
  void enter(const std::string& features = kMembersOnly) {
    answerInfo("");
    admit();
    answerInfo(features);
    link.sent.clear();
    takeHeard();
  }
  void olgaComes() { presence("olga", "<item jid='olga@example.org/phone'/>"); }
  void says(const std::string& nick, const std::string& content,
            const std::string& type = "groupchat", const std::string& to = kSelf) {
    link.receive("<message type='" + type + "' id='m1' from='ops@rooms.example.org" +
                 (nick.empty() ? "" : "/" + nick) + "' to='" + to + "'>" + content + "</message>");
  }
  void configured(const std::string& code) {
    says("", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='" + code + "'/></x>");
  }
  void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock.advance(Duration::seconds(1));
      endpoint->checkDeadlines();
      runLoop();
      room->tick();
    }
  }
  bool sentPresence() const {
    return std::any_of(link.sent.begin(), link.sent.end(),
                       [](const Element& e) { return e.name() == "presence"; });
  }

  std::vector<std::string> heard;
  std::vector<RoomLine> lines;
  std::unique_ptr<Room> room;
};

TEST_F(RoomTest, EntersWithoutHistoryOnceTheRoomIsThere) {
  ASSERT_THAT(link.sent, SizeIs(1));
  EXPECT_THAT(text(link.sent[0]), HasSubstr("disco#info"));
  EXPECT_EQ(link.sent[0].attribute("to"), "ops@rooms.example.org");
  EXPECT_EQ(link.sent[0].attribute("from"), kSelf);
  answerInfo("");
  EXPECT_EQ(
      text(link.sent.back()),
      R"(<presence from="muster.example.org/ops@rooms.example.org" )"
      R"(to="ops@rooms.example.org/muster"><x xmlns="http://jabber.org/protocol/muc">)"
      R"(<history maxstanzas="0" maxchars="0"/><password>pa&lt;ss</password></x></presence>)");
  EXPECT_FALSE(room->isInside());
  EXPECT_FALSE(room->send("i1", "hello"));
  olgaComes();
  admit();
  EXPECT_TRUE(room->isInside());
  EXPECT_THAT(takeHeard(), ElementsAre("entered"));
  EXPECT_EQ(room->realJid("olga")->toString(), "olga@example.org/phone");
  EXPECT_EQ(room->realJid("otto"), std::nullopt);
}

TEST_F(RoomTest, ARoomThatIsNotThereIsNotMade) {
  fail("item-not-found");
  EXPECT_FALSE(sentPresence());
  EXPECT_THAT(takeHeard(), ElementsAre(HasSubstr("there is no such room")));
  link.sent.clear();
  pass(5);
  EXPECT_THAT(link.sent, SizeIs(1)) << "it is asked about again";
}

TEST_F(RoomTest, ARoomThatEnteringMadeIsLeft) {
  answerInfo("");
  presence("muster", "<item/><status code='110'/><status code='201'/>");
  EXPECT_FALSE(room->isInside());
  EXPECT_EQ(link.sent.back().attribute("type"), "unavailable");
  EXPECT_THAT(takeHeard(), ElementsAre(HasSubstr("there is no such room")));
}

TEST_F(RoomTest, ARefusalSaysWhatWouldMendItAndIsTriedAgainEverLater) {
  std::vector<int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    answerInfo("");
    link.receive("<presence type='error' from='ops@rooms.example.org/muster' to='" +
                 std::string(kSelf) +
                 "'><error type='auth'><registration-required "
                 "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
    EXPECT_THAT(takeHeard(), ElementsAre(HasSubstr("for members only")));
    link.sent.clear();
    int64_t waited = 0;
    while (link.sent.empty() && waited < 1000) {
      pass(1);
      ++waited;
    }
    waits.push_back(waited);
  }
  EXPECT_THAT(waits, ElementsAre(5, 10, 20, 40, 80, 160, 300, 300, 300));
}

TEST_F(RoomTest, SilenceAtTheDoorIsARefusal) {
  answerInfo("");
  pass(29);
  EXPECT_THAT(heard, IsEmpty());
  pass(1);
  EXPECT_THAT(takeHeard(), ElementsAre("outside: the room did not answer"));
}

TEST_F(RoomTest, AKickIsFollowedByAnotherEntry) {
  enter();
  presence("muster", "<item/><status code='110'/><status code='307'/>", "unavailable");
  EXPECT_THAT(takeHeard(), ElementsAre("outside: we were kicked out of it"));
  EXPECT_FALSE(room->send("i1", "hello"));
  EXPECT_THAT(link.sent, IsEmpty()) << "not at once";
  pass(5);
  answerInfo("");
  EXPECT_TRUE(sentPresence());
  admit();
  EXPECT_THAT(takeHeard(), ElementsAre("entered"));
}

TEST_F(RoomTest, TheConnectionTakesTheRoomWithIt) {
  enter();
  olgaComes();
  link.down();
  EXPECT_THAT(takeHeard(), ElementsAre("outside: the connection is gone"));
  EXPECT_EQ(room->occupants(), 0U);
  link.sent.clear();
  link.up();
  answerInfo("");
  admit();
  EXPECT_THAT(takeHeard(), ElementsAre("entered"));
  EXPECT_FALSE(room->isTrusted()) << "it may have been configured anew";
}

TEST_F(RoomTest, AnAnswerToAQuestionOfAnEarlierStayCountsForNothing) {
  answerInfo("");
  admit();
  const Element asked = link.sent.back();
  ASSERT_EQ(asked.name(), "iq");
  presence("muster", "<status code='110'/><status code='307'/>", "unavailable");
  pass(5);
  answerInfo("");
  admit();
  link.receive("<iq type='result' id='" + asked.attribute("id") +
               "' from='ops@rooms.example.org' to='" + kSelf +
               "'><query xmlns='http://jabber.org/protocol/disco#info'>" + kMembersOnly +
               "</query></iq>");
  runLoop();
  EXPECT_FALSE(room->isTrusted());
}

// --- whether anybody stays in it ----------------------------------------------------------------

TEST_F(RoomTest, ASilentRoomIsAskedWhetherWeAreInIt) {
  enter();
  pass(30);
  says("olga", "<body>hm</body>");
  link.sent.clear();
  pass(59);
  EXPECT_THAT(link.sent, IsEmpty()) << "it has said something meanwhile";
  pass(1);
  ASSERT_THAT(link.sent, SizeIs(1));
  EXPECT_EQ(link.sent[0].attribute("to"), "ops@rooms.example.org/muster");
  EXPECT_THAT(text(link.sent[0]), HasSubstr("urn:xmpp:ping"));
  answer("");
  EXPECT_TRUE(room->isInside());
  link.sent.clear();
  pass(60);
  EXPECT_THAT(link.sent, SizeIs(1));
}

TEST_F(RoomTest, WhatAnErrorToAPingMeans) {
  for (const char* still : {"service-unavailable", "feature-not-implemented", "item-not-found",
                            "remote-server-timeout"}) {
    if (!room->isInside()) enter();
    pass(60);
    fail(still);
    EXPECT_TRUE(room->isInside()) << still;
  }
  link.sent.clear();
  pass(60);
  fail("not-acceptable", "modify");
  EXPECT_FALSE(room->isInside());
  EXPECT_THAT(takeHeard(), ElementsAre("outside: the room does not know us any more"));
}

TEST_F(RoomTest, TwoPingsThatNobodyAnswersAreTheEnd) {
  enter();
  pass(60 + 30);
  EXPECT_TRUE(room->isInside());
  pass(30);
  EXPECT_FALSE(room->isInside());
  EXPECT_THAT(takeHeard(), ElementsAre("outside: the room does not answer"));
}

TEST_F(RoomTest, AMessageThatTheRoomDoesNotTakeFromUsIsTheEnd) {
  enter();
  ASSERT_TRUE(room->send("i1", "hello"));
  says("",
       "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
       "error");
  EXPECT_FALSE(room->isInside());
}

// --- trust --------------------------------------------------------------------------------------

TEST_F(RoomTest, OnlyMembersWhomEverybodySeesAreTrusted) {
  const struct {
    std::string features;
    bool trusted;
  } cases[] = {
      {kMembersOnly, true},
      {"<feature var='muc_membersonly'/>", false},
      {"<feature var='muc_nonanonymous'/>", false},
      {"<feature var='muc_nonanonymous'/><feature var='muc_open'/>", false},
      {std::string(kMembersOnly) + "<feature var='muc_semianonymous'/>", false},
      {std::string(kMembersOnly) + "<feature var='muc_open'/>", false},
      {"", false},
  };
  answerInfo("");
  admit();
  EXPECT_FALSE(room->isTrusted()) << "it has not said so yet";
  for (const auto& c : cases) {
    configured("104");
    answerInfo(c.features);
    EXPECT_EQ(room->isTrusted(), c.trusted) << c.features;
  }
}

TEST_F(RoomTest, AChangeOfTheConfigurationEndsTrustUntilItIsKnownAnew) {
  enter();
  for (const char* code : {"104", "172", "173", "174"}) {
    ASSERT_TRUE(room->isTrusted());
    configured(code);
    EXPECT_FALSE(room->isTrusted()) << code;
    answerInfo(kMembersOnly);
  }
  // Of two answers the one to the later question counts.
  link.sent.clear();
  configured("104");
  const Element first = link.sent.back();
  configured("104");
  answerInfo("<feature var='muc_open'/>");
  link.receive("<iq type='result' id='" + first.attribute("id") +
               "' from='ops@rooms.example.org' to='" + kSelf +
               "'><query xmlns='http://jabber.org/protocol/disco#info'>" + kMembersOnly +
               "</query></iq>");
  runLoop();
  EXPECT_FALSE(room->isTrusted());
}

TEST_F(RoomTest, NoOccupantChangesWhatTheRoomIs) {
  enter();
  says("eve",
       "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x><body>hi</body>");
  EXPECT_TRUE(room->isTrusted());
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(RoomTest, AQuestionWithoutAnswerIsAskedAgain) {
  enter();
  configured("104");
  fail("internal-server-error");
  EXPECT_FALSE(room->isTrusted());
  pass(30);
  says("olga", "<body>hm</body>");
  pass(30);
  answerInfo(kMembersOnly);
  EXPECT_TRUE(room->isTrusted());
}

TEST_F(RoomTest, WhoIsBehindANickIsWhatTheRoomSaysAndNobodyElse) {
  enter();
  olgaComes();
  // Somebody has smuggled one into their presence.
  link.receive("<presence from='ops@rooms.example.org/eve' to='" + std::string(kSelf) +
               "'><x xmlns='http://jabber.org/protocol/muc#user'><item "
               "jid='olga@example.org/phone'/></x><x "
               "xmlns='http://jabber.org/protocol/muc#user'><item jid='eve@x.org/a'/></x>"
               "</presence>");
  EXPECT_EQ(room->realJid("eve"), std::nullopt);
  // Not from the room at all, or not to us.
  link.receive("<presence from='eve@x.org/olga' to='" + std::string(kSelf) +
               "'><x xmlns='http://jabber.org/protocol/muc#user'><item jid='a@b'/></x></presence>");
  link.receive(
      "<presence from='ops@rooms.example.org/eve' to='muster.example.org/x'><x "
      "xmlns='http://jabber.org/protocol/muc#user'><item jid='a@b/c'/></x></presence>");
  EXPECT_EQ(room->realJid("eve"), std::nullopt);
  // A nick that changes hands.
  presence("olga", "<item nick='olga2' jid='olga@example.org/phone'/><status code='303'/>",
           "unavailable");
  EXPECT_EQ(room->realJid("olga"), std::nullopt);
  presence("olga2", "<item jid='olga@example.org/phone'/>");
  presence("olga", "<item jid='eve@x.org/a'/>");
  EXPECT_EQ(room->realJid("olga")->toString(), "eve@x.org/a");
  EXPECT_EQ(room->realJid("olga2")->toString(), "olga@example.org/phone");
  // A room that hides it from now on.
  presence("olga2", "<item role='participant'/>");
  EXPECT_EQ(room->realJid("olga2"), std::nullopt);
}

TEST_F(RoomTest, OccupantsAreBounded) {
  enter();
  for (size_t i = 0; i < limits::kMaxRoomOccupants + 10; ++i) {
    presence("n" + std::to_string(i), "<item jid='a@b/c'/>");
  }
  EXPECT_EQ(room->occupants(), limits::kMaxRoomOccupants);
}

// --- what is said -------------------------------------------------------------------------------

TEST_F(RoomTest, WhatWeSayComesBackUnderItsId) {
  enter();
  ASSERT_TRUE(room->send("i1", "It is on fire"));
  EXPECT_EQ(text(link.sent.back()),
            R"(<message type="groupchat" from="muster.example.org/ops@rooms.example.org" )"
            R"(to="ops@rooms.example.org" id="i1"><body>It is on fire</body>)"
            R"(<origin-id xmlns="urn:xmpp:sid:0" id="i1"/></message>)");
  link.receive("<message type='groupchat' id='i1' from='ops@rooms.example.org/eve' to='" +
               std::string(kSelf) + "'><body>It is on fire</body></message>");
  EXPECT_THAT(takeHeard(), IsEmpty()) << "somebody else said it";
  link.receive("<message type='groupchat' id='i1' from='ops@rooms.example.org/muster' to='" +
               std::string(kSelf) + "'><body>It is on fire</body></message>");
  EXPECT_THAT(takeHeard(), ElementsAre("reflected i1"));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].nick, "eve") << "our own words are no line";
}

TEST_F(RoomTest, WhatIsALineAndWhoseItIs) {
  enter();
  olgaComes();
  says("olga", "<body>muster: status</body>");
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].nick, "olga");
  EXPECT_EQ(lines[0].real->toString(), "olga@example.org/phone");
  EXPECT_EQ(lines[0].verdict, ChatVerdict::kLine);
  EXPECT_EQ(lines[0].body, "muster: status");
  lines.clear();
  // Private messages, the room itself, a subject, and what is not for this address.
  says("olga", "<body>muster: status</body><x xmlns='http://jabber.org/protocol/muc#user'/>",
       "chat");
  says("olga", "<body>muster: status</body>", "chat");
  says("olga", "<body>muster: status</body>", "normal");
  says("", "<body>muster: status</body>");
  says("olga", "<subject>muster: status</subject>");
  says("olga", "<body>muster: status</body>", "groupchat", "muster.example.org");
  says("olga", "<body>muster: status</body><forwarded xmlns='urn:xmpp:forward:0'/>");
  EXPECT_THAT(lines, IsEmpty());
  says("olga",
       "<body>muster: status</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>");
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].verdict, ChatVerdict::kDelayed);
}

TEST_F(RoomTest, NothingIsALineBeforeWeAreIn) {
  answerInfo("");
  olgaComes();
  says("olga", "<body>muster: status</body>");
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(RoomTest, TheRoomMayCallUsOtherwise) {
  answerInfo("");
  presence("muster-2", "<item/><status code='110'/><status code='210'/>");
  EXPECT_EQ(room->nick(), "muster-2");
  takeHeard();
  link.receive("<message type='groupchat' id='i1' from='ops@rooms.example.org/muster-2' to='" +
               std::string(kSelf) + "'><body>x</body></message>");
  EXPECT_THAT(takeHeard(), ElementsAre("reflected i1"));
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(RoomTest, GoingIsTold) {
  enter();
  room->leave();
  EXPECT_EQ(text(link.sent.back()),
            R"(<presence type="unavailable" from="muster.example.org/ops@rooms.example.org" )"
            R"(to="ops@rooms.example.org/muster"/>)");
}

TEST(LineFor, IsWhatFollowsTheNick) {
  const auto of = [](const std::string& body) {
    return lineFor("muster", body).value_or("nothing");
  };
  EXPECT_EQ(of("muster: status"), "status");
  EXPECT_EQ(of("muster, ack 17 'on it' "), "ack 17 'on it'");
  EXPECT_EQ(of("Muster:status"), "status");
  EXPECT_EQ(of("muster:\nstatus"), "status");
  for (const char* other : {"muster", "muster:", "muster:  ", "muster status", "musters: status",
                            "status", " muster: status", "> muster: status", "must: er", ""}) {
    EXPECT_EQ(of(other), "nothing") << other;
  }
  EXPECT_EQ(lineFor("Ärger", "Ärger: status").value_or(""), "status");
}

}  // namespace
}  // namespace muster::xmpp::testing
