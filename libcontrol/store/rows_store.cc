#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "libcontrol/store/row_log.h"
#include "libcontrol/store/schema.h"
#include "libcontrol/store/sqlite_store.h"

namespace muster::store {
namespace {

// Which version the rows have, as a row among them.
constexpr char kSchemaTable[] = "schema";

RowChange versionRow(int64_t version) {
  return {kSchemaTable, "[]", nlohmann::json({{"version", version}}).dump()};
}

// 0: there are no rows.
Result<int64_t> versionOf(const std::vector<RowChange>& rows) {
  if (rows.empty()) return 0;
  const auto marked = std::find_if(rows.begin(), rows.end(),
                                   [](const RowChange& row) { return row.table == kSchemaTable; });
  const auto row = marked == rows.end()
                       ? nlohmann::json()
                       : nlohmann::json::parse(marked->row.value_or(""), nullptr, false);
  if (!row.is_object() || !row.contains("version") || !row["version"].is_number_integer()) {
    return Status(Code::kDataLoss, "the rows don't tell of which version they are");
  }
  return row["version"].get<int64_t>();
}

// What makes `before` into `after`.
std::vector<RowChange> difference(std::vector<RowChange> before, std::vector<RowChange> after) {
  const auto by_key = [](const RowChange& a, const RowChange& b) {
    return std::tie(a.table, a.key) < std::tie(b.table, b.key);
  };
  std::sort(before.begin(), before.end(), by_key);
  std::sort(after.begin(), after.end(), by_key);
  std::vector<RowChange> out;
  for (const RowChange& row : after) {
    const auto known = std::lower_bound(before.begin(), before.end(), row, by_key);
    if (known == before.end() || *known != row) out.push_back(row);
  }
  for (const RowChange& row : before) {
    if (std::binary_search(after.begin(), after.end(), row, by_key)) continue;
    out.push_back({row.table, row.key, std::nullopt});
  }
  return out;
}

// Hands on what each transaction changes.
class RowsStore : public SqliteStore {
 public:
  RowsStore(std::unique_ptr<Database> database, RowLog& log, const CoordinatorStoreOptions& options)
      : SqliteStore(std::move(database), options),
        log_(log),
        recorder_(SqliteStore::database()),
        groups_(*this) {}
  ~RowsStore() override { database().beforeCommit(nullptr); }

  Status begin() {
    if (Status s = recorder_.attach(); !s) return s;
    database().beforeCommit([this] { return handOn(); });
    return Status::ok();
  }

  GroupStore& groups() override { return groups_; }

 private:
  // The groups' phases need not wait for each other, and answers to nodes wait for a confirmation.
  class Groups : public SqliteGroupStore {
   public:
    explicit Groups(RowsStore& store) : SqliteGroupStore(store.database()), store_(store) {}
    using GroupStore::save;
    void saveThen(const GroupRow& row, const std::vector<MoveRow>& ended, Done done) override {
      store_.later_ = done;
      const Status saved = save(row, ended);
      // Refused before anything was handed on.
      if (std::exchange(store_.later_, nullptr)) done(saved);
    }
    void confirm(Done done) override { store_.log_.confirm(std::move(done)); }

   private:
    RowsStore& store_;
  };

  Status handOn() {
    auto changes = recorder_.take();
    if (!changes) return changes.status();
    if (!later_) {
      if (changes->empty()) return Status::ok();
      const Status kept = log_.append(std::move(changes).value());
      // Whatever the reason, it is none of those by which a store refuses a change.
      return kept ? kept : Status(Code::kUnavailable, kept.text());
    }
    log_.append(std::move(changes).value(), std::exchange(later_, nullptr));
    return Status::ok();
  }

  RowLog& log_;
  RowRecorder recorder_;
  GroupStore::Done later_;  // whoever need not wait for the transaction that is under way
  Groups groups_;
};

}  // namespace

Result<std::unique_ptr<CoordinatorStore>> openOnRows(RowLog& log,
                                                     const std::vector<RowChange>& rows,
                                                     const CoordinatorStoreOptions& options) {
  const auto version = versionOf(rows);
  if (!version) return version.status();
  const Schema& schema = coordinatorSchema();
  const auto newest = static_cast<int64_t>(schema.steps.size());
  if (*version < 0 || *version > newest) {
    return Status(Code::kRefusedUnsafe, "the rows are of schema version " +
                                            std::to_string(*version) +
                                            ", and this program knows up to " +
                                            std::to_string(newest) + "; run the newer program");
  }
  auto database = Database::open(":memory:", Duration{});
  if (!database) return database.status();
  Schema known = schema;
  known.steps = schema.steps.first(static_cast<size_t>(*version == 0 ? newest : *version));
  if (Status s = prepareSchema(**database, known); !s) return s;
  std::vector<RowChange> before = rows;
  std::erase_if(before, [](const RowChange& row) { return row.table == kSchemaTable; });
  if (Status s = insertRows(**database, before); !s) return s;
  if (Status s = prepareSchema(**database, schema); !s) return s;
  if (*version != newest) {
    auto after = allRowsOf(**database);
    if (!after) return after.status();
    std::vector<RowChange> changes = difference(std::move(before), *after);
    changes.push_back(versionRow(newest));
    if (Status s = log.append(std::move(changes)); !s) return s;
  }
  auto store = std::make_unique<RowsStore>(std::move(database).value(), log, options);
  if (Status s = store->begin(); !s) return s;
  return std::unique_ptr<CoordinatorStore>(std::move(store));
}

}  // namespace muster::store
