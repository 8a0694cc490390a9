#include "libcontrol/store/level_record.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "libcontrol/base/limits.h"
#include "libcontrol/store/database.h"
#include "libcontrol/store/service_history.h"

namespace muster::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDayMs = 86'400'000;
const LevelSubject kUser{"ledger", "", "user", 2};
const LevelSubject kNode{"ledger", "node1", "user", 2};

LevelDayRow day(const LevelSubject& subject, int64_t number, uint64_t good, uint64_t bad,
                double objective = 99.9) {
  return {subject, number, objective, good, bad, Duration::seconds(60), bad > 0 ? 1u : 0u};
}

LevelOutageRow outage(const LevelSubject& subject, int64_t begin_ms, int64_t end_ms, int state) {
  return {subject, WallTime{begin_ms}, WallTime{end_ms}, state, 5};
}

class LevelRecordTest : public testing::TestWithParam<bool> {
 protected:
  LevelRecordTest() {
    std::string name = (fs::temp_directory_path() / "muster-record-XXXXXX").string();
    dir_ = mkdtemp(name.data());
    file_ = dir_ / "levels";
    open();
  }
  ~LevelRecordTest() override { fs::remove_all(dir_); }

  bool onDisk() const { return GetParam(); }
  void open() {
    history_ = onDisk() ? openServiceHistory(file_).value() : openMemoryServiceHistory();
    store_ = history_->record();
    ASSERT_NE(store_, nullptr);
  }
  // Only a disk has another process.
  void reopen() {
    if (onDisk()) open();
  }

  fs::path dir_;
  fs::path file_;
  std::unique_ptr<ServiceHistoryStore> history_;
  LevelRecordStore* store_ = nullptr;
};

TEST_P(LevelRecordTest, AmountsOfADayAddUp) {
  ASSERT_TRUE(store_->subjects()->empty());
  EXPECT_EQ(store_->firstDay(kUser).status().code(), Code::kNotFound);
  ASSERT_TRUE(store_->add({day(kUser, 100, 10, 1), day(kNode, 100, 4, 0)}, {}).isOk());
  ASSERT_TRUE(store_->add({day(kUser, 100, 20, 2, 99.5), day(kUser, 101, 7, 0)}, {}).isOk());
  reopen();
  const LevelDayRow sum{kUser, 100, 99.5, 30, 3, Duration::seconds(120), 2};
  EXPECT_EQ(*store_->days(kUser, 100, 102), (std::vector<LevelDayRow>{sum, day(kUser, 101, 7, 0)}));
  EXPECT_EQ(*store_->days(kUser, 0, 100), std::vector<LevelDayRow>{});
  EXPECT_EQ(*store_->days({"other", "", "user", 2}, 0, 200), std::vector<LevelDayRow>{});
  EXPECT_EQ(*store_->subjects(), (std::vector<LevelSubject>{kUser, kNode}));
  EXPECT_EQ(*store_->firstDay(kUser), 100);
}

TEST_P(LevelRecordTest, AServiceOfAnotherKindIsAnotherOne) {
  LevelSubject timed = kUser;
  timed.kind = 1;
  ASSERT_TRUE(store_->add({day(kUser, 100, 10, 0), day(timed, 100, 60'000, 0)}, {}).isOk());
  EXPECT_EQ(store_->subjects()->size(), 2u);
  EXPECT_EQ(store_->days(timed, 100, 101)->at(0).good, 60'000u);
}

TEST_P(LevelRecordTest, AnOutageTakesThePlaceOfTheSame) {
  ASSERT_TRUE(store_->add({}, {outage(kUser, 1000, 2000, 2), outage(kUser, 500, 600, 1)}).isOk());
  ASSERT_TRUE(store_->add({}, {outage(kUser, 1000, 5000, 2)}).isOk());
  EXPECT_EQ(
      *store_->outages(kUser, {0}, {kDayMs}),
      (std::vector<LevelOutageRow>{outage(kUser, 500, 600, 1), outage(kUser, 1000, 5000, 2)}));
  EXPECT_EQ(store_->outages(kUser, {700}, {1001})->size(), 1u);
  EXPECT_EQ(store_->outages(kUser, {700}, {1000})->size(), 0u);
  // The process that watched it is gone.
  reopen();
  ASSERT_TRUE(store_->endOutages().isOk());
  EXPECT_EQ(store_->outages(kUser, {0}, {kDayMs})->at(1), outage(kUser, 1000, 5000, 3));
}

TEST_P(LevelRecordTest, WhatIsOldIsForgottenWithWhatHasNothingLeft) {
  ASSERT_TRUE(store_
                  ->add({day(kUser, 100, 1, 0), day(kUser, 200, 2, 0), day(kNode, 100, 1, 0)},
                        {outage(kUser, 100 * kDayMs, 100 * kDayMs + 5, 1),
                         outage(kUser, 149 * kDayMs, 150 * kDayMs + 5, 1)})
                  .isOk());
  ASSERT_TRUE(store_->forgetBefore(150).isOk());
  EXPECT_EQ(*store_->subjects(), std::vector<LevelSubject>{kUser});
  EXPECT_EQ(*store_->days(kUser, 0, 1000), std::vector<LevelDayRow>{day(kUser, 200, 2, 0)});
  EXPECT_EQ(store_->outages(kUser, {0}, {1000 * kDayMs})->size(), 1u);
  EXPECT_EQ(*store_->firstDay(kUser), 200);
  // It may come back.
  ASSERT_TRUE(store_->add({day(kNode, 201, 9, 0)}, {}).isOk());
  EXPECT_EQ(store_->days(kNode, 0, 1000)->at(0).good, 9u);
}

TEST_P(LevelRecordTest, WhatIsOutOfRangeIsRefusedWhole) {
  const auto refused = [&](const LevelDayRow& row) {
    return store_->add({day(kUser, 1, 1, 0), row}, {}).code();
  };
  LevelSubject wrong = kUser;
  wrong.service = "";
  EXPECT_EQ(refused(day(wrong, 1, 1, 0)), Code::kInvalidArgument);
  wrong.service = std::string(65, 'a');
  EXPECT_EQ(refused(day(wrong, 1, 1, 0)), Code::kInvalidArgument);
  EXPECT_EQ(refused(day({"", "", "user", 2}, 1, 1, 0)), Code::kInvalidArgument);
  EXPECT_EQ(refused(day({"g", "", "user", 4}, 1, 1, 0)), Code::kInvalidArgument);
  EXPECT_EQ(refused(day(kUser, 1, 1, 0, 100)), Code::kInvalidArgument);
  EXPECT_EQ(refused(day(kUser, 1, 1, 0, std::numeric_limits<double>::quiet_NaN())),
            Code::kInvalidArgument);
  EXPECT_EQ(refused(day(kUser, 1, uint64_t{1} << 62, 0)), Code::kInvalidArgument);
  EXPECT_EQ(store_->add({}, {outage(kUser, 10, 9, 1)}).code(), Code::kInvalidArgument);
  EXPECT_EQ(store_->add({}, {outage(kUser, 10, 19, 0)}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(store_->subjects()->empty());
}

INSTANTIATE_TEST_SUITE_P(Stores, LevelRecordTest, testing::Values(true, false),
                         [](const auto& of) { return of.param ? "Sqlite" : "Memory"; });

// Version 1 as it was released.
constexpr char kVersion1[] = R"sql(
PRAGMA journal_mode=WAL;
CREATE TABLE service_history (
  "group" TEXT NOT NULL,
  service TEXT NOT NULL CHECK (service <> ''),
  saved_at_ms INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY ("group", service)
) STRICT;
INSERT INTO service_history VALUES ('ledger', 'user', 7, x'0102');
PRAGMA application_id=0x4d535448;
PRAGMA user_version=1;
)sql";

TEST(LevelRecordMigration, AFileWithoutARecordGetsOneAndLosesNothing) {
  std::string name = (fs::temp_directory_path() / "muster-record-XXXXXX").string();
  const fs::path dir = mkdtemp(name.data());
  const fs::path file = dir / "levels";
  ASSERT_TRUE((*Database::open(file, {}))->execute(kVersion1).isOk());
  {
    const auto opened = openServiceHistory(file);
    ASSERT_TRUE(opened.isOk()) << opened.status().text();
    const std::vector<ServiceHistoryRow> rows = {
        {"ledger", "user", WallTime{7}, std::string("\1\2")}};
    EXPECT_EQ(*(*opened)->load(), rows);
    ASSERT_TRUE((*opened)->record()->add({day(kUser, 100, 10, 1)}, {}).isOk());
  }
  EXPECT_EQ(*(*Database::open(file, {}))->number("PRAGMA user_version"), 2);
  EXPECT_EQ((*openServiceHistory(file))->record()->days(kUser, 100, 101)->at(0).good, 10u);
  fs::remove_all(dir);
}

}  // namespace
}  // namespace muster::store
