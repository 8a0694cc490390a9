// etcd as it looks to its clients: keys with revisions, transactions, leases that run out by a
// clock; and what can go wrong between it and a client.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/etcd/client.h"

namespace muster::etcd {

class EtcdModel {
 public:
  explicit EtcdModel(Clock& clock) : clock_(clock) {}

  Outcome transact(const Transaction& transaction);
  std::vector<KeyValue> list(const std::string& prefix);
  Lease grant(Duration ttl);
  Result<Duration> keepAlive(int64_t lease);
  void revoke(int64_t lease);

  std::map<std::string, std::string> content();

 private:
  struct Granted {
    Duration ttl;
    ElapsedTime until;
  };
  void expire();
  void end(int64_t lease);
  void carryOut(const Op& op, Outcome& out);

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, KeyValue> keys_;
  std::map<int64_t, Granted> leases_;
  int64_t revision_ = 1;
  int64_t last_lease_ = 0;
};

// One client's way to it.
class ModelClient : public Client {
 public:
  explicit ModelClient(EtcdModel& model) : model_(model) {}

  // What happens to the next transaction, and to those after it; whole from when it is empty.
  enum class Fate {
    kWhole,
    kLostBefore,  // it never arrives
    kLostAfter,   // it is carried out, and the answer is lost
    kLate,        // like kLostBefore, but lateOnes() carries it out after all
  };
  std::vector<Fate> fates;
  // Called before each transaction is sent.
  std::function<void()> before;
  bool cut = false;  // nothing passes

  void lateOnes();

  Result<Outcome> transact(const Transaction& transaction, Duration timeout) override;
  Result<std::vector<KeyValue>> list(const std::string& prefix, Duration timeout) override;
  Result<Lease> grant(Duration ttl, Duration timeout) override;
  Result<Duration> keepAlive(int64_t lease, Duration timeout) override;
  Status revoke(int64_t lease, Duration timeout) override;

 private:
  EtcdModel& model_;
  std::vector<Transaction> late_;
};

}  // namespace muster::etcd
