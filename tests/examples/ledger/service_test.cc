#include "examples/ledger/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>

#include "libcontrol/base/clock.h"
#include "libcontrol/node/lease_state.h"

namespace ledger {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class ServiceTest : public testing::Test {
 protected:
  struct Node {
    Node(const std::string& name, const std::filesystem::path& file)
        : service(name, Journal::open(file, std::chrono::milliseconds(20)).value(),
                  std::chrono::milliseconds(250), storage, user) {}
    muster::Availability storage;
    muster::Requests user;
    Service service;
  };

  void SetUp() override {
    char name[] = "/tmp/muster-ledger-XXXXXX";
    dir_ = ::mkdtemp(name);
    one_ = std::make_unique<Node>("node1", dir_ / "journal");
    two_ = std::make_unique<Node>("node2", dir_ / "journal");
  }
  void TearDown() override {
    one_.reset();
    two_.reset();
    std::filesystem::remove_all(dir_);
  }
  // Good for five seconds of clock_.
  muster::Lease lease(uint64_t epoch, char fill) {
    state_ = std::make_shared<muster::LeaseState>(epoch, std::string(32, fill), clock_);
    state_->use_until_ns = (clock_.elapsed() + muster::Duration::seconds(5)).ns;
    return muster::Lease(state_);
  }
  static muster::Demotion drain(uint64_t epoch) {
    return {muster::Demotion::Cause::kDrain, epoch, std::chrono::seconds(30)};
  }

  muster::ManualClock clock_;
  std::shared_ptr<muster::LeaseState> state_;
  std::filesystem::path dir_;
  std::unique_ptr<Node> one_;
  std::unique_ptr<Node> two_;
};

TEST_F(ServiceTest, StandbyReadsButDoesNotWrite) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  EXPECT_EQ(one_->service.handle("append hello"), "ok 1 7\n");
  EXPECT_THAT(two_->service.handle("append hello"),
              StartsWith("error not-active node2 is a standby"));
  EXPECT_THAT(two_->service.handle("read"), MatchesRegex("1 7 a{32} [-0-9T:]+Z - hello\n\\.\n"));
  EXPECT_EQ(two_->service.handle("whoami"), "node2 standby 0\n");
  EXPECT_EQ(one_->service.handle("whoami"), "node1 active 7\n");
  EXPECT_EQ(two_->user.badTotal(), 0u) << "sending a client on is no failure";
}

TEST_F(ServiceTest, DemotedNodeWritesNoMore) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  one_->service.demote(drain(7));
  EXPECT_THAT(one_->service.handle("append hello"), StartsWith("error not-active"));
  EXPECT_EQ(one_->service.handle("whoami"), "node1 standby 7\n");
}

TEST_F(ServiceTest, NothingIsBegunThatCouldOutlastTheLease) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  clock_.advance(muster::Duration::millis(4749));
  EXPECT_EQ(one_->service.handle("append in time"), "ok 1 7\n");
  clock_.advance(muster::Duration::millis(1));
  EXPECT_THAT(one_->service.handle("append too late"),
              StartsWith("error not-active node1 holds a lease that could end"));
  clock_.advance(muster::Duration::millis(250));
  EXPECT_EQ(one_->service.handle("whoami"), "node1 standby 7\n");
}

// It was paused with its lease still good by its own clock, and wakes behind its successor.
TEST_F(ServiceTest, PausedPredecessorIsFencedOff) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  ASSERT_TRUE(two_->service.promote(lease(8, 'b')));
  EXPECT_THAT(one_->service.handle("append late"),
              StartsWith("error not-active node1 was fenced off: epoch 7"));
  EXPECT_FALSE(one_->storage.inOutage()) << "the journal is well";
  EXPECT_EQ(two_->service.handle("append mine"), "ok 1 8\n");
  EXPECT_FALSE(one_->service.promote(lease(7, 'a')));
}

TEST_F(ServiceTest, JournalThatCannotBeWrittenIsAnOutageUntilItCan) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ / "journal").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_THAT(one_->service.handle("append x"), StartsWith("error storage cannot write"));
  EXPECT_TRUE(one_->storage.inOutage());
  EXPECT_EQ(one_->user.badTotal(), 1u);
  one_->service.tick();
  EXPECT_TRUE(one_->storage.inOutage());
  sqlite3_close(other);
  one_->service.tick();
  EXPECT_FALSE(one_->storage.inOutage());
}

TEST_F(ServiceTest, FaultsAreCounted) {
  ASSERT_TRUE(one_->service.promote(lease(7, 'a')));
  EXPECT_EQ(one_->service.handle("fault drop 2"), "outage off, 2 appends to drop\n");
  EXPECT_THAT(one_->service.handle("append x"), StartsWith("error dropped"));
  EXPECT_THAT(one_->service.handle("append x"), StartsWith("error dropped"));
  EXPECT_EQ(one_->service.handle("append x"), "ok 1 7\n");
  EXPECT_EQ(one_->user.badTotal(), 2u);
  EXPECT_EQ(one_->user.goodTotal(), 1u);
  EXPECT_EQ(one_->service.handle("fault outage on"), "outage on, 0 appends to drop\n");
  EXPECT_TRUE(one_->storage.inOutage());
  EXPECT_THAT(one_->service.handle("append x"), StartsWith("error storage"));
  one_->service.tick();
  EXPECT_TRUE(one_->storage.inOutage());
  one_->service.handle("fault outage off");
  EXPECT_FALSE(one_->storage.inOutage());
  EXPECT_EQ(one_->service.handle("append x"), "ok 2 7\n");
}

TEST_F(ServiceTest, BadRequestSaysWhatIsRight) {
  EXPECT_THAT(one_->service.handle("append"), HasSubstr("write: append TEXT"));
  EXPECT_EQ(one_->service.handle("quit"), "");
}

}  // namespace
}  // namespace ledger
