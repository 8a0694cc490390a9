// The responder of XEP-0050 with a fixture's commands behind it, and how to ask it.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "libcontrol/catalogue/adhoc_face.h"
#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {

using adhoc::Action;
using adhoc::CommandCondition;
using adhoc::CommandStatus;
using adhoc::ErrorCondition;
using adhoc::Field;
using adhoc::Form;
using adhoc::FormType;
using adhoc::NoteType;
using ::testing::HasSubstr;
using ::testing::Not;
using Values = std::vector<std::pair<std::string, std::string>>;

class AdhocFaceTest : public Stage {
 protected:
  void SetUp() override {
    Stage::SetUp();
    face_ = std::make_unique<AdhocFace>(*dispatcher_, random_);
  }
  void onNode() {
    make("muster.v1.NodeCommands", nodeHandlers());
    face_ = std::make_unique<AdhocFace>(*dispatcher_, random_);
  }

  static adhoc::Command command(const std::string& node, std::optional<Action> action = {},
                                const std::string& session = {}) {
    adhoc::Command out;
    out.node = node;
    out.action = action;
    out.session_id = session;
    return out;
  }
  static Form submitted(const Values& values) {
    Form form;
    form.type = FormType::kSubmit;
    for (const auto& [var, value] : values) {
      Field field;
      field.var = var;
      field.values = {value};
      form.fields.push_back(field);
    }
    return form;
  }
  static adhoc::Command with(adhoc::Command command, const Values& values) {
    command.form = submitted(values);
    return command;
  }

  AdhocFace::Answer ask(const Jid& from, const adhoc::Command& request) {
    std::optional<AdhocFace::Answer> got;
    face_->handle(from, at_, request, clock_.elapsed(), clock_.wall(),
                  [&got](AdhocFace::Answer answer) {
                    EXPECT_FALSE(got.has_value()) << "answered twice";
                    got = std::move(answer);
                  });
    EXPECT_TRUE(got.has_value()) << "not answered";
    return got.value_or(adhoc::Error{});
  }
  adhoc::Command answered(const Jid& from, const adhoc::Command& request) {
    const auto answer = ask(from, request);
    if (const auto* error = std::get_if<adhoc::Error>(&answer)) {
      ADD_FAILURE() << "error: " << error->text;
      return {};
    }
    return std::get<adhoc::Command>(answer);
  }
  adhoc::Error refused(const Jid& from, const adhoc::Command& request) {
    const auto answer = ask(from, request);
    if (!std::holds_alternative<adhoc::Error>(answer)) {
      ADD_FAILURE() << "not refused";
      return {};
    }
    return std::get<adhoc::Error>(answer);
  }
  static void expectError(const adhoc::Error& error, ErrorCondition condition,
                          CommandCondition what = CommandCondition::kNone) {
    EXPECT_EQ(error.condition, condition) << error.text;
    EXPECT_EQ(error.command_condition, what) << error.text;
  }
  // Every executing stage: one form, and actions with the default among them.
  static void expectStage(const adhoc::Command& stage) {
    EXPECT_EQ(stage.status, CommandStatus::kExecuting);
    ASSERT_TRUE(stage.form.has_value());
    EXPECT_EQ(stage.form->type, FormType::kForm);
    ASSERT_TRUE(stage.actions.has_value());
    EXPECT_EQ(stage.actions->execute, Action::kComplete);
    EXPECT_TRUE(stage.actions->complete);
    EXPECT_FALSE(stage.actions->prev || stage.actions->next);
    EXPECT_FALSE(stage.session_id.empty());
  }
  static void expectCompleted(const adhoc::Command& done, NoteType note, bool for_program = false) {
    EXPECT_EQ(done.status, CommandStatus::kCompleted);
    EXPECT_FALSE(done.actions.has_value());
    ASSERT_EQ(done.notes.size(), 1u);
    EXPECT_EQ(done.notes[0].type, note);
    EXPECT_EQ(done.notes[0].text.find('%'), std::string::npos);
    EXPECT_FALSE(done.notes[0].text.empty());
    ASSERT_EQ(done.form.has_value(), !for_program);
    if (done.form) {
      EXPECT_EQ(done.form->type, FormType::kResult);
    }
  }
  std::string openFailover() {
    const auto stage = answered(otto_, command("failover", Action::kExecute));
    expectStage(stage);
    return stage.session_id;
  }

  AdhocFace::At at_{"muster.example.org", ""};
  std::unique_ptr<AdhocFace> face_;
};

}  // namespace muster::catalogue
