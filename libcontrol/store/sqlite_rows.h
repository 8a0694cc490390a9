// What the stores in SQLite share: rows of a query, and a change as one transaction.
#pragma once

#include <vector>

#include "libcontrol/store/database.h"

namespace muster::store {

// All rows of a run; `read` makes one of the current row.
template <typename Row, typename Read>
Result<std::vector<Row>> allRows(Run& run, Read read) {
  std::vector<Row> rows;
  while (true) {
    Result<bool> more = run.step();
    if (!more) return more.status();
    if (!*more) return rows;
    rows.push_back(read(run));
  }
}

// One change with whatever must be read before it, in a transaction of its own.
template <typename Change>
Status inTransaction(Database& database, Change change) {
  Transaction transaction(database);
  if (Status begun = transaction.begin(); !begun) return begun;
  if (Status changed = change(); !changed) return changed;
  return transaction.commit();
}

}  // namespace muster::store
