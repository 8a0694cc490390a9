// What a node's services have counted, from one process to the next.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/service_set.h"
#include "libcontrol/store/service_history.h"

namespace muster {

// Owns the store; the others must outlive it. recall() before any service is made; the rest on one
// thread at a time. Failures are told in the log and cost nothing but memory of the past.
class ServiceMemory {
 public:
  ServiceMemory(std::unique_ptr<store::ServiceHistoryStore> store, service::ServiceSet& services,
                std::mutex& services_mutex, Clock& clock);

  void recall();
  // To be called often; writes every limits::kHistorySaveEvery.
  void saveIfDue();
  void save();

 private:
  void tellProblems();

  const std::unique_ptr<store::ServiceHistoryStore> store_;
  service::ServiceSet& services_;
  std::mutex& services_mutex_;
  Clock& clock_;
  std::optional<ElapsedTime> saved_at_;
  bool failed_ = false;
};

}  // namespace muster
