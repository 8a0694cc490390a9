#include "libcontrol/records/format.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::records {
namespace {

// 2026-11-23T19:00:00Z
constexpr WallTime kArrival{1'795'460'400'000};

std::unique_ptr<Format> formatOf(const std::string& name, const std::string& pattern = {},
                                 const std::string& time = "iso8601") {
  FormatOptions options;
  options.name = name;
  options.pattern = pattern;
  options.time = time;
  options.zone = "UTC";
  auto made = Format::make(options);
  EXPECT_TRUE(made.isOk()) << made.status().text();
  return std::move(made).value();
}

std::optional<ReadLine> read(Format& format, std::string_view line) {
  ReadLine out;
  if (!format.begins(line, kArrival, out)) return std::nullopt;
  return out;
}

struct Case {
  const char* format;
  const char* line;
  int64_t ms;  // 0: none, so the arrival
  Severity level;
  const char* logger;
  const char* text;
};

constexpr int64_t kAt = 1'767'276'180'123;  // 2026-01-01T14:03:00.123Z

const Case kCases[] = {
    {"spdlog", "[2026-01-01 14:03:00.123] [storage.disk] [warning] usage 91%", kAt, Severity::kWarn,
     "storage.disk", "usage 91%"},
    {"spdlog", "[2026-01-01 14:03:00.123] [info] [x] [y] z", kAt, Severity::kInfo, "", "[x] [y] z"},
    {"spdlog", "[2026-01-01 14:03:00.123] [error] [info] x", kAt, Severity::kInfo, "error", "x"},
    {"spdlog", "[2026-01-01 14:03:00.123] [a] [\x1b[32minfo\x1b[m] x", kAt, Severity::kInfo, "a",
     "x"},
    {"log4j", "2026-01-01 14:03:00,123 [main] INFO  org.a.B - started", kAt, Severity::kInfo,
     "org.a.B", "started"},
    {"log4j", "2026-01-01 14:03:00,123 INFO  [pool-1] org.a.B: started", kAt, Severity::kInfo,
     "org.a.B", "started"},
    {"log4j", "2026-01-01 14:03:00,123 WARN org.a.B: slow - very", kAt, Severity::kWarn, "org.a.B",
     "slow - very"},
    {"log4j", "2026-01-01 14:03:00.123 [a[1]-b] ERROR org.a.B -- x", kAt, Severity::kError,
     "org.a.B", "x"},
    {"log4j", "14:03:00.123 [main] FATAL a.B -", 0, Severity::kCritical, "a.B", ""},
    {"spring", "2026-01-01T15:03:00.123+01:00  INFO 1234 --- [main] o.a.c.Foo : up: 1", kAt,
     Severity::kInfo, "o.a.c.Foo", "up: 1"},
    {"spring", "2026-01-01 14:03:00.123 ERROR 7 --- [app] [nio-1] o.a.Foo       : bad", kAt,
     Severity::kError, "o.a.Foo", "bad"},
    {"json", R"({"time":"2026-01-01T14:03:00.123Z","level":"warn","logger":"a.b","msg":"hello"})",
     kAt, Severity::kWarn, "a.b", "hello"},
    {"json", R"({"level":50,"time":1767276180123,"pid":7,"name":"api","msg":"x","v":1})", kAt,
     Severity::kError, "api", "x pid=7 v=1"},
    {"json", R"({"ts":1767276180.1234,"severity":"NOTICE","message":"x","ok":true,"n":null})", kAt,
     Severity::kInfo, "", "x ok=true n=null"},
    {"json",
     R"({"event":"e","msg":"m","a b":"c d","http":{"status":500,"h":{"k":"v"}},"z":[1,"t",{"q":2}]})",
     0, Severity::kInfo, "", R"(m event=e a b="c d" http.status=500 http.h.k=v z=1,t,{q:2})"},
    {"json", R"({"event":"e","msg":"m"})", 0, Severity::kInfo, "", "m event=e"},
    {"json", R"({"msg":"m","err":{"message":"x","stack":"E: x\n  at a\n  at b\n"}})", 0,
     Severity::kInfo, "", "m err.message=x\nE: x\n  at a\n  at b"},
    {"json", R"({"a":1})", 0, Severity::kInfo, "", "a=1"},
    {"json", R"({"msg":"done","time":12})", 0, Severity::kInfo, "", "done time=12"},
    {"json", R"({"msg":"\u0000\u001b[31mred"})", 0, Severity::kInfo, "", "\xef\xbf\xbdred"},
    {"logfmt", R"(time=2026-01-01T14:03:00.123Z level=error msg="it \"broke\"" user=7 dry)", kAt,
     Severity::kError, "", R"(it "broke" user=7 dry=true)"},
    {"logfmt", "ts=1767276180.123 lvl=dbug msg=x", kAt, Severity::kInfo, "", "x lvl=dbug"},
    {"plain", "anything at all", 0, Severity::kInfo, "", "anything at all"},
    {"auto", "2026-01-01 14:03:00,123 [main] INFO  org.a.B - started", kAt, Severity::kInfo,
     "org.a.B", "started"},
    {"auto", "2026-01-01T15:03:00.123+01:00  INFO 1234 --- [main] o.a.c.Foo : up", kAt,
     Severity::kInfo, "o.a.c.Foo", "up"},
    {"auto", R"({"level":"error","msg":"x"})", 0, Severity::kError, "", "x"},
    {"auto", "level=warn msg=x", 0, Severity::kWarn, "", "x"},
    {"auto", "[2026-01-01 14:03:00.123] [a] [info] x", kAt, Severity::kInfo, "a", "x"},
};

TEST(Format, ReadsWhatLoggersWrite) {
  for (const Case& c : kCases) {
    const auto format = formatOf(c.format);
    const auto line = read(*format, c.line);
    ASSERT_TRUE(line.has_value()) << c.format << ": " << c.line;
    if (c.ms != 0) {
      EXPECT_TRUE(line->has_time) << c.line;
      EXPECT_EQ(line->record.at.unix_ms, c.ms) << c.line;
    }
    EXPECT_EQ(line->record.level, c.level) << c.line;
    EXPECT_EQ(line->record.logger, c.logger) << c.line;
    EXPECT_EQ(line->record.text, c.text) << c.line;
  }
}

TEST(Format, WhatIsOfAnotherLayoutIsNoBeginning) {
  const std::pair<const char*, const char*> lines[] = {
      {"spdlog", ""},
      {"spdlog", "["},
      {"spdlog", "[]"},
      {"spdlog", "[2026-01-01 14:03:00.123]"},
      {"spdlog", "[2026-01-01 14:03:00.123] text"},
      {"spdlog", "[2026-01-01 14:03:00.123] [storage] text"},
      {"spdlog", "[2026-13-01 14:03:00.123] [info] x"},
      {"spdlog", "[2026-01-01 14:03:00.] [info] x"},
      {"spdlog", "[2026-01-01 14:03:0] [info] x"},
      {"spdlog", "[-026-01-01 14:03:00.123] [info] x"},
      {"spdlog", "[2026-01-01 14:03:00.1234567890] [info] x"},
      {"spdlog", "[none] [2026-01-01 14:03:00.123] [info] x"},
      {"spdlog", "[2026-01-01 14:03:00.123] [none] x"},
      {"log4j", "\tat org.a.B.c(B.java:12)"},
      {"log4j", "java.lang.IllegalStateException: no"},
      {"log4j", "2026-01-01 14:03:00,123 and so on - x"},
      {"log4j", "2026-01-01 14:03:00,123 [main] INFO"},
      {"spring", "2026-01-01T15:03:00.123+01:00  INFO 1234 [main] o.a.c.Foo : up"},
      {"json", "{"},
      {"json", "[1]"},
      {"json", "\"x\""},
      {"json", "{\"a\":1} x"},
      {"json", "{\"a\":1"},
      {"json", "x"},
      {"logfmt", "a plain sentence with x=1"},
      {"logfmt", "a=1"},
      {"logfmt", "level=\"error"},
      {"auto", "x=1 level=error"},
      {"auto", "Jan 01 x"},
  };
  for (const auto& [name, line] : lines) {
    const auto format = formatOf(name);
    EXPECT_FALSE(read(*format, line).has_value()) << name << ": " << line;
  }
}

TEST(Format, APatternNamesItsParts) {
  const auto format =
      formatOf("plain", R"((?P<time>\d+/\w+/\d+:\S+ \S+) <(?P<level>\w+)> (?P<logger>[\w.]+) \| )",
               "%d/%b/%Y:%H:%M:%S %z");
  const auto line = read(*format, "01/Jan/2026:15:03:00 +0100 <ERR> web.front | it broke");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->record.at.unix_ms, kAt - 123);
  EXPECT_EQ(line->record.level, Severity::kError);
  EXPECT_EQ(line->record.logger, "web.front");
  EXPECT_EQ(line->record.text, "it broke");
  EXPECT_FALSE(read(*format, "x 01/Jan/2026:15:03:00 +0100 <ERR> web.front | x").has_value());
  // A time that can't be is no beginning.
  EXPECT_FALSE(read(*format, "01/Foo/2026:15:03:00 +0100 <ERR> web | x").has_value());
}

TEST(Format, OfALineWithoutATimeTheArrivalCounts) {
  const auto format = formatOf("plain");
  const auto line = read(*format, "x");
  EXPECT_FALSE(line->has_time);
  EXPECT_EQ(line->record.at, kArrival);
}

TEST(Format, StackTracesContinue) {
  for (const char* line : {"\tat org.a.B", "  File \"x.py\", line 3", "Caused by: java.io.X: no",
                           "at x (y.js:1:2)", "... 12 more", "}"}) {
    EXPECT_TRUE(formatOf("json")->continues(line)) << line;
    EXPECT_TRUE(formatOf("log4j")->continues(line)) << line;
  }
  EXPECT_FALSE(formatOf("json")->continues("listening on :80"));
  EXPECT_TRUE(formatOf("log4j")->continues("java.io.IOException: no"));
  FormatOptions options;
  options.continuation = "^\\+ ";
  const auto own = std::move(Format::make(options)).value();
  EXPECT_TRUE(own->continues("+ more"));
  EXPECT_FALSE(own->continues("  indented"));
}

TEST(Format, MistakesAreNamed) {
  const auto fieldOf = [](const FormatOptions& options) {
    const auto made = Format::make(options);
    return made ? std::string("ok") : made.status().field();
  };
  FormatOptions options;
  options.name = "jsno";
  EXPECT_EQ(fieldOf(options), "format");
  EXPECT_NE(Format::make(options).status().text().find("did you mean 'json'"), std::string::npos);
  options = {};
  options.name = "plain";
  options.pattern = "(";
  EXPECT_EQ(fieldOf(options), "pattern");
  options.name = "json";
  options.pattern = "x";
  EXPECT_EQ(fieldOf(options), "pattern");
  options = {};
  options.zone = "Mars";
  EXPECT_EQ(fieldOf(options), "zone");
  options = {};
  options.time = "%Q";
  EXPECT_EQ(fieldOf(options), "time");
  options = {};
  options.continuation = "[";
  EXPECT_EQ(fieldOf(options), "continuation");
}

TEST(Format, HostileBytesBecomeText) {
  std::mt19937 random(7);
  const std::string pieces[] = {"{\"msg\":\"",
                                "\"}",
                                "[2026-01-01 14:03:00.123] [a] [info] ",
                                "level=",
                                "2026-01-01 14:03:00,123 [m] INFO a - ",
                                "\\u0000",
                                std::string(1, '\0'),
                                "\xff",
                                "\xc3",
                                "\x1b[",
                                "\"",
                                "[[[[",
                                "{"};
  for (const std::string& name : formatNames()) {
    const auto format = formatOf(name);
    for (int i = 0; i < 500; ++i) {
      std::string line;
      const size_t parts = random() % 12;
      for (size_t k = 0; k < parts; ++k) {
        line += random() % 3 == 0 ? std::string(random() % 50, static_cast<char>(random()))
                                  : pieces[random() % std::size(pieces)];
      }
      const auto read_line = read(*format, line);
      const ReadLine whole = read_line ? *read_line : format->alone(line, kArrival);
      for (const std::string* text : {&whole.record.text, &whole.record.logger}) {
        ASSERT_TRUE(isValidUtf8(*text)) << name << ": " << hexOf(line);
        ASSERT_EQ(text->find('\0'), std::string::npos);
        ASSERT_EQ(text->find('\x1b'), std::string::npos);
      }
    }
  }
}

TEST(Format, HugeLinesAreCut) {
  const std::string huge(10'000'000, '{');
  for (const std::string& name : formatNames()) {
    const auto format = formatOf(name);
    const auto line = read(*format, huge);
    const size_t size = (line ? *line : format->alone(huge, kArrival)).record.text.size();
    EXPECT_LE(size, limits::kMaxLogLineBytes) << name;
  }
  EXPECT_FALSE(read(*formatOf("json"), "{\"a\":" + std::string(60'000, '[')).has_value());
}

}  // namespace
}  // namespace muster::records
