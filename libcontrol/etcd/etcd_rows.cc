#include "libcontrol/etcd/etcd_rows.h"

#include <utility>

namespace muster::etcd {
namespace {

Changes toChanges(std::vector<store::RowChange> rows) {
  Changes out;
  for (store::RowChange& row : rows) out[row.table + "/" + row.key] = std::move(row.row);
  return out;
}

}  // namespace

Result<std::vector<store::RowChange>> rowsOf(const std::map<std::string, std::string>& written) {
  std::vector<store::RowChange> out;
  for (const auto& [key, row] : written) {
    const size_t slash = key.find('/');
    if (slash == std::string::npos) {
      return Status(Code::kDataLoss, "etcd: the key '" + key + "' names no row");
    }
    out.push_back({key.substr(0, slash), key.substr(slash + 1), row});
  }
  return out;
}

Status EtcdRows::append(std::vector<store::RowChange> changes) {
  return queue_.writeNow(toChanges(std::move(changes)));
}

void EtcdRows::append(std::vector<store::RowChange> changes, Done done) {
  queue_.write(toChanges(std::move(changes)), std::move(done));
}

void EtcdRows::confirm(Done done) {
  queue_.confirm(std::move(done));
}

}  // namespace muster::etcd
