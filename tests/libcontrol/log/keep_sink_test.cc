#include "libcontrol/log/keep_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <string>
#include <vector>

namespace muster::log {
namespace {

using testing::ElementsAre;

class KeepSinkTest : public testing::Test {
 protected:
  KeepSink::Keep into(std::vector<std::string>& kept) {
    return [&kept](const spdlog::details::log_msg& msg) {
      kept.emplace_back(msg.payload.data(), msg.payload.size());
    };
  }
  const std::shared_ptr<KeepSink> sink_ = std::make_shared<KeepSink>();
  spdlog::logger logger_{"keep_sink_test", sink_};
  std::vector<std::string> kept_;
  std::vector<std::string> others_;
};

TEST_F(KeepSinkTest, RecordsAreKeptFromUseToStop) {
  logger_.info("before");
  sink_->use(this, into(kept_));
  logger_.info("one");
  logger_.debug("ruled out by the logger's own level");
  sink_->stop(this);
  logger_.info("after");
  EXPECT_THAT(kept_, ElementsAre("one"));
}

TEST_F(KeepSinkTest, TheFirstThatKeepsCountsUntilItStops) {
  int other = 0;
  sink_->use(this, into(kept_));
  sink_->use(&other, into(others_));
  sink_->stop(&other);
  logger_.info("one");
  sink_->stop(this);
  sink_->use(&other, into(others_));
  logger_.info("two");
  sink_->stop(&other);
  EXPECT_THAT(kept_, ElementsAre("one"));
  EXPECT_THAT(others_, ElementsAre("two"));
}

}  // namespace
}  // namespace muster::log
