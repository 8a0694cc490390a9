#include "commands/report.h"

#include <gtest/gtest.h>

#include "tests/commands/call.h"

namespace muster::commands {
namespace {

class FakeReports : public MonthReports {
 public:
  Result<v1::ReportReply> report(const std::string& target, const std::string& month,
                                 WallTime) override {
    asked = target + " '" + month + "'";
    if (!answer) return answer;
    v1::ReportReply reply;
    reply.set_target(target);
    return reply;
  }
  std::string asked;
  Status answer;
};

TEST(ReportTest, PassesOnWhatWasAskedAndWhatWasWrong) {
  FakeReports reports;
  catalogue::HandlerSet handlers;
  addReport(handlers, reports);
  Caller caller(v1::ReportRequest::descriptor()->file()->FindServiceByName("ClusterCommands"),
                handlers);
  caller.call("report", {"user.storage"});
  EXPECT_EQ(reports.asked, "user.storage ''");
  EXPECT_EQ(caller.reply<v1::ReportReply>().target(), "user.storage");
  caller.call("report", {"overall", "2026-10"});
  EXPECT_EQ(reports.asked, "overall '2026-10'");
  caller.call("report", {"overall"}, {{"month", "2026-09"}});
  EXPECT_EQ(reports.asked, "overall '2026-09'");
  caller.call("report", {});
  EXPECT_EQ(caller.outcomes.at(3).status.field(), "target");
  reports.answer = {Code::kInvalidArgument, "no month", "month"};
  caller.call("report", {"overall", "x"});
  EXPECT_EQ(caller.outcomes.at(4).status.text(), "no month");
}

}  // namespace
}  // namespace muster::commands
