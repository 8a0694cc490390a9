#include "libcontrol/catalogue/held_pages.h"

#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"

namespace muster::catalogue {
namespace {

const HeldPages::Key kOlga{"olga@example.org/phone", "storage@muster.example.org"};
const HeldPages::Key kOtto{"otto@example.org/desk", "storage@muster.example.org"};

HeldPages::Key person(size_t i) {
  return {"p" + std::to_string(i) + "@example.org/x", ""};
}

TEST(HeldPages, InTheirOrderAndOnce) {
  HeldPages held;
  ElapsedTime now{};
  held.hold(kOlga, {"one", "two", "three"}, now);
  held.hold(kOtto, {"eins", "zwei"}, now);
  EXPECT_EQ(held.bytes(), 12U);
  const auto second = held.next(kOlga, now);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->text, "two");
  EXPECT_EQ(second->number, 2U);
  EXPECT_EQ(second->count, 3U);
  EXPECT_EQ(held.next(kOlga, now)->text, "three");
  EXPECT_FALSE(held.next(kOlga, now).has_value());
  EXPECT_EQ(held.next(kOtto, now)->text, "zwei");
  EXPECT_EQ(held.bytes(), 0U);
}

TEST(HeldPages, ANewAnswerReplacesTheOld) {
  HeldPages held;
  held.hold(kOlga, {"one", "two"}, {});
  held.hold(kOlga, {"three", "four"}, {});
  EXPECT_EQ(held.next(kOlga, {})->text, "four");
  held.hold(kOlga, {"one", "two"}, {});
  held.hold(kOlga, {"whole"}, {});
  EXPECT_FALSE(held.next(kOlga, {}).has_value());
}

TEST(HeldPages, TenMinutesSinceTheLastOne) {
  HeldPages held;
  ElapsedTime now{};
  held.hold(kOlga, {"one", "two", "three"}, now);
  now = now + limits::kSessionLife - Duration::millis(1);
  EXPECT_TRUE(held.next(kOlga, now).has_value());
  now = now + limits::kSessionLife;
  EXPECT_FALSE(held.next(kOlga, now).has_value());
}

TEST(HeldPages, TheOldestGiveWayWhenThereAreTooMany) {
  HeldPages held;
  ElapsedTime now{};
  for (size_t i = 0; i <= limits::kMaxHeldAnswers; ++i) {
    now = now + Duration::millis(1);
    held.hold(person(i), {"", "x"}, now);
  }
  EXPECT_FALSE(held.has(person(0), now));
  EXPECT_TRUE(held.has(person(1), now));
  EXPECT_EQ(held.bytes(), limits::kMaxHeldAnswers);
}

TEST(HeldPages, TheOldestGiveWayWhenTheyAreTooLarge) {
  HeldPages held;
  ElapsedTime now{};
  const std::string third(limits::kMaxHeldBytes / 3, 'x');
  for (size_t i = 0; i < 4; ++i) {
    now = now + Duration::millis(1);
    held.hold(person(i), {"", third}, now);
  }
  EXPECT_FALSE(held.has(person(0), now));
  EXPECT_TRUE(held.has(person(1), now));
  held.hold(kOlga, {"", std::string(limits::kMaxHeldBytes + 1, 'x')}, now);
  EXPECT_FALSE(held.has(kOlga, now)) << "more than all of them may have";
  EXPECT_TRUE(held.has(person(3), now));
}

}  // namespace
}  // namespace muster::catalogue
