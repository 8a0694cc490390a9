// A store that an older version wrote is brought up to date with nothing lost, or left as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "libcontrol/store/coordinator_store.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Version 1 as it was released.
constexpr char kVersion1[] = R"sql(
PRAGMA journal_mode=WAL;
CREATE TABLE groups (
  name TEXT PRIMARY KEY,
  phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 3),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  highest_epoch INTEGER NOT NULL CHECK (highest_epoch >= epoch),
  holder TEXT NOT NULL,
  instance BLOB NOT NULL CHECK (length(instance) = 16),
  offer_nonce BLOB NOT NULL CHECK (length(offer_nonce) = 16),
  lease_ttl_ms INTEGER NOT NULL,
  moved_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE members (
  jid TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  "group" TEXT NOT NULL,
  enrolled_at_ms INTEGER NOT NULL,
  enrolled_by TEXT NOT NULL
) STRICT;
CREATE TABLE grants (
  jid TEXT PRIMARY KEY,
  role INTEGER NOT NULL CHECK (role > 0),
  granted_at_ms INTEGER NOT NULL,
  granted_by TEXT NOT NULL
) STRICT;
CREATE TABLE grants_version (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  version INTEGER NOT NULL
) STRICT;
INSERT INTO grants_version VALUES (1, 0);
CREATE TABLE subscriptions (
  contact TEXT NOT NULL,
  subscriber TEXT NOT NULL,
  PRIMARY KEY (contact, subscriber)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  face TEXT NOT NULL,
  place TEXT NOT NULL,
  verb TEXT NOT NULL,
  arguments TEXT NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
PRAGMA application_id=0x4d535452;
PRAGMA user_version=1;
)sql";

constexpr char kRows1[] = R"sql(
INSERT INTO groups VALUES ('storage', 2, 7, 9, 'node1@example.org',
  x'0102030405060708090a0b0c0d0e0f10', x'00000000000000000000000000000000', 5000, 1234);
INSERT INTO groups VALUES ('web', 0, 0, 0, '', zeroblob(16), zeroblob(16), 0, 1);
INSERT INTO members VALUES ('node1@example.org', 'node1', 'storage', 11, 'bootstrap');
INSERT INTO members VALUES ('node2@example.org', 'node2', '', 12, 'ann@example.org');
INSERT INTO grants VALUES ('ann@example.org', 3, 13, 'bootstrap');
UPDATE grants_version SET version = 4;
INSERT INTO subscriptions VALUES ('storage@muster.example.org', 'ann@example.org');
INSERT INTO audit VALUES (41, 14, 'ann@example.org', 'chat', 'muster.example.org', 'failover',
  'storage', 'begun', '');
INSERT INTO audit VALUES (42, 15, 'ann@example.org', 'chat', 'muster.example.org', 'failover',
  'storage', 'ok', 'Done.');
)sql";

class MigrationTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-store-XXXXXX";
    dir_ = ::mkdtemp(name);
    file_ = dir_ / "coordinator.db";
    execute(kVersion1);
    execute(kRows1);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  int64_t number(const std::string& sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
  }
  void expectVersion1() {
    EXPECT_EQ(number("PRAGMA user_version"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM sqlite_schema WHERE name IN ('moves', 'history', "
                     "'overrides')"),
              0);
    EXPECT_EQ(number("SELECT count(*) FROM pragma_table_info('members')"), 5);
    EXPECT_EQ(number("SELECT count(*) FROM members"), 2);
  }
  void expectEverything() {
    const auto opened = CoordinatorStore::open(file_);
    ASSERT_TRUE(opened) << opened.status().text();
    CoordinatorStore& store = **opened;
    GroupRow storage;
    storage.name = "storage";
    storage.phase = GroupPhase::kActive;
    storage.epoch = 7;
    storage.highest_epoch = 9;
    storage.holder = "node1@example.org";
    storage.instance = *Id128::fromHex("0102030405060708090a0b0c0d0e0f10");
    storage.lease_ttl_ms = 5000;
    storage.moved_at = {1234};
    GroupRow web;
    web.name = "web";
    web.moved_at = {1};
    EXPECT_THAT(*store.groups().loadAll(), ElementsAre(storage, web));
    const MemberRow node1{"node1@example.org", "node1", "storage", {11}, "bootstrap"};
    const MemberRow node2{"node2@example.org", "node2", "", {12}, "ann@example.org"};
    EXPECT_THAT(*store.members().list(), ElementsAre(node1, node2));
    const GrantRow ann{"ann@example.org", 3, {13}, "bootstrap"};
    EXPECT_THAT(*store.grants().list(), ElementsAre(ann));
    EXPECT_EQ(*store.grants().version(), 4u);
    const SubscriptionRow subscription{"storage@muster.example.org", "ann@example.org"};
    EXPECT_THAT(*store.subscriptions().list(), ElementsAre(subscription));
    const AuditEntry begun{41,         {14},      "ann@example.org", "chat", "muster.example.org",
                           "failover", "storage", "begun",           ""};
    const AuditEntry done{
        42,   {15},   "ann@example.org", "chat", "muster.example.org", "failover", "storage",
        "ok", "Done."};
    EXPECT_THAT(*store.audit().query({}), ElementsAre(done, begun));
    EXPECT_EQ(*store.audit().append(done), 43u) << "a number must not be given twice";
  }

  std::filesystem::path dir_;
  std::filesystem::path file_;
};

TEST_F(MigrationTest, NothingIsLostAndWhatIsNewIsThere) {
  expectEverything();
  EXPECT_EQ(number("PRAGMA user_version"), 6);
  const auto store = CoordinatorStore::open(file_);
  ASSERT_TRUE(store);
  GroupRow group = (*store)->groups().loadAll()->front();
  group.move = MoveRow{};
  group.move->group = group.name;
  EXPECT_TRUE((*store)->groups().save(group));
  EXPECT_TRUE((*store)->history().append({HistoryRow{}}));
  EXPECT_TRUE((*store)->groups().setPause({"storage", {2}, "ann@example.org", "", {1}}));
}

// Version 2 had all tables but those of incidents.
TEST_F(MigrationTest, FromVersion2NothingIsLost) {
  ASSERT_TRUE(CoordinatorStore::open(file_));
  execute(
      "DROP TABLE alert_subscriptions; DROP TABLE incidents; DROP TABLE incident_notes;"
      "DROP TABLE silences; DROP TABLE outbox; DROP TABLE deliveries; DROP TABLE pauses;"
      "DROP TABLE scheduled_moves; DROP TABLE hook_holders; DROP TABLE hook_runs;"
      "ALTER TABLE groups DROP COLUMN failsafe_ms;"
      "ALTER TABLE groups DROP COLUMN failsafe_lease_ms;"
      "ALTER TABLE groups DROP COLUMN members_version;"
      "ALTER TABLE groups DROP COLUMN listed; ALTER TABLE groups DROP COLUMN untold;"
      "INSERT INTO overrides VALUES (0, '', 'disk', 1, 'ann@example.org', 5, NULL);"
      "PRAGMA user_version=2");
  {
    const auto store = CoordinatorStore::open(file_);
    ASSERT_TRUE(store) << store.status().text();
    EXPECT_EQ((*store)->overrides().list()->size(), 1u);
    AlertCommit commit;
    commit.silences_over = {"ledger"};
    EXPECT_TRUE((*store)->alerts().commit(commit));
    EXPECT_EQ(*(*store)->alerts().lastIncident(), 0u);
  }
  EXPECT_EQ(number("PRAGMA user_version"), 6);
  expectEverything();
}

TEST_F(MigrationTest, AStepThatFailsLeavesTheOldVersion) {
  // A table that is in the way of one that the step makes, after others have been changed.
  execute("CREATE TABLE history (x)");
  const Status refused = CoordinatorStore::open(file_).status();
  EXPECT_FALSE(refused);
  EXPECT_THAT(refused.text(), HasSubstr("history already exists"));
  execute("DROP TABLE history");
  expectVersion1();
  expectEverything();
}

int dieInCommit(void*) {
  ::kill(::getpid(), SIGKILL);
  return 0;
}
int watchCommits(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  sqlite3_commit_hook(db, dieInCommit, nullptr);
  return SQLITE_OK;
}

TEST_F(MigrationTest, ACrashBeforeTheCommitLeavesTheOldVersion) {
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(watchCommits));
    (void)CoordinatorStore::open(file_);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "nothing was committed";
  expectVersion1();
  expectEverything();
}

}  // namespace
}  // namespace muster::store
