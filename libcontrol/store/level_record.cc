#include "libcontrol/store/level_record.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/store/database.h"

namespace muster::store {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr uint64_t kMaxAmount = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / 4;

Status wrong(const LevelSubject& subject, const std::string& what) {
  return {Code::kInvalidArgument,
          "record of service '" + singleLine(subject.service, limits::kMaxNameBytes) + "': " + what,
          "service"};
}

Status check(const LevelSubject& subject) {
  const bool fits = subject.group.size() <= limits::kMaxNameBytes &&
                    subject.node.size() <= limits::kMaxNameBytes &&
                    subject.service.size() <= limits::kMaxNameBytes;
  if (subject.service.empty() || !fits) return wrong(subject, "names have 1 to 64 bytes");
  if (subject.group.empty() && subject.node.empty()) return wrong(subject, "it is nobody's");
  if (subject.kind < 1 || subject.kind > 3) return wrong(subject, "kinds are 1 to 3");
  return Status::ok();
}

Status checkAll(const std::vector<LevelDayRow>& days, const std::vector<LevelOutageRow>& outages) {
  for (const LevelDayRow& row : days) {
    if (Status valid = check(row.subject); !valid) return valid;
    // Written so that not-a-number fails.
    const bool objective = row.objective_percent > 0 && row.objective_percent < 100;
    if (!objective || row.good > kMaxAmount || row.bad > kMaxAmount || row.known.ns < 0) {
      return wrong(row.subject, "figures out of range");
    }
  }
  for (const LevelOutageRow& row : outages) {
    if (Status valid = check(row.subject); !valid) return valid;
    if (row.state < 1 || row.state > 3 || row.end < row.begin || row.bad > kMaxAmount) {
      return wrong(row.subject, "figures of an outage out of range");
    }
  }
  return Status::ok();
}

class SqliteLevelRecord : public LevelRecordStore {
 public:
  explicit SqliteLevelRecord(Database& database)
      : database_(database),
        find_(database,
              "SELECT id, last_day FROM record_subjects "
              "WHERE \"group\" = ? AND node = ? AND service = ? AND kind = ?"),
        insert_(database,
                "INSERT INTO record_subjects (\"group\", node, service, kind, last_day) "
                "VALUES (?,?,?,?,?)"),
        touch_(database, "UPDATE record_subjects SET last_day = ? WHERE id = ?"),
        list_(database,
              "SELECT \"group\", node, service, kind FROM record_subjects "
              "ORDER BY \"group\", node, service, kind"),
        add_day_(database,
                 "INSERT INTO record_days VALUES (?,?,?,?,?,?,?) "
                 "ON CONFLICT (subject, day) DO UPDATE SET objective = excluded.objective, "
                 "good = good + excluded.good, bad = bad + excluded.bad, "
                 "known_ms = known_ms + excluded.known_ms, outages = outages + excluded.outages"),
        put_outage_(database, "INSERT OR REPLACE INTO record_outages VALUES (?,?,?,?,?)"),
        first_(database, "SELECT min(day) FROM record_days WHERE subject = ?"),
        days_(database,
              "SELECT day, objective, good, bad, known_ms, outages FROM record_days "
              "WHERE subject = ? AND day >= ? AND day < ? ORDER BY day"),
        outages_(database,
                 "SELECT begin_ms, end_ms, state, bad FROM record_outages "
                 "WHERE subject = ? AND begin_ms < ? AND end_ms >= ? ORDER BY begin_ms"),
        end_outages_(database, "UPDATE record_outages SET state = 3 WHERE state = 2"),
        ids_(database, "SELECT id FROM record_subjects"),
        forget_days_(database, "DELETE FROM record_days WHERE subject = ? AND day < ?"),
        forget_outages_(database, "DELETE FROM record_outages WHERE subject = ? AND end_ms < ?"),
        forget_subjects_(database, "DELETE FROM record_subjects WHERE last_day < ?") {}

  Status add(const std::vector<LevelDayRow>& days,
             const std::vector<LevelOutageRow>& outages) override {
    if (Status valid = checkAll(days, outages); !valid) return valid;
    Transaction transaction(database_);
    Status done = transaction.begin();
    for (size_t i = 0; done && i < days.size(); ++i) done = addDay(days[i]);
    for (size_t i = 0; done && i < outages.size(); ++i) done = putOutage(outages[i]);
    if (done) done = transaction.commit();
    // Numbers of subjects that were not made after all.
    if (!done) known_.clear();
    return done;
  }

  Result<std::vector<LevelSubject>> subjects() override {
    std::vector<LevelSubject> out;
    Run run(list_);
    for (;;) {
      const auto more = run.step();
      if (!more) return more.status();
      if (!*more) return out;
      out.push_back(
          {run.textAt(0), run.textAt(1), run.textAt(2), static_cast<int>(run.integerAt(3))});
    }
  }

  Result<int64_t> firstDay(const LevelSubject& subject) override {
    const Status none(Code::kNotFound, "nothing is recorded of '" + subject.service + "'");
    const auto known = find(subject);
    if (!known) return known.status();
    if (*known == nullptr) return none;
    Run run(first_);
    run.integer((*known)->id);
    const auto more = run.step();
    if (!more) return more.status();
    if (!*more || run.isNullAt(0)) return none;
    return run.integerAt(0);
  }

  Result<std::vector<LevelDayRow>> days(const LevelSubject& subject, int64_t first,
                                        int64_t end) override {
    std::vector<LevelDayRow> out;
    const auto known = find(subject);
    if (!known) return known.status();
    if (*known == nullptr) return out;
    Run run(days_);
    run.integer((*known)->id).integer(first).integer(end);
    for (;;) {
      const auto more = run.step();
      if (!more) return more.status();
      if (!*more) return out;
      out.push_back({subject, run.integerAt(0), run.realAt(1),
                     static_cast<uint64_t>(run.integerAt(2)),
                     static_cast<uint64_t>(run.integerAt(3)), Duration::millis(run.integerAt(4)),
                     static_cast<uint32_t>(run.integerAt(5))});
    }
  }

  Result<std::vector<LevelOutageRow>> outages(const LevelSubject& subject, WallTime from,
                                              WallTime to) override {
    std::vector<LevelOutageRow> out;
    const auto known = find(subject);
    if (!known) return known.status();
    if (*known == nullptr) return out;
    Run run(outages_);
    run.integer((*known)->id).integer(to.unix_ms).integer(from.unix_ms);
    for (;;) {
      const auto more = run.step();
      if (!more) return more.status();
      if (!*more) return out;
      out.push_back({subject, WallTime{run.integerAt(0)}, WallTime{run.integerAt(1)},
                     static_cast<int>(run.integerAt(2)), static_cast<uint64_t>(run.integerAt(3))});
    }
  }

  Status endOutages() override {
    Run run(end_outages_);
    return run.done();
  }

  // One subject at a time, so that no index by day is needed.
  Status forgetBefore(int64_t day) override {
    std::vector<int64_t> ids;
    {
      Run run(ids_);
      for (;;) {
        const auto more = run.step();
        if (!more) return more.status();
        if (!*more) break;
        ids.push_back(run.integerAt(0));
      }
    }
    Transaction transaction(database_);
    if (Status begun = transaction.begin(); !begun) return begun;
    for (const int64_t id : ids) {
      Run days(forget_days_);
      if (Status done = days.integer(id).integer(day).done(); !done) return done;
      Run outages(forget_outages_);
      if (Status done = outages.integer(id).integer(day * kDayMs).done(); !done) return done;
    }
    Run subjects(forget_subjects_);
    if (Status done = subjects.integer(day).done(); !done) return done;
    known_.clear();
    return transaction.commit();
  }

 private:
  struct Known {
    int64_t id;
    int64_t last_day;
  };

  // Null if nothing is recorded of it.
  Result<Known*> find(const LevelSubject& subject) {
    if (const auto it = known_.find(subject); it != known_.end()) return &it->second;
    Run run(find_);
    run.text(subject.group).text(subject.node).text(subject.service).integer(subject.kind);
    const auto more = run.step();
    if (!more) return more.status();
    if (!*more) return static_cast<Known*>(nullptr);
    return &known_.insert_or_assign(subject, Known{run.integerAt(0), run.integerAt(1)})
                .first->second;
  }

  Result<int64_t> idOf(const LevelSubject& subject, int64_t day) {
    const auto found = find(subject);
    if (!found) return found.status();
    if (Known* known = *found) {
      if (day <= known->last_day) return known->id;
      Run run(touch_);
      if (Status done = run.integer(day).integer(known->id).done(); !done) return done;
      known->last_day = day;
      return known->id;
    }
    Run run(insert_);
    run.text(subject.group).text(subject.node).text(subject.service);
    if (Status done = run.integer(subject.kind).integer(day).done(); !done) return done;
    known_[subject] = {database_.lastRowId(), day};
    return known_[subject].id;
  }

  Status addDay(const LevelDayRow& row) {
    const auto id = idOf(row.subject, row.day);
    if (!id) return id.status();
    Run run(add_day_);
    return run.integer(*id)
        .integer(row.day)
        .real(row.objective_percent)
        .integer(static_cast<int64_t>(row.good))
        .integer(static_cast<int64_t>(row.bad))
        .integer(row.known.toMillis())
        .integer(row.outages)
        .done();
  }

  Status putOutage(const LevelOutageRow& row) {
    const auto id = idOf(row.subject, row.end.unix_ms / kDayMs);
    if (!id) return id.status();
    Run run(put_outage_);
    return run.integer(*id)
        .integer(row.begin.unix_ms)
        .integer(row.end.unix_ms)
        .integer(row.state)
        .integer(static_cast<int64_t>(row.bad))
        .done();
  }

  Database& database_;
  std::map<LevelSubject, Known> known_;
  Statement find_;
  Statement insert_;
  Statement touch_;
  Statement list_;
  Statement add_day_;
  Statement put_outage_;
  Statement first_;
  Statement days_;
  Statement outages_;
  Statement end_outages_;
  Statement ids_;
  Statement forget_days_;
  Statement forget_outages_;
  Statement forget_subjects_;
};

class MemoryLevelRecord : public LevelRecordStore {
 public:
  Status add(const std::vector<LevelDayRow>& days,
             const std::vector<LevelOutageRow>& outages) override {
    if (Status valid = checkAll(days, outages); !valid) return valid;
    for (const LevelDayRow& row : days) {
      const auto [at, is_new] = days_[row.subject].try_emplace(row.day, row);
      if (is_new) continue;
      LevelDayRow& sum = at->second;
      sum.objective_percent = row.objective_percent;
      sum.good += row.good;
      sum.bad += row.bad;
      sum.known = sum.known + row.known;
      sum.outages += row.outages;
    }
    for (const LevelOutageRow& row : outages) {
      outages_[row.subject].insert_or_assign(row.begin, row);
    }
    return Status::ok();
  }

  Result<std::vector<LevelSubject>> subjects() override {
    std::set<LevelSubject> all;
    for (const auto& [subject, days] : days_) all.insert(subject);
    for (const auto& [subject, outages] : outages_) all.insert(subject);
    return std::vector<LevelSubject>(all.begin(), all.end());
  }

  Result<int64_t> firstDay(const LevelSubject& subject) override {
    const auto it = days_.find(subject);
    if (it != days_.end() && !it->second.empty()) return it->second.begin()->first;
    return Status(Code::kNotFound, "nothing is recorded of '" + subject.service + "'");
  }

  Result<std::vector<LevelDayRow>> days(const LevelSubject& subject, int64_t first,
                                        int64_t end) override {
    std::vector<LevelDayRow> out;
    const auto it = days_.find(subject);
    if (it == days_.end()) return out;
    for (const auto& [day, row] : it->second) {
      if (day >= first && day < end) out.push_back(row);
    }
    return out;
  }

  Result<std::vector<LevelOutageRow>> outages(const LevelSubject& subject, WallTime from,
                                              WallTime to) override {
    std::vector<LevelOutageRow> out;
    const auto it = outages_.find(subject);
    if (it == outages_.end()) return out;
    for (const auto& [begin, row] : it->second) {
      if (begin < to && row.end >= from) out.push_back(row);
    }
    return out;
  }

  Status endOutages() override {
    for (auto& [subject, all] : outages_) {
      for (auto& [begin, row] : all) {
        if (row.state == 2) row.state = 3;
      }
    }
    return Status::ok();
  }

  Status forgetBefore(int64_t day) override {
    for (auto& [subject, all] : days_) {
      std::erase_if(all, [&](const auto& each) { return each.first < day; });
    }
    for (auto& [subject, all] : outages_) {
      std::erase_if(all, [&](const auto& each) { return each.second.end.unix_ms < day * kDayMs; });
    }
    const auto is_empty = [](const auto& each) { return each.second.empty(); };
    std::erase_if(days_, is_empty);
    std::erase_if(outages_, is_empty);
    return Status::ok();
  }

 private:
  std::map<LevelSubject, std::map<int64_t, LevelDayRow>> days_;
  std::map<LevelSubject, std::map<WallTime, LevelOutageRow>> outages_;
};

}  // namespace

std::unique_ptr<LevelRecordStore> levelRecordIn(Database& database) {
  return std::make_unique<SqliteLevelRecord>(database);
}

std::unique_ptr<LevelRecordStore> openMemoryLevelRecord() {
  return std::make_unique<MemoryLevelRecord>();
}

}  // namespace muster::store
