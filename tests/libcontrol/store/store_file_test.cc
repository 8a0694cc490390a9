#include "libcontrol/store/store_file.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "coordinator_store_fixture.h"
#include "libcontrol/store/schema.h"

namespace muster::store {
namespace {

using testing::HasSubstr;

class StoreFileTest : public testing::Test {
 protected:
  StoreFileTest() : store_(place_.open({})) {
    GroupRow group;
    group.name = "storage";
    group.epoch = group.highest_epoch = 7;
    EXPECT_TRUE(store_->groups().save(group).isOk());
    EXPECT_TRUE(store_->members().add({"a@example.org", "a", "storage", {5}, "root"}).isOk());
    EXPECT_TRUE(store_->grants().set({"ann@example.org", 2, {6}, "root"}).isOk());
    for (int i = 0; i < 3; ++i) {
      AuditEntry entry;
      entry.who = "ann@example.org";
      entry.text = "it's \"odd\" \xc3\xa9\n";
      EXPECT_TRUE(store_->audit().append(entry).isOk());
    }
  }
  std::string exported() {
    std::ostringstream out;
    const auto done = exportStore(file(), out);
    EXPECT_TRUE(done) << done.status().text();
    return out.str();
  }
  Result<StoreSummary> import(const std::string& text) {
    std::istringstream in(text);
    return importStore(in, place_.dir / "new.sqlite");
  }
  std::filesystem::path file() const { return place_.file(); }

  InSqlite place_;
  std::unique_ptr<CoordinatorStore> store_;
};

TEST_F(StoreFileTest, WhatIsExportedComesBackInANewFile) {
  const std::string text = exported();
  const auto imported = import(text);
  ASSERT_TRUE(imported) << imported.status().text();
  EXPECT_EQ(imported->rows.at("audit"), 3u);
  const auto made = place_.dir / "new.sqlite";
  struct stat entry;
  ASSERT_EQ(::stat(made.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 07777, 0600u);
  std::ostringstream again;
  ASSERT_TRUE(exportStore(made, again));
  EXPECT_EQ(again.str(), text);
  EXPECT_FALSE(std::filesystem::exists(made.string() + ".import"));
  auto store = CoordinatorStore::open(made);
  ASSERT_TRUE(store) << store.status().text();
  EXPECT_EQ((*store)->groups().loadAll()->at(0).epoch, 7u);
  EXPECT_EQ(*(*store)->audit().append({}), 4u);
}

TEST_F(StoreFileTest, AFileInUseIsVerifiedAsItIs) {
  const auto summary = verifyStore(file());
  ASSERT_TRUE(summary) << summary.status().text();
  EXPECT_EQ(summary->rows.at("members"), 1u);
  ASSERT_TRUE(store_->members().add({"b@example.org", "b", "", {5}, "root"}).isOk());
  EXPECT_EQ(verifyStore(file())->rows.at("members"), 2u);
}

TEST_F(StoreFileTest, WhatIsDamagedIsNamedAndNotPassedOn) {
  store_.reset();
  {
    auto database = Database::open(file(), Duration::seconds(1)).value();
    ASSERT_TRUE(database->execute("UPDATE groups SET holder = 'a b@'").isOk());
  }
  const auto verified = verifyStore(file());
  EXPECT_EQ(verified.status().code(), Code::kDataLoss);
  EXPECT_THAT(verified.status().text(), HasSubstr("is damaged: storage: "));
  std::ostringstream out;
  EXPECT_FALSE(exportStore(file(), out));
  EXPECT_EQ(out.str(), "");
}

TEST_F(StoreFileTest, ATornFileIsFoundOut) {
  store_.reset();
  std::fstream torn(file(), std::ios::in | std::ios::out | std::ios::binary);
  torn.seekp(4096);
  torn << std::string(2000, '\xff');
  torn.close();
  EXPECT_EQ(verifyStore(file()).status().code(), Code::kDataLoss);
}

TEST_F(StoreFileTest, OtherFilesAreRefused) {
  EXPECT_EQ(verifyStore(place_.dir / "none").status().code(), Code::kNotFound);
  const auto other = place_.dir / "other.sqlite";
  {
    auto database = Database::open(other, Duration{}).value();
    ASSERT_TRUE(database->execute("CREATE TABLE t (a)").isOk());
  }
  EXPECT_EQ(verifyStore(other).status().code(), Code::kRefusedUnsafe);
  {
    store_.reset();
    auto database = Database::open(file(), Duration{}).value();
    ASSERT_TRUE(database->execute("PRAGMA user_version=99").isOk());
  }
  EXPECT_EQ(verifyStore(file()).status().code(), Code::kRefusedUnsafe);
}

TEST_F(StoreFileTest, AnImportIsWholeOrNothing) {
  const std::string good = exported();
  const auto refusal = [&](const std::string& text) {
    const auto done = import(text);
    EXPECT_FALSE(done);
    for (const auto& entry : std::filesystem::directory_iterator(place_.dir)) {
      const std::string name = entry.path().filename();
      EXPECT_TRUE(name == "new.sqlite.lock" || !name.starts_with("new.sqlite")) << name;
    }
    return done.status().text();
  };
  EXPECT_THAT(refusal(""), HasSubstr("line 1 is not how an export begins"));
  EXPECT_THAT(refusal("{}\n"), HasSubstr("line 1 is not how an export begins"));
  EXPECT_THAT(refusal(R"({"format":"muster-store","version":99,"rows":0})"),
              HasSubstr("use the newer program"));
  EXPECT_THAT(refusal(good.substr(0, good.rfind('\n', good.size() - 2) + 1)),
              HasSubstr("the export is not whole"));
  EXPECT_THAT(refusal(good + "nonsense\n"), HasSubstr("is no JSON object"));
  EXPECT_THAT(refusal(good + "{\"table\":\"groups\"}\n"), HasSubstr("it needs table, key and row"));
  std::string wrong = good;
  wrong.replace(wrong.find("\"phase\":0"), 9, "\"phase\":9");
  EXPECT_THAT(refusal(wrong), HasSubstr(R"(the row ["storage"] of "groups" does not fit)"));
}

TEST_F(StoreFileTest, AnImportTakesNoOthersPlace) {
  const std::string good = exported();
  ASSERT_TRUE(import(good));
  EXPECT_EQ(import(good).status().code(), Code::kConflict);
  std::istringstream in(good);
  EXPECT_EQ(importStore(in, file()).status().code(), Code::kConflict);
}

}  // namespace
}  // namespace muster::store
