#include "libcontrol/service/presence.h"

#include <gtest/gtest.h>

namespace muster::service {
namespace {

constexpr ElapsedTime kStart{Duration::seconds(1000).ns};

ServiceSnapshot requests(const std::string& name, uint64_t good, uint64_t bad) {
  ServiceSnapshot s;
  s.name = name;
  s.kind = Kind::kRequests;
  s.good = good;
  s.bad = bad;
  s.objective_percent = 99.0;
  s.level = judge(s);
  return s;
}

ServiceSnapshot storageWell() {
  ServiceSnapshot s;
  s.name = "storage";
  s.kind = Kind::kAvailability;
  s.observed = Duration::seconds(600);
  s.level = judge(s);
  return s;
}

TEST(Presence, AllIsWell) {
  const PresenceText text = presenceOf({requests("user", 4995, 5), storageWell()}, {});
  EXPECT_EQ(text.show, Show::kNone);
  EXPECT_STREQ(showName(text.show), "");
  EXPECT_EQ(text.mood, "contented");
  EXPECT_EQ(text.status,
            "User service level: 99.9% (5 dropped in the last 10 mins.)\n"
            "Storage service level: 100% (no outage in the last 10 mins.)");
}

TEST(Presence, ABreachIsDnd) {
  const PresenceText text =
      presenceOf({storageWell(), requests("silent", 0, 0), requests("user", 1, 1)}, {});
  EXPECT_EQ(text.show, Show::kDnd);
  EXPECT_STREQ(showName(text.show), "dnd");
  EXPECT_EQ(text.mood, "stressed");
  EXPECT_EQ(text.status,
            "User service level: 50% (1 dropped in the last 10 mins.)\n"
            "Silent service level: NO DATA (nothing counted in the last 10 mins.)\n"
            "Storage service level: 100% (no outage in the last 10 mins.)");
}

TEST(Presence, BurningIsAway) {
  const PresenceText text = presenceOf({requests("user", 993, 7), storageWell()}, {});
  EXPECT_EQ(text.show, Show::kAway);
  EXPECT_STREQ(showName(text.show), "away");
  EXPECT_EQ(text.mood, "worried");
}

TEST(Presence, NoDataIsAwayAndConfused) {
  const PresenceText text = presenceOf({requests("user", 0, 0), storageWell()}, {});
  EXPECT_EQ(text.show, Show::kAway);
  EXPECT_EQ(text.mood, "confused");
  EXPECT_EQ(presenceOf({}, {}).show, Show::kAway);
  EXPECT_EQ(presenceOf({}, {}).mood, "confused");
  EXPECT_EQ(presenceOf({}, {}).status, "NO DATA (no service)");
}

TEST(Presence, NoCoordinatorIsAway) {
  PresenceFacts facts;
  facts.no_coordinator_since = WallTime{1'767'225'600'042};
  const PresenceText text = presenceOf({storageWell()}, facts);
  EXPECT_EQ(text.show, Show::kAway);
  EXPECT_EQ(text.mood, "worried");
  EXPECT_EQ(text.status,
            "No coordinator since 2026-01-01T00:00:00Z\n"
            "Storage service level: 100% (no outage in the last 10 mins.)");
}

TEST(Presence, TheWorstFactComesFirst) {
  PresenceFacts facts;
  facts.no_coordinator_since = WallTime{1'767'225'600'000};
  facts.no_active_node = true;
  facts.drained = true;
  const PresenceText text = presenceOf(
      {storageWell(), requests("mute", 0, 0), requests("burning", 993, 7), requests("bad", 0, 1)},
      facts);
  EXPECT_EQ(text.show, Show::kDnd);
  EXPECT_EQ(text.status,
            "Bad service level: 0% (1 dropped in the last 10 mins.)\n"
            "No active node\n"
            "Burning service level: 99.3% (7 dropped in the last 10 mins.)\n"
            "No coordinator since 2026-01-01T00:00:00Z\n"
            "Mute service level: NO DATA (nothing counted in the last 10 mins.)\n"
            "Drained\n"
            "Storage service level: 100% (no outage in the last 10 mins.)");
}

TEST(Presence, ADrainedNodeIsNotUnwell) {
  PresenceFacts facts;
  facts.drained = true;
  EXPECT_EQ(presenceOf({storageWell()}, facts).show, Show::kNone);
}

TEST(Presence, QuotesAFewAndCountsTheRest) {
  std::vector<ServiceSnapshot> services;
  for (int i = 0; i < 20; ++i) services.push_back(requests("s" + std::to_string(i), 1, 0));
  const std::string status = presenceOf(services, {}).status;
  EXPECT_TRUE(status.ends_with("\nand 12 more")) << status;
}

TEST(Presence, OfALevelByItself) {
  const PresenceText text = presenceOf(
      Level{99.99, LevelState::kOk, "Overall service level: 99.99% (within advertised SLA range)"});
  EXPECT_EQ(text.show, Show::kNone);
  EXPECT_EQ(text.mood, "contented");
  EXPECT_EQ(text.status, "Overall service level: 99.99% (within advertised SLA range)");
}

TEST(PresenceThrottle, TheFirstGoesAtOnceAndTheSameNeverAgain) {
  PresenceThrottle throttle;
  const PresenceText text = presenceOf({requests("user", 1000, 1)}, {});
  EXPECT_TRUE(throttle.shouldSend(text, kStart));
  EXPECT_FALSE(throttle.shouldSend(text, kStart + Duration::seconds(3600)));
  EXPECT_EQ(throttle.nextAt(), std::nullopt);
  throttle.reset();
  EXPECT_TRUE(throttle.shouldSend(text, kStart + Duration::seconds(3601)));
}

TEST(PresenceThrottle, AChangeOfStateGoesAtOnce) {
  PresenceThrottle throttle;
  EXPECT_TRUE(throttle.shouldSend(presenceOf({requests("user", 1000, 1)}, {}), kStart));
  EXPECT_TRUE(
      throttle.shouldSend(presenceOf({requests("user", 1, 1)}, {}), kStart + Duration::millis(1)));
  PresenceFacts facts;
  facts.no_coordinator_since = WallTime{1};
  EXPECT_TRUE(throttle.shouldSend(presenceOf({requests("user", 1, 1)}, facts),
                                  kStart + Duration::millis(2)));
  EXPECT_TRUE(
      throttle.shouldSend(presenceOf({requests("user", 1, 1)}, {}), kStart + Duration::millis(3)));
}

TEST(PresenceThrottle, FiguresGoRoundedAndOnceAMinute) {
  PresenceThrottle throttle;
  EXPECT_TRUE(throttle.shouldSend(presenceOf({requests("user", 10'000, 5)}, {}), kStart));
  // The same when rounded to a tenth.
  EXPECT_FALSE(throttle.shouldSend(presenceOf({requests("user", 10'500, 6)}, {}),
                                   kStart + Duration::seconds(61)));
  const PresenceText other = presenceOf({requests("user", 10'000, 30)}, {});
  EXPECT_FALSE(throttle.shouldSend(other, kStart + Duration::seconds(59)));
  EXPECT_EQ(throttle.nextAt(), kStart + Duration::seconds(60));
  EXPECT_TRUE(throttle.shouldSend(other, kStart + Duration::seconds(60)));
  EXPECT_EQ(throttle.nextAt(), std::nullopt);
}

TEST(PresenceThrottle, TwiceAsBadIsToldAtOnceAndHalfAsBadIsNot) {
  PresenceThrottle throttle;
  const auto dropped = [](uint64_t bad) {
    return presenceOf({requests("user", 10'000 - bad, bad)}, {});
  };
  const auto at = [](int64_t seconds) { return kStart + Duration::seconds(seconds); };
  EXPECT_TRUE(throttle.shouldSend(dropped(300), at(0)));
  EXPECT_FALSE(throttle.shouldSend(dropped(350), at(1)));
  EXPECT_TRUE(throttle.shouldSend(dropped(800), at(2)));
  EXPECT_FALSE(throttle.shouldSend(dropped(300), at(3)));
  EXPECT_FALSE(throttle.shouldSend(dropped(800), at(4))) << "it is what was told";
  EXPECT_TRUE(throttle.shouldSend(dropped(300), at(62)));
}

TEST(PresenceThrottle, TheFirstBadEventIsNotRoundedAway) {
  PresenceThrottle throttle;
  EXPECT_TRUE(throttle.shouldSend(presenceOf({requests("user", 100'000, 0)}, {}), kStart));
  EXPECT_TRUE(throttle.shouldSend(presenceOf({requests("user", 100'000, 1)}, {}),
                                  kStart + Duration::seconds(60)));
}

TEST(PresenceThrottle, AnOutageIsToldAtOnceAndThenByTheMinute) {
  PresenceThrottle throttle;
  ServiceSnapshot storage = storageWell();
  EXPECT_TRUE(throttle.shouldSend(presenceOf({storage}, {}), kStart));
  storage.outages = 1;
  storage.outage = storage.ongoing_outage.emplace(Duration::millis(1));
  storage.level = judge(storage);
  ASSERT_EQ(storage.level.state, LevelState::kOk);
  EXPECT_TRUE(throttle.shouldSend(presenceOf({storage}, {}), kStart + Duration::millis(1)));
  storage.ongoing_outage = Duration::seconds(30);
  EXPECT_FALSE(throttle.shouldSend(presenceOf({storage}, {}), kStart + Duration::seconds(30)));
  storage.ongoing_outage = Duration::seconds(61);
  EXPECT_TRUE(throttle.shouldSend(presenceOf({storage}, {}), kStart + Duration::seconds(62)));
}

}  // namespace
}  // namespace muster::service
