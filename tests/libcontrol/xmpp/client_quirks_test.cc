// What each client needs of a responder, read from the clients' sources: XML in, XML out, over the
// real catalogue of a node's commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/xmpp/faces.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/node.pb.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/libcontrol/xmpp/roles.h"
#include "tests/support/other_handlers.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::HasSubstr;

class NoAudit : public catalogue::AuditSink {
 public:
  Status record(const catalogue::AuditEntry&) override { return Status::ok(); }
};

class ClientQuirksTest : public ClientFixture {
 protected:
  ClientQuirksTest()
      : dispatcher(makeDispatcher()),
        face(*dispatcher, random),
        disco(*endpoint, cluster.addresses, commandsFor(face), "1"),
        responder(*endpoint, cluster.addresses, commandHandler(face, clock)) {
    cluster.roles.roles["ada@example.org"] = v1::ROLE_ADMIN;
  }

  std::unique_ptr<catalogue::Dispatcher> makeDispatcher() {
    const auto* service =
        v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands");
    catalogue::HandlerSet handlers;
    handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
        "LogLevel", [](const v1::LogLevelRequest& request, catalogue::CallContext&,
                       const catalogue::Responder<v1::LogLevelReply>& out) {
          if (request.logger() == "nowhere") {
            return out.fail({Code::kNotFound, "100% of loggers aren't 'nowhere'", "logger"});
          }
          v1::LogLevelReply reply;
          for (const char* name : {"storage", "user"}) reply.add_loggers()->set_name(name);
          out.reply(reply);
        });
    auto made = catalogue::Dispatcher::make(
        catalogue::Catalogue::build({service}).value(),
        catalogue::withTheOthers(*service, std::move(handlers)),
        {.authority = &cluster.roles, .directory = &directory, .audit = &audit, .random = &random});
    EXPECT_TRUE(made.isOk()) << made.status().text();
    return std::move(made).value();
  }

  // The <iq/> that answers.
  Element ask(const std::string& attributes, const std::string& content = "") {
    return xml(
        link.ask("<iq type='set' id='c' from='ada@example.org/pc' "
                 "to='node1@example.org/node-1'>"
                 "<command xmlns='http://jabber.org/protocol/commands' " +
                 attributes + ">" + content + "</command></iq>"));
  }
  Element command(const std::string& attributes, const std::string& content = "") {
    const Element iq = ask(attributes, content);
    EXPECT_EQ(iq.attribute("type"), "result") << text(iq);
    return iq.firstChild() == nullptr ? Element() : *iq.firstChild();
  }
  // As clients that show a form before they send anything get it.
  Element stageOf(const std::string& node) {
    return command("node='" + node + "' action='execute'");
  }
  static std::string submitted(const std::string& fields = "") {
    return "<x xmlns='jabber:x:data' type='submit'>" + fields + "</x>";
  }
  static std::string field(const std::string& var, const std::string& value) {
    return "<field var='" + var + "'><value>" + value + "</value></field>";
  }
  static std::vector<const Element*> all(const Element& parent, const std::string& name) {
    std::vector<const Element*> found;
    for (const Element& child : parent.children()) {
      if (child.name() == name) found.push_back(&child);
    }
    return found;
  }
  std::vector<catalogue::AdhocFace::Item> items() const {
    return face.items(jidOf("ada@example.org/pc")).value();
  }
  // The verbs of the commands that begin with a form.
  std::vector<std::string> staged() {
    std::vector<std::string> verbs;
    for (const auto& item : items()) {
      if (stageOf(item.node).attribute("status") == "executing") verbs.push_back(item.node);
    }
    return verbs;
  }
  static void expectForm(const Element& form);
  static void expectNotes(const Element& command);

  Cluster cluster;
  catalogue::OpenDirectory directory;
  NoAudit audit;
  std::unique_ptr<catalogue::Dispatcher> dispatcher;
  catalogue::AdhocFace face;
  Disco disco;
  AdhocResponder responder;
};

void ClientQuirksTest::expectForm(const Element& form) {
  static const std::set<std::string> kTypes = {
      "boolean",    "fixed",       "hidden",     "jid-multi",    "jid-single",
      "list-multi", "list-single", "text-multi", "text-private", "text-single"};
  // Converse gives these a meaning of its own.
  static const std::set<std::string> kTaken = {"command_jid", "command_node", "url",
                                               "username",    "password",     "ocr"};
  for (const char* name : {"title", "instructions"}) {
    for (const Element* line : all(form, name))
      EXPECT_EQ(line->text().find('\n'), std::string::npos);
  }
  for (const Element* field : all(form, "field")) {
    const std::string& var = field->attribute("var");
    EXPECT_TRUE(kTypes.count(field->attribute("type"))) << "Profanity shows nothing: " << var;
    EXPECT_FALSE(kTaken.count(var)) << var;
    EXPECT_FALSE(var.empty());
    EXPECT_EQ(var == "FORM_TYPE", field->attribute("type") == "hidden") << var;
    for (const Element* option : all(*field, "option")) {
      EXPECT_FALSE(option->attribute("label").empty()) << "Poezio shows nothing: " << var;
    }
    for (const Element* value : all(*field, "value")) {
      EXPECT_EQ(value->text().find('\n'), std::string::npos) << var;
    }
  }
  const auto reported = all(form, "reported");
  for (const Element* item : all(form, "item")) {
    ASSERT_EQ(reported.size(), 1U);
    const auto columns = all(*reported[0], "field");
    const auto cells = all(*item, "field");
    ASSERT_EQ(cells.size(), columns.size()) << "Gajim goes by position";
    for (size_t i = 0; i < cells.size(); ++i) {
      EXPECT_EQ(cells[i]->attribute("var"), columns[i]->attribute("var"));
    }
  }
}

void ClientQuirksTest::expectNotes(const Element& command) {
  for (const Element* note : all(command, "note")) {
    static const std::set<std::string> kTypes = {"info", "warn", "error"};
    EXPECT_TRUE(kTypes.count(note->attribute("type"))) << "Gajim takes it for malformed";
    EXPECT_EQ(note->text().find('%'), std::string::npos) << "Profanity's format string";
    EXPECT_FALSE(note->text().empty());
  }
}

TEST_F(ClientQuirksTest, GajimWantsANameForEachItem) {
  const Element answer =
      xml(link.ask("<iq type='get' id='d' from='ada@example.org/pc' to='node1@example.org/node-1'>"
                   "<query xmlns='http://jabber.org/protocol/disco#items' "
                   "node='http://jabber.org/protocol/commands'/></iq>"));
  const auto items = all(*answer.firstChild(), "item");
  EXPECT_EQ(items.size(), dispatcher->catalogue().visible(v1::ROLE_ADMIN).size());
  for (const Element* item : items) {
    EXPECT_EQ(item->attribute("jid"), "node1@example.org/node-1");
    EXPECT_FALSE(item->attribute("name").empty());
    for (const char c : item->attribute("node")) {
      EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '-')
          << "Profanity lists " << item->attribute("node");
    }
  }
}

TEST_F(ClientQuirksTest, EveryFirstAnswerIsOneThatAllOfThemCanShow) {
  for (const auto& item : items()) {
    SCOPED_TRACE(item.node);
    const Element first = stageOf(item.node);
    EXPECT_FALSE(first.attribute("sessionid").empty());
    EXPECT_EQ(first.attribute("node"), item.node);
    const auto forms = all(first, "x");
    ASSERT_EQ(forms.size(), 1U);
    expectForm(*forms[0]);
    expectNotes(first);
    const auto actions = all(first, "actions");
    if (first.attribute("status") == "completed") {
      EXPECT_TRUE(actions.empty());
      EXPECT_EQ(forms[0]->attribute("type"), "result");
      EXPECT_EQ(all(first, "note").size(), 1U) << "Psi shows the last one, Profanity the first";
      continue;
    }
    EXPECT_EQ(first.attribute("status"), "executing");
    EXPECT_EQ(forms[0]->attribute("type"), "form");
    ASSERT_EQ(actions.size(), 1U) << "Converse shows no buttons";
    EXPECT_FALSE(all(*actions[0], actions[0]->attribute("execute")).empty())
        << "Gajim wants the default among them";
  }
}

TEST_F(ClientQuirksTest, EachWayOfSubmittingCompletes) {
  const std::string form = submitted(field("logger", "storage") + field("level", "debug"));
  const struct {
    const char* client;
    std::string action;
  } ways[] = {{"Gajim, Psi, Converse", " action='complete'"},
              {"Poezio always says next", " action='next'"},
              {"Profanity says nothing", ""},
              {"slixmpp's default", " action='execute'"}};
  for (const auto& way : ways) {
    SCOPED_TRACE(way.client);
    const std::string id = "own" + std::to_string(&way - ways);
    const Element done = command("node='log-level' sessionid='" + id + "'", form);
    EXPECT_EQ(done.attribute("status"), "completed");
    EXPECT_EQ(done.attribute("sessionid"), id) << "Converse keeps the first";
    expectNotes(done);
    for (const std::string& verb : staged()) {
      SCOPED_TRACE(verb);
      const std::string session = stageOf(verb).attribute("sessionid");
      const Element next = command(
          "node='" + verb + "' sessionid='" + session + "'" + way.action + " status='executing'",
          submitted());
      // Either it needed nothing or it comes back, filled in, in the same session.
      EXPECT_EQ(next.attribute("sessionid"), session);
      ASSERT_EQ(all(next, "x").size(), 1U);
      expectForm(*all(next, "x")[0]);
      expectNotes(next);
    }
  }
}

TEST_F(ClientQuirksTest, WhatWasWrongIsSaidInThreePlaces) {
  const Element again =
      command("node='log-level'", submitted(field("logger", "nowhere") + field("level", "debug")));
  EXPECT_EQ(again.attribute("status"), "executing") << "Converse takes an error for success";
  const Element& form = *all(again, "x").at(0);
  expectForm(form);
  expectNotes(again);
  EXPECT_THAT(text(*all(again, "note").at(0)), HasSubstr("of loggers aren"));
  EXPECT_THAT(text(*all(form, "instructions").at(0)), HasSubstr("of loggers aren"));
  const auto fields = all(form, "field");
  const auto is = [](const char* var) {
    return [var](const Element* field) { return field->attribute("var") == var; };
  };
  const auto error = std::find_if(fields.begin(), fields.end(), is("muster-error"));
  ASSERT_NE(error, fields.end()) << "Poezio hides notes and instructions beside a form";
  EXPECT_EQ((*error)->attribute("type"), "fixed");
  const auto logger = std::find_if(fields.begin(), fields.end(), is("logger"));
  ASSERT_NE(logger, fields.end());
  EXPECT_EQ((*logger)->child("value", ns::kDataForm)->text(), "nowhere") << "filled in";
}

TEST_F(ClientQuirksTest, CancelAndPrevAreAlwaysAnswered) {
  for (const std::string& verb : staged()) {
    SCOPED_TRACE(verb);
    const std::string id = stageOf(verb).attribute("sessionid");
    const std::string session = "node='" + verb + "' sessionid='" + id + "'";
    EXPECT_EQ(
        command(session + " action='prev'", submitted(field("nonsense", "x"))).attribute("status"),
        "executing");
    EXPECT_EQ(command(session + " action='cancel'").attribute("status"), "canceled");
    // slixmpp finds the handler by the session.
    const Element gone = ask(session + " action='complete'", submitted());
    EXPECT_EQ(gone.attribute("type"), "error");
    const Element* echo = gone.child("command", ns::kCommands);
    ASSERT_NE(echo, nullptr);
    EXPECT_EQ(echo->attribute("sessionid"), id);
    EXPECT_EQ(echo->attribute("node"), verb);
    EXPECT_THAT(text(gone), HasSubstr("bad-sessionid"));
  }
}

}  // namespace
}  // namespace muster::xmpp::testing
