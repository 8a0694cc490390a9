#include "coordinator/cluster_logs.h"

#include <gmock/gmock.h>

#include "libcontrol/base/limits.h"
#include "tests/coordinator/paper_nodes.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClusterLogsTest : public PaperNodes {
 protected:
  ClusterLogsTest() {
    come("node1", 'a');
    come("node2", 'b');
  }

  void search(const std::string& target, v1::ClusterLogsRequest request = {}) {
    if (!request.has_limit()) request.set_limit(10);
    logs_.search({target, false}, request, "ann@example.org",
                 [this](Result<v1::ClusterLogsReply> reply) { reply_ = std::move(reply); });
  }
  // Answers the oldest order of the node with lines of these times.
  void found(const std::string& node, const std::vector<int>& times) {
    v1::OrderReply reply;
    reply.set_code("ok");
    for (const int at : times) {
      v1::LogLine& line = *reply.mutable_logs()->add_lines();
      line.set_at_unix_ms(at);
      line.set_place(std::to_string(at));
      line.set_text(node + "-" + std::to_string(at));
    }
    reply.mutable_logs()->set_newer("end");
    take(node).done(Status::ok(), reply);
  }
  Sent take(const std::string& node) {
    for (size_t i = 0; i < sent_.size(); ++i) {
      if (sent_[i].node != node) continue;
      const Sent sent = sent_[i];
      sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(i));
      return sent;
    }
    ADD_FAILURE() << node << " was not asked";
    return {};
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& line : reply_->value().lines()) out.push_back(line.line().text());
    return out;
  }

  Fanout fanout_{sender(), clock_};
  SeededRandom random_{1};
  ClusterLogs logs_{{members_, fanout_, clock_, random_, [] {
                       return std::vector<std::string>{"g", "h"};
                     }}};
  std::optional<Result<v1::ClusterLogsReply>> reply_;
};

TEST_F(ClusterLogsTest, MergesWhatTheNodesOfAGroupFind) {
  v1::ClusterLogsRequest request;
  request.set_query("timeout");
  search("g", request);
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0].order.by(), "ann@example.org");
  EXPECT_EQ(sent_[0].order.logs().query(), "timeout");
  EXPECT_EQ(sent_[0].order.logs().limit(), 10u);
  found("node2", {8});
  EXPECT_FALSE(reply_) << "node1 may still answer";
  found("node1", {9, 7});
  ASSERT_TRUE(reply_ && reply_->isOk());
  EXPECT_THAT(texts(), ElementsAre("node1-9", "node2-8", "node1-7"));
  EXPECT_EQ((*reply_)->results_size(), 0);
}

TEST_F(ClusterLogsTest, WhoIsNotThereOrSilentIsNamedAndDelaysNobody) {
  search("all");
  found("node1", {9});
  clock_.advance(limits::kLogFanoutWait);
  EXPECT_FALSE(reply_);
  logs_.checkTime();
  ASSERT_TRUE(reply_ && reply_->isOk());
  EXPECT_THAT(texts(), ElementsAre("node1-9"));
  std::vector<std::string> silent;
  for (const auto& result : (*reply_)->results()) {
    silent.push_back(result.node() + ": " + result.text());
  }
  EXPECT_THAT(silent,
              ElementsAre("node2: did not answer", "node3: not present", "node4: not present"));
}

TEST_F(ClusterLogsTest, AQueryThatAllRefuseIsRefused) {
  search("g");
  answer("node1", Code::kNotFound, "this node keeps no log");
  answer("node2", Code::kInvalidArgument, "the quote is not closed");
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().code(), Code::kInvalidArgument);
  EXPECT_EQ(reply_->status().text(), "the quote is not closed");
}

TEST_F(ClusterLogsTest, ANodeThatCantIsNamedBesideThoseThatCan) {
  search("g");
  answer("node1", Code::kNotFound, "this node keeps no log");
  found("node2", {5});
  ASSERT_TRUE(reply_ && reply_->isOk());
  EXPECT_THAT(texts(), ElementsAre("node2-5"));
  ASSERT_EQ((*reply_)->results_size(), 1);
  EXPECT_EQ((*reply_)->results(0).text(), "this node keeps no log");
}

TEST_F(ClusterLogsTest, ThePageBeforeTellsWhereTheNextBegins) {
  v1::ClusterLogsRequest request;
  request.set_limit(1);
  search("g", request);
  found("node1", {9});
  found("node2", {8});
  const std::string older = (*reply_)->older();
  ASSERT_FALSE(older.empty());
  request.set_before(older);
  search("g", request);
  EXPECT_EQ(take("node1").order.logs().before(), "9");
  EXPECT_FALSE(take("node2").order.logs().has_before()) << "nothing of it was shown yet";
}

TEST_F(ClusterLogsTest, GoesOnWithWhatIsNew) {
  search("g");
  found("node1", {9});
  found("node2", {});
  v1::ClusterLogsRequest request;
  request.set_after((*reply_)->newer());
  search("g", request);
  EXPECT_EQ(sent_[0].order.logs().after(), "end");
  EXPECT_EQ(sent_[1].order.logs().after(), "end");
}

TEST_F(ClusterLogsTest, APlaceIsForgottenAfterAWhileAndThatIsSaid) {
  search("g");
  found("node1", {9});
  found("node2", {});
  v1::ClusterLogsRequest request;
  request.set_after((*reply_)->newer());
  clock_.advance(limits::kLogPlaceLife);
  reply_.reset();
  search("g", request);
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().code(), Code::kNotFound);
  EXPECT_EQ(reply_->status().field(), "after");
  EXPECT_THAT(reply_->status().text(), HasSubstr("ask anew"));
}

TEST_F(ClusterLogsTest, AnUnknownTargetIsRefused) {
  search("nowhere");
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().field(), "target");
}

TEST_F(ClusterLogsTest, TopErrorsAreAskedOfAllAndPutTogether) {
  std::optional<Result<v1::ClusterTopErrorsReply>> counted;
  v1::ClusterTopErrorsRequest request;
  request.set_limit(1);
  request.set_level(v1::LOG_LEVEL_WARN);
  logs_.topErrors({"g", false}, request, "ann@example.org",
                  [&](Result<v1::ClusterTopErrorsReply> reply) { counted = std::move(reply); });
  for (const char* node : {"node1", "node2"}) {
    const Sent sent = take(node);
    EXPECT_EQ(sent.order.top_errors().level(), v1::LOG_LEVEL_WARN);
    EXPECT_EQ(sent.order.top_errors().limit(), limits::kMaxLogGroupsTold);
    v1::OrderReply reply;
    reply.set_code("ok");
    v1::LogGroup& group = *reply.mutable_top_errors()->add_groups();
    group.set_template_("disk <n> is full");
    group.set_count(2);
    sent.done(Status::ok(), reply);
  }
  ASSERT_TRUE(counted && counted->isOk());
  EXPECT_EQ((*counted)->groups(0).group().count(), 4u);
}

}  // namespace
}  // namespace muster::coordinator
