// The application itself: what a node of the ledger does while it is active, and while it is not.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "examples/ledger/journal.h"
#include "examples/ledger/protocol.h"
#include "muster/lease.h"
#include "muster/log.h"
#include "muster/service.h"

namespace ledger {

// Answers request lines and follows the node's promotions. Any thread; one thing at a time, so that
// a demotion returns only after the append that was under way. What it is given by reference must
// outlive it.
class Service {
 public:
  Service(std::string node_name, std::unique_ptr<Journal> journal,
          std::chrono::milliseconds max_append, muster::Availability& storage,
          muster::Requests& user);

  // Claims the lease's token at the journal; the node is active once this returns ok.
  muster::Status promote(const muster::Lease& lease);
  // After this nothing is written.
  void demote(const muster::Demotion& demotion);

  // The whole reply, with its line feeds; nothing at all means: end the connection.
  std::string handle(const std::string& line);
  // Every second or so: looks whether an outage has ended even if nobody writes.
  void tick();

 private:
  std::string answer(const Append& request);
  std::string answer(const Read& request);
  std::string answer(const WhoAmI&);
  std::string answer(const FaultStatus&);
  std::string answer(const FaultOutage& request);
  std::string answer(const FaultDrop& request);
  std::string answer(const Help&);
  std::string answer(const Quit&);

  std::string notActive(const std::string& why) const;
  std::string refused(const muster::Status& status);
  void journalFailed(const muster::Status& status);

  const std::string node_name_;
  const std::chrono::milliseconds max_append_;
  muster::Availability& storage_;
  muster::Requests& user_;
  const std::shared_ptr<spdlog::logger> storage_log_;
  const std::shared_ptr<spdlog::logger> journal_log_;
  const std::shared_ptr<spdlog::logger> user_log_;

  std::mutex mutex_;
  const std::unique_ptr<Journal> journal_;
  std::optional<muster::Lease> lease_;  // while active
  uint64_t last_epoch_ = 0;             // of the last lease, for whoami
  bool journal_down_ = false;
  bool fault_outage_ = false;
  uint64_t fault_drop_ = 0;
};

}  // namespace ledger
