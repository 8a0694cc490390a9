// What only the store on disk can show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "libcontrol/store/coordinator_store.h"

namespace muster::store {
namespace {

using testing::HasSubstr;

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-store-XXXXXX";
    dir_ = ::mkdtemp(name);
    file_ = dir_ / "coordinator.db";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<CoordinatorStore> open(size_t audit_capacity = 1000) {
    CoordinatorStoreOptions options;
    options.audit_capacity = audit_capacity;
    auto store = CoordinatorStore::open(file_, options);
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  Status failure() { return CoordinatorStore::open(file_).status(); }
  void execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  std::filesystem::path dir_;
  std::filesystem::path file_;
};

TEST_F(SqliteStoreTest, KeepsEverythingAcrossAReopening) {
  GroupRow group;
  group.name = "storage";
  group.epoch = 3;
  group.highest_epoch = 5;
  group.move = MoveRow{};
  group.move->group = "storage";
  group.move->key = "k2";
  MoveRow ended = *group.move;
  ended.key = "k1";
  ended.code = "ok";
  const OverrideRow override_row{OverrideTarget::kAll, "", "disk", 2, "a", {1}, std::nullopt};
  HistoryRow event;
  event.group = "storage";
  {
    const auto store = open();
    ASSERT_TRUE(store->groups().save(group, {ended}));
    ASSERT_TRUE(store->history().append({event}));
    ASSERT_TRUE(store->overrides().set(override_row));
    ASSERT_TRUE(store->members().add({"n@example.org", "n", "storage", {1}, "a"}));
    ASSERT_TRUE(store->grants().set({"a@example.org", 3, {1}, "a"}));
    ASSERT_TRUE(store->subscriptions().add({"c@example.org", "s@example.org"}));
    ASSERT_TRUE(store->audit().append({0, {1}, "a", "cli", "p", "v", "", "ok", ""}));
  }
  const auto store = open();
  EXPECT_THAT(*store->groups().loadAll(), testing::ElementsAre(group));
  EXPECT_THAT(*store->groups().endedMoves("storage"), testing::ElementsAre(ended));
  EXPECT_THAT(*store->overrides().list(), testing::ElementsAre(override_row));
  EXPECT_EQ(store->history().query({})->size(), 1u);
  ASSERT_TRUE(store->history().append({event}));
  EXPECT_EQ(store->history().query({})->front().seq, 2u);
  EXPECT_EQ(store->members().list()->size(), 1u);
  EXPECT_EQ(*store->grants().version(), 1u);
  EXPECT_EQ(store->subscriptions().list()->size(), 1u);
  EXPECT_EQ(*store->audit().append({0, {2}, "a", "cli", "p", "v", "", "ok", ""}), 2u);
  group.highest_epoch = 4;
  EXPECT_EQ(store->groups().save(group).code(), Code::kConflict);
}

TEST_F(SqliteStoreTest, SavedGroupSurvivesAKill) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = CoordinatorStore::open(file_);
    GroupRow group;
    group.name = "storage";
    group.epoch = group.highest_epoch = 9;
    if (!store || !(*store)->groups().save(group)) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(open()->groups().loadAll()->front().epoch, 9u);
}

TEST_F(SqliteStoreTest, AuditShrinksToALoweredCapacity) {
  {
    const auto store = open();
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(store->audit().append({0, {i}, "a", "cli", "p", "v", "", "ok", ""}));
    }
  }
  const auto store = open(10);
  ASSERT_TRUE(store->audit().append({0, {50}, "a", "cli", "p", "v", "", "ok", ""}));
  EXPECT_EQ(*store->audit().count(), 10u);
  EXPECT_EQ(store->audit().query({})->front().seq, 51u);
}

TEST_F(SqliteStoreTest, SecondProcessIsRefusedByName) {
  const auto store = open();
  const Status refused = failure();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_THAT(refused.text(),
              HasSubstr(file_.string() + " is in use by process " + std::to_string(::getpid())));
}

TEST_F(SqliteStoreTest, FileIsForItsOwnerOnly) {
  const auto store = open();
  ASSERT_TRUE(store->grants().set({"a@example.org", 3, {1}, "a"}));
  for (const char* suffix : {"", "-wal", ".lock"}) {
    struct stat info {};
    ASSERT_EQ(::stat((file_.string() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 077, 0u) << suffix;
  }
}

TEST_F(SqliteStoreTest, NewerSchemaIsRefusedAndLeftAlone) {
  { open(); }
  execute("PRAGMA user_version=7");
  const Status refused = failure();
  EXPECT_EQ(refused.code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.text(), HasSubstr("schema version is 7, and this program knows up to 6"));
  execute("PRAGMA user_version=6");
  EXPECT_TRUE(failure()) << "the refusal must not have changed it";
}

TEST_F(SqliteStoreTest, SomebodyElsesDatabaseIsRefusedAndLeftAlone) {
  execute("CREATE TABLE theirs (x)");
  EXPECT_EQ(failure().code(), Code::kRefusedUnsafe);
  execute("INSERT INTO theirs VALUES (1)");
  EXPECT_FALSE(std::filesystem::exists(file_.string() + "-wal"));
}

TEST_F(SqliteStoreTest, DamageIsDataLoss) {
  std::ofstream(file_) << std::string(5000, 'x');
  EXPECT_EQ(failure().code(), Code::kDataLoss);
  std::filesystem::remove(file_);
  {
    const auto store = open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(store->audit().append({0, {i}, "a", "cli", "p", "v", "", "ok", ""}));
    }
  }
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 2);
    file << std::string(static_cast<size_t>(std::filesystem::file_size(file_)) - 4096 * 2, '\x55');
  }
  EXPECT_EQ(failure().code(), Code::kDataLoss);
}

// Past the header, so that it looks like a database until the first statement is prepared.
TEST_F(SqliteStoreTest, ADamagedSchemaIsDataLoss) {
  { open(); }
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(4096 - 100, '\x55');
  }
  EXPECT_EQ(failure().code(), Code::kDataLoss);
}

TEST_F(SqliteStoreTest, MissingFolderIsNamed) {
  file_ = dir_ / "nowhere" / "coordinator.db";
  EXPECT_THAT(failure().text(), HasSubstr("nowhere"));
}

// A reader beside us (a backup) holds nobody up; a writer that stays is reported, not waited for.
TEST_F(SqliteStoreTest, StrangerWhoHoldsTheFileIsATimeout) {
  CoordinatorStoreOptions options;
  options.busy_timeout = Duration::millis(20);
  auto store = CoordinatorStore::open(file_, options);
  ASSERT_TRUE(store);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ((*store)->grants().set({"a@example.org", 3, {1}, "a"}).code(), Code::kTimeout);
  sqlite3_close(other);
  EXPECT_TRUE((*store)->grants().set({"a@example.org", 3, {1}, "a"}));
}

}  // namespace
}  // namespace muster::store
