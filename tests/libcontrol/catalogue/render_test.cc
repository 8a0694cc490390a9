// Forms, text, JSON and the reference: what a command looks like on each face.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/form.h"
#include "libcontrol/catalogue/json.h"
#include "libcontrol/catalogue/markdown.h"
#include "libcontrol/catalogue/reply_view.h"
#include "libcontrol/catalogue/text.h"
#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {
namespace {

using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using adhoc::FormType;
using adhoc::Option;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> vars(const std::vector<Field>& fields) {
  std::vector<std::string> out;
  for (const Field& field : fields) out.push_back(field.var);
  return out;
}

// What holds for every form that is sent, whatever the command.
void expectSendable(const Form& form) {
  const auto one_line = [](const std::string& text) {
    return text.find_first_of("\n\r\t") == std::string::npos;
  };
  EXPECT_TRUE(one_line(form.title));
  EXPECT_TRUE(one_line(form.instructions));
  ASSERT_FALSE(form.fields.empty());
  EXPECT_EQ(form.fields[0].var, "FORM_TYPE");
  EXPECT_EQ(form.fields[0].type, FieldType::kHidden);
  std::set<std::string> seen;
  for (const Field& field : form.fields) {
    EXPECT_TRUE(seen.insert(field.var).second) << field.var << " is there twice";
    EXPECT_FALSE(field.var.empty());
    EXPECT_TRUE(field.type.has_value()) << field.var << " has no type";
    EXPECT_TRUE(one_line(field.desc) && one_line(field.label)) << field.var;
    EXPECT_TRUE(field.type == FieldType::kHidden || !field.label.empty()) << field.var;
    for (const Option& option : field.options) EXPECT_FALSE(option.label.empty()) << field.var;
    for (const std::string& value : field.values) EXPECT_TRUE(one_line(value)) << field.var;
    EXPECT_TRUE(field.type == FieldType::kTextMulti || field.values.size() <= 1) << field.var;
  }
  for (const auto& row : form.items) {
    ASSERT_EQ(row.size(), form.reported.size());
    for (size_t i = 0; i < row.size(); ++i) EXPECT_EQ(row[i].var, form.reported[i].var);
  }
}

// What can be written into a field without options.
std::string somethingFor(const Argument& argument) {
  switch (argument.type) {
    case Type::kInteger:
      return std::to_string(argument.has_range ? argument.min : 1);
    case Type::kDuration:
      return "1m";
    default:
      return std::string("something").substr(0, argument.max_length);
  }
}

class RenderTest : public Stage {
 protected:
  PaperDirectory& names() { return directory_; }
  const Command& command(const std::string& verb) const { return *all_.find(verb); }
  Scope scope(Role role, const std::string& group = {}) const { return {role, group, &directory_}; }

  AllCommands all_;
};

test::TypesReply fullReply() {
  test::TypesReply reply;
  reply.set_text("two\nlines\x07");
  reply.set_flag(true);
  reply.set_huge(UINT64_MAX);
  reply.set_least(INT64_MIN);
  reply.set_raw(std::string("\x00\xff", 2));
  reply.set_color(test::COLOR_BLUE);
  reply.add_tags("a");
  reply.add_tags("b");
  reply.set_took_ms(90'000);
  reply.set_secret_note("psst");
  reply.mutable_inner()->set_x(3);
  auto* row = reply.add_rows();
  row->set_name("first\nrow");
  row->mutable_level()->set_percent(99.985);
  row->mutable_level()->set_text("In words: 99.98%");
  row->mutable_inner()->set_y(true);
  row->set_age_ms(1000);
  reply.add_rows()->set_name("longer name of a row");
  reply.set_ratio(0.1);
  return reply;
}

TEST_F(RenderTest, ListsOfSentencesStandBelowEachOther) {
  test::TypesReply reply;
  reply.add_maybe_lines("First this.");
  reply.add_maybe_lines("Then, after a while, that.");
  reply.add_maybe_rows()->set_name("row");
  const std::string text = replyText(reply);
  EXPECT_THAT(text, HasSubstr("Steps:\nFirst this.\nThen, after a while, that.\n"));
  EXPECT_THAT(text, HasSubstr("Maybe rows:\n"));
  const Form form = resultForm(command("types"), reply, true);
  EXPECT_THAT(form.find("maybe_lines")->values,
              ElementsAre("First this.", "Then, after a while, that."));
  EXPECT_EQ(form.find("maybe_lines")->type, FieldType::kTextMulti);
}

TEST_F(RenderTest, WhatIsOmittedWhenEmptyIsShownToProgramsOnly) {
  const test::TypesReply reply;
  EXPECT_THAT(replyText(reply),
              Not(AnyOf(HasSubstr("Steps"), HasSubstr("Maybe rows"), HasSubstr("Link"))));
  EXPECT_THAT(replyText(reply), HasSubstr("More:\n(none)"));
  const Form form = resultForm(command("types"), reply, true);
  EXPECT_EQ(form.find("maybe_lines"), nullptr);
  EXPECT_EQ(form.find("maybe_rows"), nullptr);
  EXPECT_EQ(toJson(reply)["maybe_lines"], nlohmann::ordered_json::array());
  EXPECT_EQ(toJson(reply)["maybe_link"], nullptr);
  test::TypesReply with_link;
  with_link.set_maybe_link("there");
  EXPECT_THAT(replyText(with_link), HasSubstr("Link: there"));
}

TEST_F(RenderTest, RequestForm) {
  const Form form = requestForm(command("failover"), scope(v1::ROLE_OPERATOR));
  expectSendable(form);
  EXPECT_EQ(form.type, FormType::kForm);
  EXPECT_EQ(form.title, "Move the active role");
  EXPECT_THAT(form.instructions, HasSubstr("Drains the active node"));
  EXPECT_EQ(form.find("FORM_TYPE")->values[0], "urn:muster:command:failover");
  EXPECT_THAT(vars(form.fields), ElementsAre("FORM_TYPE", "group", "to", "expect-epoch", "wait",
                                             "dry-run", "force", "at"))
      << "hidden arguments are not shown";
  const Field& group = *form.find("group");
  EXPECT_EQ(group.type, FieldType::kListSingle);
  EXPECT_TRUE(group.required);
  EXPECT_THAT(group.options, ElementsAre(Option{"storage", "storage"}, Option{"mail", "mail"}));
  const Field& to = *form.find("to");
  EXPECT_EQ(to.type, FieldType::kListSingle);
  EXPECT_EQ(to.options[0].value, "") << "nothing must be a choice too";
  EXPECT_EQ(form.find("expect-epoch")->type, FieldType::kTextSingle);
  EXPECT_EQ(form.find("wait")->type, FieldType::kBoolean);
}

TEST_F(RenderTest, RequestFormByRoleAndPlace) {
  EXPECT_THAT(vars(requestForm(command("log-level"), scope(v1::ROLE_OBSERVER)).fields),
              ElementsAre("FORM_TYPE", "logger"));
  EXPECT_THAT(vars(requestForm(command("log-level"), scope(v1::ROLE_OPERATOR)).fields),
              ElementsAre("FORM_TYPE", "logger", "level", "for"));
  EXPECT_THAT(vars(requestForm(command("failover"), scope(v1::ROLE_OPERATOR, "mail")).fields),
              ElementsAre("FORM_TYPE", "to", "expect-epoch", "wait", "dry-run", "force", "at"));
}

TEST_F(RenderTest, OpenOrLongChoicesAreTyped) {
  const Form form = requestForm(command("log-level"), scope(v1::ROLE_OPERATOR));
  EXPECT_EQ(form.find("logger")->type, FieldType::kTextSingle);
  EXPECT_THAT(form.find("logger")->desc, HasSubstr("Known: storage and storage.disk."));
  EXPECT_EQ(form.find("level")->type, FieldType::kListSingle);
  EXPECT_EQ(form.find("level")->options.size(), 9u);
  EXPECT_EQ(form.find("level")->options[2], (Option{"debug", "debug"}));
  EXPECT_THAT(form.find("for")->desc, HasSubstr("1s to 30d, such as 90s, 10m or 2h, or forever."));

  auto& groups = names().lists["groups"];
  groups.clear();
  for (size_t i = 0; i < limits::kMaxListedNames; ++i) groups.push_back("g" + std::to_string(i));
  EXPECT_EQ(requestForm(command("failover"), scope(v1::ROLE_OPERATOR)).find("group")->type,
            FieldType::kListSingle);
  groups.push_back("one-more");
  EXPECT_EQ(requestForm(command("failover"), scope(v1::ROLE_OPERATOR)).find("group")->type,
            FieldType::kTextSingle);
}

TEST_F(RenderTest, AfterAnErrorTheFormIsFilledInAndSaysWhatWasWrong) {
  const RawArguments given{
      {}, {{"group", "mail"}, {"to", "node9"}, {"expect-epoch", "x\ny"}, {"wait", "1"}}};
  const Form form = requestForm(command("failover"), scope(v1::ROLE_OPERATOR), given,
                                {Status(Code::kNotFound, "there is no 'node9'", "to")});
  expectSendable(form);
  EXPECT_EQ(form.find("group")->values, std::vector<std::string>{"mail"});
  EXPECT_EQ(form.find("to")->values, std::vector<std::string>{""}) << "no option has node9";
  EXPECT_EQ(form.find("expect-epoch")->values, std::vector<std::string>{"x y"});
  EXPECT_EQ(form.find("wait")->values, std::vector<std::string>{"true"});
  EXPECT_EQ(form.instructions, "there is no 'node9'");
  const Field* error = form.find(kErrorVar);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->type, FieldType::kFixed);
  EXPECT_EQ(error->values, std::vector<std::string>{"there is no 'node9'"});
}

TEST_F(RenderTest, EveryCommandsFormIsSendableAndComesBack) {
  std::vector<Command> commands;
  for (const Catalogue* catalogue : {&all_.node, &all_.cluster, &all_.types}) {
    commands.insert(commands.end(), catalogue->commands().begin(), catalogue->commands().end());
  }
  for (const Command& each : commands) {
    Form form = requestForm(each, scope(v1::ROLE_ADMIN));
    expectSendable(form);
    form.type = FormType::kSubmit;
    // As clients do it: what was not filled in comes back empty, and without types.
    for (Field& field : form.fields) {
      field.type.reset();
      if (field.required) {
        field.values = {field.options.empty() ? somethingFor(*each.find(field.var))
                                              : field.options[0].value};
      }
      if (field.values.empty()) field.values = {""};
    }
    const auto raw = submittedArguments(each, form);
    ASSERT_TRUE(raw.isOk()) << raw.status().text();
    const Bound bound = bind(each, *raw, scope(v1::ROLE_ADMIN));
    EXPECT_TRUE(bound.errors.empty()) << each.verb << ": " << combine(bound.errors).text();
  }
}

TEST_F(RenderTest, SubmittedForms) {
  const Command& each = command("failover");
  Form form;
  form.type = FormType::kSubmit;
  const auto field = [&form](const std::string& var, std::vector<std::string> values) {
    Field out;
    out.var = var;
    out.values = std::move(values);
    form.fields.push_back(out);
  };
  field("group", {"mail"});
  field("to", {""});
  field("wait", {});
  field(kErrorVar, {"old text"});
  field("bogus", {"1"});
  auto raw = submittedArguments(each, form);
  ASSERT_TRUE(raw.isOk()) << "FORM_TYPE may be missing";
  EXPECT_EQ(raw->named,
            (std::vector<std::pair<std::string, std::string>>{{"group", "mail"}, {"bogus", "1"}}));
  EXPECT_EQ(bind(each, *raw, scope(v1::ROLE_OPERATOR)).errors.at(0).field(), "bogus");

  field("FORM_TYPE", {"urn:muster:command:status"});
  EXPECT_THAT(submittedArguments(each, form).status().text(),
              HasSubstr("urn:muster:command:status"));
  form.fields.pop_back();
  field("wait", {"1", "0"});
  EXPECT_EQ(submittedArguments(each, form).status().field(), "wait");
}

TEST_F(RenderTest, SubmitFormOfAProgram) {
  const Command& each = command("failover");
  const auto form = submitForm(each, {{"mail"}, {{"to", "node2"}}});
  ASSERT_TRUE(form.isOk());
  const auto raw = submittedArguments(each, *form);
  ASSERT_TRUE(raw.isOk());
  EXPECT_EQ(raw->named,
            (std::vector<std::pair<std::string, std::string>>{{"group", "mail"}, {"to", "node2"}}));
  EXPECT_FALSE(submitForm(each, {{"a", "b"}, {}}).isOk());
  EXPECT_EQ(submitForm(each, {{"a"}, {{"group", "b"}}}).status().field(), "group");
}

TEST_F(RenderTest, ResultForm) {
  const Form form = resultForm(command("types"), fullReply(), true);
  expectSendable(form);
  EXPECT_EQ(form.type, FormType::kResult);
  EXPECT_EQ(form.find("flag")->type, FieldType::kBoolean);
  EXPECT_EQ(form.find("flag")->values[0], "true");
  EXPECT_EQ(form.find("huge")->values[0], "18446744073709551615");
  EXPECT_EQ(form.find("least")->values[0], "-9223372036854775808");
  EXPECT_EQ(form.find("took_ms")->values[0], "1m30s");
  EXPECT_EQ(form.find("took_ms")->label, "Took");
  EXPECT_EQ(form.find("color")->values[0], "blue");
  EXPECT_THAT(form.find("tags")->values, ElementsAre("a", "b"));
  EXPECT_EQ(form.find("tags")->type, FieldType::kTextMulti);
  EXPECT_EQ(form.find("maybe")->values[0], "");
  EXPECT_EQ(form.find("inner.x")->values[0], "3");
  EXPECT_EQ(form.find("secret_note"), nullptr);
  EXPECT_EQ(form.find("text")->type, FieldType::kTextMulti);
  EXPECT_THAT(form.find("text")->values, ElementsAre("two", "lines "));
  EXPECT_THAT(vars(form.reported),
              ElementsAre("name", "level.percent", "inner.x", "inner.y", "age_ms", "level.text"));
  ASSERT_EQ(form.items.size(), 2u);
  EXPECT_EQ(form.items[0][0].values[0], "first row");
  EXPECT_EQ(form.items[0][1].values[0], "99.985");
  EXPECT_EQ(form.find("rows")->type, FieldType::kTextMulti);
  EXPECT_EQ(form.find("rows")->values.size(), 3u) << "a line of heads and two rows";
  EXPECT_THAT(form.find("more")->values, ElementsAre("(none)"));
}

TEST_F(RenderTest, AColumnThatIsSeldomFilledIsShownWhereItIs) {
  test::TypesReply reply;
  reply.add_rows()->set_name("one");
  test::Row& two = *reply.add_rows();
  two.set_name("two");
  two.set_often_empty("x");
  const auto hasColumn = [&](const test::TypesReply& shown) {
    const auto view = viewOf(shown);
    const auto& columns = view.tables.at(0).columns;
    return std::any_of(columns.begin(), columns.end(),
                       [](const auto& column) { return column.label == "Seldom"; });
  };
  EXPECT_TRUE(hasColumn(reply));
  two.clear_often_empty();
  EXPECT_FALSE(hasColumn(reply));
  EXPECT_EQ(viewOf(reply).tables[0].rows[1].size(), viewOf(reply).tables[0].columns.size());
}

TEST_F(RenderTest, WithoutAFormBeforeItATableIsATableOnly) {
  const Form form = resultForm(command("status"), statusReply(), false);
  expectSendable(form);
  EXPECT_EQ(form.find("groups"), nullptr);
  EXPECT_EQ(form.items.size(), 2u);
  EXPECT_EQ(form.find("overall")->values[0],
            "Overall service level: 100% (within advertised SLA range)");
  EXPECT_EQ(form.find("overall.percent")->values[0], "100");
}

TEST_F(RenderTest, AFailureIsAFieldToo) {
  const Form form = failureForm(command("failover"), {Code::kRefusedUnsafe, "no\nquorum"});
  expectSendable(form);
  EXPECT_EQ(form.find(kErrorVar)->values[0], "no quorum");
  EXPECT_EQ(form.find(kErrorVar)->type, FieldType::kTextSingle);
}

TEST_F(RenderTest, ReplyText) {
  EXPECT_EQ(replyText(statusReply()),
            "In all: Overall service level: 100% (within advertised SLA range)\n"
            "In all (%): 100\n"
            "Groups:\n"
            "Group    Active  Epoch  Phase   Level (%)  Present  Members  Note  In words\n"
            "storage  node1   7      ACTIVE  99.9       2        2        -     Storage service "
            "level: 99.9% (5 dropped in the last 10 mins.)\n"
            "mail     -       0      VACANT  -          0        3        -     -");
  v1::FailoverReply failover;
  failover.set_group("storage");
  failover.set_duration_ms(1500);
  EXPECT_EQ(replyText(failover),
            "Group: storage\nFrom: -\nTo: -\nEpoch: 0\nTook: 1s500ms\nState: -");
  EXPECT_EQ(replyText(v1::NodesReply()), "(none)");
}

TEST_F(RenderTest, HelpIsForTheRole) {
  const std::string observer = helpText(all_.cluster, scope(v1::ROLE_OBSERVER));
  EXPECT_THAT(observer, HasSubstr("status [GROUP]: Groups at a glance"));
  EXPECT_THAT(observer, Not(HasSubstr("failover")));
  EXPECT_THAT(helpText(all_.node, scope(v1::ROLE_OBSERVER)),
              HasSubstr("  log-level [LOGGER]: Log levels"));
  EXPECT_THAT(helpText(all_.cluster, scope(v1::ROLE_OPERATOR)),
              HasSubstr("failover GROUP [to=TO] [expect-epoch=NUMBER] [wait=yes|no]"));
  EXPECT_THAT(helpText(all_.cluster, scope(v1::ROLE_OPERATOR, "mail")),
              HasSubstr("failover [to=TO] [expect-epoch=NUMBER] [wait=yes|no]"));
}

TEST_F(RenderTest, HelpOfOneCommand) {
  EXPECT_EQ(
      helpText(command("failover"), scope(v1::ROLE_OPERATOR), Grammar::kChat),
      "failover: Move the active role\n"
      "Drains the active node of a group and makes another one active. Without a target the "
      "best candidate is taken. If the new node does not become active, the group gets an "
      "active node again by itself. A dry run says what would happen and moves nothing.\n"
      "\n"
      "Usage: failover GROUP [to=TO] [expect-epoch=NUMBER] [wait=yes|no] "
      "[dry-run=yes|no] [force=yes|no] [at=AT]\n"
      "Arguments:\n"
      "  group: The group whose active role moves. (one of the groups; required)\n"
      "  to: The node to make active; the best candidate if none is given. (one of the "
      "nodes)\n"
      "  expect-epoch: Refuse unless the group's epoch is still this one. (a whole number "
      "from 1 to 9007199254740991)\n"
      "  wait: Answer only when the new node is active, or when it has failed. (yes or no)\n"
      "  dry-run: Only say what would be done, who could take over and why; move nothing. "
      "(yes or no)\n"
      "  force: Also to a node that is drained, kept from failover, under the level floor or "
      "behind. Never shortens a wait that keeps two nodes from being active. (yes or no)\n"
      "  at: Not now, but then: a time in UTC, such as 02:30 or 2026-11-24T02:30:00Z, at most 30 "
      "days ahead. One for each group; another replaces it, unschedule takes it back. (text of "
      "at most 32 bytes)\n"
      "Needs the role operator. It asks back: only the code that it answers with carries it "
      "out.\n"
      "Examples:\n"
      "  failover storage\n"
      "  failover storage to=node2\n"
      "  failover storage dry-run=yes\n"
      "  failover storage at=02:30");
  const std::string there =
      helpText(command("failover"), scope(v1::ROLE_OPERATOR, "mail"), Grammar::kChat);
  EXPECT_THAT(there, HasSubstr("  failover to=node2"));
  EXPECT_THAT(there, Not(HasSubstr("storage")));
  EXPECT_THAT(helpText(command("log-level"), scope(v1::ROLE_OBSERVER), Grammar::kChat),
              Not(HasSubstr("for=10m")));
}

TEST_F(RenderTest, HelpOfTheCommandLine) {
  const std::string text = cliText(command("failover"));
  EXPECT_THAT(text, HasSubstr("Usage: muster failover GROUP [--to TO] [--expect-epoch NUMBER] "
                              "[--wait]"));
  EXPECT_THAT(text, HasSubstr("  --key: Requests with the same key are carried out once. (text of "
                              "at most 64 bytes; for scripts)"));
  EXPECT_THAT(text, HasSubstr("  muster failover storage --to node2"));
  EXPECT_THAT(cliText(command("log-level")),
              HasSubstr("  muster log-level storage debug --for 10m"));
}

TEST_F(RenderTest, Json) {
  const auto json = toJson(fullReply());
  EXPECT_EQ(json.size(), 17u) << "every field, hidden ones too";
  EXPECT_EQ(json["huge"].get<uint64_t>(), UINT64_MAX);
  EXPECT_TRUE(json["huge"].is_number_unsigned());
  EXPECT_EQ(json["least"].get<int64_t>(), INT64_MIN);
  EXPECT_EQ(json["raw"], "00ff");
  EXPECT_EQ(json["color"], "blue");
  EXPECT_EQ(json["tags"], (nlohmann::ordered_json{"a", "b"}));
  EXPECT_TRUE(json["maybe"].is_null());
  EXPECT_EQ(json["took_ms"], 90'000);
  EXPECT_EQ(json["rows"][1]["level"]["text"], "");
  EXPECT_TRUE(json["rows"][1]["level"]["percent"].is_null());
  EXPECT_EQ(json["more"], nlohmann::ordered_json::array());
}

TEST_F(RenderTest, JsonLeavesNothingOut) {
  EXPECT_EQ(jsonText(v1::FailoverReply()),
            "{\n"
            "  \"group\": \"\",\n"
            "  \"from\": \"\",\n"
            "  \"to\": \"\",\n"
            "  \"epoch\": 0,\n"
            "  \"duration_ms\": 0,\n"
            "  \"state\": \"\",\n"
            "  \"steps\": [],\n"
            "  \"candidates\": [],\n"
            "  \"at\": \"\"\n"
            "}");
  EXPECT_EQ(jsonText(v1::NodeInfoRequest()), "{}");
}

TEST_F(RenderTest, JsonOfErrors) {
  const Status field(Code::kNotFound, "there is no 'x'", "to");
  const auto json = errorJson(field, {field})["error"];
  EXPECT_EQ(json["code"], "not-found");
  EXPECT_EQ(json["field"], "to");
  EXPECT_EQ(json["errors"][0]["text"], "there is no 'x'");
  EXPECT_THAT(errorJsonText({Code::kTimeout, "late \xff"}), HasSubstr("\"code\": \"timeout\""));
}

TEST_F(RenderTest, TheReference) {
  const auto made = musterCommandsMarkdown();
  ASSERT_TRUE(made.isOk()) << made.status().text();
  const std::string& text = *made;
  EXPECT_EQ(text, *musterCommandsMarkdown());
  for (const char* verb :
       {"status", "nodes", "failover", "log-level", "service-level", "node-info"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n### ") + verb + "\n"));
  }
  EXPECT_THAT(text,
              HasSubstr("| `group` (word 1) | one of the groups, at most 64 bytes; required "
                        "| The group whose active role moves. A group's contact implies it. |"));
  EXPECT_THAT(text,
              HasSubstr("| `for` | a duration from 1s to 30d, such as 90s, 10m or 2h, or forever "
                        "| How long the override lasts, from 1s to 30d, or forever. Needs the role "
                        "operator. |"));
  EXPECT_THAT(text, HasSubstr("| `groups[].level.percent` | number, or null | Level (%) |"));
  EXPECT_THAT(text, HasSubstr("Role: operator. Asked for in chat"));
  EXPECT_TRUE(text.ends_with("|\n"));
  EXPECT_THAT(text, Not(HasSubstr("\n\n\n")));
}

}  // namespace
}  // namespace muster::catalogue
