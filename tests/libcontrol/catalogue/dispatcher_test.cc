#include "libcontrol/catalogue/dispatcher.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "libcontrol/base/limits.h"
#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Stages = AuditEntry::Stage;

class DispatcherTest : public Stage {
 protected:
  static CallRequest request(const Jid& caller, const std::string& verb, RawArguments arguments) {
    CallRequest out;
    out.caller = caller;
    out.face = Face::kChat;
    out.place = "muster.example.org";
    out.verb = verb;
    out.arguments = std::move(arguments);
    return out;
  }
  CallOutcome call(const Jid& caller, const std::string& verb, RawArguments arguments = {}) {
    std::optional<CallOutcome> got;
    dispatcher_->call(request(caller, verb, std::move(arguments)), clock_.elapsed(), clock_.wall(),
                      [&got](CallOutcome outcome) {
                        EXPECT_FALSE(got.has_value()) << "answered twice";
                        got = std::move(outcome);
                      });
    EXPECT_TRUE(got.has_value()) << "not answered";
    return got.value_or(CallOutcome{});
  }
  Status makeStatus(HandlerSet handlers) {
    return Dispatcher::make(build("muster.v1.ClusterCommands"), std::move(handlers),
                            {&authority_, &directory_, &audit_, &random_})
        .status();
  }
};

TEST_F(DispatcherTest, CallsTheHandlerAndReturnsItsReply) {
  const CallOutcome outcome = call(olga_, "status", {{"mail"}, {}});
  ASSERT_TRUE(outcome.status.isOk()) << outcome.status.text();
  EXPECT_EQ(dynamic_cast<const v1::StatusReply&>(*outcome.reply).groups_size(), 2);
  ASSERT_EQ(status_requests_.size(), 1u);
  EXPECT_EQ(status_requests_[0].group(), "mail");
  EXPECT_TRUE(audit_.entries.empty()) << "looking is not audited";
}

TEST_F(DispatcherTest, StrangersLearnNothing) {
  const CallOutcome known = call(stranger_, "status");
  const CallOutcome unknown = call(stranger_, "no-such-verb");
  EXPECT_EQ(known.status.code(), Code::kStranger);
  EXPECT_EQ(unknown.status.code(), Code::kStranger);
  EXPECT_EQ(known.status.text(), unknown.status.text());
  EXPECT_TRUE(status_requests_.empty());
  ASSERT_EQ(audit_.entries.size(), 2u);
  EXPECT_EQ(audit_.entries[0].stage, Stages::kRefused);
  EXPECT_EQ(audit_.entries[0].who, stranger_);
  EXPECT_EQ(audit_.entries[1].verb, "no-such-verb");
}

TEST_F(DispatcherTest, TheRoleIsAskedForBeforeTheArguments) {
  const CallOutcome outcome = call(olga_, "failover", {{}, {{"bogus", "1"}}});
  EXPECT_EQ(outcome.status.code(), Code::kForbidden);
  EXPECT_EQ(outcome.status.text(), "failover needs the role operator; yours is observer");
  EXPECT_TRUE(outcome.errors.empty());
  ASSERT_EQ(audit_.entries.size(), 1u);
  EXPECT_EQ(audit_.entries[0].stage, Stages::kRefused);
  EXPECT_EQ(audit_.entries[0].outcome, Code::kForbidden);
}

TEST_F(DispatcherTest, TheCoordinatorsRoleCallsNothing) {
  EXPECT_EQ(call(jid("muster@example.org/x"), "status").status.code(), Code::kForbidden);
}

TEST_F(DispatcherTest, WhatWasAnsweredIsToldByVerbAndNeverByWhatSomebodyTyped) {
  const ElapsedTime began = clock_.elapsed();
  call(olga_, "status");
  call(olga_, "failover", {{"storage"}, {}});
  call(stranger_, "status");
  call(stranger_, "no-such-verb");
  call(olga_, "no-such-verb");
  ASSERT_EQ(answered_.size(), 4u);
  EXPECT_EQ(answered_[0].verb, "status");
  EXPECT_EQ(answered_[0].outcome, Code::kOk);
  EXPECT_EQ(answered_[0].began, began);
  EXPECT_EQ(answered_[1].verb, "failover");
  EXPECT_EQ(answered_[1].outcome, Code::kForbidden);
  EXPECT_EQ(answered_[2].verb, "unknown");
  EXPECT_EQ(answered_[3].verb, "unknown");
}

TEST_F(DispatcherTest, UnknownVerbsAreSuggested) {
  const CallOutcome outcome = call(otto_, "failovr");
  EXPECT_EQ(outcome.status.code(), Code::kNotFound);
  EXPECT_THAT(outcome.status.text(), HasSubstr("did you mean 'failover'?"));
  EXPECT_THAT(call(olga_, "failovr").status.text(), Not(HasSubstr("failover'?")))
      << "what one may not call is not suggested";
}

TEST_F(DispatcherTest, BadArgumentsDoNotReachTheHandler) {
  const CallOutcome outcome = call(otto_, "failover", {{"nowhere"}, {{"wait", "x"}}});
  EXPECT_EQ(outcome.errors.size(), 2u);
  EXPECT_EQ(outcome.reply, nullptr);
  EXPECT_TRUE(failovers_.empty());
  EXPECT_TRUE(audit_.entries.empty());
}

TEST_F(DispatcherTest, AChangeIsInTheTrailBeforeItIsMadeAndBeforeItIsAnswered) {
  std::optional<size_t> entries_at_answer;
  CallRequest change = request(otto_, "failover", {{"storage"}, {{"to", "node2"}}});
  change.default_key = "k1";
  dispatcher_->call(change, clock_.elapsed(), clock_.wall(),
                    [&](const CallOutcome&) { entries_at_answer = audit_.entries.size(); });
  EXPECT_EQ(audited_before_handler_, 1u);
  EXPECT_EQ(entries_at_answer, 2u);
  const AuditEntry& begun = audit_.entries[0];
  const AuditEntry& done = audit_.entries[1];
  EXPECT_EQ(begun.stage, Stages::kBegun);
  EXPECT_EQ(done.stage, Stages::kDone);
  EXPECT_EQ(begun.call, done.call);
  EXPECT_FALSE(begun.call.isNull());
  EXPECT_EQ(done.who, otto_);
  EXPECT_EQ(done.when, clock_.wall());
  EXPECT_EQ(done.face, Face::kChat);
  EXPECT_EQ(done.place, "muster.example.org");
  EXPECT_EQ(done.verb, "failover");
  EXPECT_EQ(done.arguments, "storage to=node2") << "without the hidden key";
  EXPECT_EQ(done.outcome, Code::kOk);
  EXPECT_EQ(failovers_[0].key(), "k1") << "the default key was given";
}

TEST_F(DispatcherTest, FailedChangesAreInTheTrailWithTheirReason) {
  failure_ = {Code::kRefusedUnsafe, "node2 is behind"};
  EXPECT_EQ(call(otto_, "failover", {{"storage"}, {}}).status.code(), Code::kRefusedUnsafe);
  ASSERT_EQ(audit_.entries.size(), 2u);
  EXPECT_EQ(audit_.entries[1].outcome, Code::kRefusedUnsafe);
  EXPECT_EQ(audit_.entries[1].text, "node2 is behind");
}

TEST_F(DispatcherTest, WithoutATrailNothingIsChanged) {
  audit_.answer = {Code::kDataLoss, "disk full"};
  const CallOutcome outcome = call(otto_, "failover", {{"storage"}, {}});
  EXPECT_EQ(outcome.status.code(), Code::kUnavailable);
  EXPECT_THAT(outcome.status.text(), HasSubstr("disk full"));
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(DispatcherTest, AnOutcomeThatCannotBeWrittenIsToldWithTheAnswer) {
  later_ = true;
  std::optional<CallOutcome> got;
  dispatcher_->call(request(otto_, "failover", {{"storage"}, {}}), clock_.elapsed(), clock_.wall(),
                    [&got](CallOutcome outcome) { got = std::move(outcome); });
  audit_.answer = {Code::kDataLoss, "disk full"};
  answerFailover(*waiting_);
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->status.isOk());
  EXPECT_THAT(got->note, HasSubstr("not in the audit trail: disk full"));
}

TEST_F(DispatcherTest, AListingIsNotAuditedButItsChangeIs) {
  make("muster.v1.NodeCommands", nodeHandlers());
  EXPECT_TRUE(call(otto_, "log-level", {{"storage"}, {}}).status.isOk());
  EXPECT_TRUE(audit_.entries.empty());
  EXPECT_TRUE(call(otto_, "log-level", {{"storage", "debug"}, {}}).status.isOk());
  EXPECT_EQ(audit_.entries.size(), 2u);
  EXPECT_EQ(audit_.entries[0].arguments, "storage debug");
  EXPECT_EQ(call(olga_, "log-level", {{"storage", "debug"}, {}}).status.code(), Code::kForbidden);
  ASSERT_EQ(audit_.entries.size(), 3u);
  EXPECT_EQ(audit_.entries[2].stage, Stages::kRefused);
}

TEST_F(DispatcherTest, WrittenRefusalsAreBounded) {
  for (size_t i = 0; i < limits::kMaxRefusalsPerMinute + 25; ++i) call(stranger_, "status");
  EXPECT_EQ(audit_.entries.size(), limits::kMaxRefusalsPerMinute);
  clock_.advance(Duration::seconds(60));
  call(stranger_, "status");
  ASSERT_EQ(audit_.entries.size(), limits::kMaxRefusalsPerMinute + 1);
  EXPECT_THAT(audit_.entries.back().text, HasSubstr("25 more refusals"));
  call(stranger_, "status");
  EXPECT_THAT(audit_.entries.back().text, Not(HasSubstr("more refusals")));
}

TEST_F(DispatcherTest, AnswersMayComeLaterAndOnlyOnce) {
  later_ = true;
  int answers = 0;
  dispatcher_->call(request(otto_, "failover", {{"storage"}, {}}), clock_.elapsed(), clock_.wall(),
                    [&answers](const CallOutcome&) { ++answers; });
  EXPECT_EQ(answers, 0);
  EXPECT_EQ(audit_.entries.size(), 1u);
  answerFailover(*waiting_);
  answerFailover(*waiting_);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(audit_.entries.size(), 2u);
}

TEST_F(DispatcherTest, AHandlerThatForgetsToAnswerIsAnsweredFor) {
  later_ = true;
  std::optional<CallOutcome> got;
  dispatcher_->call(request(otto_, "failover", {{"storage"}, {}}), clock_.elapsed(), clock_.wall(),
                    [&got](CallOutcome outcome) { got = std::move(outcome); });
  waiting_.reset();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status.code(), Code::kInternal);
}

TEST_F(DispatcherTest, AnswersAfterItsEndAreDropped) {
  later_ = true;
  int answers = 0;
  dispatcher_->call(request(otto_, "failover", {{"storage"}, {}}), clock_.elapsed(), clock_.wall(),
                    [&answers](const CallOutcome&) { ++answers; });
  dispatcher_.reset();
  answerFailover(*waiting_);
  waiting_.reset();
  EXPECT_EQ(answers, 0);
}

TEST_F(DispatcherTest, AHandlerThatThrowsHasFailed) {
  HandlerSet handlers;
  handlers.add<v1::StatusRequest, v1::StatusReply>(
      "status", [](const v1::StatusRequest&, CallContext&, const Responder<v1::StatusReply>&) {
        throw std::runtime_error("boom");
      });
  handlers.add<v1::NodesRequest, v1::NodesReply>(
      "nodes", [](const v1::NodesRequest&, CallContext&, const Responder<v1::NodesReply>& done) {
        done.fail(Status::ok());
      });
  handlers.add<v1::FailoverRequest, v1::FailoverReply>(
      "failover", [](const v1::FailoverRequest&, CallContext&,
                     const Responder<v1::FailoverReply>& done) { done.reply({}); });
  make("muster.v1.ClusterCommands", std::move(handlers));
  EXPECT_THAT(call(olga_, "status").status.text(), HasSubstr("boom"));
  EXPECT_EQ(call(olga_, "nodes").status.code(), Code::kInternal)
      << "a failure that says it is none";
}

TEST_F(DispatcherTest, NotesAreHandedOn) {
  make("muster.v1.NodeCommands", nodeHandlers());
  EXPECT_THAT(call(olga_, "service-level").note, HasSubstr("99.9%"));
}

TEST_F(DispatcherTest, EveryCommandHasExactlyOneHandlerOfItsTypes) {
  EXPECT_THAT(makeStatus({}).text(), HasSubstr("'status' has none"));
  HandlerSet twice = clusterHandlers();
  twice.add<v1::NodesRequest, v1::NodesReply>(
      "nodes", [](const v1::NodesRequest&, CallContext&, const Responder<v1::NodesReply>&) {});
  EXPECT_THAT(makeStatus(std::move(twice)).text(), HasSubstr("'nodes' has two"));
  HandlerSet foreign = clusterHandlers();
  foreign.add<v1::NodeInfoRequest, v1::NodeInfoReply>(
      "node-info",
      [](const v1::NodeInfoRequest&, CallContext&, const Responder<v1::NodeInfoReply>&) {});
  EXPECT_THAT(makeStatus(std::move(foreign)).text(), HasSubstr("no command 'node-info'"));
  HandlerSet wrong;
  wrong.add<v1::NodesRequest, v1::NodesReply>(
      "status", [](const v1::NodesRequest&, CallContext&, const Responder<v1::NodesReply>&) {});
  EXPECT_THAT(makeStatus(std::move(wrong)).text(), HasSubstr("muster.v1.StatusRequest"));
}

}  // namespace
}  // namespace muster::catalogue
