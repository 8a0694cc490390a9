#include "libcontrol/rules/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace muster::rules {
namespace {

TEST(Glob, NamesMatchWhatTheySay) {
  EXPECT_TRUE(globMatches("storage", "storage"));
  EXPECT_FALSE(globMatches("storage", "storage.disk"));
  EXPECT_FALSE(globMatches("storage", "torage"));
  EXPECT_TRUE(globMatches("storage*", "storage"));
  EXPECT_TRUE(globMatches("storage*", "storage.disk"));
  EXPECT_TRUE(globMatches("storage.*", "storage.disk.cache"));
  EXPECT_FALSE(globMatches("storage.*", "storage"));
  EXPECT_TRUE(globMatches("*.disk", "storage.disk"));
  EXPECT_FALSE(globMatches("*.disk", "storage.disks"));
  EXPECT_TRUE(globMatches("st*age.d?sk", "storage.disk"));
  EXPECT_FALSE(globMatches("disk?", "disk"));
  EXPECT_TRUE(globMatches("*", ""));
  EXPECT_TRUE(globMatches("**", "x"));
  EXPECT_FALSE(globMatches("", "x"));
  EXPECT_TRUE(globMatches("", ""));
}

TEST(Glob, ALaterStarIsTriedAfterAnEarlierOneFailed) {
  EXPECT_TRUE(globMatches("a*b*c", "aXbXbXc"));
  EXPECT_TRUE(globMatches("*ab", "aab"));
  EXPECT_FALSE(globMatches("a*b*c", "aXbXbX"));
}

TEST(Glob, ManyStarsTakeNoLongerThanTheProductOfTheLengths) {
  std::string glob;
  for (int i = 0; i < 60; ++i) glob += "*a";
  // With backtracking into every star this would not end within a lifetime.
  EXPECT_FALSE(globMatches(glob + "b", std::string(128, 'a')));
}

}  // namespace
}  // namespace muster::rules
