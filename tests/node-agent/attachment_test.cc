// With a systemd in memory (memory_units.h).
#include "node-agent/attach/attachment.h"

#include <gtest/gtest.h>

#include "tests/node-agent/memory_units.h"

namespace muster::agent {
namespace {

using test::eventually;
using test::MemoryUnits;
using What = Sighting::What;

const std::function<bool()> kAllowed = [] { return true; };

TEST(Unit, IsUpDownOrGone) {
  MemoryUnits units;
  Unit unit("storage.service", units, units.folder.file(""));
  EXPECT_EQ(unit.look(), (Sighting{What::kGone, 0, "storage.service is inactive (dead)"}));
  units.be("activating", "start", 0);
  EXPECT_EQ(unit.look().what, What::kDown);
  units.be("active", "running", getpid());
  EXPECT_EQ(unit.look(), (Sighting{What::kUp, getpid(), ""}));
  EXPECT_GE(unit.handle(), 0);
  units.be("reloading", "reload", getpid());
  EXPECT_EQ(unit.look().what, What::kUp);
  // About to be started again: not gone.
  units.be("activating", "auto-restart", 0, false);
  EXPECT_EQ(unit.look().what, What::kDown);
  units.be("failed", "failed", 0);
  EXPECT_EQ(unit.look(), (Sighting{What::kGone, 0, "storage.service is failed: signal"}));
  units.reachable = false;
  EXPECT_EQ(unit.look().what, What::kUnknown);
}

TEST(Unit, IsNotGoneWhileItsControlGroupHasProcesses) {
  MemoryUnits units;
  Unit unit("storage.service", units, units.folder.file(""));
  units.be("active", "running", 0);
  (void)unit.look();
  // With KillMode=process systemd calls it inactive all the same.
  units.be("inactive", "dead", 0, true);
  const Sighting seen = unit.look();
  EXPECT_EQ(seen.what, What::kDown);
  EXPECT_NE(seen.why.find("processes of it are left"), std::string::npos) << seen.why;
}

TEST(Unit, OneThatSystemdDoesNotHaveCannotStart) {
  MemoryUnits units;
  Unit unit("storage.service", units, units.folder.file(""));
  units.forget();
  const Sighting seen = unit.look();
  EXPECT_EQ(seen.what, What::kGone);
  EXPECT_FALSE(seen.can_start);
  EXPECT_EQ(seen.why, "systemd has no storage.service");
}

class AttachmentTest : public testing::Test {
 protected:
  void make(bool follows_role) {
    AttachmentOptions options;
    options.follows_role = follows_role;
    if (follows_role) options.environment_file = units_.folder.file("environment");
    attachment_ =
        std::make_unique<Attachment>(options, unit_, &unit_, &units_, availability_, clock_);
    Attachment::Callbacks callbacks;
    callbacks.gone = [this](const std::string& why) { gone_.push_back(why); };
    callbacks.unfit = [this](const std::string& why) { unfit_.push_back(why); };
    callbacks.restarted = [this](const std::string& why) { restarted_.push_back(why); };
    attachment_->setCallbacks(std::move(callbacks));
  }
  // Without the thread that looks again and again.
  void look() {
    (void)attachment_->program();
    attachment_->tick();
  }

  MemoryUnits units_;
  Unit unit_{"storage.service", units_, units_.folder.file("")};
  Availability availability_;
  SystemClock clock_{SystemClock::Bias::kLarger};
  std::unique_ptr<Attachment> attachment_;
  std::vector<std::string> gone_;
  std::vector<std::string> unfit_;
  std::vector<std::string> restarted_;
};

TEST_F(AttachmentTest, TheEndOfWhatOthersRunIsToldOnce) {
  make(false);
  look();
  EXPECT_TRUE(availability_.inOutage());
  EXPECT_EQ(unfit_, std::vector<std::string>{"storage.service is inactive (dead)"});
  EXPECT_TRUE(gone_.empty()) << "nobody has seen it run";
  units_.be("active", "running", getpid());
  look();
  EXPECT_FALSE(availability_.inOutage());
  EXPECT_EQ(unfit_.back(), "");
  units_.be("failed", "failed", 0);
  look();
  look();
  EXPECT_TRUE(availability_.inOutage());
  EXPECT_EQ(gone_, std::vector<std::string>{"storage.service is failed: signal"});
  EXPECT_EQ(unfit_.back(), "storage.service is failed: signal");
}

TEST_F(AttachmentTest, NoWordWhileSomethingIsLeftOrNobodyCanBeAsked) {
  make(false);
  units_.be("active", "running", 0);
  look();
  units_.be("inactive", "dead", 0, true);
  look();
  units_.reachable = false;
  look();
  EXPECT_TRUE(gone_.empty());
  EXPECT_TRUE(availability_.inOutage());
  units_.reachable = true;
  units_.be("inactive", "dead", 0, false);
  look();
  EXPECT_EQ(gone_.size(), 1u);
}

TEST_F(AttachmentTest, NotBeingAbleToAskIsNoOutage) {
  make(false);
  units_.be("active", "running", 0);
  look();
  units_.reachable = false;
  look();
  EXPECT_FALSE(availability_.inOutage());
  EXPECT_NE(unfit_.back().find("D-Bus"), std::string::npos);
}

TEST_F(AttachmentTest, ARestartByOthersIsTold) {
  make(false);
  units_.be("active", "running", 0);
  look();
  units_.be("activating", "auto-restart", 0, false);
  look();
  units_.be("active", "running", getpid());
  look();
  EXPECT_EQ(restarted_, std::vector<std::string>{"storage.service is activating (auto-restart)"});
  EXPECT_TRUE(gone_.empty());
}

TEST_F(AttachmentTest, AUnitThatFollowsTheRoleIsStartedAndStopped) {
  make(true);
  look();
  EXPECT_FALSE(availability_.inOutage()) << "a standby that doesn't run is as it should be";
  EXPECT_TRUE(attachment_->startProgram({{"MUSTER_EPOCH", "7"}}, kAllowed).isOk());
  look();
  EXPECT_EQ(units_.folder.read("environment"), "MUSTER_EPOCH=7\n");
  attachment_->stopProgram(clock_.elapsed() + Duration::seconds(60));
  look();
  EXPECT_FALSE(availability_.inOutage());
  EXPECT_EQ(units_.asked(),
            (std::vector<std::string>{"start storage.service", "stop storage.service"}));
  EXPECT_TRUE(gone_.empty());
  EXPECT_TRUE(unfit_.empty());
}

TEST_F(AttachmentTest, AUnitThatDoesNotStopIsKilled) {
  make(true);
  ASSERT_TRUE(attachment_->startProgram({}, kAllowed).isOk());
  units_.ignores_stop = true;
  attachment_->stopProgram(clock_.elapsed());
  EXPECT_EQ(units_.asked()[2], "kill storage.service");
  EXPECT_EQ(unit_.look().what, What::kGone);
  look();
  EXPECT_TRUE(gone_.empty()) << "it was stopped on purpose";
}

TEST_F(AttachmentTest, AUnitThatCrashesWhileItIsWantedIsGone) {
  make(true);
  ASSERT_TRUE(attachment_->startProgram({}, kAllowed).isOk());
  look();
  units_.be("failed", "failed", 0);
  look();
  EXPECT_EQ(gone_.size(), 1u);
  EXPECT_TRUE(availability_.inOutage());
}

TEST_F(AttachmentTest, ACrashBetweenTwoTicksIsToldToo) {
  make(true);
  ASSERT_TRUE(attachment_->startProgram({}, kAllowed).isOk());
  units_.be("failed", "failed", 0);
  (void)attachment_->program();
  attachment_->tick();
  EXPECT_EQ(gone_.size(), 1u);
}

TEST_F(AttachmentTest, AStartThatFailsSaysWhy) {
  make(true);
  units_.start_fails = "StartUnit storage.service: its job ended with 'failed'";
  EXPECT_EQ(attachment_->startProgram({}, kAllowed).text(), units_.start_fails);
  EXPECT_EQ(attachment_->startProgram({}, [] { return false; }).code(), Code::kTimeout);
}

TEST_F(AttachmentTest, AUnitThatRunsWithoutTheRoleMakesUnfit) {
  make(true);
  units_.be("active", "running", 0);
  look();
  EXPECT_NE(unfit_.back().find("does not have the role"), std::string::npos);
  units_.be("inactive", "dead", 0);
  units_.forget();
  look();
  EXPECT_EQ(unfit_.back(), "systemd has no storage.service");
}

TEST_F(AttachmentTest, ItLooksByItself) {
  make(false);
  units_.be("active", "running", getpid());
  attachment_->begin();
  EXPECT_EQ(attachment_->describe(), "runs as process " + std::to_string(getpid()));
  units_.be("failed", "failed", 0);
  EXPECT_TRUE(eventually([this] {
    attachment_->tick();
    return gone_.size() == 1u;
  }));
}

TEST_F(AttachmentTest, AKillReturnsWhenItIsGone) {
  make(false);
  units_.be("active", "running", getpid());
  look();
  attachment_->killProgram("its demotion failed");
  EXPECT_EQ(units_.asked(), std::vector<std::string>{"kill storage.service"});
  EXPECT_EQ(unit_.look().what, What::kGone);
}

}  // namespace
}  // namespace muster::agent
