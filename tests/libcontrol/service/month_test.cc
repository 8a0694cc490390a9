#include "libcontrol/service/month.h"

#include <gtest/gtest.h>

namespace muster::service {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr WallTime kNow{1'793'491'200'000};  // 2026-11-01T00:00:00Z

TEST(MonthTest, DaysBeginAtMidnightUtc) {
  EXPECT_EQ(dayOf({0}), 0);
  EXPECT_EQ(dayOf({kDayMs - 1}), 0);
  EXPECT_EQ(dayOf({kDayMs}), 1);
  EXPECT_EQ(dayOf({-1}), -1);
  EXPECT_EQ(dayText(dayOf(kNow)), "2026-11-01");
  EXPECT_EQ(dayText(dayOf({kNow.unix_ms - 1})), "2026-10-31");
}

TEST(MonthTest, MonthsHaveTheDaysThatTheCalendarGivesThem) {
  EXPECT_EQ(daysIn({2026, 10}), 31);
  EXPECT_EQ(daysIn({2026, 11}), 30);
  EXPECT_EQ(daysIn({2026, 2}), 28);
  EXPECT_EQ(daysIn({2028, 2}), 29) << "a leap year";
  EXPECT_EQ(daysIn({2000, 2}), 29) << "a leap year as well";
  EXPECT_EQ(daysIn({2100, 2}), 28) << "none";
  EXPECT_EQ(dayText(firstDay({2028, 2}) + 28), "2028-02-29");
  EXPECT_EQ(next({2026, 12}), (Month{2027, 1}));
  EXPECT_EQ(monthOf(kNow), (Month{2026, 11}));
  EXPECT_EQ(monthOf({kNow.unix_ms - 1}), (Month{2026, 10}));
  EXPECT_EQ(beginOf(Month{2026, 11}), kNow);
}

TEST(MonthTest, IsWrittenAsItIsRead) {
  EXPECT_EQ(monthText({2026, 9}), "2026-09");
  EXPECT_EQ(monthInWords({2026, 9}), "September 2026");
  EXPECT_EQ(*parseMonth("2026-09", kNow), (Month{2026, 9}));
  EXPECT_EQ(*parseMonth("2026-11", kNow), (Month{2026, 11})) << "the present one";
}

TEST(MonthTest, WhatIsNoMonthIsRefusedWithWhatWouldBeOne) {
  for (const char* wrong : {"", "2026", "2026-13", "2026-00", "2026-1", "2026/10", "2026-100",
                            "10-2026", "october", "2026-1o", "-026-10"}) {
    const auto month = parseMonth(wrong, kNow);
    ASSERT_FALSE(month.isOk()) << wrong;
    EXPECT_EQ(month.status().code(), Code::kInvalidArgument);
    EXPECT_EQ(month.status().field(), "month");
    EXPECT_NE(month.status().text().find("such as 2026-11"), std::string::npos)
        << month.status().text();
  }
  EXPECT_EQ(parseMonth("2026-12", kNow).status().text(),
            "2026-12 has not begun yet; the latest month is 2026-11 (UTC)");
}

}  // namespace
}  // namespace muster::service
