#include "node-agent/line_collector.h"

#include <gtest/gtest.h>

#include <vector>

#include "node-agent/limits.h"

namespace muster::agent {
namespace {

class LineCollectorTest : public testing::Test {
 protected:
  std::vector<std::string> lines;
  LineCollector collector{[this](const std::string& line) { lines.push_back(line); }};
};

TEST_F(LineCollectorTest, LinesMayComeInPieces) {
  collector.add("mount");
  collector.add("ed\n\nre");
  EXPECT_EQ(lines, std::vector<std::string>{"mounted"});
  collector.add("ady");
  collector.finish();
  EXPECT_EQ(lines, (std::vector<std::string>{"mounted", "ready"}));
}

TEST_F(LineCollectorTest, NothingReachesTheLogThatIsNotText) {
  collector.add("a\x1b[2Jb\rc\xff\n");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find('\x1b'), std::string::npos);
  EXPECT_EQ(lines[0].find('\r'), std::string::npos);
  EXPECT_EQ(lines[0].find('\xff'), std::string::npos);
}

TEST_F(LineCollectorTest, AFloodIsCutInBothDirections) {
  collector.add(std::string(1'000'000, 'x') + "\n");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LE(lines[0].size(), limits::kMaxHookLineBytes);
  for (size_t i = 0; i < limits::kMaxHookLines + 10; ++i) collector.add("again\n");
  EXPECT_EQ(lines.size(), limits::kMaxHookLines);
  collector.finish();
  EXPECT_EQ(lines.back(), "(11 more lines)");
}

}  // namespace
}  // namespace muster::agent
