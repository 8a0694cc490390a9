#include "libcontrol/base/jid.h"

#include <gtest/gtest.h>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"

namespace muster {
namespace {

TEST(Jid, SplitsAndNormalises) {
  const Jid jid = Jid::parse("Ann@Example.ORG/Home").value();
  EXPECT_EQ(jid.local(), "ann");
  EXPECT_EQ(jid.domain(), "example.org");
  EXPECT_EQ(jid.resource(), "Home");
  EXPECT_EQ(jid.bare().toString(), "ann@example.org");
  EXPECT_EQ(jid.toString(), "ann@example.org/Home");
}

TEST(Jid, AResourceMayHoldAtAndSlash) {
  const Jid jid = Jid::parse("example.org/a@b/c").value();
  EXPECT_TRUE(jid.local().empty());
  EXPECT_EQ(jid.resource(), "a@b/c");
}

TEST(Jid, RefusesWhatIsNone) {
  for (const char* bad : {"", "@example.org", "ann@", "ann@example.org/", "a b@example.org",
                          "a@b@c", "ann@exam\nple.org", "<x>@example.org"}) {
    EXPECT_FALSE(Jid::parse(bad).isOk()) << bad;
  }
  EXPECT_FALSE(Jid::parse(std::string(1100, 'a') + "@example.org").isOk());
}

TEST(Jid, ComparesByWhatItSays) {
  const Jid ann = Jid::parse("ann@example.org/home").value();
  const Jid copy = ann;
  EXPECT_EQ(&copy.domain(), &ann.domain()) << "copies share it";
  EXPECT_EQ(Jid::parse("ANN@example.org/home").value(), ann);
  EXPECT_NE(Jid::parse("ann@example.org/Home").value(), ann);
  EXPECT_EQ(ann.bare(), Jid::parse("ann@example.org").value());
  EXPECT_LT(ann.bare(), ann);
  EXPECT_LT(Jid::parse("zoe@a.org").value(), ann) << "by the domain first";
  EXPECT_LT(Jid(), ann);
  EXPECT_EQ(Jid(), Jid());
  EXPECT_EQ(Jid().toString(), "");
  EXPECT_TRUE(Jid().withResource("home").isEmpty());
}

TEST(Id128, RoundTrips) {
  SeededRandom random(7);
  const Id128 id = Id128::make(random);
  EXPECT_EQ(Id128::fromHex(id.toHex()), id);
  EXPECT_EQ(Id128::fromBytes(id.toBytes()), id);
  EXPECT_FALSE(Id128::fromHex("zz").has_value());
  EXPECT_FALSE(Id128::fromBytes("short").has_value());
  EXPECT_EQ(nodeResource(id).size(), 13u);
}

TEST(Clock, ElapsedTimeNeverGoesBack) {
  SystemClock clock(SystemClock::Bias::kSmaller);
  ElapsedTime last = clock.elapsed();
  for (int i = 0; i < 10000; ++i) {
    const ElapsedTime now = clock.elapsed();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, WritesRfc3339) {
  EXPECT_EQ(toRfc3339({1'767'225'600'000}), "2026-01-01T00:00:00Z");
  EXPECT_EQ(toRfc3339({1'767'225'600'042}), "2026-01-01T00:00:00.042Z");
}

}  // namespace
}  // namespace muster
