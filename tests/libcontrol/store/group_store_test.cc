// Groups, their moves and pauses, in both implementations.
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <typename Place>
class GroupStoreTest : public CoordinatorStoreTest<Place> {};
TYPED_TEST_SUITE(GroupStoreTest, Places);

Id128 id(char fill) {
  return *Id128::fromBytes(std::string(16, fill));
}

GroupRow activeGroup(uint64_t epoch) {
  GroupRow row;
  row.name = "storage";
  row.phase = GroupPhase::kActive;
  row.epoch = epoch;
  row.highest_epoch = epoch + 2;
  row.holder = "node1@example.org";
  row.instance = id('i');
  row.offer_nonce = id('\0');
  row.lease_ttl_ms = 5000;
  row.moved_at = {1'767'225'600'123};
  return row;
}

// --- groups -------------------------------------------------------------------------------------

TYPED_TEST(GroupStoreTest, GroupComesBackWithEveryField) {
  GroupRow row = activeGroup(7);
  row.phase = GroupPhase::kDraining;
  row.offer_nonce = id('n');
  row.failsafe_ms = 605'000;
  row.failsafe_lease_ms = 6000;
  row.members_version = 77;
  row.listed = {"node1@example.org", "node2@example.org"};
  row.untold = {"node2@example.org"};
  ASSERT_TRUE(this->store_->groups().save(row));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
}

TYPED_TEST(GroupStoreTest, GroupIsReplacedAndListedByName) {
  GroupRow vacant;
  vacant.name = "alpha";
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7)));
  ASSERT_TRUE(this->store_->groups().save(activeGroup(8)));
  ASSERT_TRUE(this->store_->groups().save(vacant));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(vacant, activeGroup(8)));
}

TYPED_TEST(GroupStoreTest, GroupEpochsNeverDecrease) {
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7)));
  GroupRow lower = activeGroup(6);
  lower.highest_epoch = 9;
  EXPECT_EQ(this->store_->groups().save(lower).code(), Code::kConflict);
  GroupRow forgetful = activeGroup(7);
  forgetful.highest_epoch = 8;
  const Status refused = this->store_->groups().save(forgetful);
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_THAT(refused.text(), HasSubstr("epoch 7 (highest 8) is below the recorded epoch 7"));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(activeGroup(7)));
}

TYPED_TEST(GroupStoreTest, GroupWithAnImpossibleEpochIsRefused) {
  GroupRow row = activeGroup(7);
  row.highest_epoch = 6;
  EXPECT_EQ(this->store_->groups().save(row).code(), Code::kInvalidArgument);
  row.highest_epoch = uint64_t{1} << 63;
  EXPECT_EQ(this->store_->groups().save(row).code(), Code::kInvalidArgument);
  row.highest_epoch = (uint64_t{1} << 63) - 1;
  EXPECT_TRUE(this->store_->groups().save(row));
}

TYPED_TEST(GroupStoreTest, GroupThatCouldNotBeWaitedForIsRefused) {
  GroupRow row = activeGroup(7);
  row.instance = {};
  EXPECT_EQ(this->store_->groups().save(row).field(), "instance");
  row = activeGroup(7);
  row.lease_ttl_ms = 0;
  EXPECT_EQ(this->store_->groups().save(row).field(), "lease_ttl_ms");
  row = activeGroup(7);
  row.holder.clear();
  EXPECT_EQ(this->store_->groups().save(row).field(), "holder");
  row = activeGroup(7);
  row.phase = GroupPhase::kOffered;
  EXPECT_EQ(this->store_->groups().save(row).field(), "offer_nonce");
  row = activeGroup(7);
  row.name.clear();
  EXPECT_EQ(this->store_->groups().save(row).field(), "name");
  EXPECT_THAT(*this->store_->groups().loadAll(), IsEmpty());
}

// --- moves --------------------------------------------------------------------------------------

MoveRow runningMove(const std::string& key) {
  MoveRow move;
  move.group = "storage";
  move.key = key;
  move.target = "node2@example.org";
  move.away_from = "node1@example.org";
  move.expect_epoch = 7;
  move.caller = "ann@example.org";
  move.cause = "drained";
  move.force = true;
  move.leave_vacant = true;
  move.automatic = true;
  move.from = "node1@example.org";
  move.from_epoch = 7;
  move.context = "{}";
  return move;
}

MoveRow endedMove(const std::string& key) {
  MoveRow move = runningMove(key);
  move.code = "refused-unsafe";
  move.field = "to";
  move.text = "node2 did not become active";
  move.to = "node1@example.org";
  move.epoch = 9;
  move.duration_ms = 1234;
  move.resumed = true;
  return move;
}

TYPED_TEST(GroupStoreTest, RunningMoveComesBackWithItsGroup) {
  GroupRow row = activeGroup(7);
  row.move = runningMove("k");
  ASSERT_TRUE(this->store_->groups().save(row));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
  EXPECT_THAT(*this->store_->groups().endedMoves("storage"), IsEmpty());
  row.move->expect_epoch.reset();
  ASSERT_TRUE(this->store_->groups().save(row));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
}

TYPED_TEST(GroupStoreTest, MoveEndsInTheInstantInWhichItLeavesTheRecord) {
  GroupRow row = activeGroup(7);
  row.move = runningMove("k");
  ASSERT_TRUE(this->store_->groups().save(row));
  row = activeGroup(9);
  ASSERT_TRUE(this->store_->groups().save(row, {endedMove("k")}));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
  EXPECT_THAT(*this->store_->groups().endedMoves("storage"), ElementsAre(endedMove("k")));
  EXPECT_THAT(*this->store_->groups().endedMoves("other"), IsEmpty());
}

TYPED_TEST(GroupStoreTest, MoveOfARefusedRecordIsNotKept) {
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7)));
  EXPECT_EQ(this->store_->groups().save(activeGroup(6), {endedMove("k")}).code(), Code::kConflict);
  EXPECT_THAT(*this->store_->groups().endedMoves("storage"), IsEmpty());
  GroupRow row = activeGroup(7);
  row.move = endedMove("k");
  EXPECT_EQ(this->store_->groups().save(row).field(), "move");
  row.move = runningMove("k");
  row.move->group = "other";
  EXPECT_EQ(this->store_->groups().save(row).field(), "move");
}

TYPED_TEST(GroupStoreTest, NewestMovesOfEachGroupAreKept) {
  GroupRow other;
  other.name = "other";
  MoveRow of_other = endedMove("k0");
  of_other.group = "other";
  ASSERT_TRUE(this->store_->groups().save(other, {of_other}));
  std::vector<MoveRow> moves;
  for (size_t i = 0; i <= limits::kMaxKnownMoves; ++i) {
    moves.push_back(endedMove("k" + std::to_string(i)));
  }
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7), moves));
  const auto kept = this->store_->groups().endedMoves("storage");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), limits::kMaxKnownMoves);
  EXPECT_EQ(kept->front().key, "k1");
  EXPECT_EQ(this->store_->groups().endedMoves("other")->size(), 1u);
}

TYPED_TEST(GroupStoreTest, MoveWithoutAKeyIsNotKeptOnceOver) {
  GroupRow row = activeGroup(7);
  row.move = runningMove("");
  ASSERT_TRUE(this->store_->groups().save(row));
  row.move->target.clear();
  ASSERT_TRUE(this->store_->groups().save(row));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7), {endedMove("")}));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(activeGroup(7)));
  EXPECT_THAT(*this->store_->groups().endedMoves("storage"), IsEmpty());
}

// --- pauses -------------------------------------------------------------------------------------

TYPED_TEST(GroupStoreTest, PausesAreReplacedListedAndCleared) {
  GroupStore& groups = this->store_->groups();
  PauseRow storage{"storage", {2000}, "ann@example.org", "works", {1000}};
  const PauseRow ledger{"ledger", {3000}, "bob@example.org", "", {1000}};
  ASSERT_TRUE(groups.setPause(storage));
  ASSERT_TRUE(groups.setPause(ledger));
  storage.until = {4000};
  ASSERT_TRUE(groups.setPause(storage));
  EXPECT_THAT(*groups.pauses(), ElementsAre(ledger, storage));
  ASSERT_TRUE(groups.clearPause("ledger"));
  ASSERT_TRUE(groups.clearPause("ledger"));
  EXPECT_THAT(*groups.pauses(), ElementsAre(storage));
}

TYPED_TEST(GroupStoreTest, APauseThatSaysTooLittleOrTooMuchIsRefused) {
  GroupStore& groups = this->store_->groups();
  EXPECT_EQ(groups.setPause({"", {2}, "ann@example.org", "", {1}}).field(), "group");
  EXPECT_EQ(groups.setPause({"g", {2}, "", "", {1}}).field(), "by");
  const std::string longer(limits::kMaxDrainReasonBytes + 1, 'x');
  EXPECT_EQ(groups.setPause({"g", {2}, "ann@example.org", longer, {1}}).field(), "reason");
  EXPECT_THAT(*groups.pauses(), IsEmpty());
}

// --- moves to come ------------------------------------------------------------------------------

TYPED_TEST(GroupStoreTest, AGroupHasOneMoveToCome) {
  GroupStore& groups = this->store_->groups();
  ScheduledMoveRow storage{"storage", {2000}, "node2", true, "ann@example.org", "g@x", "c", {1000}};
  const ScheduledMoveRow ledger{"ledger", {3000}, "", false, "bob@example.org", "", "", {1000}};
  ASSERT_TRUE(groups.schedule(storage));
  ASSERT_TRUE(groups.schedule(ledger));
  storage.at = {4000};
  ASSERT_TRUE(groups.schedule(storage));
  EXPECT_THAT(*groups.scheduled(), ElementsAre(ledger, storage));
  ASSERT_TRUE(groups.unschedule("ledger"));
  ASSERT_TRUE(groups.unschedule("ledger"));
  EXPECT_THAT(*groups.scheduled(), ElementsAre(storage));
  storage.by = "";
  EXPECT_EQ(groups.schedule(storage).field(), "by");
  storage.group = "";
  EXPECT_EQ(groups.schedule(storage).field(), "group");
}

}  // namespace
}  // namespace muster::store
