#include "libcontrol/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace muster {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-file-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::filesystem::path dir_;
};

TEST_F(FileTest, ReplacesAsAWholeAndLeavesNothingBeside) {
  const auto path = dir_ / "state";
  ASSERT_TRUE(replaceFile(path, "one"));
  ASSERT_TRUE(replaceFile(path, std::string("tw\0o", 4)));
  EXPECT_EQ(*readFile(path, 100), std::string("tw\0o", 4));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "state.new"));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(FileTest, LeavesTheOldFileWhenTheNewOneCannotBeMade) {
  const auto path = dir_ / "state";
  ASSERT_TRUE(replaceFile(path, "one"));
  std::filesystem::create_directory(dir_ / "state.new");
  EXPECT_FALSE(replaceFile(path, "two"));
  EXPECT_EQ(*readFile(path, 100), "one");
}

TEST_F(FileTest, AFolderThatCannotBeSyncedIsNoOrdinaryFailure) {
  const auto path = dir_ / "state";
  ASSERT_TRUE(replaceFile(path, "one"));
  std::filesystem::path synced;
  const Status unknown = replaceFile(path, "two", [&](const std::filesystem::path& folder) {
    synced = folder;
    return Status(Code::kUnavailable, "cannot sync the folder");
  });
  EXPECT_EQ(unknown.code(), Code::kDataLoss);
  EXPECT_EQ(synced, dir_);
  EXPECT_EQ(*readFile(path, 100), "two") << "it is there, but may be gone after a crash";
}

TEST_F(FileTest, ReadsWithABound) {
  const auto path = dir_ / "big";
  std::ofstream(path) << std::string(101, 'x');
  EXPECT_TRUE(readFile(path, 101));
  EXPECT_EQ(readFile(path, 100).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(readFile(dir_ / "none", 100).status().code(), Code::kNotFound);
}

TEST_F(FileTest, LockNamesTheProcessThatHasIt) {
  const auto path = dir_ / "lock";
  Result<FileLock> first = FileLock::tryAcquire(path, "the thing");
  ASSERT_TRUE(first);
  const Status second = FileLock::tryAcquire(path, "the thing").status();
  EXPECT_EQ(second.code(), Code::kConflict);
  EXPECT_NE(second.text().find("the thing is in use by process " + std::to_string(::getpid())),
            std::string::npos)
      << second.text();
}

TEST_F(FileTest, LockEndsWithItsOwner) {
  const auto path = dir_ / "lock";
  { ASSERT_TRUE(FileLock::tryAcquire(path, "x")); }
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<FileLock> lock = FileLock::tryAcquire(path, "x");
    ::_exit(lock ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(FileLock::tryAcquire(path, "x"));
}

TEST_F(FileTest, MovedLockStaysLocked) {
  const auto path = dir_ / "lock";
  Result<FileLock> first = FileLock::tryAcquire(path, "x");
  ASSERT_TRUE(first);
  {
    const FileLock moved = std::move(*first);
    EXPECT_FALSE(FileLock::tryAcquire(path, "x"));
  }
  EXPECT_TRUE(FileLock::tryAcquire(path, "x"));
}

}  // namespace
}  // namespace muster
