#include "libcontrol/xmpp/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QElapsedTimer>

#include "libcontrol/xmpp/namespaces.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::HasSubstr;
using IqType = Endpoint::IqType;

constexpr char kAlicePing[] =
    "<iq type='get' id='p1' from='alice@example.org/phone' to='muster.example.org'>"
    "<ping xmlns='urn:xmpp:ping'/></iq>";
constexpr char kStanzasNs[] = "urn:ietf:params:xml:ns:xmpp-stanzas";

std::string errorXml(const std::string& id, const std::string& type, const std::string& condition) {
  return "<iq type=\"error\" id=\"" + id +
         "\" to=\"alice@example.org/phone\" from=\"muster.example.org\"><error type=\"" + type +
         "\"><" + condition + " xmlns=\"" + kStanzasNs + "\"/></error></iq>";
}

class EndpointAtComponent : public ComponentFixture {
 protected:
  // A request to bob, and what came of it.
  void askBob(Duration timeout = Duration::seconds(5)) {
    Element iq = makeIq("get", jidOf("bob@example.org/desk"));
    iq.add("query", "urn:test");
    link.sent.clear();
    endpoint->request(std::move(iq), timeout,
                      [this](const IqOutcome& o) { outcomes.push_back(o); });
    id = link.sent.empty() ? "" : link.sent.back().attribute("id");
  }
  std::string resultFrom(const std::string& from) const {
    return "<iq type='result' id='" + id + "' from='" + from + "' to='muster.example.org'/>";
  }

  std::string id;
  std::vector<IqOutcome> outcomes;
};
class EndpointAtClient : public ClientFixture {};

TEST_F(EndpointAtComponent, AnswersPing) {
  EXPECT_EQ(
      link.ask(kAlicePing),
      R"(<iq type="result" id="p1" to="alice@example.org/phone" from="muster.example.org"/>)");
}

TEST_F(EndpointAtComponent, PingPolicyHidesTheAddress) {
  endpoint->setPingPolicy([](const Jid& from, const Jid&) { return from.local() == "bob"; });
  EXPECT_EQ(link.ask(kAlicePing), errorXml("p1", "cancel", "service-unavailable"));
}

TEST_F(EndpointAtClient, OwnServerAlwaysGetsAPong) {
  endpoint->setPingPolicy([](const Jid&, const Jid&) { return false; });
  EXPECT_EQ(link.ask("<iq type='get' id='s' from='example.org' to='node1@example.org/node-1'>"
                     "<ping xmlns='urn:xmpp:ping'/></iq>"),
            R"(<iq type="result" id="s" to="example.org"/>)")
      << "a client leaves its own address to the server";
}

TEST_F(EndpointAtComponent, NobodyServesAnUnknownPayload) {
  EXPECT_EQ(link.ask("<iq type='set' id='u' from='alice@example.org/phone' "
                     "to='muster.example.org'><ping xmlns='urn:xmpp:ping'/></iq>"),
            errorXml("u", "cancel", "service-unavailable"))
      << "a ping is a get";
}

TEST_F(EndpointAtComponent, MalformedRequestsAreBadRequests) {
  const std::string head = " from='alice@example.org/phone' to='muster.example.org'>";
  for (const std::string& iq :
       {"<iq type='get'" + head + "<ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='a'" + head + "</iq>",
        "<iq type='get' id='a'" + head + "<ping xmlns='urn:xmpp:ping'/><x xmlns='y'/></iq>",
        "<iq type='ask' id='a'" + head + "<ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq id='a'" + head + "<ping xmlns='urn:xmpp:ping'/></iq>"}) {
    const std::string answer = link.ask(iq);
    EXPECT_THAT(answer, HasSubstr("<error type=\"modify\"><bad-request")) << iq;
    EXPECT_THAT(answer, HasSubstr("</text>")) << "says what was wrong with " << iq;
  }
}

TEST_F(EndpointAtComponent, AnErrorIsNeverAnsweredWithOne) {
  link.receive("<iq type='error' id='x' from='alice@example.org/phone' to='muster.example.org'/>");
  link.receive("<iq type='result' from='alice@example.org/phone' to='muster.example.org'/>");
  EXPECT_TRUE(link.sent.empty());
}

TEST_F(EndpointAtComponent, HandlerAnswersLaterAndOnlyOnce) {
  std::optional<IqReply> kept;
  endpoint->handleIq(IqType::kSet, "do", "urn:test",
                     [&kept](const Element&, const IqReply& reply) { kept = reply; });
  link.receive(
      "<iq type='set' id='d' from='alice@example.org/phone' to='storage@muster.example.org'>"
      "<do xmlns='urn:test'/></iq>");
  EXPECT_TRUE(link.sent.empty());
  const IqReply copy = *kept;
  copy.result(Element("done", "urn:test"));
  kept->error(Condition::kForbidden);
  kept.reset();
  EXPECT_THAT(
      link.takeSent(),
      ::testing::ElementsAre(R"(<iq type="result" id="d" to="alice@example.org/phone" )"
                             R"(from="storage@muster.example.org"><done xmlns="urn:test"/></iq>)"));
}

TEST_F(EndpointAtComponent, AForgottenRequestIsAnsweredAllTheSame) {
  endpoint->handleIq(IqType::kSet, "do", "urn:test", [](const Element&, const IqReply&) {});
  EXPECT_THAT(link.ask("<iq type='set' id='d' from='alice@example.org/phone' "
                       "to='muster.example.org'><do xmlns='urn:test'/></iq>"),
              ::testing::AllOf(HasSubstr("<internal-server-error"),
                               HasSubstr("whether it was carried out is not known")));
}

TEST_F(EndpointAtComponent, AReplyMayOutliveTheEndpoint) {
  std::optional<IqReply> kept;
  endpoint->handleIq(IqType::kSet, "do", "urn:test",
                     [&kept](const Element&, const IqReply& reply) { kept = reply; });
  link.receive(
      "<iq type='set' id='d' from='a@example.org/p' to='muster.example.org'>"
      "<do xmlns='urn:test'/></iq>");
  endpoint.reset();
  kept->result();
  kept.reset();
  EXPECT_TRUE(link.sent.empty());
}

TEST_F(EndpointAtComponent, StrangersAreToldNothingByAStatus) {
  endpoint->handleIq(IqType::kSet, "do", "urn:test", [](const Element&, const IqReply& reply) {
    reply.error(Status(Code::kStranger, "alice has no role"));
  });
  EXPECT_EQ(link.ask("<iq type='set' id='d' from='alice@example.org/phone' "
                     "to='muster.example.org'><do xmlns='urn:test'/></iq>"),
            errorXml("d", "cancel", "service-unavailable"));
}

TEST_F(EndpointAtComponent, RequestGetsItsAnswer) {
  askBob();
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_EQ(link.sent[0].attribute("from"), "muster.example.org");
  link.receive(resultFrom("bob@example.org/desk"));
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_TRUE(outcomes[0].isOk());
  EXPECT_EQ(endpoint->pendingRequests(), 0U);
  link.receive(resultFrom("bob@example.org/desk"));
  EXPECT_EQ(outcomes.size(), 1U) << "a second answer counts for nothing";
}

TEST_F(EndpointAtComponent, OnlyWhoWasAskedMayAnswer) {
  askBob();
  for (const char* other :
       {"mallory@example.org/desk", "bob@example.org", "example.org", "bob@example.org/desk2",
        "bob@example.com/desk", "muster.example.org"}) {
    link.receive(resultFrom(other));
  }
  link.receive("<iq type='result' id='" + id + "' to='muster.example.org'/>");
  link.receive("<iq type='result' id='" + id + "' from='@' to='muster.example.org'/>");
  EXPECT_TRUE(outcomes.empty());
  link.receive(resultFrom("BOB@example.org/desk"));
  EXPECT_EQ(outcomes.size(), 1U) << "the same JID, written otherwise";
}

TEST_F(EndpointAtClient, TheOwnAccountAnswersWithOrWithoutAName) {
  const std::vector<std::pair<std::string, bool>> senders = {
      {"", true},
      {" from='node1@example.org'", true},
      {" from='node1@example.org/node-1'", true},
      {" from='example.org'", true},
      {" from='node2@example.org'", false},
      {" from='example.com'", false},
  };
  for (const auto& [from, counts] : senders) {
    int answers = 0;
    Element iq = makeIq("get", {});
    iq.add("query", ns::kRoster);
    endpoint->request(std::move(iq), Duration::seconds(5), [&](const IqOutcome&) { ++answers; });
    link.receive("<iq type='result' id='" + link.sent.back().attribute("id") + "'" + from + "/>");
    EXPECT_EQ(answers, counts ? 1 : 0) << from;
  }
}

TEST_F(EndpointAtComponent, AnErrorKeepsItsConditionAndText) {
  askBob();
  link.receive("<iq type='error' id='" + id +
               "' from='bob@example.org/desk'><error type='cancel'>"
               "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
               "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text>"
               "<session-expired xmlns='http://jabber.org/protocol/commands'/></error></iq>");
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kRefusedUnsafe);
  EXPECT_EQ(outcomes[0].status.text(), "no");
  ASSERT_TRUE(outcomes[0].error.has_value());
  EXPECT_EQ(outcomes[0].error->condition, Condition::kNotAllowed);
  EXPECT_EQ(outcomes[0].error->application->name(), "session-expired");
}

TEST_F(EndpointAtComponent, DeadlinesAreKeptByTheClock) {
  askBob(Duration::seconds(5));
  clock.advance(Duration::millis(4999));
  endpoint->checkDeadlines();
  EXPECT_TRUE(outcomes.empty());
  clock.advance(Duration::millis(1));
  endpoint->checkDeadlines();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kTimeout);
  EXPECT_THAT(outcomes[0].status.text(), HasSubstr("bob@example.org/desk"));
  link.receive(resultFrom("bob@example.org/desk"));
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_F(EndpointAtComponent, TheLoopWatchesTheDeadlinesByItself) {
  askBob(Duration::millis(1));
  clock.advance(Duration::millis(1));
  QElapsedTimer patience;
  patience.start();
  while (outcomes.empty() && patience.elapsed() < 5000) runLoop();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kTimeout);
}

TEST_F(EndpointAtComponent, ACallbackMayEndTheEndpoint) {
  int calls = 0;
  for (int i = 0; i < 2; ++i) {
    Element iq = makeIq("get", jidOf("bob@example.org/desk"));
    iq.add("query", "urn:test");
    endpoint->request(std::move(iq), Duration::seconds(1), [&](const IqOutcome&) {
      ++calls;
      endpoint.reset();
    });
  }
  clock.advance(Duration::seconds(2));
  endpoint->checkDeadlines();
  EXPECT_EQ(calls, 1);
}

TEST_F(EndpointAtComponent, DownFailsAllThatWaitAtOnce) {
  askBob();
  askBob();
  link.down();
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kUnavailable);
  EXPECT_THAT(outcomes[0].status.text(), HasSubstr("cable pulled"));
}

TEST_F(EndpointAtComponent, WhatCannotBeSentFailsFromTheLoop) {
  link.down();
  askBob();
  EXPECT_TRUE(outcomes.empty()) << "never from inside the call";
  runLoop();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kUnavailable);

  Element iq("iq", ns::kClient);
  iq.setAttribute("type", "get").setAttribute("to", "not a jid");
  link.up();
  endpoint->request(std::move(iq), Duration::seconds(1),
                    [this](const IqOutcome& o) { outcomes.push_back(o); });
  runLoop();
  EXPECT_EQ(outcomes.back().status.code(), Code::kInvalidArgument);
}

TEST_F(EndpointAtComponent, PendingRequestsAreBounded) {
  for (size_t i = 0; i < limits::kMaxPendingIqs; ++i) askBob();
  EXPECT_EQ(endpoint->pendingRequests(), limits::kMaxPendingIqs);
  askBob();
  runLoop();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kResourceExhausted);
}

TEST_F(EndpointAtComponent, ListenersAreToldInOrderAndMayLeave) {
  std::string log;
  Endpoint::ListenerId second = 0;
  endpoint->addListener({.up = [&] { log += "1 "; },
                         .down = {},
                         .message = [&](const Element&) { endpoint->removeListener(second); },
                         .presence = {},
                         .loop_gap = {}});
  second = endpoint->addListener({.up = [&] { log += "2 "; },
                                  .down = [&](const DownEvent&) { log += "down "; },
                                  .message = [&](const Element&) { log += "message "; },
                                  .presence = [&](const Element&) { log += "presence "; },
                                  .loop_gap = {}});
  link.down();
  link.up();
  link.receive("<presence from='a@b/c'/>");
  link.receive("<message from='a@b/c'/>");
  EXPECT_EQ(log, "down 1 2 presence ");
}

class LoopGap : public EndpointAtComponent {
 protected:
  LoopGap() {
    Endpoint::Listener listener;
    listener.loop_gap = [this](Duration gap) { gaps.push_back(gap.toMillis()); };
    listener.presence = [this](const Element&) { ++presences; };
    endpoint->addListener(std::move(listener));
  }
  std::vector<int64_t> gaps;
  int presences = 0;
};

TEST_F(LoopGap, OldInputIsNotBelieved) {
  endpoint->watchLoop();
  askBob();
  clock.advance(Duration::millis(5001));
  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(presences, 0);
  EXPECT_EQ(link.drops.size(), 1U);
  EXPECT_THAT(gaps, ::testing::ElementsAre(5001));
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status.code(), Code::kUnavailable);

  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(presences, 0) << "of the same old connection";
  link.up();
  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(presences, 1);
}

TEST_F(LoopGap, TheHeartbeatSeesItToo) {
  endpoint->watchLoop();
  clock.advance(Duration::seconds(4));
  endpoint->beat();
  clock.advance(Duration::seconds(4));
  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(presences, 1);
  EXPECT_TRUE(link.drops.empty());
  clock.advance(Duration::seconds(6));
  endpoint->beat();
  EXPECT_EQ(link.drops.size(), 1U);
}

TEST_F(LoopGap, ALoginUnderWayIsGivenUpToo) {
  endpoint->watchLoop();
  link.down();
  clock.advance(Duration::seconds(6));
  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(link.drops.size(), 1U);
  EXPECT_EQ(presences, 0);
}

TEST_F(LoopGap, UnwatchedNothingIsDropped) {
  clock.advance(Duration::seconds(100));
  link.receive("<presence from='a@b/c'/>");
  EXPECT_EQ(presences, 1);
  EXPECT_TRUE(link.drops.empty());
}

}  // namespace
}  // namespace muster::xmpp::testing
