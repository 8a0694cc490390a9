#include "libcontrol/records/joiner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libcontrol/base/text.h"

namespace muster::records {
namespace {

struct Stage {
  explicit Stage(const std::string& name, JoinOptions options = {}) {
    FormatOptions format_options;
    format_options.name = name;
    format_options.zone = "UTC";
    format = std::move(Format::make(format_options)).value();
    joiner = std::make_unique<Joiner>(*format, options);
  }
  void add(const std::string& line) {
    const uint64_t begin = at;
    at += line.size() + 1;
    keep(joiner->add(line, {begin, at}, clock.wall(), clock.elapsed()));
  }
  void keep(std::optional<JoinedRecord> record) {
    if (record) out.push_back(*std::move(record));
  }
  std::vector<std::string> texts() {
    keep(joiner->flush());
    std::vector<std::string> all;
    for (const auto& record : out) all.push_back(record.line.record.text);
    return all;
  }

  ManualClock clock;
  std::unique_ptr<Format> format;
  std::unique_ptr<Joiner> joiner;
  uint64_t at = 0;
  std::vector<JoinedRecord> out;
};

using Texts = std::vector<std::string>;

TEST(Joiner, ALineThatBeginsNothingBelongsToTheRecordBefore) {
  Stage s("log4j");
  s.add("2026-01-01 14:03:00,123 [main] ERROR a.B - broken");
  s.add("java.io.IOException: no");
  s.add("\tat a.B.c(B.java:1)");
  s.add("");
  s.add("Caused by: x");
  s.add("");
  s.add("2026-01-01 14:03:00,123 [main] INFO a.B - well");
  EXPECT_EQ(
      s.texts(),
      (Texts{"broken\njava.io.IOException: no\n\tat a.B.c(B.java:1)\n\nCaused by: x", "well"}));
  EXPECT_EQ(s.out[0].line.record.level, Severity::kError);
  EXPECT_EQ(s.out[0].stretch.begin, 0u);
  // All up to where the next one begins, empty lines among them.
  EXPECT_EQ(s.out[0].stretch.end, s.out[1].stretch.begin);
  EXPECT_EQ(s.out[1].stretch.end, s.at);
}

TEST(Joiner, WhereEveryLineIsARecordOnlyTracesAreJoined) {
  Stage s("json");
  s.add(R"({"msg":"a"})");
  s.add("Exception in thread main");
  s.add("\tat x");
  s.add("listening");
  s.add(R"({"msg":"b"})");
  s.add("\tat y");
  EXPECT_EQ(s.texts(), (Texts{"a", "Exception in thread main\n\tat x", "listening", "b\n\tat y"}));
}

TEST(Joiner, ARecordIsGivenOutWhenItHasWaitedLongEnough) {
  Stage s("spdlog", {Duration::seconds(1)});
  EXPECT_EQ(s.joiner->nextDue(), ElapsedTime::max());
  s.add("[2026-01-01 14:03:00.123] [a] [error] x");
  s.clock.advance(Duration::millis(700));
  s.add("  more");
  s.clock.advance(Duration::millis(999));
  EXPECT_FALSE(s.joiner->due(s.clock.elapsed()).has_value());
  s.clock.advance(Duration::millis(1));
  EXPECT_EQ(s.joiner->nextDue(), s.clock.elapsed());
  s.keep(s.joiner->due(s.clock.elapsed()));
  ASSERT_EQ(s.out.size(), 1u);
  // What comes too late is a record by itself, and only one.
  s.add("  late");
  s.add("  later");
  EXPECT_EQ(s.texts(), (Texts{"x\n  more", "  late\n  later"}));
}

TEST(Joiner, BeforeTheFirstBeginningLinesAreByThemselves) {
  Stage s("spdlog");
  s.add("one");
  s.add("two");
  s.add("  of two");
  EXPECT_EQ(s.texts(), (Texts{"one", "two\n  of two"}));
  EXPECT_EQ(s.out[0].line.record.level, Severity::kInfo);
  EXPECT_FALSE(s.out[0].line.has_time);
}

TEST(Joiner, LinesAndBytesAreBounded) {
  Stage lines("spdlog", {Duration::seconds(1), 3, 1000});
  lines.add("[2026-01-01 14:03:00.123] [a] [error] x");
  for (int i = 0; i < 10; ++i) lines.add("y" + std::to_string(i));
  EXPECT_EQ(lines.texts(), (Texts{"x\ny0\ny1\n(8 more lines)"}));
  EXPECT_EQ(lines.out[0].stretch.end, lines.at);
  Stage bytes("spdlog", {Duration::seconds(1), 100, 10});
  bytes.add("[2026-01-01 14:03:00.123] [a] [error] 1234");
  bytes.add("\xc3\xbc\xc3\xbc\xc3\xbc");
  bytes.add("end");
  EXPECT_EQ(bytes.texts(), (Texts{"1234\n\xc3\xbc\xc3\xbc\n(1 more lines)"}));
}

TEST(Joiner, EmptyLinesAloneAreNothing) {
  Stage s("plain");
  s.add("");
  s.add("");
  EXPECT_EQ(s.texts(), Texts{});
}

}  // namespace
}  // namespace muster::records
