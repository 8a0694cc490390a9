// The responder's side of XEP-0050, rule by rule.
#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/form.h"
#include "tests/libcontrol/catalogue/adhoc_face_fixture.h"

namespace muster::catalogue {
namespace {

// --- disco -------------------------------------------------------------------------------------

TEST_F(AdhocFaceTest, ItemsDifferByRole) {
  const auto observer = face_->items(olga_);
  ASSERT_TRUE(observer.has_value());
  ASSERT_FALSE(observer->empty());
  EXPECT_EQ((*observer)[0].node, "status");
  EXPECT_EQ((*observer)[0].name, "Groups at a glance");
  const auto has_failover = [](const auto& items) {
    return std::any_of(items.begin(), items.end(),
                       [](const auto& item) { return item.node == "failover"; });
  };
  EXPECT_FALSE(has_failover(*observer));
  EXPECT_TRUE(has_failover(*face_->items(otto_)));
  EXPECT_FALSE(face_->items(stranger_).has_value());
}

TEST_F(AdhocFaceTest, OneItemByItsNode) {
  EXPECT_EQ(face_->item(otto_, "failover")->name, "Move the active role");
  EXPECT_EQ(face_->item(olga_, "failover").status().code(), Code::kNotFound);
  EXPECT_EQ(face_->item(otto_, "nothing").status().code(), Code::kNotFound);
  EXPECT_EQ(face_->item(stranger_, "failover").status().code(), Code::kStranger);
}

// --- the first request --------------------------------------------------------------------------

TEST_F(AdhocFaceTest, AnImmediateCommandCompletesAtOnce) {
  for (const auto action : {std::optional<Action>(), std::optional(Action::kExecute)}) {
    const auto done = answered(olga_, command("status", action));
    expectCompleted(done, NoteType::kInfo);
    EXPECT_EQ(done.node, "status");
    EXPECT_FALSE(done.session_id.empty());
    EXPECT_EQ(done.form->items.size(), 2u);
    EXPECT_EQ(done.form->find("groups"), nullptr) << "no text table, since no form came before";
    EXPECT_TRUE(done.reply_bytes.empty()) << "not asked for";
  }
}

TEST_F(AdhocFaceTest, OthersAnswerWithTheirForm) {
  const auto stage = answered(otto_, command("failover"));
  expectStage(stage);
  EXPECT_TRUE(stage.notes.empty());
  EXPECT_TRUE(failovers_.empty());
  EXPECT_TRUE(adhoc::SessionTable::isOurShape(stage.session_id));
}

TEST_F(AdhocFaceTest, AFormWithTheFirstRequestIsCarriedOut) {
  const auto done = answered(otto_, with(command("failover"), {{"group", "storage"}}));
  expectCompleted(done, NoteType::kInfo);
  EXPECT_EQ(failovers_.size(), 1u);
  const auto immediate = answered(olga_, with(command("status"), {{"group", "mail"}}));
  expectCompleted(immediate, NoteType::kInfo);
  EXPECT_EQ(status_requests_.at(0).group(), "mail");
}

TEST_F(AdhocFaceTest, AnIdOfTheRequestersOwnIsKept) {
  const auto stage = answered(otto_, command("failover", Action::kExecute, "my-own"));
  expectStage(stage);
  EXPECT_EQ(stage.session_id, "my-own");
  const Jid other = otto_.withResource("other");
  expectError(refused(other, with(command("failover", Action::kComplete, "my-own"), {})),
              ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
  expectCompleted(
      answered(otto_, with(command("failover", Action::kComplete, "my-own"), {{"group", "mail"}})),
      NoteType::kInfo);
}

TEST_F(AdhocFaceTest, OnlyExecuteCanBeFirst) {
  for (const Action action : {Action::kNext, Action::kPrev, Action::kComplete}) {
    expectError(refused(otto_, command("failover", action)), ErrorCondition::kBadRequest,
                CommandCondition::kBadAction);
  }
  EXPECT_EQ(answered(otto_, command("failover", Action::kCancel)).status, CommandStatus::kCanceled);
}

TEST_F(AdhocFaceTest, FormsOfOtherTypesAreBadPayload) {
  auto request = with(command("failover"), {});
  request.form->type = FormType::kResult;
  expectError(refused(otto_, request), ErrorCondition::kBadRequest, CommandCondition::kBadPayload);
  request = with(command("failover", Action::kComplete, openFailover()), {});
  request.form->type = FormType::kForm;
  expectError(refused(otto_, request), ErrorCondition::kBadRequest, CommandCondition::kBadPayload);
}

// --- the stage ----------------------------------------------------------------------------------

TEST_F(AdhocFaceTest, CompleteNextExecuteAndNoActionAllComplete) {
  for (const auto action : {std::optional<Action>(), std::optional(Action::kExecute),
                            std::optional(Action::kNext), std::optional(Action::kComplete)}) {
    failovers_.clear();
    const std::string id = openFailover();
    const auto done = answered(otto_, with(command("failover", action, id),
                                           {{"group", "storage"}, {"to", ""}, {"wait", "0"}}));
    expectCompleted(done, NoteType::kInfo);
    EXPECT_EQ(done.session_id, id);
    ASSERT_EQ(failovers_.size(), 1u);
    EXPECT_FALSE(failovers_[0].has_to()) << "an empty field was not given";
    EXPECT_EQ(done.form->find("duration_ms")->values[0], "1s500ms");
  }
}

TEST_F(AdhocFaceTest, TheRequestersStatusIsIgnored) {
  auto request = with(command("failover", Action::kComplete, openFailover()), {{"group", "mail"}});
  request.status = CommandStatus::kCanceled;
  expectCompleted(answered(otto_, request), NoteType::kInfo);
}

TEST_F(AdhocFaceTest, PrevShowsTheStageAgainAndIgnoresTheForm) {
  const std::string id = openFailover();
  const auto stage =
      answered(otto_, with(command("failover", Action::kPrev, id), {{"group", "mail"}}));
  expectStage(stage);
  EXPECT_EQ(stage.session_id, id);
  EXPECT_TRUE(stage.form->find("group")->values.empty());
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(AdhocFaceTest, ExecuteWithoutAFormShowsTheStageAgain) {
  const std::string id = openFailover();
  EXPECT_EQ(answered(otto_, command("failover", Action::kExecute, id)).session_id, id);
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(AdhocFaceTest, CompletingWithoutTheFormIsRefused) {
  at_.group = "storage";  // where nothing else would be missing
  const std::string id = openFailover();
  for (const Action action : {Action::kComplete, Action::kNext}) {
    const auto error = refused(otto_, command("failover", action, id));
    expectError(error, ErrorCondition::kBadRequest, CommandCondition::kBadPayload);
    EXPECT_EQ(error.session_id, id);
  }
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(AdhocFaceTest, CancelIsAlwaysAllowed) {
  const std::string id = openFailover();
  const auto canceled = answered(otto_, command("failover", Action::kCancel, id));
  EXPECT_EQ(canceled.status, CommandStatus::kCanceled);
  EXPECT_EQ(canceled.session_id, id);
  EXPECT_FALSE(canceled.form.has_value());
  EXPECT_FALSE(canceled.actions.has_value());
  expectError(refused(otto_, with(command("failover", Action::kComplete, id), {})),
              ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
  auto by_form = with(command("failover", Action::kComplete, openFailover()), {});
  by_form.form->type = FormType::kCancel;
  EXPECT_EQ(answered(otto_, by_form).status, CommandStatus::kCanceled);
}

TEST_F(AdhocFaceTest, BadInputShowsTheStageAgainFilledInWithTheErrorInThreePlaces) {
  const std::string id = openFailover();
  const auto again = answered(otto_, with(command("failover", Action::kComplete, id),
                                          {{"group", "mail"}, {"expect-epoch", "100%"}}));
  expectStage(again);
  EXPECT_EQ(again.session_id, id);
  EXPECT_EQ(again.form->find("group")->values[0], "mail");
  EXPECT_EQ(again.form->find("expect-epoch")->values[0], "100%");
  ASSERT_EQ(again.notes.size(), 1u);
  EXPECT_EQ(again.notes[0].type, NoteType::kError);
  EXPECT_THAT(again.notes[0].text, HasSubstr("expect-epoch"));
  EXPECT_THAT(again.notes[0].text, Not(HasSubstr("%")));
  EXPECT_THAT(again.form->instructions, HasSubstr("expect-epoch"));
  ASSERT_NE(again.form->find(kErrorVar), nullptr);
  EXPECT_TRUE(failovers_.empty());
  // The corrected form goes through, with the error's field sent back as some clients do.
  expectCompleted(answered(otto_, with(command("failover", Action::kComplete, id),
                                       {{"group", "mail"}, {kErrorVar, "x"}})),
                  NoteType::kInfo);
}

TEST_F(AdhocFaceTest, BadInputWithTheFirstRequestOpensTheStage) {
  const auto stage = answered(otto_, with(command("failover"), {{"group", "nowhere"}}));
  expectStage(stage);
  EXPECT_EQ(stage.notes.size(), 1u);
  expectCompleted(answered(otto_, with(command("failover", Action::kComplete, stage.session_id),
                                       {{"group", "mail"}})),
                  NoteType::kInfo);
}

TEST_F(AdhocFaceTest, WhatTheHandlerFindsWrongWithAFieldIsCorrectedToo) {
  onNode();
  const std::string id = answered(otto_, command("log-level")).session_id;
  const auto again = answered(otto_, with(command("log-level", Action::kComplete, id),
                                          {{"logger", "nowhere"}, {"level", "debug"}}));
  expectStage(again);
  EXPECT_EQ(again.session_id, id);
  EXPECT_EQ(again.form->find("logger")->values[0], "nowhere");
  EXPECT_EQ(again.form->find("level")->values[0], "debug");
  EXPECT_THAT(again.form->instructions, HasSubstr("nowhere"));
}

TEST_F(AdhocFaceTest, AfterAFormATableComesAsTextToo) {
  onNode();
  const std::string id = answered(olga_, command("log-level")).session_id;
  const auto done = answered(olga_, with(command("log-level", Action::kComplete, id), {}));
  expectCompleted(done, NoteType::kInfo);
  EXPECT_EQ(done.form->items.size(), 1u);
  ASSERT_NE(done.form->find("loggers"), nullptr);
  EXPECT_EQ(done.form->find("loggers")->type, adhoc::FieldType::kTextMulti);
  EXPECT_EQ(done.form->find("loggers")->values.size(), 2u);
}

TEST_F(AdhocFaceTest, ACompletionHasOneNoteWithoutPercentSigns) {
  onNode();
  const auto done = answered(olga_, command("service-level"));
  expectCompleted(done, NoteType::kInfo);
  EXPECT_EQ(done.notes[0].text,
            "User service level: 99.9 percent (5 dropped in the last 10 mins.)");
}

TEST_F(AdhocFaceTest, AnActionThatFailedIsCompletedWithAnErrorNote) {
  failure_ = {Code::kRefusedUnsafe, "node2 is 50% behind"};
  const std::string id = openFailover();
  const auto done =
      answered(otto_, with(command("failover", Action::kComplete, id), {{"group", "mail"}}));
  expectCompleted(done, NoteType::kError);
  EXPECT_EQ(done.notes[0].text, "node2 is 50 percent behind");
  EXPECT_EQ(done.form->find(kErrorVar)->values[0], "node2 is 50% behind");
  expectError(refused(otto_, with(command("failover", Action::kComplete, id), {})),
              ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
}

TEST_F(AdhocFaceTest, WhileItIsCarriedOutASessionTakesNothing) {
  later_ = true;
  const std::string id = openFailover();
  int answers = 0;
  const auto submit = with(command("failover", Action::kComplete, id), {{"group", "mail"}});
  face_->handle(otto_, at_, submit, clock_.elapsed(), clock_.wall(),
                [&answers](const AdhocFace::Answer&) { ++answers; });
  EXPECT_EQ(answers, 0);
  expectError(refused(otto_, submit), ErrorCondition::kBadRequest, CommandCondition::kBadAction);
  expectError(refused(otto_, command("failover", Action::kCancel, id)), ErrorCondition::kBadRequest,
              CommandCondition::kBadAction);
  answerFailover(*waiting_);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(failovers_.size(), 1u);
}

TEST_F(AdhocFaceTest, AnswersAfterItsEndAreDropped) {
  later_ = true;
  int answers = 0;
  face_->handle(otto_, at_, with(command("failover"), {{"group", "mail"}}), clock_.elapsed(),
                clock_.wall(), [&answers](const AdhocFace::Answer&) { ++answers; });
  face_.reset();
  answerFailover(*waiting_);
  EXPECT_EQ(answers, 0);
}

TEST_F(AdhocFaceTest, AtAGroupsContactTheGroupIsImplied) {
  at_ = {"storage@muster.example.org", "storage"};
  const auto stage = answered(otto_, command("failover"));
  EXPECT_EQ(stage.form->find("group"), nullptr);
  expectCompleted(
      answered(otto_, with(command("failover", Action::kComplete, stage.session_id), {})),
      NoteType::kInfo);
  EXPECT_EQ(failovers_.at(0).group(), "storage");
}

// --- sessions -----------------------------------------------------------------------------------

TEST_F(AdhocFaceTest, SessionsAreBoundToRequesterNodeAndAddress) {
  const std::string id = openFailover();
  const auto submit = with(command("failover", Action::kComplete, id), {{"group", "mail"}});
  const auto bad = [&](const adhoc::Error& error) {
    expectError(error, ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
    EXPECT_EQ(error.session_id, id) << "a later error echoes the session";
    EXPECT_FALSE(error.node.empty());
  };
  bad(refused(otto_.withResource("phone"), submit));
  bad(refused(jid("ada@example.org/x"), submit));
  bad(refused(otto_, with(command("status", Action::kComplete, id), {})));
  at_.place = "mail@muster.example.org";
  bad(refused(otto_, submit));
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(AdhocFaceTest, UnknownSessions) {
  const std::string id(32, 'a');
  for (const auto action : {std::optional<Action>(), std::optional(Action::kNext),
                            std::optional(Action::kComplete), std::optional(Action::kPrev)}) {
    expectError(refused(otto_, with(command("failover", action, id), {{"group", "mail"}})),
                ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
  }
  expectError(refused(otto_, command("failover", Action::kExecute, std::string(500, 'a'))),
              ErrorCondition::kBadRequest, CommandCondition::kBadSessionId);
}

TEST_F(AdhocFaceTest, ExpiredSessions) {
  const std::string id = openFailover();
  clock_.advance(limits::kSessionLife);
  const auto error =
      refused(otto_, with(command("failover", Action::kComplete, id), {{"group", "mail"}}));
  expectError(error, ErrorCondition::kNotAllowed, CommandCondition::kSessionExpired);
  EXPECT_EQ(error.session_id, id);
  EXPECT_EQ(error.node, "failover");
  const std::string other = openFailover();
  clock_.advance(limits::kSessionLife);
  EXPECT_EQ(answered(otto_, command("failover", Action::kCancel, other)).status,
            CommandStatus::kCanceled);
}

TEST_F(AdhocFaceTest, AFullTableIsAResourceConstraint) {
  for (size_t i = 0; i < limits::kMaxSessions; ++i) {
    const Jid from = otto_.withResource("r" + std::to_string(i));
    expectStage(answered(from, command("failover")));
  }
  expectError(refused(otto_, command("failover")), ErrorCondition::kResourceConstraint);
}

// --- who may ------------------------------------------------------------------------------------

TEST_F(AdhocFaceTest, StrangersGetServiceUnavailableForAnything) {
  for (const std::string node : {"status", "failover", "no-such"}) {
    const auto error = refused(stranger_, command(node, Action::kCancel, "x"));
    expectError(error, ErrorCondition::kServiceUnavailable);
    EXPECT_TRUE(error.text.empty());
    EXPECT_TRUE(error.node.empty());
  }
  expectError(face_->unreadable(stranger_, command("status"), CommandCondition::kMalformedAction,
                                "no such action"),
              ErrorCondition::kServiceUnavailable);
}

TEST_F(AdhocFaceTest, ForbiddenAndNotFound) {
  const auto forbidden = refused(olga_, command("failover"));
  expectError(forbidden, ErrorCondition::kForbidden);
  EXPECT_THAT(forbidden.text, HasSubstr("needs the role operator"));
  ASSERT_EQ(audit_.entries.size(), 1u);
  EXPECT_EQ(audit_.entries[0].stage, AuditEntry::Stage::kRefused);
  const auto missing = refused(olga_, command("statsu"));
  expectError(missing, ErrorCondition::kItemNotFound);
  EXPECT_THAT(missing.text, HasSubstr("did you mean 'status'?"));
}

TEST_F(AdhocFaceTest, ARoleTakenAwayMeanwhileIsGone) {
  const std::string id = openFailover();
  const auto submit = with(command("failover", Action::kComplete, id), {{"group", "mail"}});
  authority_.roles["otto@example.org"] = v1::ROLE_OBSERVER;
  expectError(refused(otto_, submit), ErrorCondition::kForbidden);
  authority_.roles.erase("otto@example.org");
  expectError(refused(otto_, submit), ErrorCondition::kServiceUnavailable);
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(AdhocFaceTest, UnreadableRequests) {
  const auto error = face_->unreadable(olga_, command("status", {}, "s"),
                                       CommandCondition::kMalformedAction, "no such action");
  expectError(error, ErrorCondition::kBadRequest, CommandCondition::kMalformedAction);
  EXPECT_EQ(error.node, "status");
  EXPECT_EQ(error.session_id, "s");
}

// --- programs -----------------------------------------------------------------------------------

TEST_F(AdhocFaceTest, ProgramsGetTheReplyAsAMessage) {
  auto request = with(command("failover"), {{"group", "mail"}, {"key", "mine"}});
  request.wants_reply = true;
  const auto done = answered(otto_, request);
  expectCompleted(done, NoteType::kInfo, true);
  const auto reply =
      dispatcher_->catalogue().find("failover")->parseReply(done.reply_type, done.reply_bytes);
  ASSERT_TRUE(reply.isOk());
  EXPECT_EQ(dynamic_cast<const v1::FailoverReply&>(**reply).epoch(), 8u);
  EXPECT_EQ(failovers_.at(0).key(), "mine");
  EXPECT_EQ(audit_.entries.at(0).face, Face::kProgram);
}

TEST_F(AdhocFaceTest, ProgramsGetEveryFailureAsAnErrorThatTurnsBackIntoItsStatus) {
  auto request = with(command("failover"), {{"group", "mail"}});
  request.wants_reply = true;
  for (const Code code : {Code::kNotFound, Code::kRefusedUnsafe, Code::kConflict, Code::kTimeout,
                          Code::kResourceExhausted, Code::kInternal}) {
    failure_ = {code, "because"};
    const Status status = statusFrom(refused(otto_, request));
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(status.text(), "because");
  }
  request.form = submitted({{"group", "nowhere"}, {"wait", "x"}});
  const Status wrong = statusFrom(refused(otto_, request));
  EXPECT_EQ(wrong.code(), Code::kInvalidArgument);
  EXPECT_THAT(wrong.text(), HasSubstr("nowhere"));
  EXPECT_THAT(wrong.text(), HasSubstr("wait"));
  EXPECT_EQ(statusFrom(refused(stranger_, request)).code(), Code::kUnavailable);
  EXPECT_EQ(statusFrom(refused(olga_, request)).code(), Code::kForbidden);
}

TEST_F(AdhocFaceTest, EachSubmissionHasAKeyOfItsOwn) {
  answered(otto_, with(command("failover", Action::kExecute, "own"), {{"group", "mail"}}));
  answered(otto_, with(command("failover", Action::kExecute, "own"), {{"group", "mail"}}));
  ASSERT_EQ(failovers_.size(), 2u);
  EXPECT_FALSE(failovers_[0].key().empty());
  EXPECT_NE(failovers_[0].key(), failovers_[1].key());
}

// Whatever is sent in whatever order: one answer, of the right shape, and no change without a form.
TEST_F(AdhocFaceTest, AnyOrderOfRequests) {
  const std::vector<Jid> callers = {olga_, otto_, otto_.withResource("two"), stranger_};
  const std::vector<std::string> nodes = {"failover", "failover", "status", "Nodes", "", "no such"};
  std::vector<std::string> ids = {"", "own", std::string(32, 'b'), std::string(200, 'x')};
  size_t completed = 0;
  for (int round = 0; round < 5000; ++round) {
    adhoc::Command request =
        command(nodes[random_.below(nodes.size())], {}, ids[random_.below(ids.size())]);
    if (random_.below(6) > 0) request.action = static_cast<Action>(random_.below(5));
    if (random_.below(2) == 0) {
      request.form = submitted({{"group", random_.below(2) == 0 ? "mail" : "mial"}});
      if (random_.below(4) == 0) request.form->type = static_cast<FormType>(random_.below(4));
    }
    request.wants_reply = random_.below(4) == 0;
    clock_.advance(Duration::seconds(static_cast<int64_t>(random_.below(30))));
    const auto answer = ask(callers[random_.below(callers.size())], request);
    const auto* response = std::get_if<adhoc::Command>(&answer);
    if (response == nullptr) continue;
    EXPECT_EQ(response->node, request.node);
    if (response->status == CommandStatus::kExecuting) {
      expectStage(*response);
      if (ids.size() < 40) ids.push_back(response->session_id);
    } else if (response->status == CommandStatus::kCompleted) {
      ++completed;
      expectCompleted(*response, NoteType::kInfo, request.wants_reply);
      EXPECT_EQ(request.wants_reply, !response->reply_type.empty());
    } else {
      EXPECT_EQ(response->status, CommandStatus::kCanceled);
    }
  }
  EXPECT_GT(completed, 100u);
  EXPECT_GT(failovers_.size(), 10u);
}

}  // namespace
}  // namespace muster::catalogue
