#include "libcontrol/store/audit_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <fstream>

namespace muster::store {
namespace {

using testing::HasSubstr;

class AuditFileTest : public testing::Test {
 protected:
  AuditFileTest() {
    char name[] = "/tmp/muster-audit-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  ~AuditFileTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<AuditStore> open(size_t capacity = 100) {
    AuditFileOptions options;
    options.capacity = capacity;
    auto trail = openAuditFile(file(), options);
    EXPECT_TRUE(trail) << trail.status().text();
    return trail ? std::move(trail).value() : nullptr;
  }
  void execute(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }
  std::filesystem::path file() const { return dir_ / "audit.sqlite"; }

  std::filesystem::path dir_;
};

AuditEntry entry(const std::string& who) {
  AuditEntry out;
  out.at = {1'767'225'600'000};
  out.who = who;
  out.verb = "drain";
  out.call = "ab";
  return out;
}

TEST_F(AuditFileTest, WhatWasWrittenIsThereAfterARestart) {
  EXPECT_EQ(open()->append(entry("ann@example.org")).value(), 1u);
  const auto trail = open();
  EXPECT_EQ(trail->append(entry("bob@example.org")).value(), 2u);
  const auto found = trail->query({});
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].who, "bob@example.org");
  AuditEntry first = entry("ann@example.org");
  first.seq = 1;
  EXPECT_EQ((*found)[1], first);
}

TEST_F(AuditFileTest, OnlyItsOwnerMayReadIt) {
  open();
  EXPECT_EQ(std::filesystem::status(file()).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(AuditFileTest, IsBounded) {
  const auto trail = open(10);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(trail->append(entry("ann@example.org")));
  EXPECT_LE(trail->count().value(), 10u);
  EXPECT_EQ(trail->query({})->front().seq, 25u);
}

TEST_F(AuditFileTest, ANewerOneIsRefusedAndLeftAlone) {
  open();
  execute("PRAGMA user_version=2");
  const Status refused = openAuditFile(file()).status();
  EXPECT_EQ(refused.code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.text(), HasSubstr("its schema version is 2"));
  execute("PRAGMA user_version=1");
  EXPECT_NE(open(), nullptr);
}

TEST_F(AuditFileTest, SomebodyElsesDatabaseIsRefused) {
  ASSERT_TRUE(CoordinatorStore::open(file()));
  const Status refused = openAuditFile(file()).status();
  EXPECT_EQ(refused.code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.text(), HasSubstr("not an audit trail"));
}

TEST_F(AuditFileTest, WhatIsNoDatabaseIsDataLoss) {
  std::ofstream(file()) << std::string(4096, 'x');
  EXPECT_EQ(openAuditFile(file()).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace muster::store
