#include "muster/fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <vector>

namespace muster {
namespace {

using testing::HasSubstr;

const std::string kA(32, 'a');
const std::string kB(32, 'b');

class FenceTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-fence-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  void TearDown() override {
    for (sqlite3* db : open_) sqlite3_close(db);
    std::filesystem::remove_all(dir_);
  }
  sqlite3* connect() {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open((dir_ / "data.db").c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    run(db, "PRAGMA journal_mode=WAL");
    open_.push_back(db);
    return db;
  }
  static void run(sqlite3* db, const std::string& sql) {
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
  }
  // One guarded write, as an application makes it.
  static Status checkedWrite(sqlite3* db, SqlFence& fence, uint64_t epoch,
                             const std::string& instance) {
    run(db, "BEGIN IMMEDIATE");
    Status checked = fence.check(epoch, instance);
    run(db, checked ? "COMMIT" : "ROLLBACK");
    return checked;
  }

  std::filesystem::path dir_;
  std::vector<sqlite3*> open_;
};

TEST_F(FenceTest, SqlHighestEpochWins) {
  sqlite3* old_db = connect();
  sqlite3* new_db = connect();
  SqlFence old_fence(old_db, "storage");
  SqlFence new_fence(new_db, "storage");
  ASSERT_TRUE(old_fence.prepare());
  ASSERT_TRUE(new_fence.prepare());
  ASSERT_TRUE(old_fence.claim(7, kA));
  EXPECT_TRUE(checkedWrite(old_db, old_fence, 7, kA));
  ASSERT_TRUE(new_fence.claim(8, kB));
  // The predecessor wakes late: refused before the successor's first write.
  const Status late = checkedWrite(old_db, old_fence, 7, kA);
  EXPECT_EQ(late.code(), Code::kConflict);
  EXPECT_THAT(late.text(), HasSubstr("epoch 7 of instance " + kA + " does not hold storage"));
  EXPECT_EQ(old_fence.claim(7, kA).code(), Code::kConflict);
  EXPECT_TRUE(checkedWrite(new_db, new_fence, 8, kB));
}

TEST_F(FenceTest, SqlEqualEpochOfAnotherInstanceIsRefused) {
  sqlite3* db = connect();
  SqlFence fence(db, "storage");
  ASSERT_TRUE(fence.prepare());
  ASSERT_TRUE(fence.claim(7, kA));
  EXPECT_EQ(fence.claim(7, kB).code(), Code::kConflict);
  EXPECT_EQ(checkedWrite(db, fence, 7, kB).code(), Code::kConflict);
  EXPECT_TRUE(fence.claim(7, kA)) << "a repeated claim of its holder is fine";
  // A token above what was claimed has skipped its claim.
  EXPECT_EQ(checkedWrite(db, fence, 8, kA).code(), Code::kConflict);
}

TEST_F(FenceTest, SqlResourcesAreApart) {
  sqlite3* db = connect();
  SqlFence one(db, "one");
  SqlFence two(db, "two");
  ASSERT_TRUE(one.prepare());
  ASSERT_TRUE(one.claim(9, kA));
  EXPECT_TRUE(two.claim(1, kB));
  EXPECT_TRUE(checkedWrite(db, one, 9, kA));
}

TEST_F(FenceTest, SqlNothingIsHeldBeforeTheFirstClaim) {
  sqlite3* db = connect();
  SqlFence fence(db, "storage");
  ASSERT_TRUE(fence.prepare());
  const Status early = checkedWrite(db, fence, 1, kA);
  EXPECT_EQ(early.code(), Code::kConflict);
  EXPECT_THAT(early.text(), HasSubstr("nobody has claimed storage"));
}

TEST_F(FenceTest, SqlMisuseIsRefused) {
  sqlite3* db = connect();
  SqlFence fence(db, "storage");
  EXPECT_FALSE(fence.claim(1, kA)) << "not prepared";
  ASSERT_TRUE(fence.prepare());
  ASSERT_TRUE(fence.prepare());
  EXPECT_EQ(fence.claim(0, kA).field(), "epoch");
  EXPECT_EQ(fence.claim(uint64_t{1} << 63, kA).field(), "epoch");
  EXPECT_EQ(fence.claim(1, "").field(), "instance");
  EXPECT_EQ(SqlFence(db, std::string(65, 'r')).prepare().field(), "resource");
  ASSERT_TRUE(fence.claim(1, kA));
  EXPECT_EQ(fence.check(1, kA).code(), Code::kInvalidArgument) << "no transaction";
  run(db, "BEGIN");
  EXPECT_EQ(fence.check(1, kA).code(), Code::kInvalidArgument) << "only a read transaction";
  EXPECT_EQ(fence.claim(2, kA).code(), Code::kInvalidArgument) << "within a transaction";
  run(db, "ROLLBACK");
}

TEST_F(FenceTest, SqlRefusedClaimLeavesNoTransactionAndTheCallersDurability) {
  sqlite3* db = connect();
  run(db, "PRAGMA synchronous=NORMAL");
  SqlFence fence(db, "storage");
  ASSERT_TRUE(fence.prepare());
  ASSERT_TRUE(fence.claim(7, kA));
  ASSERT_FALSE(fence.claim(6, kB));
  EXPECT_TRUE(sqlite3_get_autocommit(db));
  int level = -1;
  const auto read = [](void* out, int, char** values, char**) {
    *static_cast<int*>(out) = std::atoi(values[0]);
    return 0;
  };
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA synchronous", read, &level, nullptr), SQLITE_OK);
  EXPECT_EQ(level, 1);
}

// A claim that comes while a guarded write is under way waits for it; the write after it fails.
TEST_F(FenceTest, SqlClaimCannotComeBetweenCheckAndWrite) {
  sqlite3* old_db = connect();
  sqlite3* new_db = connect();
  sqlite3_busy_timeout(new_db, 10);
  SqlFence old_fence(old_db, "storage");
  SqlFence new_fence(new_db, "storage");
  ASSERT_TRUE(old_fence.prepare());
  ASSERT_TRUE(old_fence.claim(7, kA));
  run(old_db, "CREATE TABLE data (x)");
  run(old_db, "BEGIN IMMEDIATE");
  ASSERT_TRUE(old_fence.check(7, kA));
  EXPECT_EQ(new_fence.claim(8, kB).code(), Code::kTimeout);
  run(old_db, "INSERT INTO data VALUES (1)");
  run(old_db, "COMMIT");
  EXPECT_TRUE(new_fence.claim(8, kB));
  EXPECT_EQ(checkedWrite(old_db, old_fence, 7, kA).code(), Code::kConflict);
}

int exitCodeOf(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_F(FenceTest, SqlOneOfTwoRacingProcessesWins) {
  {
    SqlFence fence(connect(), "storage");
    ASSERT_TRUE(fence.prepare());
  }
  // SQLite's connections must not be carried over a fork.
  for (sqlite3* db : open_) sqlite3_close(db);
  open_.clear();
  constexpr int kRounds = 50;
  const auto race = [&](const std::string& instance) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    SqlFence fence(connect(), "storage");
    int won = 0;
    for (uint64_t epoch = 1; epoch <= kRounds; ++epoch) {
      const Status claimed = fence.claim(epoch, instance);
      if (claimed) ++won;
      if (!claimed && claimed.code() != Code::kConflict) ::_exit(101);
    }
    ::_exit(won);
  };
  const pid_t a = race(kA);
  const pid_t b = race(kB);
  const int won_a = exitCodeOf(a);
  const int won_b = exitCodeOf(b);
  ASSERT_LE(won_a, kRounds);
  ASSERT_LE(won_b, kRounds);
  // No epoch twice; one that both skipped is one that a faster rival had gone past.
  EXPECT_LE(won_a + won_b, kRounds);
  EXPECT_GE(won_a + won_b, 1);
}

TEST_F(FenceTest, SqlClaimSurvivesAKillAndADyingWriterDoesNotBlock) {
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3* db = connect();
    SqlFence fence(db, "storage");
    if (!fence.prepare() || !fence.claim(7, kA)) ::_exit(1);
    run(db, "BEGIN IMMEDIATE");
    ::kill(::getpid(), SIGKILL);
  }
  EXPECT_EQ(exitCodeOf(child), 128);
  SqlFence fence(connect(), "storage");
  EXPECT_EQ(fence.claim(6, kB).code(), Code::kConflict);
  EXPECT_TRUE(fence.claim(8, kB));
}

// --- the file -----------------------------------------------------------------------------------

TEST_F(FenceTest, FileHighestEpochWins) {
  FileFence old_fence(dir_ / "token");
  FileFence new_fence(dir_ / "token");
  EXPECT_EQ(old_fence.check(7, kA).code(), Code::kConflict);
  ASSERT_TRUE(old_fence.claim(7, kA));
  EXPECT_TRUE(old_fence.check(7, kA));
  EXPECT_EQ(new_fence.claim(7, kB).code(), Code::kConflict);
  ASSERT_TRUE(new_fence.claim(8, kB));
  EXPECT_EQ(old_fence.check(7, kA).code(), Code::kConflict);
  EXPECT_EQ(old_fence.claim(7, kA).code(), Code::kConflict);
  EXPECT_TRUE(new_fence.claim(8, kB));
}

TEST_F(FenceTest, FileRefusesWhatIsNoToken) {
  FileFence fence(dir_ / "token");
  EXPECT_EQ(fence.claim(0, kA).field(), "epoch");
  EXPECT_EQ(fence.claim(1, "two\nlines").field(), "instance");
  for (const char* text :
       {"", "7", "7\n", "7\n\n", "x\na\n", "7\na", "0\na\n", "7 \na\n", "-7\na\n"}) {
    std::ofstream(dir_ / "token", std::ios::trunc) << text;
    EXPECT_EQ(fence.claim(9, kA).code(), Code::kDataLoss) << text;
    EXPECT_EQ(fence.check(7, "a").code(), Code::kDataLoss) << text;
  }
  std::ofstream(dir_ / "token", std::ios::trunc) << "7\na\n";
  EXPECT_TRUE(fence.check(7, "a"));
}

TEST_F(FenceTest, FileTornReplacementIsIgnored) {
  FileFence fence(dir_ / "token");
  ASSERT_TRUE(fence.claim(7, kA));
  std::ofstream(dir_ / "token.new") << "9";
  EXPECT_TRUE(fence.check(7, kA));
  EXPECT_TRUE(fence.claim(8, kB));
}

TEST_F(FenceTest, FileOneOfTwoRacingProcessesWins) {
  constexpr int kRounds = 50;
  const auto race = [&](const std::string& instance) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    FileFence fence(dir_ / "token");
    int won = 0;
    for (uint64_t epoch = 1; epoch <= kRounds; ++epoch) {
      const Status claimed = fence.claim(epoch, instance);
      if (claimed) ++won;
      if (!claimed && claimed.code() != Code::kConflict) ::_exit(101);
    }
    ::_exit(won);
  };
  const pid_t a = race(kA);
  const pid_t b = race(kB);
  const int won_a = exitCodeOf(a);
  const int won_b = exitCodeOf(b);
  ASSERT_LE(won_a, kRounds);
  ASSERT_LE(won_b, kRounds);
  EXPECT_LE(won_a + won_b, kRounds);
  EXPECT_GE(won_a + won_b, 1);
}

}  // namespace
}  // namespace muster
