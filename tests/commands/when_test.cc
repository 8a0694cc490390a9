#include "commands/when.h"

#include <gmock/gmock.h>

namespace muster::commands {
namespace {

using testing::HasSubstr;

constexpr WallTime kNow{1'700'000'000'000};  // 2023-11-14T22:13:20Z
constexpr Duration kFurthest = Duration::seconds(30 * 86'400);

std::string read(const std::string& text) {
  const auto when = parseWhen(text, kNow, kFurthest, "at");
  return when ? toRfc3339(*when) : when.status().text();
}

TEST(When, ATimeOfDayIsTheNextOne) {
  EXPECT_EQ(read("22:14"), "2023-11-14T22:14:00Z");
  EXPECT_EQ(read("22:13"), "2023-11-15T22:13:00Z") << "it is 20 s past that";
  EXPECT_EQ(read("02:30"), "2023-11-15T02:30:00Z");
  EXPECT_EQ(read("2:05"), "2023-11-15T02:05:00Z");
}

TEST(When, AnInstantIsThatOne) {
  EXPECT_EQ(read("2023-11-24T02:30:05Z"), "2023-11-24T02:30:05Z");
  EXPECT_EQ(read("2023-11-24 02:30"), "2023-11-24T02:30:00Z");
}

TEST(When, WhatIsOverOrFarAheadIsRefused) {
  EXPECT_EQ(read("2023-11-14T22:13:20Z"),
            "2023-11-14T22:13:20Z is over; it is 2023-11-14T22:13:20Z");
  EXPECT_THAT(read("2024-11-14T22:13:20Z"), HasSubstr("is more than 30d ahead"));
}

TEST(When, AnythingElseIsNoTime) {
  for (const char* text :
       {"", "24:00", "12:60", "noon", "02:30x", "2023-02-30T02:30:00Z", "2023-11-24T02:30:00+01:00",
        "2023-11-24", "-1:30", "2023-11-24X02:30"}) {
    EXPECT_THAT(read(text), HasSubstr("is no time; say one in UTC")) << text;
  }
  EXPECT_EQ(parseWhen("x", kNow, kFurthest, "at").status().field(), "at");
}

std::string readPast(const std::string& text) {
  const auto when = parsePast(text, kNow, "since");
  return when ? toRfc3339(*when) : when.status().text();
}

TEST(WhenPast, ADurationIsSoLongAgo) {
  EXPECT_EQ(readPast("1h"), "2023-11-14T21:13:20Z");
  EXPECT_EQ(readPast("90s"), "2023-11-14T22:11:50Z");
  EXPECT_EQ(readPast("10000d"), "1996-06-28T22:13:20Z");
}

TEST(WhenPast, ATimeOfDayIsTheLastOne) {
  EXPECT_EQ(readPast("22:13"), "2023-11-14T22:13:00Z");
  EXPECT_EQ(readPast("22:14"), "2023-11-13T22:14:00Z");
}

TEST(WhenPast, AnInstantIsThatOneToTheMillisecond) {
  EXPECT_EQ(readPast("2023-11-14T02:30:05.250Z"), "2023-11-14T02:30:05.250Z");
  EXPECT_EQ(readPast("2023-11-14 02:30"), "2023-11-14T02:30:00Z");
  EXPECT_EQ(readPast(toRfc3339(kNow)), toRfc3339(kNow));
}

TEST(WhenPast, WhatIsYetToComeOrNoTimeIsRefused) {
  EXPECT_THAT(readPast("2023-11-14T22:13:21Z"), HasSubstr("is yet to come"));
  for (const char* text : {"", "soon", "1", "-1h", "2023-11-14T02:30:05.25Z", "25:00"}) {
    EXPECT_THAT(readPast(text), HasSubstr("is no time; say how long ago")) << text;
  }
  EXPECT_EQ(parsePast("x", kNow, "since").status().field(), "since");
}

}  // namespace
}  // namespace muster::commands
