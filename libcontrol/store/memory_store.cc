#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/memory_alerts.h"
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
  using GroupStore::save;
  Status save(const GroupRow& row, const std::vector<MoveRow>& ended) override {
    const auto before = rows_.find(row.name);
    const bool known = before != rows_.end();
    Status valid = checkGroup(row, known ? &before->second : nullptr, rows_.size() - known);
    if (!valid) return valid;
    rows_[row.name] = row;
    for (const MoveRow& move : ended) {
      if (!move.key.empty()) remember(move);
    }
    if (row.move) {
      rows_[row.name].move = bounded(*row.move);
      std::erase_if(ended_[row.name], [&](const MoveRow& m) { return m.key == row.move->key; });
    }
    return Status::ok();
  }
  Result<std::vector<GroupRow>> loadAll() override { return valuesOf(rows_); }
  Result<std::vector<MoveRow>> endedMoves(const std::string& group) override {
    const auto found = ended_.find(group);
    if (found == ended_.end()) return std::vector<MoveRow>();
    return std::vector<MoveRow>(found->second.begin(), found->second.end());
  }
  Status setPause(const PauseRow& row) override {
    Status valid = checkPause(row, pauses_.size() - pauses_.count(row.group));
    if (valid) pauses_[row.group] = row;
    return valid;
  }
  Status clearPause(const std::string& group) override {
    pauses_.erase(group);
    return Status::ok();
  }
  Result<std::vector<PauseRow>> pauses() override { return valuesOf(pauses_); }
  Status schedule(const ScheduledMoveRow& row) override {
    Status valid = checkScheduled(row, scheduled_.size() - scheduled_.count(row.group));
    if (valid) scheduled_[row.group] = row;
    return valid;
  }
  Status unschedule(const std::string& group) override {
    scheduled_.erase(group);
    return Status::ok();
  }
  Result<std::vector<ScheduledMoveRow>> scheduled() override { return valuesOf(scheduled_); }

 private:
  void remember(const MoveRow& move) {
    std::deque<MoveRow>& moves = ended_[move.group];
    std::erase_if(moves, [&](const MoveRow& known) { return known.key == move.key; });
    moves.push_back(bounded(move));
    if (moves.size() > limits::kMaxKnownMoves) moves.pop_front();
  }

  std::map<std::string, GroupRow> rows_;
  std::map<std::string, std::deque<MoveRow>> ended_;
  std::map<std::string, PauseRow> pauses_;
  std::map<std::string, ScheduledMoveRow> scheduled_;
};

class MemoryHookStore : public HookStore {
 public:
  Status commit(const HookCommit& commit) override {
    if (Status valid = checkHooks(commit); !valid) return valid;
    auto runs = runs_;
    for (const uint64_t seq : commit.done) runs.erase(seq);
    for (const HookRunRow& row : commit.runs) runs[row.seq] = bounded(row);
    if (Status room = checkHookCount(runs.size()); !room) return room;
    runs_ = std::move(runs);
    for (const HookHolderRow& row : commit.holders) holders_[row.group] = row;
    return Status::ok();
  }
  Result<std::vector<HookHolderRow>> holders() override { return valuesOf(holders_); }
  Result<std::vector<HookRunRow>> runs() override { return valuesOf(runs_); }

 private:
  std::map<std::string, HookHolderRow> holders_;
  std::map<uint64_t, HookRunRow> runs_;
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
  Status update(const MemberRow& row) override {
    if (Status valid = checkMember(row, 0); !valid) return valid;
    const auto same_name = rows_.find(row.name);
    if (same_name != rows_.end() && same_name->second.jid != row.jid) {
      return memberTaken(row, same_name->second);
    }
    const size_t gone =
        std::erase_if(rows_, [&](const auto& r) { return r.second.jid == row.jid; });
    if (gone == 0) return memberMissing("with the account " + row.jid, "jid");
    rows_[row.name] = row;
    return Status::ok();
  }
  Status remove(const std::string& name) override {
    if (rows_.erase(name) > 0) return Status::ok();
    return memberMissing("named " + name, "name");
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
    if (Status valid = checkPage(query.limit); !valid) return valid;
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

class MemoryHistoryStore : public HistoryStore {
 public:
  explicit MemoryHistoryStore(size_t capacity) : capacity_(std::max<size_t>(1, capacity)) {}

  Status append(const std::vector<HistoryRow>& rows) override {
    for (const HistoryRow& row : rows) {
      if (rows_.size() >= capacity_) {
        rows_.erase(rows_.begin(),
                    rows_.begin() + static_cast<std::ptrdiff_t>(auditBatch(capacity_)));
      }
      rows_.push_back(bounded(row));
      rows_.back().seq = ++last_seq_;
    }
    return Status::ok();
  }
  Result<std::vector<HistoryRow>> query(const HistoryQuery& query) override {
    if (Status valid = checkPage(query.limit); !valid) return valid;
    std::vector<HistoryRow> found;
    for (auto row = rows_.rbegin(); row != rows_.rend() && found.size() < query.limit; ++row) {
      if ((!query.group || row->group == *query.group) && (!query.from || row->at >= *query.from) &&
          (!query.before_seq || row->seq < *query.before_seq)) {
        found.push_back(*row);
      }
    }
    return found;
  }
  Result<size_t> count() override { return rows_.size(); }

 private:
  const size_t capacity_;
  std::deque<HistoryRow> rows_;
  uint64_t last_seq_ = 0;
};

class MemoryOverrideStore : public OverrideStore {
 public:
  Status set(const OverrideRow& row) override {
    const Key key{row.kind, row.target, row.logger};
    if (Status valid = checkOverride(row, rows_.size() - rows_.count(key)); !valid) return valid;
    rows_[key] = row;
    return Status::ok();
  }
  Status remove(OverrideTarget kind, const std::string& target,
                const std::string& logger) override {
    rows_.erase({kind, target, logger});
    return Status::ok();
  }
  Status expire(WallTime now) override {
    std::erase_if(rows_, [&](const auto& r) { return r.second.until && *r.second.until <= now; });
    return Status::ok();
  }
  Result<std::vector<OverrideRow>> list() override { return valuesOf(rows_); }

 private:
  using Key = std::tuple<OverrideTarget, std::string, std::string>;
  std::map<Key, OverrideRow> rows_;
};

class MemoryStore : public CoordinatorStore {
 public:
  explicit MemoryStore(const CoordinatorStoreOptions& options)
      : audit_(options.audit_capacity),
        history_(options.history_capacity),
        alerts_(options.incident_capacity, options.delivery_capacity) {}

  GroupStore& groups() override { return groups_; }
  HookStore& hooks() override { return hooks_; }
  MemberStore& members() override { return members_; }
  GrantStore& grants() override { return grants_; }
  SubscriptionStore& subscriptions() override { return subscriptions_; }
  AuditStore& audit() override { return audit_; }
  HistoryStore& history() override { return history_; }
  OverrideStore& overrides() override { return overrides_; }
  AlertStore& alerts() override { return alerts_; }

 private:
  MemoryGroupStore groups_;
  MemoryHookStore hooks_;
  MemoryMemberStore members_;
  MemoryGrantStore grants_;
  MemorySubscriptionStore subscriptions_;
  MemoryAuditStore audit_;
  MemoryHistoryStore history_;
  MemoryOverrideStore overrides_;
  MemoryAlertStore alerts_;
};

}  // namespace

std::unique_ptr<CoordinatorStore> CoordinatorStore::openMemory(
    const CoordinatorStoreOptions& options) {
  return std::make_unique<MemoryStore>(options);
}

}  // namespace muster::store
