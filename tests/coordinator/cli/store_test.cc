#include "coordinator/cli/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "libcontrol/store/coordinator_store.h"

namespace muster::cli {
namespace {

using testing::HasSubstr;

class StoreVerbTest : public testing::Test {
 protected:
  StoreVerbTest() {
    char name[] = "/tmp/muster-cli-store-XXXXXX";
    dir_ = ::mkdtemp(name);
    auto store = store::CoordinatorStore::open(file("a"));
    EXPECT_TRUE((*store)->grants().set({"ann@example.org", 2, {6}, "root"}).isOk());
  }
  ~StoreVerbTest() override { std::filesystem::remove_all(dir_); }
  std::string file(const std::string& name) const { return dir_ / name; }
  Exit run(const std::string& action, const std::string& of, const std::string& input = "",
           bool json = false) {
    std::istringstream in(input);
    out_.str("");
    return runStore(json, {action, file(of)}, in, out_);
  }
  std::filesystem::path dir_;
  std::ostringstream out_;
};

TEST_F(StoreVerbTest, ABackupIsAnExportThatIsImported) {
  ASSERT_EQ(run("export", "a"), Exit::kDone);
  ASSERT_EQ(run("import", "b", out_.str(), true), Exit::kDone);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["rows"]["grants"], 1);
  ASSERT_EQ(run("verify", "b"), Exit::kDone);
  EXPECT_THAT(out_.str(), HasSubstr("is in order"));
  EXPECT_THAT(out_.str(), HasSubstr("  grants: 1\n"));
}

TEST_F(StoreVerbTest, WhatCantBeIsRefused) {
  EXPECT_EQ(run("frob", "a"), Exit::kUsage);
  EXPECT_EQ(run("verify", "none"), Exit::kUsage);
  EXPECT_EQ(run("import", "a", "{}"), Exit::kRefusedUnsafe);
  EXPECT_EQ(run("import", "c", "{}"), Exit::kFailed);
  EXPECT_FALSE(std::filesystem::exists(file("c")));
}

}  // namespace
}  // namespace muster::cli
