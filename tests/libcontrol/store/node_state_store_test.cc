#include "libcontrol/store/node_state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "libcontrol/base/file.h"

namespace muster::store {
namespace {

using testing::HasSubstr;

const NodeState kState{"storage",
                       42,
                       7,
                       std::string("gr\0ants\n", 8),
                       {true, "ann@example.org", "disk swap", {1'767'225'600'123}}};

// A file as version 1 wrote it: group "storage", epoch 42, grants of version 7. Golden bytes: it
// must stay readable.
const std::string kVersion1File(
    "muster-node-1\n"
    "\x69\xdb\x4f\x3b\xa0\xcd\x89\xdd"
    "\x2a\0\0\0\0\0\0\0"
    "\x07\0\0\0\0\0\0\0"
    "\x07\0\0\0storage"
    "\x06\0\0\0grants",
    59);

struct InMemory {
  std::unique_ptr<NodeStateStore> open() { return NodeStateStore::openMemory(); }
};
struct OnDisk {
  OnDisk() {
    char name[] = "/tmp/muster-node-XXXXXX";
    dir = ::mkdtemp(name);
  }
  ~OnDisk() { std::filesystem::remove_all(dir); }
  std::unique_ptr<NodeStateStore> open(SyncFolder sync_folder = {}) {
    auto store = NodeStateStore::open(dir, std::move(sync_folder));
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  std::filesystem::path dir;
};

template <typename Place>
class NodeStateStoreTest : public testing::Test {
 protected:
  Place place_;
};
using Places = testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(NodeStateStoreTest, Places);

TYPED_TEST(NodeStateStoreTest, StartsFromNothingAndKeepsWhatIsSaved) {
  const auto store = this->place_.open();
  EXPECT_EQ(store->state(), NodeState{});
  ASSERT_TRUE(store->save(kState));
  EXPECT_EQ(store->state(), kState);
}

TYPED_TEST(NodeStateStoreTest, EpochNeverFallsWithinAGroup) {
  const auto store = this->place_.open();
  ASSERT_TRUE(store->save(kState));
  NodeState lower = kState;
  lower.highest_epoch = 41;
  EXPECT_EQ(store->save(lower).code(), Code::kConflict);
  EXPECT_EQ(store->state(), kState);
  lower.group = "other";
  EXPECT_TRUE(store->save(lower));
}

TYPED_TEST(NodeStateStoreTest, ANodeThatReturnsToAGroupKnowsItsEpochStill) {
  const auto store = this->place_.open();
  ASSERT_TRUE(store->save(kState));
  NodeState state = kState;
  state.group = "other";
  state.highest_epoch = 3;
  ASSERT_TRUE(store->save(state));
  EXPECT_EQ(store->state().highestEpochOf("other"), 3u);
  EXPECT_EQ(store->state().highestEpochOf("storage"), 42u);
  EXPECT_EQ(store->state().highestEpochOf("third"), 0u);
  state.group = "storage";
  state.highest_epoch = 41;
  EXPECT_EQ(store->save(state).code(), Code::kConflict);
  EXPECT_EQ(store->state().group, "other");
  state.highest_epoch = 42;
  ASSERT_TRUE(store->save(state));
  EXPECT_EQ(store->state().highestEpochOf("storage"), 42u);
  EXPECT_EQ(store->state().former, (std::vector<FormerGroup>{{"other", 3}}));
}

TYPED_TEST(NodeStateStoreTest, AGroupThatIsNoLongerRememberedStartsFromTheHighestForgotten) {
  const auto store = this->place_.open();
  NodeState state;
  // The first two are dropped; of them the first has the higher epoch.
  for (size_t i = 0; i < kMaxFormerGroups + 3; ++i) {
    state.group = "group" + std::to_string(i);
    state.highest_epoch = i == 0 ? 90 : 200;
    if (i == 1) state.highest_epoch = 100;
    if (i == 2) state.highest_epoch = 7;
    ASSERT_TRUE(store->save(state));
  }
  EXPECT_EQ(store->state().former.size(), kMaxFormerGroups);
  EXPECT_EQ(store->state().highestEpochOf("group2"), 7u) << "the oldest that is kept";
  EXPECT_EQ(store->state().highestEpochOf("group1"), 100u);
  EXPECT_EQ(store->state().highestEpochOf("group0"), 100u);
  EXPECT_EQ(store->state().highestEpochOf("never"), 100u) << "it may be a forgotten one";
  state.group = "group0";
  state.highest_epoch = 99;
  EXPECT_EQ(store->save(state).code(), Code::kConflict);
  state.highest_epoch = 100;
  EXPECT_TRUE(store->save(state));
}

TYPED_TEST(NodeStateStoreTest, GrantsAreBounded) {
  const auto store = this->place_.open();
  NodeState state = kState;
  state.grants = std::string(4 * 1024 * 1024 + 1, 'x');
  EXPECT_EQ(store->save(state).field(), "grants");
  state.grants.pop_back();
  EXPECT_TRUE(store->save(state));
}

TYPED_TEST(NodeStateStoreTest, TextsOfTheDrainMarkAreBounded) {
  const auto store = this->place_.open();
  NodeState state = kState;
  state.drain.reason = std::string(201, 'x');
  EXPECT_EQ(store->save(state).field(), "drain");
  state.drain.reason.pop_back();
  EXPECT_TRUE(store->save(state));
  state.drain.by = std::string(2048, 'x');
  EXPECT_EQ(store->save(state).field(), "drain");
}

class NodeStateFileTest : public testing::Test {
 protected:
  void save(const NodeState& state) { ASSERT_TRUE(place_.open()->save(state)); }
  Status failure() { return NodeStateStore::open(place_.dir).status(); }
  std::filesystem::path file() const { return place_.dir / "state"; }
  OnDisk place_;
};

TEST_F(NodeStateFileTest, ComesBackAfterARestart) {
  save(kState);
  EXPECT_EQ(place_.open()->state(), kState);
}

TEST_F(NodeStateFileTest, FormerGroupsComeBackAfterARestart) {
  save(kState);
  NodeState state = kState;
  for (size_t i = 0; i <= kMaxFormerGroups; ++i) {
    state.group = "group" + std::to_string(i);
    state.highest_epoch = 5;
    save(state);
  }
  const auto store = place_.open();
  EXPECT_EQ(store->state().forgotten_epoch, 42u);
  EXPECT_EQ(store->state().former.size(), kMaxFormerGroups);
  EXPECT_EQ(store->state().former.front().group, "group0");
  EXPECT_EQ(store->state().highestEpochOf("storage"), 42u);
}

TEST_F(NodeStateFileTest, AWriteOfUnknownOutcomeEndsAllWriting) {
  save(kState);
  bool fails = true;
  {
    const auto store = place_.open([&](const std::filesystem::path&) {
      return fails ? Status(Code::kUnavailable, "cannot sync the folder") : Status::ok();
    });
    NodeState next = kState;
    next.highest_epoch = 43;
    EXPECT_EQ(store->save(next).code(), Code::kDataLoss);
    EXPECT_EQ(store->state(), kState);
    fails = false;
    // The file may say 43 already: what is remembered here would lower it.
    const Status refused = store->save(kState);
    EXPECT_EQ(refused.code(), Code::kDataLoss);
    EXPECT_THAT(refused.text(), HasSubstr("may be the old one again after a crash"));
    EXPECT_EQ(store->save(next).code(), Code::kDataLoss);
  }
  const auto store = place_.open();
  EXPECT_EQ(store->state().highest_epoch, 43u);
  EXPECT_EQ(store->save(kState).code(), Code::kConflict);
  NodeState next = store->state();
  next.highest_epoch = 44;
  EXPECT_TRUE(store->save(next));
}

TEST_F(NodeStateFileTest, AWriteThatChangedNothingMayBeTriedAgain) {
  save(kState);
  const auto store = place_.open();
  NodeState next = kState;
  next.highest_epoch = 43;
  std::filesystem::create_directory(file().string() + ".new");
  const Status failed = store->save(next);
  EXPECT_FALSE(failed);
  EXPECT_NE(failed.code(), Code::kDataLoss);
  std::filesystem::remove(file().string() + ".new");
  EXPECT_TRUE(store->save(next));
}

TEST_F(NodeStateFileTest, MakesItsFolder) {
  const auto store = NodeStateStore::open(place_.dir / "state_dir");
  ASSERT_TRUE(store);
  EXPECT_EQ(NodeStateStore::open(place_.dir / "no" / "where").status().code(), Code::kUnavailable);
}

TEST_F(NodeStateFileTest, SecondProcessIsRefused) {
  const auto store = place_.open();
  const Status refused = failure();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_THAT(refused.text(), HasSubstr("in use by process"));
}

TEST_F(NodeStateFileTest, EveryTruncationIsDataLoss) {
  save(kState);
  const std::string whole = *readFile(file(), 10000);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    ASSERT_EQ(failure().code(), Code::kDataLoss) << "cut to " << size << " bytes";
  }
}

TEST_F(NodeStateFileTest, EveryFlippedByteIsDataLoss) {
  save(kState);
  const std::string whole = *readFile(file(), 10000);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] ^= 0x10;
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << flipped;
    ASSERT_EQ(failure().code(), Code::kDataLoss) << "byte " << at;
  }
}

TEST_F(NodeStateFileTest, TrailingAndOversizedBytesAreDataLoss) {
  save(kState);
  std::ofstream(file(), std::ios::binary | std::ios::app) << "x";
  EXPECT_EQ(failure().code(), Code::kDataLoss);
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << std::string(5 * 1024 * 1024, 'x');
  const Status damaged = failure();
  EXPECT_EQ(damaged.code(), Code::kDataLoss);
  EXPECT_THAT(damaged.text(), HasSubstr(file().string() + " is damaged"));
}

TEST_F(NodeStateFileTest, AFileOfVersion1IsReadAndWrittenAnew) {
  std::ofstream(file(), std::ios::binary) << kVersion1File;
  NodeState expected{"storage", 42, 7, "grants", {}};
  EXPECT_EQ(place_.open()->state(), expected);
  // Reading alone changes nothing, so that the program before could still be run.
  EXPECT_EQ(*readFile(file(), 10000), kVersion1File);
  expected.highest_epoch = 43;
  save(expected);
  EXPECT_TRUE(readFile(file(), 10000)->starts_with("muster-node-3\n"));
  EXPECT_EQ(place_.open()->state(), expected);
  expected.group = "other";
  expected.highest_epoch = 1;
  save(expected);
  EXPECT_EQ(place_.open()->state().highestEpochOf("storage"), 43u);
}

TEST_F(NodeStateFileTest, ANewerVersionIsRefused) {
  save(kState);
  std::string newer = *readFile(file(), 10000);
  newer.replace(newer.find('3'), 1, "4");
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << newer;
  const Status refused = failure();
  EXPECT_EQ(refused.code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.text(),
              HasSubstr("has the format version 4, and this program knows up to 3"));
  // Nothing was done to it.
  EXPECT_EQ(*readFile(file(), 10000), newer);
  for (const char* word : {"muster-node-0\n", "muster-node-\n", "muster-node-99999\n"}) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << word + newer.substr(14);
    EXPECT_EQ(failure().code(), Code::kDataLoss) << word;
  }
}

TEST_F(NodeStateFileTest, HalfWrittenReplacementIsIgnored) {
  save(kState);
  std::ofstream(file().string() + ".new") << "torn";
  const auto store = place_.open();
  EXPECT_EQ(store->state(), kState);
  EXPECT_TRUE(store->save(kState));
}

}  // namespace
}  // namespace muster::store
