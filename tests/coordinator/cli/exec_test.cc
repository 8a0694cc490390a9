// Forms of anybody: filled in from words or by a person, and shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "coordinator/cli/exec_dialogue.h"
#include "coordinator/cli/exec_form.h"
#include "coordinator/cli/exec_view.h"
#include "coordinator/cli/layout.h"

namespace muster::cli {
namespace {

using adhoc::Action;
using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Field field(const std::string& var, FieldType type, bool required = false) {
  Field out;
  out.var = var;
  out.type = type;
  out.label = "The " + var;
  out.required = required;
  return out;
}

// One field of each kind.
Form everything() {
  Form form;
  form.title = "A form";
  form.instructions = "Fill it in.\nAll of it.";
  Field hidden = field("FORM_TYPE", FieldType::kHidden);
  hidden.values = {"urn:example:form"};
  Field fixed = field("", FieldType::kFixed);
  fixed.label.clear();
  fixed.values = {"Read this."};
  Field list = field("level", FieldType::kListSingle, true);
  list.options = {{"Debugging", "debug"}, {"Information", "info"}};
  Field several = field("parts", FieldType::kListMulti);
  several.options = {{"", "a"}, {"", "b"}, {"", "c"}};
  Field flag = field("wait", FieldType::kBoolean);
  flag.values = {"0"};
  Field untyped = field("name", FieldType::kTextSingle, true);
  untyped.type.reset();
  form.fields = {hidden,
                 fixed,
                 list,
                 several,
                 flag,
                 untyped,
                 field("who", FieldType::kJidSingle),
                 field("all", FieldType::kJidMulti),
                 field("text", FieldType::kTextMulti),
                 field("password", FieldType::kTextPrivate)};
  return form;
}

Given given(const std::vector<std::string>& words) {
  auto out = parseGiven(words);
  EXPECT_TRUE(out.isOk()) << out.status().text();
  return out ? *out : Given{};
}

std::vector<std::string> valuesOf(const Filled& filled, const std::string& var) {
  const Field* found = filled.form.find(var);
  return found == nullptr ? std::vector<std::string>{"(no such field)"} : found->values;
}

std::string errorsOf(const Filled& filled) {
  std::string out;
  for (const Status& error : filled.errors) out += error.text() + "\n";
  return out;
}

TEST(ExecForm, WordsAreNamesAndValues) {
  EXPECT_THAT(given({"a=1", "b=x=y", "a=2"})["a"], ElementsAre("1", "2"));
  EXPECT_THAT(given({"b=x=y"})["b"], ElementsAre("x=y"));
  EXPECT_THAT(parseGiven({"debug"}).status().text(), HasSubstr("'debug' is not name=value"));
  EXPECT_FALSE(parseGiven({"=x"}).isOk());
}

TEST(ExecForm, WordsOfAVerbAreNamedValues) {
  const auto values =
      namedValues({"--cache", "pages", "--unused-for=1h", "a=b=c", "--force", "--last"});
  ASSERT_TRUE(values.isOk()) << values.status().text();
  EXPECT_THAT(*values,
              ElementsAre("cache=pages", "unused-for=1h", "a=b=c", "force=true", "last=true"));
  EXPECT_THAT(namedValues({"--cache", "pages", "now"}).status().text(),
              HasSubstr("'now' needs the name of its field, as --NAME now"));
  EXPECT_FALSE(namedValues({"--"}).isOk());
}

TEST(ExecForm, AllKindsAreFilledIn) {
  const Filled filled = fillForm(
      everything(), given({"level=debug", "parts=a", "parts=c", "wait=yes", "name=n", "who=a@B.c",
                           "all=a@b.c", "all=d@e.f", "text=one\ntwo", "password=s3cret"}));
  EXPECT_EQ(errorsOf(filled), "");
  EXPECT_THAT(filled.unknown, IsEmpty());
  EXPECT_EQ(filled.form.type, adhoc::FormType::kSubmit);
  EXPECT_THAT(valuesOf(filled, "FORM_TYPE"), ElementsAre("urn:example:form"));
  EXPECT_THAT(valuesOf(filled, "level"), ElementsAre("debug"));
  EXPECT_THAT(valuesOf(filled, "parts"), ElementsAre("a", "c"));
  EXPECT_THAT(valuesOf(filled, "wait"), ElementsAre("true"));
  EXPECT_THAT(valuesOf(filled, "who"), ElementsAre("a@b.c"));
  EXPECT_THAT(valuesOf(filled, "all"), ElementsAre("a@b.c", "d@e.f"));
  EXPECT_THAT(valuesOf(filled, "text"), ElementsAre("one\ntwo"));
}

TEST(ExecForm, OptionsGoByTheirLabelsToo) {
  const Filled filled = fillForm(everything(), given({"level=information", "name=n"}));
  EXPECT_THAT(valuesOf(filled, "level"), ElementsAre("info"));
}

TEST(ExecForm, WhatIsMissingIsNamedAllAtOnce) {
  const std::string errors = errorsOf(fillForm(everything(), {}));
  EXPECT_EQ(errors,
            "level is missing (The level); it wants one of debug and info\n"
            "name is missing (The name); it wants text\n");
}

TEST(ExecForm, PresentValuesStay) {
  Form form = everything();
  form.fields[2].values = {"info"};
  const Filled filled = fillForm(form, given({"name=n"}));
  EXPECT_EQ(errorsOf(filled), "");
  EXPECT_THAT(valuesOf(filled, "level"), ElementsAre("info"));
  EXPECT_THAT(valuesOf(filled, "wait"), ElementsAre("0"));
}

TEST(ExecForm, WrongValuesAreRefused) {
  const auto error = [](const std::string& word) {
    return errorsOf(fillForm(everything(), given({"level=debug", "name=n", word})));
  };
  EXPECT_THAT(error("wait=maybe"), HasSubstr("wait can't be 'maybe'; it wants yes or no"));
  EXPECT_THAT(error("parts=d"), HasSubstr("parts can't be 'd'"));
  EXPECT_THAT(error("who=@b"), HasSubstr("who can't be '@b'"));
  EXPECT_THAT(errorsOf(fillForm(everything(), given({"level=debug", "level=info", "name=n"}))),
              HasSubstr("level is given 2 times"));
  EXPECT_THAT(errorsOf(fillForm(everything(), given({"level=debg", "name=n"}))),
              HasSubstr("did you mean 'debug'"));
  EXPECT_THAT(errorsOf(fillForm(everything(), given({"level=debug", "name="}))),
              HasSubstr("name must not be empty"));
  EXPECT_THAT(errorsOf(fillForm(everything(), given({"level=debug", "name=a\nb"}))),
              HasSubstr("line break"));
}

TEST(ExecForm, UnknownAndHiddenNamesAreTold) {
  const Filled filled =
      fillForm(everything(), given({"level=debug", "name=n", "FORM_TYPE=x", "nam=y"}));
  EXPECT_THAT(filled.unknown, ElementsAre("FORM_TYPE", "nam"));
  EXPECT_THAT(valuesOf(filled, "FORM_TYPE"), ElementsAre("urn:example:form"));
  EXPECT_THAT(fieldSuggestion(everything(), "nam"), HasSubstr("did you mean 'name'"));
}

// --- what is shown ------------------------------------------------------------------------------

TEST(ExecView, AFormShowsAllThatIsAsked) {
  const auto lines = questionLines(everything(), kAnyWidth);
  EXPECT_EQ(lines[0], "A form");
  EXPECT_EQ(lines[1], "Fill it in.");
  EXPECT_THAT(lines, Contains("Read this."));
  EXPECT_THAT(lines, Contains("The level (level, list-single, required)"));
  EXPECT_THAT(lines, Contains("    1  debug (Debugging)"));
  EXPECT_THAT(lines, Contains("The wait (wait, boolean) [0]"));
  for (const std::string& line : lines) EXPECT_EQ(line.find("urn:example"), std::string::npos);
}

TEST(ExecView, ASecretIsNotShown) {
  Field secret = field("password", FieldType::kTextPrivate);
  secret.values = {"s3cret"};
  for (const std::string& line : fieldLines(secret, kAnyWidth)) {
    EXPECT_EQ(line.find("s3cret"), std::string::npos);
  }
}

adhoc::Command answered() {
  adhoc::Command answer;
  answer.status = adhoc::CommandStatus::kCompleted;
  answer.notes = {{adhoc::NoteType::kWarn, "It is\x1b[2J late."}};
  Form form;
  form.type = adhoc::FormType::kResult;
  Field text = field("uptime", FieldType::kTextSingle);
  text.values = {"3 days"};
  Field flag = field("ok", FieldType::kBoolean);
  flag.values = {"1"};
  form.fields = {text, flag};
  form.reported = {field("name", FieldType::kTextSingle), field("level", FieldType::kTextSingle)};
  for (const char* name : {"root", "storage"}) {
    Field a = field("name", FieldType::kTextSingle);
    a.values = {name};
    Field b = field("level", FieldType::kTextSingle);
    b.values = {"info"};
    form.items.push_back({a, b});
  }
  answer.form = form;
  return answer;
}

TEST(ExecView, NotesFieldsAndTables) {
  const auto lines = answerLines(answered(), kAnyWidth);
  EXPECT_THAT(lines, ElementsAre("warn: It is [2J late.", "The uptime: 3 days", "The ok: yes",
                                 "The name  The level", "root      info", "storage   info"));
}

TEST(ExecView, ATableThatIsSentAsTextTooIsShownOnce) {
  adhoc::Command answer = answered();
  Field text = field("table", FieldType::kTextMulti);
  text.values = {"The name  The level", "root      info", "storage   info"};
  answer.form->fields.push_back(text);
  EXPECT_EQ(answerLines(answer, kAnyWidth).size(), answerLines(answered(), kAnyWidth).size());
}

TEST(ExecView, Json) {
  const auto json = answerJson(answered());
  EXPECT_EQ(json["status"], "completed");
  EXPECT_EQ(json["notes"][0]["type"], "warn");
  EXPECT_EQ(json["form"]["fields"][0]["var"], "uptime");
  EXPECT_EQ(json["form"]["rows"][1]["name"], "storage");
  adhoc::Command empty;
  EXPECT_TRUE(answerJson(empty)["form"].is_null());
}

// --- a person -----------------------------------------------------------------------------------

class Person : public Console {
 public:
  explicit Person(std::deque<std::string> answers) : answers_(std::move(answers)) {}
  void print(const std::string& line) override { printed += line + "\n"; }
  std::optional<std::string> ask(const std::string& prompt, bool hidden) override {
    prompts.push_back(prompt);
    if (hidden) ++hidden_prompts;
    if (answers_.empty()) return std::nullopt;
    std::string answer = answers_.front();
    answers_.pop_front();
    return answer;
  }
  bool isDone() const { return answers_.empty(); }

  std::string printed;
  std::vector<std::string> prompts;
  int hidden_prompts = 0;

 private:
  std::deque<std::string> answers_;
};

adhoc::Command stage(const Form& form, std::optional<adhoc::Actions> actions = std::nullopt) {
  adhoc::Command out;
  out.status = adhoc::CommandStatus::kExecuting;
  out.session_id = "s";
  out.form = form;
  out.actions = actions;
  return out;
}

TEST(ExecDialogue, EveryFieldIsAskedThenWhatToDo) {
  Person person({"2", "1, c", "yes", "my name", "", "a@b.c", "d@e.f", "", "", "s3cret", ""});
  const auto decision = talk(person, stage(everything()), {}, kAnyWidth);
  ASSERT_TRUE(decision.has_value());
  EXPECT_TRUE(person.isDone());
  EXPECT_EQ(decision->action, Action::kComplete);
  const auto values = [&](const std::string& var) { return decision->form.find(var)->values; };
  EXPECT_THAT(values("level"), ElementsAre("info"));
  EXPECT_THAT(values("parts"), ElementsAre("a", "c"));
  EXPECT_THAT(values("wait"), ElementsAre("true"));
  EXPECT_THAT(values("name"), ElementsAre("my name"));
  EXPECT_THAT(values("who"), IsEmpty());
  EXPECT_THAT(values("all"), ElementsAre("a@b.c", "d@e.f"));
  EXPECT_EQ(person.hidden_prompts, 1);
  EXPECT_THAT(person.prompts.back(), HasSubstr("complete or cancel [complete]"));
}

TEST(ExecDialogue, AWrongValueIsAskedForAgain) {
  Form form;
  form.fields = {field("name", FieldType::kTextSingle, true), field("on", FieldType::kBoolean)};
  Person person({"", "x", "maybe", "no", "complete"});
  const auto decision = talk(person, stage(form), {}, kAnyWidth);
  ASSERT_TRUE(decision.has_value());
  EXPECT_TRUE(person.isDone());
  EXPECT_THAT(decision->form.find("on")->values, ElementsAre("false"));
  EXPECT_THAT(person.printed, HasSubstr("name is missing"));
  EXPECT_THAT(person.printed, HasSubstr("on can't be 'maybe'"));
}

TEST(ExecDialogue, WhatWasGivenIsNotAskedUnlessItIsWrong) {
  Form form;
  form.fields = {field("name", FieldType::kTextSingle, true), field("on", FieldType::kBoolean)};
  Person person({"yes", ""});
  const auto decision =
      talk(person, stage(form), given({"name=from the shell", "on=perhaps"}), kAnyWidth);
  ASSERT_TRUE(decision.has_value());
  EXPECT_TRUE(person.isDone());
  EXPECT_THAT(decision->form.find("name")->values, ElementsAre("from the shell"));
  EXPECT_THAT(decision->form.find("on")->values, ElementsAre("true"));
}

TEST(ExecDialogue, TheFormCanBeLeftAtAnyField) {
  Form form;
  form.fields = {field("name", FieldType::kTextSingle, true)};
  adhoc::Actions actions{Action::kNext, true, true, false};
  Person back({":prev"});
  EXPECT_EQ(talk(back, stage(form, actions), {}, kAnyWidth)->action, Action::kPrev);
  Person gone({":ca"});
  EXPECT_EQ(talk(gone, stage(form, actions), {}, kAnyWidth)->action, Action::kCancel);
  Person colon({"::x", ""});
  EXPECT_THAT(talk(colon, stage(form, actions), {}, kAnyWidth)->form.find("name")->values,
              ElementsAre(":x"));
}

TEST(ExecDialogue, AMinusEmptiesAndEnterKeeps) {
  Form form;
  Field a = field("a", FieldType::kTextSingle);
  a.values = {"old"};
  Field b = a;
  b.var = "b";
  form.fields = {a, b};
  Person person({"-", "", ""});
  const auto decision = talk(person, stage(form), {}, kAnyWidth);
  EXPECT_THAT(decision->form.find("a")->values, IsEmpty());
  EXPECT_THAT(decision->form.find("b")->values, ElementsAre("old"));
}

TEST(ExecDialogue, WhoeverIsGoneDecidesNothing) {
  Person person({});
  EXPECT_FALSE(talk(person, stage(everything()), {}, kAnyWidth).has_value());
  Form empty;
  Person before_the_end({});
  EXPECT_FALSE(talk(before_the_end, stage(empty), {}, kAnyWidth).has_value());
}

TEST(ExecDialogue, ActionsByTheirBeginning) {
  const std::vector<Action> all = {Action::kNext, Action::kPrev, Action::kComplete,
                                   Action::kCancel};
  EXPECT_EQ(actionFrom("n", all), Action::kNext);
  EXPECT_EQ(actionFrom("Comp", all), Action::kComplete);
  EXPECT_EQ(actionFrom("c", all), std::nullopt);
  EXPECT_EQ(actionFrom("", all), std::nullopt);
  EXPECT_EQ(actionFrom("execute", all), std::nullopt);
  // The one that "go on" means comes first, cancel last.
  EXPECT_THAT(allowedActions(stage({}, adhoc::Actions{Action::kNext, true, true, true})),
              ElementsAre(Action::kNext, Action::kComplete, Action::kPrev, Action::kCancel));
  EXPECT_THAT(allowedActions(stage({})), ElementsAre(Action::kComplete, Action::kCancel));
}

}  // namespace
}  // namespace muster::cli
