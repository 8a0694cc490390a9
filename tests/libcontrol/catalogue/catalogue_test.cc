#include "libcontrol/catalogue/catalogue.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <functional>

#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

TEST(Catalogue, ReadsACommandFromItsDescriptor) {
  const Catalogue catalogue = build("muster.v1.ClusterCommands");
  const Command* command = catalogue.find("failover");
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->title, "Move the active role");
  EXPECT_EQ(command->role, v1::ROLE_OPERATOR);
  EXPECT_TRUE(command->confirm);
  EXPECT_TRUE(command->changes);
  EXPECT_FALSE(command->immediate);
  const Argument* group = command->find("group");
  ASSERT_NE(group, nullptr);
  EXPECT_TRUE(group->required);
  EXPECT_TRUE(group->implied_group);
  EXPECT_EQ(group->position, 1);
  EXPECT_EQ(group->choices, "groups");
  ASSERT_NE(command->find("expect-epoch"), nullptr) << "'-' for '_'";
  EXPECT_TRUE(command->find("key")->hidden);
}

TEST(Catalogue, TheOptionNamesAnArgument) {
  const Catalogue catalogue = build("muster.v1.NodeCommands");
  const Argument* argument = catalogue.find("log-level")->find("for");
  ASSERT_NE(argument, nullptr);
  EXPECT_EQ(argument->field->name(), "for_ms");
  EXPECT_EQ(argument->type, Type::kDuration);
  EXPECT_EQ(argument->range(), "1s to 30d");
  EXPECT_EQ(argument->role, v1::ROLE_OPERATOR);
}

TEST(Catalogue, SeveralServicesMakeOneCatalogue) {
  const auto both =
      Catalogue::build({service("muster.v1.NodeCommands"), service("muster.test.TypeCommands")});
  ASSERT_TRUE(both.isOk());
  const auto verbs = both->verbs(v1::ROLE_OBSERVER);
  EXPECT_THAT(verbs, IsSupersetOf({"log-level", "service-level", "node-info"}));
  EXPECT_EQ(verbs.back(), "types") << "in the order of the services";
}

TEST(Catalogue, TheSameVerbTwiceIsAMistake) {
  const auto twice =
      Catalogue::build({service("muster.v1.NodeCommands"), service("muster.v1.NodeCommands")});
  ASSERT_FALSE(twice.isOk());
  EXPECT_EQ(twice.status().code(), Code::kInternal);
  EXPECT_THAT(twice.status().text(), HasSubstr("\"log-level\" is taken"));
}

TEST(Catalogue, FindsVerbsInAnyCase) {
  const Catalogue catalogue = build("muster.v1.NodeCommands");
  EXPECT_EQ(catalogue.find("Log-Level"), catalogue.find("log-level"));
  EXPECT_EQ(catalogue.find("loglevel"), nullptr);
  EXPECT_EQ(catalogue.findMethod("LogLevel"), catalogue.find("log-level"));
}

TEST(Catalogue, RolesAreOrderedAndTheCoordinatorsStandsApart) {
  EXPECT_TRUE(reaches(v1::ROLE_ADMIN, v1::ROLE_OPERATOR));
  EXPECT_TRUE(reaches(v1::ROLE_OPERATOR, v1::ROLE_OPERATOR));
  EXPECT_TRUE(reaches(v1::ROLE_OBSERVER, v1::ROLE_UNSPECIFIED));
  EXPECT_FALSE(reaches(v1::ROLE_OBSERVER, v1::ROLE_OPERATOR));
  EXPECT_FALSE(reaches(v1::ROLE_UNSPECIFIED, v1::ROLE_UNSPECIFIED));
  EXPECT_FALSE(reaches(v1::ROLE_COORDINATOR, v1::ROLE_OBSERVER));
  EXPECT_FALSE(reaches(v1::ROLE_ADMIN, v1::ROLE_COORDINATOR));
  const Catalogue catalogue = build("muster.v1.ClusterCommands");
  const auto observers = catalogue.verbs(v1::ROLE_OBSERVER);
  EXPECT_THAT(observers, IsSupersetOf({"status", "nodes"}));
  EXPECT_THAT(observers, Not(Contains("failover")));
  EXPECT_THAT(catalogue.verbs(v1::ROLE_COORDINATOR), ElementsAre());
}

TEST(Catalogue, ParsesRepliesOfItsOwnTypeOnly) {
  const Catalogue catalogue = build("muster.v1.ClusterCommands");
  const Command& command = *catalogue.find("failover");
  v1::FailoverReply reply;
  reply.set_epoch(9);
  const auto parsed = command.parseReply("muster.v1.FailoverReply", reply.SerializeAsString());
  ASSERT_TRUE(parsed.isOk());
  EXPECT_EQ(dynamic_cast<const v1::FailoverReply&>(**parsed).epoch(), 9u);
  EXPECT_EQ(command.parseReply("muster.v1.StatusReply", "").status().code(), Code::kDataLoss);
  EXPECT_EQ(command.parseReply("muster.v1.FailoverReply", "\xff\xff").status().code(),
            Code::kDataLoss);
}

// A definition that is right, for each test to spoil.
class Definition : public ::testing::Test {
 protected:
  Definition() {
    file_.set_name("spoiled.proto");
    file_.set_package("spoiled");
    file_.set_syntax("proto3");
    file_.add_dependency("muster/options.proto");
    request_ = file_.add_message_type();
    request_->set_name("Request");
    addField("name", FieldDescriptorProto::TYPE_STRING)
        ->mutable_options()
        ->MutableExtension(v1::arg)
        ->set_position(1);
    reply_ = file_.add_message_type();
    reply_->set_name("Reply");
    auto* service = file_.add_service();
    service->set_name("Commands");
    auto* method = service->add_method();
    method->set_name("Do");
    method->set_input_type(".spoiled.Request");
    method->set_output_type(".spoiled.Reply");
    options_ = method->mutable_options()->MutableExtension(v1::command);
    options_->set_verb("do");
    options_->set_title("Do it");
    options_->set_help("Does it.");
    options_->set_role(v1::ROLE_OBSERVER);
  }

  // `optional`, as all request fields should be.
  FieldDescriptorProto* addField(const std::string& name, FieldDescriptorProto::Type type) {
    auto* field = request_->add_field();
    field->set_name(name);
    field->set_number(request_->field_size());
    field->set_type(type);
    field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    field->set_proto3_optional(true);
    field->set_oneof_index(request_->oneof_decl_size());
    request_->add_oneof_decl()->set_name("_" + name);
    return field;
  }
  v1::ArgumentOptions* argument(int index) {
    return request_->mutable_field(index)->mutable_options()->MutableExtension(v1::arg);
  }

  Status read() {
    DescriptorPool pool(DescriptorPool::generated_pool());
    const auto* file = pool.BuildFile(file_);
    EXPECT_NE(file, nullptr);
    return Catalogue::build({file->service(0)}).status();
  }
  void expectMistake(const std::string& what) {
    const Status status = read();
    EXPECT_EQ(status.code(), Code::kInternal);
    EXPECT_THAT(status.text(), HasSubstr(what));
    EXPECT_THAT(status.text(), HasSubstr("spoiled.")) << "names the place";
  }

  FileDescriptorProto file_;
  google::protobuf::DescriptorProto* request_;
  google::protobuf::DescriptorProto* reply_;
  v1::CommandOptions* options_;
};

TEST_F(Definition, IsRightAtFirst) {
  EXPECT_TRUE(read().isOk()) << read().text();
}
TEST_F(Definition, WithoutVerb) {
  options_->clear_verb();
  expectMistake("`verb` is missing");
}
TEST_F(Definition, WithAVerbThatNobodyCouldType) {
  options_->set_verb("Do It");
  expectMistake("\"Do It\"");
}
TEST_F(Definition, WithAWordOfTheChat) {
  options_->set_verb("help");
  expectMistake("chat's own words");
}
TEST_F(Definition, WithoutRole) {
  options_->clear_role();
  expectMistake("`role`");
}
TEST_F(Definition, WithATitleOfTwoLines) {
  options_->set_title("Do\nit");
  expectMistake("`title`");
}
TEST_F(Definition, WithAFieldThatIsNotOptional) {
  auto* field = request_->add_field();
  field->set_name("plain");
  field->set_number(9);
  field->set_type(FieldDescriptorProto::TYPE_STRING);
  field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
  // Fields of proto3-optional oneofs come last, so nothing follows.
  expectMistake("`optional` scalar");
}
TEST_F(Definition, WithARepeatedField) {
  auto* field = request_->add_field();
  field->set_name("many");
  field->set_number(9);
  field->set_type(FieldDescriptorProto::TYPE_STRING);
  field->set_label(FieldDescriptorProto::LABEL_REPEATED);
  expectMistake("`optional` scalar");
}
TEST_F(Definition, WithBytes) {
  addField("raw", FieldDescriptorProto::TYPE_BYTES);
  expectMistake("bytes");
}
TEST_F(Definition, WithTheSamePositionTwice) {
  addField("other", FieldDescriptorProto::TYPE_STRING);
  argument(1)->set_position(1);
  expectMistake("position 1 is taken");
}
TEST_F(Definition, WithAGapInThePositions) {
  argument(0)->set_position(2);
  expectMistake("gap");
}
TEST_F(Definition, WithARequiredWordAfterOneThatMayBeLeftOut) {
  addField("other", FieldDescriptorProto::TYPE_STRING);
  argument(1)->set_position(2);
  argument(1)->set_required(true);
  expectMistake("may be left out");
}
TEST_F(Definition, WithTheSameNameTwice) {
  addField("other", FieldDescriptorProto::TYPE_STRING);
  argument(1)->set_name("name");
  expectMistake("\"name\" is taken");
}
TEST_F(Definition, WithARangeOnText) {
  argument(0)->set_max(3);
  expectMistake("for numbers");
}
TEST_F(Definition, ForeverOfSomethingElseThanADuration) {
  argument(0)->set_or_forever(true);
  expectMistake("for durations");
}
TEST_F(Definition, ForeverWhereZeroCouldBeMeant) {
  addField("wait", FieldDescriptorProto::TYPE_UINT64);
  argument(1)->set_unit("ms");
  argument(1)->set_or_forever(true);
  expectMistake("min must be above");
  argument(1)->set_min(1);
  argument(1)->set_max(10);
  EXPECT_TRUE(read().isOk()) << read().text();
}
TEST_F(Definition, WithAWordBehindTheRest) {
  argument(0)->set_rest(true);
  addField("other", FieldDescriptorProto::TYPE_STRING);
  argument(1)->set_position(2);
  expectMistake("nothing is left");
}
TEST_F(Definition, WithARestThatIsNoText) {
  addField("count", FieldDescriptorProto::TYPE_UINT32);
  argument(1)->set_position(2);
  argument(1)->set_rest(true);
  expectMistake("rest is for strings");
}
TEST_F(Definition, WithAnUnknownUnit) {
  argument(0)->set_unit("s");
  expectMistake("unknown unit \"s\"");
}
TEST_F(Definition, ImmediateButWithSomethingRequired) {
  options_->set_immediate(true);
  argument(0)->set_required(true);
  expectMistake("immediate");
}
TEST_F(Definition, ImmediateButAskingBack) {
  options_->set_immediate(true);
  options_->set_confirm(true);
  expectMistake("asks back");
}
TEST_F(Definition, HiddenAndRequired) {
  argument(0)->clear_position();
  argument(0)->set_hidden(true);
  argument(0)->set_required(true);
  expectMistake("hidden");
}
TEST_F(Definition, WithRowsWithinRows) {
  auto* field = reply_->add_field();
  field->set_name("rows");
  field->set_number(1);
  field->set_type(FieldDescriptorProto::TYPE_MESSAGE);
  field->set_type_name(".spoiled.Row");
  field->set_label(FieldDescriptorProto::LABEL_REPEATED);
  auto* row = file_.add_message_type();
  row->set_name("Row");
  auto* inner = row->add_field();
  inner->set_name("rows");
  inner->set_number(1);
  inner->set_type(FieldDescriptorProto::TYPE_MESSAGE);
  inner->set_type_name(".spoiled.Row");
  inner->set_label(FieldDescriptorProto::LABEL_REPEATED);
  expectMistake("further rows");
  // Hidden ones are in no table.
  inner->mutable_options()->MutableExtension(v1::arg)->set_hidden(true);
  EXPECT_TRUE(read().isOk()) << read().text();
}

}  // namespace
}  // namespace muster::catalogue
