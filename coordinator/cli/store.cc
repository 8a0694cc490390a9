#include "coordinator/cli/store.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "libcontrol/base/text.h"
#include "libcontrol/store/store_file.h"

namespace muster::cli {
namespace {

void print(bool json, const std::string& file, const store::StoreSummary& summary,
           std::ostream& out) {
  if (json) {
    const nlohmann::ordered_json said = {
        {"file", file}, {"version", summary.version}, {"rows", summary.rows}};
    out << said.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  out << file << " is in order, of version " << summary.version << "\n";
  for (const auto& [table, rows] : summary.rows) {
    if (!table.starts_with("sqlite_")) out << "  " << table << ": " << rows << "\n";
  }
}

}  // namespace

Exit runStore(bool json, const StoreArguments& arguments, std::istream& in, std::ostream& out) {
  if (arguments.action == "export") {
    const auto done = store::exportStore(arguments.file, out);
    return done ? Exit::kDone : report(json, done.status());
  }
  if (arguments.action != "verify" && arguments.action != "import") {
    return report(json, {Code::kInvalidArgument,
                         "'" + singleLine(arguments.action, 40) +
                             "' is nothing to do with a store; write verify, export or import",
                         "ACTION"});
  }
  const auto done = arguments.action == "verify" ? store::verifyStore(arguments.file)
                                                 : store::importStore(in, arguments.file);
  if (!done) return report(json, done.status());
  print(json, arguments.file, *done, out);
  return Exit::kDone;
}

}  // namespace muster::cli
