#include "commands/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "libcontrol/base/limits.h"

namespace muster::commands {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ElapsedTime kStart{Duration::seconds(1000).ns};

class TailTest : public testing::Test {
 protected:
  Tails::Wish wish(const std::string& who = "ann@example.org/phone") {
    Tails::Wish out;
    out.who = Jid::parse(who).value();
    out.place = "muster.example.org";
    out.length = Duration::seconds(10);
    return out;
  }
  Status start(Tails::Wish wish) {
    Status status(Code::kInternal, "not answered");
    tails_.start(std::move(wish), kStart, WallTime{0}, [&](const Result<WallTime>& until) {
      status = until.status();
      if (until) until_ = *until;
    });
    return status;
  }
  void tick(int seconds) { tails_.tick(kStart + Duration::seconds(seconds)); }

  v1::NodeLogLine& line(const std::string& text, v1::LogLevel level = v1::LOG_LEVEL_INFO) {
    v1::NodeLogLine& out = *next_.add_lines();
    out.set_node("node1");
    out.mutable_line()->set_at("2026-01-01T12:00:01.250Z");
    out.mutable_line()->set_level(level);
    out.mutable_line()->set_logger("storage");
    out.mutable_line()->set_text(text);
    return out;
  }

  // What the next search finds, and what was asked.
  v1::ClusterLogsReply next_;
  std::optional<Status> refusal_;
  std::vector<v1::ClusterLogsRequest> asked_;
  std::vector<std::string> said_;
  WallTime until_;
  Tails tails_{{[this](const Where&, const v1::ClusterLogsRequest& request, const std::string&,
                       const auto& done) {
                  asked_.push_back(request);
                  if (refusal_) return done(Result<v1::ClusterLogsReply>(*refusal_));
                  v1::ClusterLogsReply reply;
                  if (request.has_after()) reply.Swap(&next_);
                  reply.set_newer("p" + std::to_string(asked_.size()));
                  done(Result<v1::ClusterLogsReply>(reply));
                },
                [this](const std::string&, const Jid& to, const std::string& text) {
                  said_.push_back(to.local() + ": " + text);
                }}};
};

TEST_F(TailTest, FollowsFromNowOn) {
  ASSERT_TRUE(start(wish()).isOk());
  EXPECT_EQ(until_.unix_ms, 10'000);
  line("disk is slow", v1::LOG_LEVEL_WARN);
  tick(1);
  EXPECT_THAT(said_, ElementsAre("ann: 12:00:01.250 node1 WARN storage: disk is slow"));
  tick(2);
  EXPECT_EQ(said_.size(), 1u) << "nothing new, nothing said";
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_EQ(asked_[1].after(), "p1");
  EXPECT_EQ(asked_[2].after(), "p2");
}

TEST_F(TailTest, OfTooManyLinesTellsHowManyMore) {
  ASSERT_TRUE(start(wish()).isOk());
  for (int i = 0; i < 100; ++i) line(std::string(100, 'x'), v1::LOG_LEVEL_ERROR);
  line("last", v1::LOG_LEVEL_DEBUG);
  tick(1);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_LT(said_[0].size(), limits::kMaxTailMessageBytes + 200);
  EXPECT_THAT(said_[0], HasSubstr(" more ("));
  EXPECT_THAT(said_[0], HasSubstr(" error, 1 debug)"));
}

TEST_F(TailTest, WhereMoreComesThanCanBeFetchedGoesOnWithTheNews) {
  ASSERT_TRUE(start(wish()).isOk());
  for (uint32_t i = 0; i < limits::kTailFetch; ++i) line("x");
  tick(1);
  EXPECT_THAT(said_.at(0), HasSubstr("at least "));
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_FALSE(asked_[2].has_after()) << "where the log ends now";
  tick(2);
  EXPECT_EQ(asked_.back().after(), "p3");
}

TEST_F(TailTest, EndsByItselfAndSaysSo) {
  ASSERT_TRUE(start(wish()).isOk());
  line("a");
  tick(1);
  tick(10);
  EXPECT_EQ(said_.back(), "ann: The end of following the log, after 10s: 1 line.");
  EXPECT_EQ(tails_.count(), 0u);
}

TEST_F(TailTest, EndsWhenItIsEnded) {
  ASSERT_TRUE(start(wish()).isOk());
  ASSERT_TRUE(start(wish("bob@example.org/desk")).isOk());
  EXPECT_EQ(tails_.stop(Jid::parse("ann@example.org").value(), "elsewhere"), 0u);
  EXPECT_EQ(tails_.stop(Jid::parse("ann@example.org").value(), "muster.example.org"), 1u);
  tails_.forget(Jid::parse("bob@example.org/desk").value());
  EXPECT_EQ(tails_.count(), 0u);
  tick(20);
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(TailTest, AWishThatCantBeMetIsNotKept) {
  refusal_ = Status(Code::kInvalidArgument, "no such word", "query");
  EXPECT_EQ(start(wish()).field(), "query");
  EXPECT_EQ(tails_.count(), 0u);
}

TEST_F(TailTest, ASearchThatFailsLaterEndsItWithTheReason) {
  ASSERT_TRUE(start(wish()).isOk());
  refusal_ = Status(Code::kNotFound, "there is no group storage");
  tick(1);
  EXPECT_THAT(said_, ElementsAre("ann: Following the log has ended: there is no group storage"));
  EXPECT_EQ(tails_.count(), 0u);
}

TEST_F(TailTest, NodesWithoutAnAnswerAreNamedOnce) {
  ASSERT_TRUE(start(wish()).isOk());
  next_.add_results()->set_node("node2");
  tick(1);
  next_.add_results()->set_node("node2");
  tick(2);
  EXPECT_THAT(said_, ElementsAre("ann: (no answer from node2)"));
}

TEST_F(TailTest, OnePersonFollowsSoManyAndNotMore) {
  for (size_t i = 0; i < limits::kMaxTailsPerPerson; ++i) ASSERT_TRUE(start(wish()).isOk());
  const Status refused = start(wish("ann@example.org/desk"));
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.text(), HasSubstr("end yours with 'untail'"));
  EXPECT_TRUE(start(wish("bob@example.org/desk")).isOk());
}

}  // namespace
}  // namespace muster::commands
