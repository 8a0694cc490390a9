// Replies that are too long for one stanza.
#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/form.h"
#include "tests/libcontrol/catalogue/adhoc_face_fixture.h"

namespace muster::catalogue {
namespace {

TEST_F(AdhocFaceTest, AFormIsCutToWhatAServerTakesAndSaysSo) {
  large_status_ = largeStatus(3000, 60);
  for (auto& group : *large_status_->mutable_groups()) group.set_name(group.name() + "'&");
  const adhoc::Command done = answered(olga_, command("status"));
  expectCompleted(done, NoteType::kWarn);
  const size_t shown = done.form->items.size();
  EXPECT_GT(shown, 100U);
  EXPECT_LT(shown, 3000U);
  const std::string told = std::to_string(shown) + " of 3000 lines are shown";
  EXPECT_THAT(done.notes[0].text, HasSubstr(told));
  EXPECT_THAT(done.form->instructions, HasSubstr(told));
  ASSERT_NE(done.form->find(kCutVar), nullptr);
  EXPECT_EQ(done.form->find(kCutVar)->type, adhoc::FieldType::kFixed);
}

TEST_F(AdhocFaceTest, AFormThatFitsIsLeftAlone) {
  Form form;
  form.fields.push_back(
      {.var = "a", .type = {}, .label = "", .desc = "", .values = {"x"}, .options = {}});
  const Form before = form;
  EXPECT_FALSE(cutToFit(form, 10'000).has_value());
  EXPECT_EQ(form, before);
  form.fields[0].values = {std::string(3000, '&')};
  EXPECT_TRUE(cutToFit(form, 10'000).has_value()) << "18,000 bytes as XML";
  EXPECT_TRUE(form.fields.empty());
}

TEST_F(AdhocFaceTest, AReplyForAProgramComesInParts) {
  large_status_ = largeStatus(4000, 80);
  adhoc::Command request = command("status");
  request.wants_reply = true;
  adhoc::Command part = answered(olga_, request);
  const std::string id = part.session_id;
  std::string bytes = part.reply_bytes;
  EXPECT_EQ(part.reply_part, 1U);
  EXPECT_EQ(part.reply_parts, 4U);
  request.session_id = id;
  request.action = Action::kNext;
  expectError(refused(otto_, request), ErrorCondition::kBadRequest,
              CommandCondition::kBadSessionId);
  for (size_t i = 2; i <= 4; ++i) {
    EXPECT_EQ(part.status, CommandStatus::kExecuting);
    ASSERT_TRUE(part.actions.has_value());
    EXPECT_EQ(part.actions->execute, Action::kNext);
    EXPECT_TRUE(part.actions->next);
    part = answered(olga_, request);
    EXPECT_EQ(part.reply_part, i);
    EXPECT_LE(part.reply_bytes.size(), limits::kMaxReplyPartBytes);
    bytes += part.reply_bytes;
  }
  EXPECT_EQ(part.status, CommandStatus::kCompleted);
  EXPECT_EQ(part.reply_type, "muster.v1.StatusReply");
  EXPECT_EQ(bytes, large_status_->SerializeAsString());
  expectError(refused(olga_, request), ErrorCondition::kBadRequest,
              CommandCondition::kBadSessionId);
}

TEST_F(AdhocFaceTest, PartsCanBeGivenUpAndGoWithTheirSession) {
  large_status_ = largeStatus(4000, 80);
  adhoc::Command request = command("status");
  request.wants_reply = true;
  request.session_id = answered(olga_, request).session_id;
  request.action = Action::kCancel;
  EXPECT_EQ(answered(olga_, request).status, CommandStatus::kCanceled);
  request.action = Action::kNext;
  expectError(refused(olga_, request), ErrorCondition::kBadRequest,
              CommandCondition::kBadSessionId);

  request = command("status");
  request.wants_reply = true;
  request.session_id = answered(olga_, request).session_id;
  request.action = Action::kNext;
  clock_.advance(limits::kSessionLife);
  expectError(refused(olga_, request), ErrorCondition::kNotAllowed,
              CommandCondition::kSessionExpired);
}

TEST_F(AdhocFaceTest, AReplyBeyondAllBoundsNamesTheRemedy) {
  large_status_ = largeStatus(10, 1024 * 1024);
  adhoc::Command request = command("status");
  request.wants_reply = true;
  const adhoc::Error error = refused(olga_, request);
  expectError(error, ErrorCondition::kResourceConstraint);
  EXPECT_THAT(error.text, HasSubstr("ask for less of it"));
}

}  // namespace
}  // namespace muster::catalogue
