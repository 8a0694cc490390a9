#include "libcontrol/records/time_layout.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace muster::records {
namespace {

constexpr WallTime kArrival{1'795'460'400'000};  // 2026-11-23T19:00:00Z

std::string readAs(const std::string& layout, const std::string& text,
                   const std::string& zone = "UTC") {
  const auto parsed = TimeLayout::parse(layout, Zone::parse(zone).value());
  EXPECT_TRUE(parsed.isOk()) << parsed.status().text();
  const auto at = parsed->read(text, kArrival);
  return at ? toRfc3339(*at) : "none";
}

TEST(TimeLayout, WellKnownOnes) {
  EXPECT_EQ(readAs("rfc3339", "2026-11-23T19:00:00Z"), "2026-11-23T19:00:00Z");
  EXPECT_EQ(readAs("rfc3339", "2026-11-23T19:00:00.250+01:00"), "2026-11-23T18:00:00.250Z");
  EXPECT_EQ(readAs("iso8601", "2026-11-23 19:00:00,5-0530"), "2026-11-24T00:30:00.500Z");
  EXPECT_EQ(readAs("iso8601", "2026-11-23 19:00:00", "+02:00"), "2026-11-23T17:00:00Z");
  EXPECT_EQ(readAs("unix", "1795460400.5"), "2026-11-23T19:00:00.500Z");
  EXPECT_EQ(readAs("unix-ms", "1795460400500"), "2026-11-23T19:00:00.500Z");
  EXPECT_EQ(readAs("syslog", "Nov 23 19:00:01"), "2026-11-23T19:00:01Z");
  EXPECT_EQ(readAs("syslog", "Nov  3 19:00:01"), "2026-11-03T19:00:01Z");
  EXPECT_EQ(readAs("clock", "18:59:59.123"), "2026-11-23T18:59:59.123Z");
}

TEST(TimeLayout, WhatIsMissingIsTheNearest) {
  // A line of January that arrives in November was written next year, by a clock that is ahead.
  EXPECT_EQ(readAs("syslog", "Jan 02 00:00:00"), "2027-01-02T00:00:00Z");
  EXPECT_EQ(readAs("syslog", "Jun 02 00:00:00"), "2026-06-02T00:00:00Z");
  EXPECT_EQ(readAs("clock", "03:00:00"), "2026-11-24T03:00:00Z");
  EXPECT_EQ(readAs("clock", "08:00:00"), "2026-11-23T08:00:00Z");
}

TEST(TimeLayout, Patterns) {
  EXPECT_EQ(readAs("%d/%b/%Y:%H:%M:%S %z", "23/Nov/2026:19:00:00 +0000"), "2026-11-23T19:00:00Z");
  EXPECT_EQ(readAs("%y%m%d %I:%M:%S %p", "261123 07:00:00 PM"), "2026-11-23T19:00:00Z");
  EXPECT_EQ(readAs("%Y-%j %T.%f", "2026-327 19:00:00.25"), "2026-11-23T19:00:00.250Z");
  EXPECT_EQ(readAs("%F %T", "2026-11-23 19:00:00"), "2026-11-23T19:00:00Z");
  EXPECT_EQ(readAs("%s.%f", "1795460400.25"), "2026-11-23T19:00:00.250Z");
  EXPECT_EQ(readAs("%%%H:%M", "%18:30"), "2026-11-23T18:30:00Z");
}

TEST(TimeLayout, WhatIsNone) {
  for (const char* text : {"", "2026", "2026-11-23", "2026-11-23T19:00", "2026-11-23T25:00:00Z",
                           "2026-00-23T19:00:00Z", "2026-11-23T19:00:00Zx", "2026-11-23T19:00:00+1",
                           "1969-11-23T19:00:00Z", "2026-11-23T19:00:00.Z"}) {
    EXPECT_EQ(readAs("iso8601", text), "none") << text;
  }
  EXPECT_EQ(readAs("unix", "-1"), "none");
  EXPECT_EQ(readAs("unix", "nan"), "none");
  EXPECT_EQ(readAs("unix", "1e300"), "none");
  EXPECT_EQ(readAs("syslog", "Foo 23 19:00:01"), "none");
  EXPECT_EQ(readAs("%H:%M", "19:00 "), "none");
  EXPECT_EQ(readAs("%I %p", "13 PM"), "none");
}

TEST(TimeLayout, MistakesAreNamed) {
  EXPECT_FALSE(TimeLayout::parse("iso").isOk());
  EXPECT_FALSE(TimeLayout::parse("%Q").isOk());
  EXPECT_FALSE(TimeLayout::parse("%H:%").isOk());
  EXPECT_FALSE(Zone::parse("").isOk());
  EXPECT_FALSE(Zone::parse("+25:00").isOk());
  EXPECT_FALSE(Zone::parse("Europe/Berlin").isOk());
}

TEST(TimeLayout, NumbersTellTheirUnitByTheirSize) {
  for (const double number : {1795460400.0, 1795460400e3, 1795460400e6, 1795460400e9}) {
    EXPECT_EQ(fromUnixNumber(number)->unix_ms, kArrival.unix_ms) << number;
  }
  EXPECT_FALSE(fromUnixNumber(12).has_value());
  EXPECT_FALSE(fromUnixNumber(-1).has_value());
  EXPECT_FALSE(fromUnixNumber(1e300).has_value());
}

TEST(Zone, TheMachinesOwnHasSummerTime) {
  const char* before = getenv("TZ");
  const std::string kept = before != nullptr ? before : "";
  // Written out, so that no data base of zones is needed.
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  EXPECT_EQ(readAs("iso8601", "2026-11-23 19:00:00", "local"), "2026-11-23T18:00:00Z");
  EXPECT_EQ(readAs("iso8601", "2026-07-23 19:00:00", "local"), "2026-07-23T17:00:00Z");
  const Zone zone = Zone::parse("local").value();
  EXPECT_EQ(zone.toLocal(kArrival), kArrival.unix_ms + 3'600'000);
  if (before != nullptr) {
    setenv("TZ", kept.c_str(), 1);
  } else {
    unsetenv("TZ");
  }
  tzset();
}

}  // namespace
}  // namespace muster::records
