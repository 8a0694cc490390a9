// From XML through the catalogue to a handler and back: a node as its callers see it.
#include "libcontrol/xmpp/faces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/node.pb.h"
#include "tests/libcontrol/xmpp/fake_link.h"
#include "tests/libcontrol/xmpp/roles.h"
#include "tests/support/other_handlers.h"

namespace muster::xmpp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DeafAudit : public catalogue::AuditSink {
 public:
  Status record(const catalogue::AuditEntry&) override { return Status::ok(); }
};

class FacesTest : public ClientFixture {
 protected:
  FacesTest()
      : dispatcher(makeDispatcher()),
        adhoc_face(*dispatcher, random),
        chat_face(*dispatcher, random),
        disco(*endpoint, cluster.addresses, commandsFor(adhoc_face), "1"),
        adhoc(*endpoint, cluster.addresses, commandHandler(adhoc_face, clock)),
        chat(*endpoint, cluster.addresses, clock, chatHandler(chat_face, clock)) {}

  std::unique_ptr<catalogue::Dispatcher> makeDispatcher() {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        "muster.v1.NodeCommands");
    auto built = catalogue::Catalogue::build({service});
    EXPECT_TRUE(built.isOk()) << built.status().text();
    using catalogue::CallContext;
    using catalogue::Responder;
    catalogue::HandlerSet handlers;
    handlers.add<v1::LogLevelRequest, v1::LogLevelReply>(
        "LogLevel", [](const v1::LogLevelRequest&, CallContext&,
                       const Responder<v1::LogLevelReply>& out) { out.reply({}); });
    handlers.add<v1::ServiceLevelRequest, v1::ServiceLevelReply>(
        "ServiceLevel", [](const v1::ServiceLevelRequest&, CallContext&,
                           const Responder<v1::ServiceLevelReply>& out) { out.reply({}); });
    handlers.add<v1::NodeInfoRequest, v1::NodeInfoReply>(
        "NodeInfo", [this](const v1::NodeInfoRequest&, CallContext& context,
                           const Responder<v1::NodeInfoReply>& out) {
          caller = context.caller().toString();
          v1::NodeInfoReply reply;
          reply.set_name("node1");
          reply.set_epoch(41);
          out.reply(reply);
        });
    auto made = catalogue::Dispatcher::make(
        std::move(built).value(), catalogue::withTheOthers(*service, std::move(handlers)),
        {.authority = &cluster.roles, .directory = &directory, .audit = &audit, .random = &random});
    EXPECT_TRUE(made.isOk()) << made.status().text();
    return std::move(made).value();
  }
  std::string command(const std::string& from, const std::string& attributes,
                      const std::string& content = "") {
    return link.ask("<iq type='set' id='c' from='" + from +
                    "' to='node1@example.org/node-1'>"
                    "<command xmlns='http://jabber.org/protocol/commands' " +
                    attributes + ">" + content + "</command></iq>");
  }

  Cluster cluster;
  catalogue::OpenDirectory directory;
  DeafAudit audit;
  std::string caller;
  std::unique_ptr<catalogue::Dispatcher> dispatcher;
  catalogue::AdhocFace adhoc_face;
  catalogue::ChatFace chat_face;
  Disco disco;
  AdhocResponder adhoc;
  ChatEndpoint chat;
};

TEST_F(FacesTest, AnImmediateCommandCompletesAtOnce) {
  const std::string answer = command("otto@example.org/desk", "node='node-info'");
  EXPECT_THAT(answer, HasSubstr("status=\"completed\""));
  EXPECT_THAT(answer, HasSubstr("<value>41</value>"));
  EXPECT_THAT(answer, Not(HasSubstr("<reply"))) << "only for programs";
  EXPECT_EQ(caller, "otto@example.org/desk");
}

TEST_F(FacesTest, AProgramGetsTheReplyBesides) {
  EXPECT_THAT(command("otto@example.org/cli", "node='node-info' action='execute'",
                      "<want xmlns='urn:muster:reply:1'/>"),
              HasSubstr("<reply xmlns=\"urn:muster:reply:1\" type=\"muster.v1.NodeInfoReply\">"));
}

TEST_F(FacesTest, AStageHasOneFormAndItsActions) {
  const std::string stage = command("olga@example.org/desk", "node='log-level'");
  EXPECT_THAT(stage, HasSubstr("status=\"executing\""));
  EXPECT_THAT(stage, HasSubstr("<actions execute=\"complete\"><complete/></actions>"));
  EXPECT_THAT(stage, HasSubstr("<x xmlns=\"jabber:x:data\" type=\"form\">"));
  EXPECT_THAT(stage, HasSubstr("var=\"FORM_TYPE\" type=\"hidden\""));
}

TEST_F(FacesTest, LaterErrorsEchoTheSession) {
  const std::string answer =
      command("olga@example.org/desk", "node='log-level' sessionid='not-ours' action='complete'");
  EXPECT_THAT(answer, HasSubstr("type=\"error\""));
  EXPECT_THAT(answer, HasSubstr("<command xmlns=\"http://jabber.org/protocol/commands\" "
                                "node=\"log-level\" sessionid=\"not-ours\"/>"));
  EXPECT_THAT(answer, HasSubstr("<bad-sessionid"));
}

TEST_F(FacesTest, ListedAtTheFullJidOfTheNode) {
  const std::string items = link.ask(
      "<iq type='get' id='i' from='otto@example.org/desk' to='node1@example.org/node-1'>"
      "<query xmlns='http://jabber.org/protocol/disco#items' "
      "node='http://jabber.org/protocol/commands'/></iq>");
  EXPECT_THAT(items, HasSubstr("<item jid=\"node1@example.org/node-1\" node=\"node-info\" "
                               "name=\"About this node\"/>"));
}

TEST_F(FacesTest, ALineOfChatIsTheSameCommand) {
  link.receive(
      "<message type='chat' from='otto@example.org/phone' to='node1@example.org'>"
      "<body>Node-info</body></message>");
  ASSERT_EQ(link.sent.size(), 1U);
  EXPECT_EQ(link.sent[0].attribute("to"), "otto@example.org/phone");
  EXPECT_THAT(childText(link.sent[0], "body"), HasSubstr("41"));
}

}  // namespace
}  // namespace muster::xmpp::testing
