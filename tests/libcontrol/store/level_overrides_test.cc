#include "libcontrol/store/level_overrides.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace muster::store {
namespace {

class LevelOverrideFileTest : public testing::Test {
 protected:
  LevelOverrideFileTest() {
    char name[] = "/tmp/level_overrides_test.XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~LevelOverrideFileTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path file() const { return folder_ / "levels.json"; }
  Code codeFor(const std::string& text) {
    std::ofstream(file()) << text;
    return LevelOverrideFile(file()).load().status().code();
  }

  std::filesystem::path folder_;
};

TEST_F(LevelOverrideFileTest, KeepsWhatItWasGiven) {
  LevelOverrideRow full{"a", 1, 2, 3, WallTime{5}, "ann@example.org", true, 1, 1};
  LevelOverrideRow bare;
  bare.logger = "\"b\"\n";
  bare.level = 6;
  ASSERT_TRUE(LevelOverrideFile(file()).save({full, bare}).isOk());
  const auto rows = LevelOverrideFile(file()).load();
  ASSERT_TRUE(rows.isOk()) << rows.status().text();
  EXPECT_EQ(*rows, (std::vector{full, bare}));
}

TEST_F(LevelOverrideFileTest, BeginsWithNone) {
  EXPECT_TRUE(LevelOverrideFile(file()).load()->empty());
}

TEST_F(LevelOverrideFileTest, DamageIsTold) {
  EXPECT_EQ(codeFor("{"), Code::kDataLoss);
  EXPECT_EQ(codeFor(R"({"version": 2, "overrides": []})"), Code::kDataLoss);
  EXPECT_EQ(codeFor(R"({"version": 1, "overrides": [{"logger": "x"}]})"), Code::kDataLoss);
  EXPECT_EQ(codeFor(R"({"version": 1, "overrides":
      [{"logger": "x", "level": 7, "by": "", "ending": false}]})"),
            Code::kDataLoss);
}

}  // namespace
}  // namespace muster::store
