#include "libcontrol/xmpp/chat_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/libcontrol/xmpp/roles.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JudgeMessage, OnlyAFreshLineOfChatIsOne) {
  const std::string body = "<body>failover storage</body>";
  const struct {
    std::string attributes;
    std::string content;
    ChatVerdict verdict;
  } cases[] = {
      {"type='chat'", body, ChatVerdict::kLine},
      {"", body, ChatVerdict::kLine},
      {"type='normal'", body, ChatVerdict::kLine},
      {"type='chat'", body + "<active xmlns='http://jabber.org/protocol/chatstates'/>",
       ChatVerdict::kLine},
      {"type='chat'", body + "<private xmlns='urn:xmpp:carbons:2'/>", ChatVerdict::kLine},
      {"type='error'", body, ChatVerdict::kIgnore},
      {"type='groupchat'", body, ChatVerdict::kIgnore},
      {"type='headline'", body, ChatVerdict::kIgnore},
      {"type='telegram'", body, ChatVerdict::kIgnore},
      {"type='chat'", "", ChatVerdict::kIgnore},
      {"type='chat'", "<body/>", ChatVerdict::kIgnore},
      {"type='chat'", "<body> \n </body>", ChatVerdict::kIgnore},
      {"type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
       ChatVerdict::kIgnore},
      {"type='chat'", "<received xmlns='urn:xmpp:receipts' id='1'/>", ChatVerdict::kIgnore},
      {"type='chat'", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", ChatVerdict::kIgnore},
      {"type='chat'", "<body xmlns='jabber:other'>failover</body>", ChatVerdict::kIgnore},
      {"type='chat'", body + "<forwarded xmlns='urn:xmpp:forward:0'/>", ChatVerdict::kIgnore},
      {"type='chat'", body + "<sent xmlns='urn:xmpp:carbons:2'/>", ChatVerdict::kIgnore},
      {"type='chat'", body + "<received xmlns='urn:xmpp:carbons:2'/>", ChatVerdict::kIgnore},
      {"type='chat'", body + "<x xmlns='http://jabber.org/protocol/muc#user'/>",
       ChatVerdict::kIgnore},
      {"type='chat'", body + "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
       ChatVerdict::kDelayed},
      {"type='chat'", body + "<x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/>",
       ChatVerdict::kDelayed},
      {"type='chat'", body + "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
       ChatVerdict::kCorrection},
      {"type='chat'", body + "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
       ChatVerdict::kEncrypted},
      {"type='chat'", "<body>" + std::string(limits::kMaxChatLineBytes, 'x') + "</body>",
       ChatVerdict::kLine},
      {"type='chat'", "<body>" + std::string(limits::kMaxChatLineBytes + 1, 'x') + "</body>",
       ChatVerdict::kTooLong},
  };
  for (const auto& c : cases) {
    const std::string message = "<message " + c.attributes + ">" + c.content + "</message>";
    EXPECT_EQ(judgeMessage(xml(message)), c.verdict) << message.substr(0, 200);
  }
}

class ChatEndpointTest : public ComponentFixture {
 protected:
  ChatEndpointTest()
      : chat(std::make_unique<ChatEndpoint>(*endpoint, cluster.addresses, clock,
                                            [this](const ChatLine& line, SayPages say) {
                                              lines.push_back(line);
                                              answer = std::move(say);
                                            })) {}

  void say(const std::string& from, const std::string& to, const std::string& content,
           const std::string& type = "chat") {
    link.receive("<message type='" + type + "' id='m' from='" + from + "' to='" + to + "'>" +
                 content + "</message>");
  }
  void olgaSays(const std::string& content) {
    say("olga@example.org/phone", "storage@muster.example.org", content);
  }
  std::string lastBody() const {
    return link.sent.empty() ? "" : childText(link.sent.back(), "body");
  }

  Cluster cluster;
  std::vector<ChatLine> lines;
  SayPages answer;
  std::unique_ptr<ChatEndpoint> chat;
};

TEST_F(ChatEndpointTest, ALineAndItsPages) {
  olgaSays("<body>status</body><thread>t1</thread>");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].from.toString(), "olga@example.org/phone");
  EXPECT_EQ(lines[0].address.implied_group, "storage");
  EXPECT_EQ(lines[0].body, "status");
  EXPECT_TRUE(link.sent.empty());

  answer({"page one", "page two"});
  ASSERT_EQ(link.sent.size(), 2U);
  const std::string id = link.sent[0].attribute("id");
  EXPECT_EQ(text(link.sent[0]), R"(<message type="chat" from="storage@muster.example.org" )"
                                R"(to="olga@example.org/phone" id=")" +
                                    id +
                                    R"("><body>page one</body><thread>t1</thread>)"
                                    R"(<origin-id xmlns="urn:xmpp:sid:0" id=")" +
                                    id + R"("/></message>)");
  EXPECT_EQ(lastBody(), "page two");
  answer({"and more later"});
  EXPECT_EQ(lastBody(), "and more later");
}

TEST_F(ChatEndpointTest, AnAnswerAfterTheEndGoesNowhere) {
  olgaSays("<body>status</body>");
  chat.reset();
  answer({"too late"});
  EXPECT_TRUE(link.sent.empty());
  olgaSays("<body>status</body>");
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(ChatEndpointTest, StrangersGetWhatAnAbsentAddressGives) {
  say("eve@example.org/x", "storage@muster.example.org", "<body>status</body>");
  EXPECT_THAT(link.takeSent(),
              ElementsAre(R"(<message type="error" id="m" to="eve@example.org/x" )"
                          R"(from="storage@muster.example.org"><error type="cancel">)"
                          R"(<service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>)"
                          R"(</error></message>)"));
  say("olga@example.org/phone", "nosuch@muster.example.org", "<body>status</body>");
  EXPECT_THAT(text(link.sent.back()), HasSubstr("service-unavailable"));
  EXPECT_TRUE(lines.empty());
}

TEST_F(ChatEndpointTest, SilenceWhereAnAnswerWouldOnlyAddToIt) {
  say("eve@example.org/x", "storage@muster.example.org", "<body>x</body>", "error");
  say("eve@example.org/x", "storage@muster.example.org", "<body>x</body>", "headline");
  say("eve@example.org/x", "storage@muster.example.org", "");
  say("muster@example.org/c", "storage@muster.example.org", "<body>status</body>");
  say("node1@example.org/node-1", "storage@muster.example.org", "<body>status</body>");
  say("muster.example.org", "storage@muster.example.org", "<body>status</body>");
  link.receive("<message to='storage@muster.example.org'><body>status</body></message>");
  EXPECT_TRUE(link.sent.empty());
  EXPECT_TRUE(lines.empty());
}

TEST_F(ChatEndpointTest, LateOnesAreAnsweredOnceAndNotCarriedOut) {
  const std::string late =
      "<body>failover storage</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
  olgaSays(late);
  olgaSays(late);
  EXPECT_TRUE(lines.empty());
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_THAT(lastBody(), HasSubstr("arrived late"));
  clock.advance(Duration::seconds(61));
  olgaSays("<body>status</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>");
  EXPECT_EQ(link.sent.size(), 2U);
  EXPECT_THAT(lastBody(), HasSubstr("corrected"));
  EXPECT_TRUE(lines.empty());
}

// A room's occupant and whoever forwards have JIDs of their own; what counts is that not even a
// person with a role is obeyed by that way.
TEST_F(ChatEndpointTest, WordsSaidElsewhereAreNeverCommandsNorAnswered) {
  const std::string body = "<body>failover storage</body>";
  const std::string said = "<message xmlns='jabber:client' type='chat'>" + body + "</message>";
  for (const std::string& wrapped :
       {"<forwarded xmlns='urn:xmpp:forward:0'>" + said + "</forwarded>",
        body + "<forwarded xmlns='urn:xmpp:forward:0'>" + said + "</forwarded>",
        "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + said +
            "</forwarded></sent>",
        body + "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
            said + "</forwarded></received>",
        body + "<x xmlns='http://jabber.org/protocol/muc#user'/>",
        body + "<x xmlns='http://jabber.org/protocol/muc#user'/>" +
            "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"}) {
    olgaSays(wrapped);
  }
  for (const char* type : {"groupchat", "error", "headline"}) {
    say("olga@example.org/phone", "storage@muster.example.org", body, type);
  }
  EXPECT_TRUE(lines.empty());
  EXPECT_TRUE(link.sent.empty());
}

TEST_F(ChatEndpointTest, AStrangersLateLineIsNoBetterThanAFreshOne) {
  say("eve@example.org/x", "storage@muster.example.org",
      "<body>failover storage</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>");
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_THAT(text(link.sent[0]), HasSubstr("service-unavailable"));
  EXPECT_EQ(childText(link.sent[0], "body"), "");
}

TEST_F(ChatEndpointTest, TooManyAreToldSoOnce) {
  for (int i = 0; i < 25; ++i) olgaSays("<body>status</body>");
  EXPECT_EQ(lines.size(), 20U);
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_THAT(lastBody(), HasSubstr("Too many"));
  say("otto@example.org/x", "storage@muster.example.org", "<body>status</body>");
  EXPECT_EQ(lines.size(), 21U) << "each person by himself";
  clock.advance(Duration::seconds(1));
  for (int i = 0; i < 5; ++i) olgaSays("<body>status</body>");
  EXPECT_EQ(lines.size(), 23U);
  EXPECT_EQ(link.sent.size(), 2U);
}

class ChatAtANode : public ClientFixture {};

TEST_F(ChatAtANode, AClientLeavesItsAddressToTheServer) {
  Cluster cluster;
  ChatEndpoint chat(*endpoint, cluster.addresses, clock,
                    [](const ChatLine& line, const SayPages& say) { say({line.address.name}); });
  link.receive(
      "<message from='olga@example.org/p' to='node1@example.org'><body>x</body></message>");
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_FALSE(link.sent[0].hasAttribute("from"));
  EXPECT_EQ(childText(link.sent[0], "body"), "node1");
}

TEST(RateLimit, BurstThenARate) {
  RateLimit limit(3, Duration::millis(500));
  const Jid jid = jidOf("a@example.org");
  ElapsedTime now{Duration::seconds(100).ns};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kAllowed);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kRefusedFirst);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kRefused);
  now = now + Duration::millis(499);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kRefused);
  now = now + Duration::millis(1);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kAllowed);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kRefusedFirst);
  now = now + Duration::seconds(3600);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kAllowed);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kRefusedFirst) << "never more than the burst";
}

TEST(RateLimit, SaysHowLongToWait) {
  RateLimit limit(2, Duration::millis(500));
  const Jid jid = jidOf("a@example.org");
  ElapsedTime now{Duration::seconds(100).ns};
  EXPECT_EQ(limit.wait(jid, now), Duration{});
  (void)limit.take(jid, now);
  EXPECT_EQ(limit.wait(jid, now), Duration{});
  (void)limit.take(jid, now);
  EXPECT_EQ(limit.wait(jid, now), Duration::millis(500));
  now = now + limit.wait(jid, now);
  EXPECT_EQ(limit.take(jid, now), RateLimit::Verdict::kAllowed);
}

TEST(RateLimit, IsBounded) {
  RateLimit limit(1, Duration::seconds(1));
  ElapsedTime now{};
  const auto person = [](size_t i) { return jidOf("p" + std::to_string(i) + "@example.org"); };
  for (size_t i = 0; i < RateLimit::kMaxKeys; ++i) {
    ASSERT_EQ(limit.take(person(i), now), RateLimit::Verdict::kAllowed);
  }
  EXPECT_EQ(limit.take(person(RateLimit::kMaxKeys), now), RateLimit::Verdict::kRefused);
  now = now + Duration::seconds(2);
  EXPECT_EQ(limit.take(person(RateLimit::kMaxKeys), now), RateLimit::Verdict::kAllowed);
  EXPECT_EQ(limit.size(), 1U);
}

}  // namespace
}  // namespace muster::xmpp::testing
