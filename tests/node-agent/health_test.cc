#include "node-agent/health.h"

#include <gtest/gtest.h>

#include "node-agent/fitness.h"

namespace muster::agent {
namespace {

using Verdict = HealthJudge::Verdict;

TEST(HealthJudge, TheFirstAnswerCountsAtOnce) {
  HealthJudge good(3, 2);
  EXPECT_EQ(good.verdict(), Verdict::kUnknown);
  EXPECT_TRUE(good.add(true));
  EXPECT_EQ(good.verdict(), Verdict::kFit);
  HealthJudge bad(3, 2);
  EXPECT_TRUE(bad.add(false));
  EXPECT_EQ(bad.verdict(), Verdict::kUnfit);
}

TEST(HealthJudge, AVerdictChangesAfterSoManyInARow) {
  HealthJudge judge(3, 2);
  (void)judge.add(true);
  for (const bool good : {false, false, true, false, false}) EXPECT_FALSE(judge.add(good));
  EXPECT_EQ(judge.verdict(), Verdict::kFit);
  EXPECT_TRUE(judge.add(false));
  EXPECT_EQ(judge.verdict(), Verdict::kUnfit);
  for (const bool good : {true, false, true}) EXPECT_FALSE(judge.add(good));
  EXPECT_TRUE(judge.add(true));
  EXPECT_EQ(judge.verdict(), Verdict::kFit);
}

// The executable is played by the test; time is the test's as well.
class HealthCheckTest : public testing::Test {
 protected:
  HealthCheckTest() : check_(options(), clock_, callbacks()) {}

  static HealthOptions options() {
    HealthOptions options;
    options.command = {"/bin/true"};
    options.interval = Duration::seconds(5);
    options.timeout = Duration::seconds(2);
    return options;
  }
  HealthCheck::Callbacks callbacks() {
    HealthCheck::Callbacks out;
    out.standing = [this](Duration) -> std::optional<HealthCheck::Standing> {
      if (changing_) return std::nullopt;
      HealthCheck::Standing standing;
      standing.active = active_;
      standing.spec.name = "health";
      return standing;
    };
    out.begin = [this](HookSpec spec, std::function<void(Status)> done) {
      begun_ += 1;
      spec_ = std::move(spec);
      done_ = std::move(done);
    };
    out.unfit = [this](const std::string& why) { told_.push_back(why); };
    out.failed = [this](const std::string& why) { failed_.push_back(why); };
    return out;
  }
  // One question and its answer.
  void answer(const std::string& line, const Status& status) {
    clock_.advance(Duration::seconds(5));
    check_.tick();
    ASSERT_TRUE(done_ != nullptr);
    if (!line.empty()) spec_.line(line);
    std::exchange(done_, nullptr)(status);
  }
  void bad(const std::string& line) {
    answer(line, {Code::kUnavailable, "health (/x) exited with status 1"});
  }
  void good() { answer("", Status::ok()); }

  ManualClock clock_;
  bool active_ = false;
  bool changing_ = false;
  int begun_ = 0;
  HookSpec spec_;
  std::function<void(Status)> done_;
  std::vector<std::string> told_;
  std::vector<std::string> failed_;
  HealthCheck check_;
};

TEST_F(HealthCheckTest, UntilTheFirstAnswerItIsNotFit) {
  check_.begin();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0], "its health has not been asked after yet");
  good();
  EXPECT_EQ(told_.back(), "");
  EXPECT_EQ(told_.size(), 2u);
}

TEST_F(HealthCheckTest, OneQuestionAtATimeAndAnIntervalAfterItsEnd) {
  check_.tick();
  EXPECT_EQ(begun_, 1);
  EXPECT_EQ(spec_.command, options().command);
  EXPECT_EQ(spec_.term_at, clock_.elapsed() + Duration::seconds(2));
  clock_.advance(Duration::seconds(60));
  check_.tick();
  EXPECT_EQ(begun_, 1);
  done_(Status::ok());
  clock_.advance(Duration::millis(4999));
  check_.tick();
  EXPECT_EQ(begun_, 1);
  clock_.advance(Duration::millis(1));
  check_.tick();
  EXPECT_EQ(begun_, 2);
}

TEST_F(HealthCheckTest, AStandbyDeclinesWithTheLastLine) {
  good();
  bad("lags by 7 bytes");
  bad("lags by 8 bytes");
  EXPECT_EQ(told_, std::vector<std::string>{});
  bad("lags by 9 bytes");
  bad("lags by 9 bytes");
  EXPECT_EQ(told_, std::vector<std::string>{"lags by 9 bytes"});
  bad("lags by 10 bytes");
  good();
  EXPECT_EQ(told_.size(), 2u);
  good();
  EXPECT_EQ(told_.back(), "");
  EXPECT_TRUE(failed_.empty());
}

TEST_F(HealthCheckTest, AnActiveOneThatFallsGivesTheRoleUpOnce) {
  active_ = true;
  good();
  for (int i = 0; i < 5; ++i) bad("does not answer");
  EXPECT_EQ(failed_, std::vector<std::string>{"does not answer"});
}

TEST_F(HealthCheckTest, OneThatTakesTooLongOrSaysNothingIsNamed) {
  answer("a line from before its end", {Code::kTimeout, "health (/x) was ended by signal 15"});
  EXPECT_EQ(told_.back(), "health (/x) was ended by signal 15");
  bad("");
  EXPECT_EQ(told_.back(), "health (/x) exited with status 1");
}

TEST_F(HealthCheckTest, AnEndTogetherWithTheProgramSaysNothing) {
  answer("", {Code::kConflict, "health was ended since the program has ended"});
  EXPECT_TRUE(told_.empty());
}

TEST_F(HealthCheckTest, NobodyIsAskedWhileTheRoleChanges) {
  changing_ = true;
  check_.tick();
  EXPECT_EQ(begun_, 0);
  changing_ = false;
  check_.tick();
  EXPECT_EQ(begun_, 1);
}

TEST(Fitness, TheProgramIsHeardFirstAndChangesAreToldOnce) {
  std::vector<std::string> told;
  Fitness fitness([&](const std::string& why) { told.push_back(why); });
  fitness.set("health", "lags");
  fitness.set(Fitness::kProgram, "crashed");
  fitness.set("health", "does not answer");
  fitness.set(Fitness::kProgram, "");
  fitness.set("health", "");
  fitness.set(Fitness::kProgram, "");
  EXPECT_EQ(told, (std::vector<std::string>{"lags", "crashed", "does not answer", ""}));
}

}  // namespace
}  // namespace muster::agent
