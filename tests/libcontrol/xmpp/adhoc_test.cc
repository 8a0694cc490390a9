// The responder and the requester, each against XML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/adhoc_requester.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/libcontrol/xmpp/roles.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::HasSubstr;

class AdhocResponderTest : public ComponentFixture {
 protected:
  AdhocResponderTest()
      : responder(*endpoint, cluster.addresses,
                  [this](const CommandCall& call, std::function<void(CommandAnswer)> answer) {
                    calls.push_back(call);
                    pending = std::move(answer);
                    if (at_once) pending(*at_once);
                  }) {}

  static std::string stage(const std::string& from, const std::string& to,
                           const std::string& attributes = "node='status'") {
    return "<iq type='set' id='c' from='" + from + "' to='" + to +
           "'><command xmlns='http://jabber.org/protocol/commands' " + attributes + "/></iq>";
  }

  Cluster cluster;
  std::vector<CommandCall> calls;
  std::function<void(CommandAnswer)> pending;
  std::optional<CommandAnswer> at_once;
  AdhocResponder responder;
};

TEST_F(AdhocResponderTest, AGroupsContactImpliesItsGroup) {
  adhoc::Command done;
  done.node = "status";
  done.session_id = "s";
  done.status = adhoc::CommandStatus::kCompleted;
  at_once = done;
  EXPECT_EQ(link.ask(stage("olga@example.org/phone", "storage@muster.example.org/x")),
            R"(<iq type="result" id="c" to="olga@example.org/phone" )"
            R"(from="storage@muster.example.org/x">)"
            R"(<command xmlns="http://jabber.org/protocol/commands" node="status" sessionid="s" )"
            R"(status="completed"/></iq>)");
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].from.toString(), "olga@example.org/phone");
  EXPECT_EQ(calls[0].address.implied_group, "storage");
  link.ask(stage("olga@example.org/phone", "muster.example.org"));
  EXPECT_EQ(calls.back().address.implied_group, "");
}

TEST_F(AdhocResponderTest, StrangersAndAddressesThatAreNotThereLookTheSame) {
  const std::string stranger = link.ask(stage("eve@example.org/x", "muster.example.org"));
  EXPECT_THAT(stranger, HasSubstr("<error type=\"cancel\"><service-unavailable"));
  EXPECT_EQ(stranger.find("<text"), std::string::npos);
  EXPECT_THAT(link.ask(stage("olga@example.org/phone", "nosuch@muster.example.org")),
              HasSubstr("<error type=\"cancel\"><service-unavailable"));
  EXPECT_THAT(link.ask(stage("eve@example.org/x", "muster.example.org", "action='bad'")),
              HasSubstr("service-unavailable"))
      << "before anything is read";
  EXPECT_TRUE(calls.empty());
}

TEST_F(AdhocResponderTest, WhatCantBeReadIsAnsweredHere) {
  EXPECT_EQ(
      link.ask(stage("olga@example.org/phone", "muster.example.org",
                     "node='status' sessionid='s' action='boil'")),
      R"(<iq type="error" id="c" to="olga@example.org/phone" from="muster.example.org">)"
      R"(<command xmlns="http://jabber.org/protocol/commands" node="status" sessionid="s"/>)"
      R"(<error type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>)"
      R"(<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">'boil' is not an action; there are )"
      R"(execute, next, prev, complete and cancel</text>)"
      R"(<malformed-action xmlns="http://jabber.org/protocol/commands"/></error></iq>)");
  EXPECT_TRUE(calls.empty());
}

TEST_F(AdhocResponderTest, AnAnswerMayComeLaterAndAfterTheResponderIsGone) {
  link.receive(stage("olga@example.org/phone", "muster.example.org"));
  EXPECT_TRUE(link.sent.empty());
  pending(adhoc::Error{
      .condition = adhoc::ErrorCondition::kForbidden, .text = "no", .node = "", .session_id = ""});
  pending(adhoc::Command{});
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_THAT(text(link.sent[0]), HasSubstr("<error type=\"auth\"><forbidden"));
}

TEST_F(AdhocResponderTest, AnAnswerThatNeverComesIsOneAllTheSame) {
  link.receive(stage("olga@example.org/phone", "muster.example.org"));
  pending = nullptr;
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_THAT(text(link.sent[0]), HasSubstr("internal-server-error"));
}

TEST_F(AdhocResponderTest, TooManyAreToldWhenToTryAgain) {
  at_once = adhoc::Command{};
  const auto ask = [this](const std::string& who) {
    return link.ask(stage(who, "muster.example.org"));
  };
  for (int i = 0; i < limits::kCommandBurst; ++i) {
    ASSERT_THAT(ask("olga@example.org/" + std::to_string(i)), HasSubstr("type=\"result\""));
  }
  const size_t carried_out = calls.size();
  EXPECT_EQ(
      ask("olga@example.org/phone"),
      R"(<iq type="error" id="c" to="olga@example.org/phone" from="muster.example.org">)"
      R"(<error type="wait"><resource-constraint xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>)"
      R"(<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">too many commands from )"
      R"(olga@example.org, and this one was not carried out; try again in 11ms</text></error></iq>)");
  EXPECT_EQ(calls.size(), carried_out);
  EXPECT_THAT(ask("otto@example.org/x"), HasSubstr("type=\"result\"")) << "each by himself";
  clock.advance(limits::kCommandEvery);
  EXPECT_THAT(ask("olga@example.org/phone"), HasSubstr("type=\"result\""));
  EXPECT_THAT(ask("olga@example.org/phone"), HasSubstr("resource-constraint"));
}

TEST_F(AdhocResponderTest, TheCoordinatorIsNotLimited) {
  at_once = adhoc::Command{};
  for (int i = 0; i <= limits::kCommandBurst; ++i) {
    ASSERT_THAT(link.ask(stage("muster@example.org/c", "muster.example.org")),
                HasSubstr("type=\"result\""));
  }
}

class AdhocRequesterTest : public ClientFixture {
 protected:
  AdhocRequesterTest() : requester(*endpoint) {
    call.to = jidOf("muster.example.org");
    call.node = "failover";
  }
  AdhocRequester::Done keep() {
    return [this](const AdhocOutcome& o) { outcome = o; };
  }
  std::string sentPayload() const {
    return link.sent.empty() ? "" : text(*link.sent.back().firstChild());
  }
  void answer(const std::string& type, const std::string& content) {
    link.receive("<iq type='" + type + "' from='muster.example.org' id='" +
                 link.sent.back().attribute("id") + "'>" + content + "</iq>");
  }

  AdhocRequester requester;
  AdhocCall call;
  std::optional<AdhocOutcome> outcome;
};

TEST_F(AdhocRequesterTest, SubmitsAtOnceAndAsksForTheReply) {
  call.form = adhoc::Form{};
  call.form->fields = {
      {.var = "group", .type = {}, .label = "", .desc = "", .values = {"storage"}, .options = {}}};
  call.wants_reply = true;
  requester.execute(call, keep());
  EXPECT_EQ(sentPayload(),
            R"(<command xmlns="http://jabber.org/protocol/commands" node="failover" )"
            R"(action="execute"><x xmlns="jabber:x:data" type="submit"><field var="group">)"
            R"(<value>storage</value></field></x><want xmlns="urn:muster:reply:1"/></command>)");
  answer("result",
         "<command xmlns='http://jabber.org/protocol/commands' node='failover' sessionid='s' "
         "status='executing'><reply xmlns='urn:muster:reply:1' type='T'>AQI=</reply></command>");
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->isExecuting());
  EXPECT_EQ(outcome->command.reply_bytes, "\x01\x02");

  call.form.reset();
  call.wants_reply = false;
  requester.proceed(call, "s", adhoc::Action::kCancel, keep());
  EXPECT_EQ(sentPayload(),
            R"(<command xmlns="http://jabber.org/protocol/commands" node="failover" )"
            R"(sessionid="s" action="cancel"/>)");
}

TEST_F(AdhocRequesterTest, ErrorsKeepAllThreeParts) {
  requester.execute(call, keep());
  answer("error",
         "<command xmlns='http://jabber.org/protocol/commands' node='failover' sessionid='s'/>"
         "<error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
         "<session-expired xmlns='http://jabber.org/protocol/commands'/>"
         "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>too late</text></error>");
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->status.code(), Code::kConflict);
  EXPECT_EQ(outcome->status.text(), "too late");
  EXPECT_EQ(outcome->error->condition, Condition::kNotAllowed);
  EXPECT_EQ(outcome->command_condition, adhoc::CommandCondition::kSessionExpired);
}

std::string partOfReply(const std::string& status, const std::string& part,
                        const std::string& base64) {
  return "<command xmlns='http://jabber.org/protocol/commands' node='failover' sessionid='s' "
         "status='" +
         status + "'><reply xmlns='urn:muster:reply:1' type='T' part='" + part + "' parts='3'>" +
         base64 + "</reply></command>";
}

TEST_F(AdhocRequesterTest, PartsOfAReplyAreFetched) {
  call.form = adhoc::Form{};
  call.wants_reply = true;
  requester.execute(call, keep());
  answer("result", partOfReply("executing", "1", "AQI="));
  EXPECT_FALSE(outcome.has_value());
  EXPECT_EQ(sentPayload(),
            R"(<command xmlns="http://jabber.org/protocol/commands" node="failover" )"
            R"(sessionid="s" action="next"><want xmlns="urn:muster:reply:1"/></command>)");
  answer("result", partOfReply("executing", "2", "AwQ="));
  answer("result", partOfReply("completed", "3", "BQ=="));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->isOk());
  EXPECT_EQ(outcome->command.reply_type, "T");
  EXPECT_EQ(outcome->command.reply_bytes, "\x01\x02\x03\x04\x05");
}

TEST_F(AdhocRequesterTest, PartsThatMakeNoWholeAreADefect) {
  call.wants_reply = true;
  for (const auto& second :
       {partOfReply("executing", "3", "AwQ="), partOfReply("executing", "1", ""),
        partOfReply("completed", "2", "AwQ="), partOfReply("executing", "4", ""),
        partOfReply("executing", "x", "")}) {
    outcome.reset();
    requester.execute(call, keep());
    answer("result", partOfReply("executing", "1", "AQI="));
    answer("result", second);
    ASSERT_TRUE(outcome.has_value()) << second;
    EXPECT_EQ(outcome->status.code(), Code::kInternal) << second;
  }
  outcome.reset();
  requester.execute(call, keep());
  answer("result", partOfReply("executing", "1", "AQI="));
  link.down();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->status.code(), Code::kUnavailable);
}

TEST_F(AdhocRequesterTest, AnAnswerThatIsNoCommandIsADefect) {
  requester.execute(call, keep());
  answer("result", "");
  EXPECT_EQ(outcome->status.code(), Code::kInternal);
  requester.execute(call, keep());
  answer("result", "<query xmlns='x'/>");
  EXPECT_EQ(outcome->status.code(), Code::kInternal);
}

}  // namespace
}  // namespace muster::xmpp::testing
