#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

template <typename Map>
auto valuesOf(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  for (const auto& [key, value] : map) values.push_back(value);
  return values;
}

class MemoryGroupStore : public GroupStore {
 public:
  Status save(const GroupRow& row) override {
    const auto before = rows_.find(row.name);
    const bool known = before != rows_.end();
    Status valid = checkGroup(row, known ? &before->second : nullptr, rows_.size() - known);
    if (valid) rows_[row.name] = row;
    return valid;
  }
  Result<std::vector<GroupRow>> loadAll() override { return valuesOf(rows_); }

 private:
  std::map<std::string, GroupRow> rows_;
};

class MemoryMemberStore : public MemberStore {
 public:
  Status add(const MemberRow& row) override {
    if (Status valid = checkMember(row, rows_.size()); !valid) return valid;
    const auto same_name = rows_.find(row.name);
    if (same_name != rows_.end()) return memberTaken(row, same_name->second);
    for (const auto& [name, existing] : rows_) {
      if (existing.jid == row.jid) return memberTaken(row, existing);
    }
    rows_[row.name] = row;
    return Status::ok();
  }
  Status remove(const std::string& name) override {
    if (rows_.erase(name) > 0) return Status::ok();
    return {Code::kNotFound, "no node named " + name + " is enrolled", "name"};
  }
  Result<std::vector<MemberRow>> list() override { return valuesOf(rows_); }

 private:
  std::map<std::string, MemberRow> rows_;
};

class MemoryGrantStore : public GrantStore {
 public:
  Status set(const GrantRow& row) override {
    const auto before = rows_.find(row.jid);
    const bool known = before != rows_.end();
    if (Status valid = checkGrant(row, rows_.size() - known); !valid) return valid;
    if (known && before->second.role == row.role) return Status::ok();
    rows_[row.jid] = row;
    ++version_;
    return Status::ok();
  }
  Status remove(const std::string& jid) override {
    if (rows_.erase(jid) == 0) return {Code::kNotFound, jid + " has no role", "jid"};
    ++version_;
    return Status::ok();
  }
  Result<int> roleOf(const std::string& jid) override {
    const auto found = rows_.find(jid);
    return found == rows_.end() ? 0 : found->second.role;
  }
  Result<std::vector<GrantRow>> list() override { return valuesOf(rows_); }
  Result<uint64_t> version() override { return version_; }

 private:
  std::map<std::string, GrantRow> rows_;
  uint64_t version_ = 0;
};

class MemorySubscriptionStore : public SubscriptionStore {
 public:
  Status add(const SubscriptionRow& row) override {
    if (rows_.contains(row)) return Status::ok();
    if (Status valid = checkSubscription(row, rows_.size()); !valid) return valid;
    rows_.insert(row);
    return Status::ok();
  }
  Status remove(const SubscriptionRow& row) override {
    rows_.erase(row);
    return Status::ok();
  }
  Result<std::vector<SubscriptionRow>> list() override {
    return std::vector<SubscriptionRow>(rows_.begin(), rows_.end());
  }
  Result<std::vector<std::string>> listFor(const std::string& contact) override {
    std::vector<std::string> subscribers;
    for (auto row = rows_.lower_bound({contact, ""}); row != rows_.end(); ++row) {
      if (row->contact != contact) break;
      subscribers.push_back(row->subscriber);
    }
    return subscribers;
  }

 private:
  std::set<SubscriptionRow> rows_;
};

class MemoryAuditStore : public AuditStore {
 public:
  explicit MemoryAuditStore(size_t capacity) : capacity_(std::max<size_t>(1, capacity)) {}

  Result<uint64_t> append(const AuditEntry& entry) override {
    if (entries_.size() >= capacity_) {
      entries_.erase(entries_.begin(),
                     entries_.begin() + static_cast<std::ptrdiff_t>(auditBatch(capacity_)));
    }
    entries_.push_back(bounded(entry));
    entries_.back().seq = ++last_seq_;
    return last_seq_;
  }
  Result<std::vector<AuditEntry>> query(const AuditQuery& query) override {
    if (Status valid = checkQuery(query); !valid) return valid;
    std::vector<AuditEntry> found;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (found.size() == query.limit) break;
      if (matches(*entry, query)) found.push_back(*entry);
    }
    return found;
  }
  Result<size_t> count() override { return entries_.size(); }

 private:
  static bool matches(const AuditEntry& entry, const AuditQuery& query) {
    return (!query.from || entry.at >= *query.from) && (!query.until || entry.at < *query.until) &&
           (!query.who || entry.who == *query.who) && (!query.verb || entry.verb == *query.verb) &&
           (!query.before_seq || entry.seq < *query.before_seq);
  }

  const size_t capacity_;
  std::deque<AuditEntry> entries_;
  uint64_t last_seq_ = 0;
};

class MemoryStore : public CoordinatorStore {
 public:
  explicit MemoryStore(size_t audit_capacity) : audit_(audit_capacity) {}

  GroupStore& groups() override { return groups_; }
  MemberStore& members() override { return members_; }
  GrantStore& grants() override { return grants_; }
  SubscriptionStore& subscriptions() override { return subscriptions_; }
  AuditStore& audit() override { return audit_; }

 private:
  MemoryGroupStore groups_;
  MemoryMemberStore members_;
  MemoryGrantStore grants_;
  MemorySubscriptionStore subscriptions_;
  MemoryAuditStore audit_;
};

}  // namespace

std::unique_ptr<CoordinatorStore> CoordinatorStore::openMemory(
    const CoordinatorStoreOptions& options) {
  return std::make_unique<MemoryStore>(options.audit_capacity);
}

}  // namespace muster::store
