// A coordinator's database whose rows are kept elsewhere: it lives in memory, what a transaction
// changes is handed on before the transaction ends, and a later process makes the database anew
// from the rows that were handed on. So everything that the store in SQLite checks and bounds holds
// here as well, and a new table needs no line of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"

struct sqlite3_session;

namespace muster::store {

// A row as it is now, or its end.
struct RowChange {
  std::string table;
  std::string key;                 // its primary key, a JSON array
  std::optional<std::string> row;  // a JSON object by column, blobs as {"hex": "..."}; none: gone

  bool operator==(const RowChange&) const = default;
};

// Where the rows are kept.
class RowLog {
 public:
  using Done = std::function<void(const Status&)>;
  virtual ~RowLog() = default;
  // All of them or none; durable when it returns ok. After an error the outcome is unknown, and
  // nothing more is to be handed on.
  virtual Status append(std::vector<RowChange> changes) = 0;
  // The same, but `done` is called with the outcome, on the caller's thread, at once or later. What
  // is handed on meanwhile becomes durable after it or with it.
  virtual void append(std::vector<RowChange> changes, Done done) = 0;
  // `done` once it is certain that, at some moment after this call, nobody else was the one that
  // hands rows on; an error if that can't be known.
  virtual void confirm(Done done) = 0;
};

// `rows`: all that was ever handed on, as it is now; empty: nothing was. `log` must outlive the
// store. Rows of an older version are brought to the present one, and what that changes is handed
// on, after which an older program refuses them. kRefusedUnsafe for rows of a newer version,
// kDataLoss for those that don't fit their own.
Result<std::unique_ptr<CoordinatorStore>> openOnRows(RowLog& log,
                                                     const std::vector<RowChange>& rows,
                                                     const CoordinatorStoreOptions& options = {});

// Notes which rows of a connection change.
class RowRecorder {
 public:
  explicit RowRecorder(Database& database) : database_(database) {}
  ~RowRecorder();
  RowRecorder(const RowRecorder&) = delete;
  RowRecorder& operator=(const RowRecorder&) = delete;

  // Begins.
  Status attach();
  // What has changed since the last call, each row once. Within the transaction that changed it.
  Result<std::vector<RowChange>> take();

 private:
  void detach();
  Status countersInto(std::vector<RowChange>& out);

  Database& database_;
  sqlite3_session* session_ = nullptr;
  std::map<std::string, std::string> counters_;  // of the tables that count, as handed on
};

// Puts the rows in, in the place of those of the same keys. kDataLoss names the row that doesn't
// fit.
Status insertRows(Database& database, const std::vector<RowChange>& rows);
// Every row there is, in the order of tables and keys; the counters of those tables that count
// among them.
Result<std::vector<RowChange>> allRowsOf(Database& database);

}  // namespace muster::store
