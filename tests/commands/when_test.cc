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

}  // namespace
}  // namespace muster::commands
