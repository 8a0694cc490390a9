#include "libcontrol/adhoc/session_table.h"

#include <gtest/gtest.h>

#include <set>

#include "libcontrol/base/limits.h"

namespace muster::adhoc {
namespace {

using Found = SessionTable::Found;

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

class SessionTableTest : public ::testing::Test {
 protected:
  std::string open(const SessionOwner& owner, const std::string& own_id = {}) {
    const auto id = table_.open(owner, own_id, now_);
    EXPECT_TRUE(id.isOk()) << id.status().text();
    return id.isOk() ? *id : "";
  }

  SeededRandom random_{7};
  SessionTable table_{random_};
  ElapsedTime now_{0};
  const SessionOwner ann_{jid("ann@example.org/phone"), "node@example.org/n", "log-level"};
};

TEST_F(SessionTableTest, IdsAre128BitsAndDiffer) {
  std::set<std::string> ids;
  for (size_t i = 0; i < limits::kMaxSessionsPerJid; ++i) {
    const std::string id = open(ann_);
    EXPECT_TRUE(SessionTable::isOurShape(id)) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), limits::kMaxSessionsPerJid);
}

TEST_F(SessionTableTest, FoundOnlyByItsOwnerAtItsNodeAndPlace) {
  const std::string id = open(ann_);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kOpen);
  SessionOwner other = ann_;
  other.requester = jid("ann@example.org/laptop");
  EXPECT_EQ(table_.find(other, id, now_), Found::kUnknown);
  other = ann_;
  other.node = "failover";
  EXPECT_EQ(table_.find(other, id, now_), Found::kUnknown);
  other = ann_;
  other.place = "elsewhere@example.org";
  EXPECT_EQ(table_.find(other, id, now_), Found::kUnknown);
  table_.close(other, id);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kOpen) << "closed by somebody else";
}

TEST_F(SessionTableTest, LivesTenMinutesAndSaysOnceThatItExpired) {
  const std::string id = open(ann_);
  now_ = now_ + limits::kSessionLife - Duration::millis(1);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kOpen);
  now_ = now_ + Duration::millis(1);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kExpired);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kUnknown);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(SessionTableTest, KeepsTheRequestersOwnIdForThatRequesterOnly) {
  EXPECT_EQ(open(ann_, "mine"), "mine");
  SessionOwner bob = ann_;
  bob.requester = jid("bob@example.org/phone");
  EXPECT_EQ(table_.find(bob, "mine", now_), Found::kUnknown);
  EXPECT_EQ(open(bob, "mine"), "mine");
  table_.close(bob, "mine");
  EXPECT_EQ(table_.find(ann_, "mine", now_), Found::kOpen);
}

TEST_F(SessionTableTest, RefusesAnOverlongOwnId) {
  const auto id = table_.open(ann_, std::string(SessionTable::kMaxOwnIdBytes + 1, 'x'), now_);
  ASSERT_FALSE(id.isOk());
  EXPECT_EQ(id.status().code(), Code::kInvalidArgument);
}

TEST_F(SessionTableTest, TheOldestOfTheSameJidGivesWay) {
  SessionOwner bob = ann_;
  bob.requester = jid("bob@example.org/phone");
  const std::string bobs = open(bob);
  const std::string first = open(ann_);
  const std::string second = open(ann_);
  for (size_t i = 2; i <= limits::kMaxSessionsPerJid; ++i) open(ann_);
  EXPECT_EQ(table_.find(ann_, first, now_), Found::kUnknown);
  EXPECT_EQ(table_.find(ann_, second, now_), Found::kOpen);
  EXPECT_EQ(table_.find(bob, bobs, now_), Found::kOpen);
}

TEST_F(SessionTableTest, AFullTableRefusesUntilSomeExpire) {
  for (size_t i = 0; table_.size() < limits::kMaxSessions; ++i) {
    SessionOwner owner = ann_;
    owner.requester = jid("u" + std::to_string(i) + "@example.org/x");
    for (size_t k = 0; k < limits::kMaxSessionsPerJid; ++k) open(owner);
  }
  SessionOwner late = ann_;
  late.requester = jid("late@example.org/x");
  auto id = table_.open(late, "", now_);
  ASSERT_FALSE(id.isOk());
  EXPECT_EQ(id.status().code(), Code::kResourceExhausted);
  now_ = now_ + limits::kSessionLife;
  EXPECT_TRUE(table_.open(late, "", now_).isOk());
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(SessionTableTest, ABusySessionIsFoundAsSuch) {
  const std::string id = open(ann_);
  table_.setBusy(ann_, id, true);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kBusy);
  EXPECT_EQ(table_.find(ann_, id, now_ + limits::kSessionLife), Found::kBusy);
  table_.setBusy(ann_, id, false);
  EXPECT_EQ(table_.find(ann_, id, now_), Found::kOpen);
}

}  // namespace
}  // namespace muster::adhoc
