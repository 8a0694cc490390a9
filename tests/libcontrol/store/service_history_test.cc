#include "libcontrol/store/service_history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "libcontrol/base/limits.h"
#include "libcontrol/store/database.h"

namespace muster::store {
namespace {

namespace fs = std::filesystem;

class ServiceHistory : public testing::Test {
 protected:
  ServiceHistory() {
    std::string name = (fs::temp_directory_path() / "muster-history-XXXXXX").string();
    dir_ = mkdtemp(name.data());
    file_ = dir_ / "history.sqlite";
  }
  ~ServiceHistory() override { fs::remove_all(dir_); }

  fs::path dir_;
  fs::path file_;
};

ServiceHistoryRow row(const std::string& service, int64_t at, const std::string& state) {
  return {"", service, WallTime{at}, state};
}

void keepsWhatWasSavedLast(ServiceHistoryStore& store) {
  ASSERT_TRUE(store.load()->empty());
  const ServiceHistoryRow of_group{"ledger", "user", WallTime{7}, std::string("\0x", 2)};
  ASSERT_TRUE(store.save({row("user", 1, "a"), row("storage", 2, "b"), of_group}).isOk());
  ASSERT_TRUE(store.save({row("user", 3, "c")}).isOk());
  const std::vector<ServiceHistoryRow> all = {row("storage", 2, "b"), row("user", 3, "c"),
                                              of_group};
  EXPECT_EQ(*store.load(), all);
  EXPECT_EQ(store.save({row("fine", 9, "x"), row("", 1, "x")}).field(), "service");
  EXPECT_EQ(store.save({row(std::string(65, 'a'), 1, "x")}).field(), "service");
  EXPECT_EQ(
      store.save({row("user", 9, std::string(limits::kMaxHistoryRecordBytes + 1, 'x'))}).field(),
      "state");
  EXPECT_EQ(*store.load(), all);
  ASSERT_TRUE(store.forgetBefore(WallTime{3}).isOk());
  EXPECT_EQ(store.load()->size(), 2u);
}

TEST_F(ServiceHistory, OnDiskKeepsWhatWasSavedLast) {
  keepsWhatWasSavedLast(**openServiceHistory(file_));
  EXPECT_EQ((*openServiceHistory(file_))->load()->size(), 2u);
  struct stat mode {};
  ASSERT_EQ(::stat(file_.c_str(), &mode), 0);
  EXPECT_EQ(mode.st_mode & 0777, 0600u);
}

TEST_F(ServiceHistory, InMemoryKeepsWhatWasSavedLast) {
  keepsWhatWasSavedLast(*openMemoryServiceHistory());
}

TEST_F(ServiceHistory, OfANewerVersionIsRefusedAndLeftAlone) {
  ASSERT_TRUE(openServiceHistory(file_).isOk());
  ASSERT_TRUE((*Database::open(file_, {}))->execute("PRAGMA user_version=9").isOk());
  EXPECT_EQ(openServiceHistory(file_).status().code(), Code::kRefusedUnsafe);
  Status problem;
  const auto instead = openServiceHistoryOrNew(file_, problem);
  EXPECT_EQ(problem.code(), Code::kRefusedUnsafe);
  EXPECT_TRUE(instead->save({row("user", 1, "a")}).isOk());
  EXPECT_EQ(*(*Database::open(file_, {}))->number("SELECT count(*) FROM service_history"), 0);
}

TEST_F(ServiceHistory, ADamagedOneIsPutAsideAndANewOneBegun) {
  std::ofstream(file_) << std::string(8192, 'x');
  Status problem;
  const auto store = openServiceHistoryOrNew(file_, problem);
  EXPECT_EQ(problem.code(), Code::kDataLoss) << problem.text();
  EXPECT_TRUE(fs::exists(file_.string() + ".damaged"));
  ASSERT_TRUE(store->save({row("user", 1, "a")}).isOk());
  EXPECT_EQ((*openServiceHistory(file_))->load()->size(), 1u);
}

// A process that is killed while it saves leaves the last whole save.
TEST_F(ServiceHistory, AKilledProcessLeavesNoHalfSave) {
  for (int round = 0; round < 5; ++round) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto store = openServiceHistory(file_);
      for (int64_t i = 1;; ++i) {
        const std::string state(5000, static_cast<char>('a' + i % 26));
        if (!(*store)->save({row("storage", i, state), row("user", i, state)}).isOk()) _exit(1);
        if (i == 3 + round && write(ready[1], "x", 1) != 1) _exit(2);
      }
    }
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    const auto rows = (*openServiceHistory(file_))->load();
    ASSERT_TRUE(rows.isOk());
    ASSERT_EQ(rows->size(), 2u);
    EXPECT_EQ(rows->at(0).saved_at, rows->at(1).saved_at);
    EXPECT_EQ(rows->at(0).state, rows->at(1).state);
    EXPECT_GE(rows->at(0).saved_at.unix_ms, 3 + round);
  }
}

}  // namespace
}  // namespace muster::store
