// A coordinator's database as a file to look after: is it whole, what is in it, out of it as text
// and into another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::store {

// What is in a file that is in order.
struct StoreSummary {
  int64_t version = 0;                 // of its schema
  std::map<std::string, size_t> rows;  // by table
};

// Reads all of it: SQLite's integrity check, the schema, and each record as the coordinator would
// read it. The file may be in use; nothing is changed. kNotFound, kRefusedUnsafe for another kind
// of file or a newer version's, kDataLoss says what is damaged and in which record.
Result<StoreSummary> verifyStore(const std::filesystem::path& file);

// Writes all rows as they were at one moment, a JSON object a line, the first of which says of
// which version they are and how many follow. The file may be in use. Errors as of verifyStore(),
// which comes first: what is damaged isn't passed on as good.
Result<StoreSummary> exportStore(const std::filesystem::path& file, std::ostream& out);

// Makes a file of what exportStore() wrote, brought to the present version. It appears (mode 0600)
// once it is whole and verified, or not at all. kConflict if there is one, kDataLoss names the line
// that is wrong.
Result<StoreSummary> importStore(std::istream& in, const std::filesystem::path& file);

}  // namespace muster::store
