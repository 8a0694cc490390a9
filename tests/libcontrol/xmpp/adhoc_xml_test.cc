#include "libcontrol/xmpp/adhoc_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/namespaces.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {
namespace {

using adhoc::Action;
using adhoc::Command;
using adhoc::CommandCondition;
using adhoc::CommandStatus;
using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using adhoc::FormType;
using adhoc::NoteType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string commandXml(const std::string& attributes, const std::string& content = "") {
  return "<command xmlns='http://jabber.org/protocol/commands' " + attributes + ">" + content +
         "</command>";
}

Command request(const std::string& attributes, const std::string& content = "") {
  auto read = readCommandRequest(xml(commandXml(attributes, content)));
  EXPECT_TRUE(std::holds_alternative<Command>(read));
  return std::holds_alternative<Command>(read) ? std::get<Command>(read) : Command();
}

adhoc::Error refusal(const std::string& attributes, const std::string& content = "") {
  auto read = readCommandRequest(xml(commandXml(attributes, content)));
  EXPECT_TRUE(std::holds_alternative<adhoc::Error>(read)) << content;
  return std::holds_alternative<adhoc::Error>(read) ? std::get<adhoc::Error>(read) : adhoc::Error();
}

TEST(AdhocXml, ActionsAreRead) {
  EXPECT_EQ(request("node='status'").action, std::nullopt) << "the face takes it for execute";
  EXPECT_EQ(request("node='status' action='execute'").action, Action::kExecute);
  EXPECT_EQ(request("node='status' action='next'").action, Action::kNext);
  EXPECT_EQ(request("node='status' action='prev'").action, Action::kPrev);
  EXPECT_EQ(request("node='status' action='complete'").action, Action::kComplete);
  EXPECT_EQ(request("node='status' action='cancel' sessionid='s'").session_id, "s");
}

TEST(AdhocXml, TheRequestersStatusAndNotesAreIgnored) {
  const Command command =
      request("node='status' status='canceled'", "<note type='error'>x</note><note>y</note>");
  EXPECT_FALSE(command.status.has_value());
  EXPECT_TRUE(command.notes.empty());
}

TEST(AdhocXml, TypelessFieldsKeepAllValues) {
  const Command command =
      request("node='n'",
              "<x xmlns='jabber:x:data' type='submit'><field var='a'><value>1</value>"
              "<value>2</value></field><field var='b'/><field var='c' type='text-multi'>"
              "<value>x</value><value/></field></x>");
  ASSERT_TRUE(command.form.has_value());
  EXPECT_FALSE(command.form->find("a")->type.has_value());
  EXPECT_THAT(command.form->find("a")->values, ElementsAre("1", "2"));
  EXPECT_TRUE(command.form->find("b")->values.empty());
  EXPECT_THAT(command.form->find("c")->values, ElementsAre("x", ""));
}

TEST(AdhocXml, AFormSentWithPrevOrCancelIsIgnored) {
  const std::string broken = "<x xmlns='jabber:x:data' type='nonsense'/>";
  EXPECT_FALSE(request("node='n' sessionid='s' action='prev'", broken).form.has_value());
  EXPECT_FALSE(request("node='n' sessionid='s' action='cancel'", broken).form.has_value());
}

TEST(AdhocXml, MalformedRequestsNameTheirCondition) {
  const std::string two = "<x xmlns='jabber:x:data' type='submit'/>";
  std::string many = "<x xmlns='jabber:x:data' type='submit'>";
  for (int i = 0; i < 100; ++i) many += "<field var='f" + std::to_string(i) + "'/>";
  many += "</x>";
  const struct {
    std::string attributes;
    std::string content;
    CommandCondition condition;
    std::string text;
  } cases[] = {
      {"", "", CommandCondition::kNone, "node"},
      {"node=''", "", CommandCondition::kNone, "node"},
      {"node='" + std::string(300, 'n') + "'", "", CommandCondition::kNone, "too long"},
      {"node='n' sessionid='" + std::string(300, 's') + "'", "", CommandCondition::kBadSessionId,
       "too long"},
      {"node='n' action='explode'", "", CommandCondition::kMalformedAction, "'explode'"},
      {"node='n' action=''", "", CommandCondition::kMalformedAction, "execute"},
      {"node='n'", two + two, CommandCondition::kBadPayload, "more than one form"},
      {"node='n'", "<x xmlns='jabber:x:data'/>", CommandCondition::kBadPayload, "submit"},
      {"node='n'", "<x xmlns='jabber:x:data' type='result'/>", CommandCondition::kBadPayload,
       "submit"},
      {"node='n'", many, CommandCondition::kBadPayload, "100 fields"},
      {"node='n'", "<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='a'/></x>",
       CommandCondition::kBadPayload, "'a' twice"},
  };
  for (const auto& c : cases) {
    const adhoc::Error error = refusal(c.attributes, c.content);
    EXPECT_EQ(error.condition, adhoc::ErrorCondition::kBadRequest) << c.text;
    EXPECT_EQ(error.command_condition, c.condition) << c.text;
    EXPECT_THAT(error.text, HasSubstr(c.text));
  }
  EXPECT_EQ(refusal("node='n' sessionid='s' action='no'").session_id, "s")
      << "a later stage's error echoes the session";
}

TEST(AdhocXml, StageIsWrittenAsTheXepHasIt) {
  Command stage;
  stage.node = "log-level";
  stage.session_id = "s1";
  stage.status = CommandStatus::kExecuting;
  stage.actions = adhoc::Actions{};
  stage.form = Form{};
  stage.form->title = "Log\nlevels";
  stage.form->instructions = "First line.\nSecond line.";
  stage.form->fields = {{.var = "FORM_TYPE",
                         .type = FieldType::kHidden,
                         .label = "",
                         .desc = "",
                         .values = {"t"},
                         .options = {}},
                        {.var = "level",
                         .type = FieldType::kListSingle,
                         .label = "Level",
                         .desc = "The\nlevel",
                         .required = true,
                         .values = {"debug"},
                         .options = {{"", "debug"}, {"Info", "info"}}}};
  EXPECT_EQ(
      text(writeCommand(stage)),
      R"(<command xmlns="http://jabber.org/protocol/commands" node="log-level" sessionid="s1" )"
      R"(status="executing"><actions execute="complete"><complete/></actions>)"
      R"(<x xmlns="jabber:x:data" type="form"><title>Log levels</title>)"
      R"(<instructions>First line.</instructions><instructions>Second line.</instructions>)"
      R"(<field var="FORM_TYPE" type="hidden"><value>t</value></field>)"
      R"(<field var="level" type="list-single" label="Level"><desc>The level</desc><required/>)"
      R"(<value>debug</value><option label="debug"><value>debug</value></option>)"
      R"(<option label="Info"><value>info</value></option></field></x></command>)");
}

TEST(AdhocXml, TheDefaultActionIsAlwaysListed) {
  Command stage;
  stage.node = "n";
  stage.actions = adhoc::Actions{.execute = Action::kNext, .prev = true, .complete = false};
  EXPECT_THAT(text(writeCommand(stage)),
              HasSubstr(R"(<actions execute="next"><prev/><next/></actions>)"));
}

TEST(AdhocXml, ResultWithTableNoteAndReply) {
  Command done;
  done.node = "status";
  done.session_id = "s1";
  done.status = CommandStatus::kCompleted;
  done.notes = {{NoteType::kInfo, "All is well."}};
  done.form = Form{};
  done.form->type = FormType::kResult;
  done.form->reported = {
      {.var = "name", .type = {}, .label = "Name", .desc = "", .values = {}, .options = {}}};
  done.form->items = {
      {{.var = "name", .type = {}, .label = "", .desc = "", .values = {"storage"}, .options = {}}}};
  done.form->fields = {{.var = "text",
                        .type = FieldType::kTextMulti,
                        .label = "",
                        .desc = "",
                        .values = {"a\nb", "c"},
                        .options = {}}};
  done.reply_type = "muster.v1.StatusReply";
  done.reply_bytes = std::string("\x00\xff\x01", 3);
  const std::string written = text(writeCommand(done));
  EXPECT_EQ(
      written,
      R"(<command xmlns="http://jabber.org/protocol/commands" node="status" sessionid="s1" )"
      R"(status="completed"><note type="info">All is well.</note>)"
      R"(<x xmlns="jabber:x:data" type="result"><field var="text" type="text-multi">)"
      R"(<value>a</value><value>b</value><value>c</value></field><reported>)"
      R"(<field var="name" label="Name"/></reported><item><field var="name">)"
      R"(<value>storage</value></field></item></x>)"
      R"(<reply xmlns="urn:muster:reply:1" type="muster.v1.StatusReply">AP8B</reply></command>)");

  const auto read = readCommandResult(xml(written));
  ASSERT_TRUE(read.isOk()) << read.status().text();
  EXPECT_EQ(read->status, CommandStatus::kCompleted);
  EXPECT_EQ(read->reply_bytes, done.reply_bytes);
  EXPECT_EQ(read->form->items, done.form->items);
  EXPECT_EQ(read->notes, done.notes);
}

TEST(AdhocXml, CellsStandInTheOrderOfTheColumns) {
  const auto form = readForm(xml(
      "<x xmlns='jabber:x:data' type='result'><reported><field var='a'/><field var='b'/></reported>"
      "<item><field var='b'><value>2</value></field><field var='z'><value>?</value></field>"
      "<field var='a'><value>1</value></field></item><item/></x>"));
  ASSERT_TRUE(form.isOk());
  ASSERT_EQ(form->items.size(), 2U);
  ASSERT_EQ(form->items[0].size(), 2U);
  EXPECT_THAT(form->items[0][0].values, ElementsAre("1"));
  EXPECT_THAT(form->items[0][1].values, ElementsAre("2"));
  EXPECT_EQ(form->items[1].size(), 2U);
}

TEST(AdhocXml, AHugeTableOfNothingIsRefused) {
  std::string x = "<x xmlns='jabber:x:data' type='result'><reported>";
  for (int i = 0; i < 1000; ++i) x += "<field var='c'/>";
  x += "</reported>";
  for (int i = 0; i < 1000; ++i) x += "<item/>";
  const auto form = readForm(xml(x + "</x>"));
  ASSERT_FALSE(form.isOk());
  EXPECT_THAT(form.status().text(), HasSubstr("1000 columns"));
}

TEST(AdhocXml, AnswersOfOthersAreReadLeniently) {
  const auto read = readCommandResult(
      xml(commandXml("node='n' sessionid='s'",
                     "<actions><next/></actions><note>plain</note><note type='shout'>odd</note>")));
  ASSERT_TRUE(read.isOk());
  EXPECT_EQ(read->status, CommandStatus::kCompleted);
  EXPECT_EQ(read->actions->execute, Action::kNext);
  EXPECT_EQ(read->notes[1].type, NoteType::kInfo);
  EXPECT_FALSE(readCommandResult(xml("<query xmlns='x'/>")).isOk());
  EXPECT_FALSE(
      readCommandResult(
          xml(commandXml("node='n'", "<reply xmlns='urn:muster:reply:1' type='t'>!</reply>")))
          .isOk());
}

TEST(AdhocXml, ControlCharactersNeverReachTheStream) {
  Command done;
  done.node = "n";
  done.notes = {{NoteType::kInfo, std::string("a\x01"
                                              "b\x1b[31m\xff",
                                              9)}};
  const std::string written = text(writeCommand(done));
  EXPECT_EQ(written.find('\x01'), std::string::npos);
  EXPECT_EQ(written.find('\x1b'), std::string::npos);
  EXPECT_THAT(written, HasSubstr("\xef\xbf\xbd"));
}

TEST(AdhocXml, ErrorsCarryTheirCommandCondition) {
  const adhoc::Error error{.condition = adhoc::ErrorCondition::kNotAllowed,
                           .command_condition = CommandCondition::kSessionExpired,
                           .text = "Too late.",
                           .node = "n",
                           .session_id = "s"};
  EXPECT_EQ(text(errorElement(writeError(error))),
            R"(<error type="cancel"><not-allowed xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>)"
            R"(<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">Too late.</text>)"
            R"(<session-expired xmlns="http://jabber.org/protocol/commands"/></error>)");
  EXPECT_EQ(text(*commandBesideError(error)),
            R"(<command xmlns="http://jabber.org/protocol/commands" node="n" sessionid="s"/>)");
  EXPECT_FALSE(commandBesideError(adhoc::Error{}).has_value());
  EXPECT_EQ(readCommandCondition(writeError(error)), CommandCondition::kSessionExpired);
}

TEST(AdhocXml, Base64IsStrict) {
  for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe"}) {
    EXPECT_EQ(fromBase64(toBase64(bytes)), bytes);
  }
  for (const char* wrong : {"YQ", "YQ=", "YR==", "Y Q==", "YQ==\n", "YQ==YQ==", "-_==", "=", "a"}) {
    EXPECT_EQ(fromBase64(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace muster::xmpp::testing
