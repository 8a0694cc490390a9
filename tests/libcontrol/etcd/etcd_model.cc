#include "etcd_model.h"

#include <utility>

namespace muster::etcd {
namespace {

const Status kNoAnswer(Code::kTimeout, "no answer");

}  // namespace

void EtcdModel::expire() {
  std::vector<int64_t> over;
  for (const auto& [id, lease] : leases_) {
    if (lease.until <= clock_.elapsed()) over.push_back(id);
  }
  for (const int64_t id : over) end(id);
}

void EtcdModel::end(int64_t lease) {
  leases_.erase(lease);
  ++revision_;
  std::erase_if(keys_, [&](const auto& each) { return each.second.lease == lease; });
}

Outcome EtcdModel::transact(const Transaction& transaction) {
  const std::lock_guard lock(mutex_);
  expire();
  Outcome out{true, {}};
  for (const Expect& expect : transaction.expects) {
    const auto key = keys_.find(expect.key);
    const int64_t created = key == keys_.end() ? 0 : key->second.create_revision;
    const std::string value = key == keys_.end() ? "" : key->second.value;
    if (expect.create_revision && created != *expect.create_revision) out.held = false;
    if (expect.value && (key == keys_.end() || value != *expect.value)) out.held = false;
  }
  ++revision_;
  for (const Op& op : out.held ? transaction.then : transaction.otherwise) carryOut(op, out);
  return out;
}

void EtcdModel::carryOut(const Op& op, Outcome& out) {
  const auto key = keys_.find(op.key);
  switch (op.kind) {
    case Op::Kind::kPut:
      if (key == keys_.end()) {
        keys_[op.key] = {op.key, op.value, revision_, op.lease};
      } else {
        key->second.value = op.value;
        key->second.lease = op.lease;
      }
      break;
    case Op::Kind::kDelete:
      std::erase_if(keys_, [&](const auto& each) {
        return each.first == op.key || (op.prefix && each.first.starts_with(op.key));
      });
      break;
    case Op::Kind::kGet:
      if (key != keys_.end()) out.found.push_back(key->second);
      break;
  }
}

std::vector<KeyValue> EtcdModel::list(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  expire();
  std::vector<KeyValue> out;
  for (const auto& [key, value] : keys_) {
    if (key.starts_with(prefix)) out.push_back(value);
  }
  return out;
}

Lease EtcdModel::grant(Duration ttl) {
  const std::lock_guard lock(mutex_);
  leases_[++last_lease_] = {ttl, clock_.elapsed() + ttl};
  return {last_lease_, ttl};
}

Result<Duration> EtcdModel::keepAlive(int64_t lease) {
  const std::lock_guard lock(mutex_);
  expire();
  const auto known = leases_.find(lease);
  if (known == leases_.end()) return Status(Code::kNotFound, "the lease is over");
  known->second.until = clock_.elapsed() + known->second.ttl;
  return known->second.ttl;
}

void EtcdModel::revoke(int64_t lease) {
  const std::lock_guard lock(mutex_);
  end(lease);
}

std::map<std::string, std::string> EtcdModel::content() {
  std::map<std::string, std::string> out;
  for (const KeyValue& kv : list("")) out[kv.key] = kv.value;
  return out;
}

void ModelClient::lateOnes() {
  for (const Transaction& each : std::exchange(late_, {})) model_.transact(each);
}

Result<Outcome> ModelClient::transact(const Transaction& transaction, Duration) {
  if (before) before();
  if (cut) return kNoAnswer;
  Fate fate = Fate::kWhole;
  if (!fates.empty()) {
    fate = fates.front();
    fates.erase(fates.begin());
  }
  if (fate == Fate::kLate) late_.push_back(transaction);
  if (fate == Fate::kLostBefore || fate == Fate::kLate) return kNoAnswer;
  Outcome outcome = model_.transact(transaction);
  if (fate == Fate::kLostAfter) return kNoAnswer;
  return outcome;
}

Result<std::vector<KeyValue>> ModelClient::list(const std::string& prefix, Duration) {
  if (cut) return kNoAnswer;
  return model_.list(prefix);
}

Result<Lease> ModelClient::grant(Duration ttl, Duration) {
  if (cut) return kNoAnswer;
  return model_.grant(ttl);
}

Result<Duration> ModelClient::keepAlive(int64_t lease, Duration) {
  if (cut) return kNoAnswer;
  return model_.keepAlive(lease);
}

Status ModelClient::revoke(int64_t lease, Duration) {
  if (cut) return kNoAnswer;
  model_.revoke(lease);
  return Status::ok();
}

}  // namespace muster::etcd
