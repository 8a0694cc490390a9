#include "examples/ledger/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace ledger {
namespace {

using muster::Code;
using muster::Status;
using testing::HasSubstr;

const Token kFirst{7, std::string(32, 'a')};
const Token kSecond{8, std::string(32, 'b')};

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-ledger-XXXXXX";
    dir_ = ::mkdtemp(name);
    file_ = dir_ / "ledger.sqlite";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::unique_ptr<Journal> open() {
    auto journal = Journal::open(file_, std::chrono::milliseconds(20));
    EXPECT_TRUE(journal) << journal.status().text();
    return std::move(journal).value();
  }
  static std::vector<Entry> all(Journal& journal) {
    std::vector<Entry> entries;
    EXPECT_TRUE(journal.read(1, 1000, [&](const Entry& entry) { entries.push_back(entry); }));
    return entries;
  }
  std::filesystem::path dir_;
  std::filesystem::path file_;
};

// Processes, since the locks of one process are not those that nodes meet.
TEST_F(JournalTest, ManyMayOpenTheFileThatIsNotThereYet) {
  for (int round = 0; round < 150; ++round) {
    const std::filesystem::path file = dir_ / ("new-" + std::to_string(round));
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    for (int i = 0; i < 4; ++i) {
      if (::fork() != 0) continue;
      ::close(gate[1]);
      char none;
      (void)!::read(gate[0], &none, 1);
      ::_exit(Journal::open(file, std::chrono::milliseconds(20)) ? 0 : 1);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (int i = 0; i < 4; ++i) {
      int status = 0;
      ASSERT_GT(::wait(&status), 0);
      EXPECT_EQ(status, 0) << "round " << round;
    }
  }
}

TEST_F(JournalTest, AppendsUnderItsToken) {
  const auto journal = open();
  ASSERT_TRUE(journal->claim(kFirst));
  const auto one = journal->append(kFirst, "", "one", 1000);
  ASSERT_TRUE(one) << one.status().text();
  EXPECT_EQ(one->seq, 1u);
  EXPECT_EQ(one->epoch, 7u);
  ASSERT_TRUE(journal->append(kFirst, "id-2", "two", 2000));
  const auto entries = all(*journal);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].id, "");
  EXPECT_EQ(entries[1].seq, 2u);
  EXPECT_EQ(entries[1].id, "id-2");
  EXPECT_EQ(entries[1].text, "two");
  EXPECT_EQ(entries[1].instance, kFirst.instance);
  EXPECT_EQ(entries[1].at_ms, 2000);
}

TEST_F(JournalTest, NothingIsWrittenWithoutAClaimOrAfterASuccessors) {
  const auto first = open();
  const auto second = open();
  EXPECT_EQ(first->append(kFirst, "", "early", 1).status().code(), Code::kConflict);
  ASSERT_TRUE(first->claim(kFirst));
  ASSERT_TRUE(second->claim(kSecond));
  EXPECT_EQ(first->append(kFirst, "", "late", 1).status().code(), Code::kConflict);
  EXPECT_EQ(first->claim(kFirst).code(), Code::kConflict);
  EXPECT_TRUE(all(*second).empty());
  EXPECT_TRUE(second->append(kSecond, "", "mine", 1));
}

TEST_F(JournalTest, EntrySentAgainIsOneEntryAlsoAtTheSuccessor) {
  const auto first = open();
  const auto second = open();
  ASSERT_TRUE(first->claim(kFirst));
  ASSERT_TRUE(first->append(kFirst, "x", "text", 1));
  ASSERT_TRUE(second->claim(kSecond));
  const auto again = second->append(kSecond, "x", "text", 2);
  ASSERT_TRUE(again) << again.status().text();
  EXPECT_TRUE(again->again);
  EXPECT_EQ(again->seq, 1u);
  EXPECT_EQ(again->epoch, 7u) << "the epoch under which it was written";
  EXPECT_EQ(all(*second).size(), 1u);
}

TEST_F(JournalTest, IdOfAnotherTextIsRefused) {
  const auto journal = open();
  ASSERT_TRUE(journal->claim(kFirst));
  ASSERT_TRUE(journal->append(kFirst, "x", "text", 1));
  const auto other = journal->append(kFirst, "x", "other", 2);
  EXPECT_EQ(other.status().code(), Code::kConflict);
  EXPECT_EQ(other.status().field(), "id");
  EXPECT_TRUE(journal->append(kFirst, "y", "other", 2)) << "no transaction was left open";
}

TEST_F(JournalTest, AnothersWriteIsWaitedForOnlySoLong) {
  const auto journal = open();
  ASSERT_TRUE(journal->claim(kFirst));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(journal->append(kFirst, "", "text", 1).status().code(), Code::kUnavailable);
  EXPECT_FALSE(journal->probe());
  sqlite3_close(other);
  EXPECT_TRUE(journal->probe());
  EXPECT_TRUE(journal->append(kFirst, "", "text", 1));
}

TEST_F(JournalTest, ADiskWithoutSpaceIsNoticedWithoutAnEntry) {
  const auto journal = open();
  ASSERT_TRUE(journal->claim(kFirst));
  ASSERT_TRUE(journal->append(kFirst, "", "text", 1));
  const auto no_signal = signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{std::filesystem::file_size(file_.string() + "-wal"), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const Status probed = journal->probe();
  const bool appended = journal->append(kFirst, "", "more", 2).isOk();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, no_signal);
  EXPECT_EQ(probed.code(), Code::kUnavailable);
  EXPECT_FALSE(appended);
  EXPECT_TRUE(journal->probe());
  EXPECT_TRUE(journal->append(kFirst, "", "more", 2));
}

TEST_F(JournalTest, ReaderSeesOnlyAndNeedsTheFile) {
  EXPECT_EQ(Journal::openToRead(file_).status().code(), Code::kNotFound);
  const auto journal = open();
  ASSERT_TRUE(journal->claim(kFirst));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(journal->append(kFirst, "", "text", i));
  const auto reader = Journal::openToRead(file_);
  ASSERT_TRUE(reader);
  std::vector<uint64_t> seqs;
  ASSERT_TRUE((*reader)->read(3, 2, [&](const Entry& entry) { seqs.push_back(entry.seq); }));
  EXPECT_THAT(seqs, testing::ElementsAre(3, 4));
  EXPECT_FALSE((*reader)->claim(kSecond));
  EXPECT_TRUE(journal->append(kFirst, "", "text", 6));
}

TEST_F(JournalTest, AcknowledgedEntrySurvivesAKill) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto journal = Journal::open(file_, std::chrono::milliseconds(20));
    if (!journal || !(*journal)->claim(kFirst)) ::_exit(1);
    if (!(*journal)->append(kFirst, "x", "text", 1)) ::_exit(2);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto journal = open();
  EXPECT_EQ(all(*journal).size(), 1u);
  EXPECT_TRUE(journal->claim(kSecond));
}

}  // namespace
}  // namespace ledger
