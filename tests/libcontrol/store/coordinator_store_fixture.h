// A store in both of its implementations, for tests that both must pass.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "libcontrol/store/coordinator_store.h"

namespace muster::store {

struct InMemory {
  std::unique_ptr<CoordinatorStore> open(const CoordinatorStoreOptions& options) {
    return CoordinatorStore::openMemory(options);
  }
};

struct InSqlite {
  InSqlite() {
    char name[] = "/tmp/muster-store-XXXXXX";
    dir = ::mkdtemp(name);
  }
  ~InSqlite() { std::filesystem::remove_all(dir); }
  std::unique_ptr<CoordinatorStore> open(const CoordinatorStoreOptions& options) {
    auto store = CoordinatorStore::open(dir / "coordinator.db", options);
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  std::filesystem::path dir;
};

template <typename Place>
class CoordinatorStoreTest : public testing::Test {
 protected:
  static CoordinatorStoreOptions smallOptions() {
    CoordinatorStoreOptions options;
    options.audit_capacity = 200;
    options.history_capacity = 200;
    return options;
  }
  Place place_;
  std::unique_ptr<CoordinatorStore> store_ = place_.open(smallOptions());
};

using Places = testing::Types<InMemory, InSqlite>;

}  // namespace muster::store
