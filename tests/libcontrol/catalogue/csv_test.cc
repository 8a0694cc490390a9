#include "libcontrol/catalogue/csv.h"

#include <gtest/gtest.h>

#include "muster/cluster.pb.h"
#include "types.pb.h"

namespace muster::catalogue {
namespace {

// RFC 4180, section 2, rule by rule.
TEST(CsvTest, OneListIsItsRows) {
  v1::RolesReply reply;
  EXPECT_EQ(csvText(reply), "jid,role,by,at\r\n");
  auto* role = reply.add_roles();
  role->set_jid("ann@example.org");
  role->set_role(v1::GRANTED_ROLE_ADMIN);
  role->set_by("the \"old\" admin");
  role->set_at("a,b");
  EXPECT_EQ(csvText(reply),
            "jid,role,by,at\r\n"
            "ann@example.org,admin,\"the \"\"old\"\" admin\",\"a,b\"\r\n");
}

TEST(CsvTest, SeveralListsShareTheirColumns) {
  test::TypesReply reply;
  reply.set_text("x");
  reply.set_least(-5);
  auto* row = reply.add_rows();
  row->set_name("one");
  row->mutable_level()->set_percent(99.5);
  row->mutable_inner()->set_y(true);
  reply.add_more()->set_name("two");
  EXPECT_EQ(csvText(reply),
            "list,reply.text,reply.flag,reply.huge,reply.least,reply.raw,reply.color,reply.maybe,"
            "reply.took_ms,reply.secret_note,reply.ratio,reply.maybe_link,"
            "name,level.percent,level.text,level.state,inner.x,inner.y,age_ms,often_empty\r\n"
            "rows,x,false,0,-5,,,,0,,0.0,,one,99.5,,,0,true,0,\r\n"
            "more,x,false,0,-5,,,,0,,0.0,,two,,,,0,false,0,\r\n");
}

TEST(CsvTest, AReplyWithoutListsIsOneLine) {
  v1::GrantReply reply;
  reply.set_jid("bob@example.org");
  reply.set_role(v1::GRANTED_ROLE_OPERATOR);
  EXPECT_EQ(csvText(reply), "jid,role,before\r\nbob@example.org,operator,\r\n");
}

// What a program that opens the file would calculate is text all the same.
TEST(CsvTest, NoCellIsAFormula) {
  const auto cell = [](const std::string& text) {
    v1::RolesReply reply;
    reply.add_roles()->set_jid(text);
    const std::string out = csvText(reply);
    const std::string line = out.substr(out.find("\r\n") + 2);
    return line.substr(0, line.size() - std::string(",,,\r\n").size());
  };
  EXPECT_EQ(cell("=1+1"), "'=1+1");
  EXPECT_EQ(cell("+1"), "'+1");
  EXPECT_EQ(cell("-2"), "'-2");
  EXPECT_EQ(cell("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(cell("\t=1"), "' =1");
  EXPECT_EQ(cell("\r\n=1"), "'  =1");
  EXPECT_EQ(cell("=cmd|'/c calc'!A0,\"x\""), "\"'=cmd|'/c calc'!A0,\"\"x\"\"\"");
  EXPECT_EQ(cell("a;=1"), "\"a;=1\"") << "also where semicolons part the cells";
  EXPECT_EQ(cell("a-b"), "a-b");
  EXPECT_EQ(cell("node1"), "node1");
}

TEST(CsvTest, TextStaysOnItsLineAndIsUtf8) {
  v1::RolesReply reply;
  reply.add_roles()->set_by("two\nlines");
  EXPECT_EQ(csvText(reply), "jid,role,by,at\r\n,,two lines,\r\n");
}

TEST(CsvTest, AListWithinARowIsOneCell) {
  v1::IncidentsReply reply;
  auto* incident = reply.add_incidents();
  incident->add_covered("a.g");
  incident->add_covered("b.g");
  const std::string out = csvText(reply);
  EXPECT_NE(out.find(",\"a.g;b.g\","), std::string::npos) << out;
}

}  // namespace
}  // namespace muster::catalogue
