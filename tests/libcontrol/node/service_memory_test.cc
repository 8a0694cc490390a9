#include "libcontrol/node/service_memory.h"

#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"

namespace muster {
namespace {

// The file of a node: the stores of its processes, one after the other, see the same rows.
class SharedStore : public store::ServiceHistoryStore {
 public:
  SharedStore(store::ServiceHistoryStore& file, int& saves) : file_(file), saves_(saves) {}
  Result<std::vector<store::ServiceHistoryRow>> load() override { return file_.load(); }
  Status save(const std::vector<store::ServiceHistoryRow>& rows) override {
    ++saves_;
    return file_.save(rows);
  }
  Status forgetBefore(WallTime then) override { return file_.forgetBefore(then); }

 private:
  store::ServiceHistoryStore& file_;
  int& saves_;
};

class ServiceMemoryTest : public testing::Test {
 protected:
  // One process of the node.
  struct Process {
    explicit Process(ServiceMemoryTest& test)
        : memory(std::make_unique<SharedStore>(*test.file_, test.saves_), services, mutex,
                 test.clock_) {
      memory.recall();
    }
    service::ServiceSet services;
    std::mutex mutex;
    ServiceMemory memory;
  };

  service::ServiceSnapshot user(Process& process) {
    process.services.sample(clock_.elapsed(), std::chrono::steady_clock::now());
    return process.services.snapshot(clock_.elapsed(), clock_.wall()).services.at(0);
  }

  ManualClock clock_;
  std::unique_ptr<store::ServiceHistoryStore> file_ = store::openMemoryServiceHistory();
  int saves_ = 0;
};

TEST_F(ServiceMemoryTest, TheNextProcessCountsOn) {
  Process first(*this);
  (**first.services.addRequests("user", {}, clock_.elapsed())).good(990);
  clock_.advance(Duration::seconds(1));
  first.memory.save();
  clock_.advance(Duration::seconds(20));
  Process second(*this);
  Requests& requests = **second.services.addRequests("user", {}, clock_.elapsed());
  requests.bad(10);
  const service::ServiceSnapshot s = user(second);
  EXPECT_EQ(s.good, 990u);
  EXPECT_EQ(s.bad, 10u);
  EXPECT_EQ(s.windows.back().good, 990u);
}

TEST_F(ServiceMemoryTest, WritesNoMoreOftenThanItMay) {
  Process process(*this);
  (**process.services.addRequests("user", {}, clock_.elapsed())).good(1);
  for (int i = 0; i < 600; ++i) {
    process.memory.saveIfDue();
    clock_.advance(Duration::millis(250));
  }
  EXPECT_EQ(saves_, 4);  // within 150 s
}

TEST_F(ServiceMemoryTest, WhatIsOlderThanAnyPeriodIsForgotten) {
  Process first(*this);
  (**first.services.addRequests("user", {}, clock_.elapsed())).good(990);
  first.memory.save();
  clock_.advance(limits::kMaxPeriod + Duration::seconds(1));
  Process second(*this);
  EXPECT_TRUE(file_->load()->empty());
  ASSERT_TRUE(second.services.addRequests("user", {}, clock_.elapsed()).isOk());
  EXPECT_EQ(user(second).good_total, 0u);
}

}  // namespace
}  // namespace muster
