#include "coordinator/cli/log_lines.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "libcontrol/base/limits.h"

namespace muster::cli {
namespace {

using rules::Severity;

std::vector<LogRecord> recordsIn(const std::string& text) {
  std::istringstream in(text);
  LogLines lines(in);
  std::vector<LogRecord> out;
  for (LogRecord record; lines.next(record);) out.push_back(record);
  return out;
}

TEST(LogLines, ReadsTheDefaultLayout) {
  const auto records = recordsIn(
      "[2026-01-01 14:03:00.123] [storage.disk] [warning] usage 91%\n"
      "[2026-01-01 14:03:00.123] [info] [x] [y] z\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].at->unix_ms, 1'767'276'180'123);
  EXPECT_EQ(records[0].logger, "storage.disk");
  EXPECT_EQ(records[0].level, Severity::kWarn);
  EXPECT_EQ(records[0].text, "usage 91%");
  EXPECT_EQ(records[1].logger, "root");
  EXPECT_EQ(records[1].text, "[x] [y] z");
}

TEST(LogLines, FurtherLinesBelongToTheirRecord) {
  const auto records = recordsIn(
      "[2026-01-01 14:03:00.123] [a] [error] broken\n  at x\n\n  at y\r\n"
      "[2026-01-01 14:03:01.000] [a] [info] well");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "broken\n  at x\n\n  at y");
  EXPECT_EQ(records[0].line, 1u);
  EXPECT_EQ(records[1].text, "well");
  EXPECT_EQ(records[1].line, 5u);
}

TEST(LogLines, LinesWithoutAnyLayoutAreRecordsByThemselves) {
  const auto records = recordsIn("Jan 01 one\n\nJan 01 two\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].text, "Jan 01 two");
  EXPECT_EQ(records[1].line, 3u);
  EXPECT_EQ(records[1].logger, "root");
  EXPECT_EQ(records[1].level, Severity::kInfo);
  EXPECT_FALSE(records[1].at.has_value());
}

TEST(LogLines, NothingIsKeptOfALineBeyondItsBound) {
  const std::string head = "[2026-01-01 14:03:00.123] [a] [info] ";
  const auto records = recordsIn(head + std::string(100'000, 'x') + "\n" +
                                 std::string(100'000, 'y') + "\n" + head + "end\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, std::string(limits::kMaxRuleTextBytes, 'x'));
  EXPECT_EQ(records[1].text, "end");
  EXPECT_EQ(records[1].line, 3u);
}

// Around the size of the pieces in which it is read.
TEST(LogLines, LinesOfAnyLengthAreOneLine) {
  for (const size_t length : {1u, 4094u, 4095u, 4096u, 8190u, 8191u, 8192u}) {
    const auto records = recordsIn(std::string(length, 'x') + "\nnext\n");
    ASSERT_EQ(records.size(), 2u) << length;
    EXPECT_EQ(records[0].text.size(), std::min(length, limits::kMaxRuleTextBytes));
    EXPECT_EQ(records[1].line, 2u);
    EXPECT_EQ(recordsIn(std::string(length, 'x')).size(), 1u) << length;
  }
}

TEST(LogLines, HostileBytesAreRead) {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string text(random() % 20'000, '\0');
    for (char& c : text)
      c = static_cast<char>(random() % 5 == 0 ? "[]\n\r "[random() % 5] : random());
    for (const LogRecord& record : recordsIn(text)) {
      ASSERT_LE(record.text.size(), limits::kMaxRuleTextBytes);
    }
  }
}

}  // namespace
}  // namespace muster::cli
