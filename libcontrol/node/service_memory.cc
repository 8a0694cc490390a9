#include "libcontrol/node/service_memory.h"

#include <chrono>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster {

ServiceMemory::ServiceMemory(std::unique_ptr<store::ServiceHistoryStore> store,
                             service::ServiceSet& services, std::mutex& services_mutex,
                             Clock& clock)
    : store_(std::move(store)),
      services_(services),
      services_mutex_(services_mutex),
      clock_(clock) {}

void ServiceMemory::recall() {
  const WallTime wall = clock_.wall();
  // What is older says nothing of any period; a service of that name may be another one by now.
  const WallTime then{wall.unix_ms - limits::kMaxPeriod.toMillis()};
  if (const Status forgot = store_->forgetBefore(then); !forgot) {
    logger("muster.levels")->warn("old histories of services stay: {}", forgot.text());
  }
  const auto rows = store_->load();
  if (!rows) {
    logger("muster.levels")
        ->error("what the services counted before this start is not known: {}",
                rows.status().text());
    return;
  }
  std::vector<service::KeptService> kept;
  for (const store::ServiceHistoryRow& row : *rows) {
    kept.push_back({row.service, row.saved_at, row.state});
  }
  const std::lock_guard lock(services_mutex_);
  services_.expect(std::move(kept), clock_.elapsed(), wall);
}

void ServiceMemory::saveIfDue() {
  const ElapsedTime now = clock_.elapsed();
  if (!saved_at_) {
    saved_at_ = now;
    tellProblems();
  }
  if (now - *saved_at_ >= limits::kHistorySaveEvery) save();
}

void ServiceMemory::save() {
  saved_at_ = clock_.elapsed();
  const WallTime wall = clock_.wall();
  std::vector<store::ServiceHistoryRow> rows;
  {
    const std::lock_guard lock(services_mutex_);
    services_.sample(*saved_at_, std::chrono::steady_clock::now());
    for (service::KeptService& kept : services_.keep(*saved_at_, wall)) {
      rows.push_back({"", std::move(kept.name), kept.saved_at, std::move(kept.state)});
    }
  }
  const Status saved = store_->save(rows);
  // Once, not every half minute until somebody has made room.
  if (!saved && !failed_) {
    logger("muster.levels")
        ->error("what the services count would be lost at a restart: {}", saved.text());
  }
  if (saved && failed_) logger("muster.levels")->info("what the services count is kept again");
  failed_ = !saved;
}

void ServiceMemory::tellProblems() {
  const std::lock_guard lock(services_mutex_);
  for (const Status& problem : services_.takeProblems()) {
    logger("muster.levels")->warn("{}; it begins anew", problem.text());
  }
}

}  // namespace muster
