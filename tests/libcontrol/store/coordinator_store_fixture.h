// A store in all of its implementations, for tests that all must pass.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/row_log.h"

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
    auto store = CoordinatorStore::open(file(), options);
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  std::filesystem::path file() const { return dir / "coordinator.db"; }
  std::filesystem::path dir;
};

// Rows by table and key, as something outside would keep them.
class KeptRows : public RowLog {
 public:
  Status append(std::vector<RowChange> changes) override {
    if (!failure) return failure;
    for (RowChange& change : changes) {
      const auto key = std::pair(change.table, change.key);
      if (change.row) {
        rows[key] = *std::move(change.row);
      } else {
        rows.erase(key);
      }
    }
    return Status::ok();
  }
  void append(std::vector<RowChange> changes, Done done) override {
    waiting.push_back([this, changes = std::move(changes), done = std::move(done)]() mutable {
      done(append(std::move(changes)));
    });
    if (!slow) carryOut();
  }
  void confirm(Done done) override { append({}, std::move(done)); }
  void carryOut() {
    for (const auto& each : std::exchange(waiting, {})) each();
  }
  std::vector<RowChange> image() const {
    std::vector<RowChange> out;
    for (const auto& [key, row] : rows) out.push_back({key.first, key.second, row});
    return out;
  }

  std::map<std::pair<std::string, std::string>, std::string> rows;
  std::vector<std::function<void()>> waiting;
  bool slow = false;
  Status failure;
};

struct OnRows {
  std::unique_ptr<CoordinatorStore> open(const CoordinatorStoreOptions& options) {
    auto store = openOnRows(log, log.image(), options);
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  KeptRows log;
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

using Places = testing::Types<InMemory, InSqlite, OnRows>;

}  // namespace muster::store
