#include "libcontrol/node/warden.h"

#include <gtest/gtest.h>

#include <future>

#include "libcontrol/node/lease_state.h"
#include "muster/lease.h"

namespace muster {
namespace {

TEST(Warden, KillsOnceTheLeaseIsOver) {
  SystemClock clock(SystemClock::Bias::kLarger);
  std::promise<void> killed;
  Warden warden(clock, [&] { killed.set_value(); });
  warden.watch(clock.elapsed() + Duration::millis(20));
  EXPECT_EQ(killed.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(Warden, LeavesAloneWhoHasStopped) {
  SystemClock clock(SystemClock::Bias::kLarger);
  bool killed = false;
  {
    Warden warden(clock, [&] { killed = true; });
    warden.watch(clock.elapsed() + Duration::seconds(3600));
    warden.relax();
    warden.watch(clock.elapsed() + Duration::seconds(3600));
  }
  EXPECT_FALSE(killed);
}

TEST(Warden, AnEarlierApplicationsEndDoesNotCoverALaterOne) {
  SystemClock clock(SystemClock::Bias::kLarger);
  std::promise<void> killed;
  Warden warden(clock, [&] { killed.set_value(); });
  warden.watch(clock.elapsed() + Duration::millis(20), 6);
  warden.relax(5);
  EXPECT_EQ(killed.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Lease, IsJudgedByTheClockAtEveryUse) {
  ManualClock clock;
  auto state = std::make_shared<LeaseState>(7, "ab", clock);
  const Lease lease(state);
  EXPECT_FALSE(lease.valid());
  state->use_until_ns = (clock.elapsed() + Duration::seconds(2)).ns;
  EXPECT_TRUE(lease.valid());
  EXPECT_TRUE(lease.guard(std::chrono::milliseconds(1999)));
  EXPECT_FALSE(lease.guard(std::chrono::seconds(2)));
  EXPECT_EQ(lease.remaining(), std::chrono::seconds(2));
  clock.advance(Duration::seconds(2));
  EXPECT_FALSE(lease.valid());
  EXPECT_EQ(lease.epoch(), 7u);
  EXPECT_EQ(lease.instance(), "ab");
}

TEST(Lease, ThatWasTakenBackIsNotValid) {
  ManualClock clock;
  auto state = std::make_shared<LeaseState>(7, "ab", clock);
  state->use_until_ns = (clock.elapsed() + Duration::seconds(2)).ns;
  const Lease lease(state);
  state->use_until_ns = 0;
  EXPECT_FALSE(lease.valid());
  EXPECT_LE(lease.remaining(), std::chrono::nanoseconds(0));
}

}  // namespace
}  // namespace muster
