// A log that is kept and found again, by the real thing in a folder of its own.
#include "libcontrol/archive/archive.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/libcontrol/archive/log_folder.h"

namespace muster::archive {
namespace {

TEST(Archive, FindsWhatWasKeptBeforeAndAfterItStandsInABlock) {
  const LogFolder folder;
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  for (int i = 0; i < 5000; ++i) {
    (*log)->add(recordOf(i, i % 100 == 7 ? Severity::kError : Severity::kInfo, "web",
                         "request " + std::to_string(i) + " took " + std::to_string(i % 97) +
                             " ms, a line of some length so that there are blocks"));
    if (i % 500 == 0) {
      ASSERT_TRUE((*log)->flush());
    }
  }
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ(textsOf(found(**log, "4321")).size(), 1u);
  EXPECT_EQ(textsOf(found(**log, "level>=error")).size(), 50u);
  EXPECT_EQ(textsOf(found(**log, "request took")).size(), 1000u);
  EXPECT_EQ(textsOf(found(**log, "/est 17[0-9]+ took/")).size(), 110u);
  EXPECT_EQ((*log)->state().lines, 5000u);
}

}  // namespace
}  // namespace muster::archive
