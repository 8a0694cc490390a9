// A coordinator's rows in etcd: one key for each, "rows/TABLE/KEY".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libcontrol/etcd/commit_queue.h"
#include "libcontrol/store/row_log.h"

namespace muster::etcd {

// What Committer::read() has found, as rows.
Result<std::vector<store::RowChange>> rowsOf(const std::map<std::string, std::string>& written);

// The queue must outlive it.
class EtcdRows : public store::RowLog {
 public:
  explicit EtcdRows(CommitQueue& queue) : queue_(queue) {}
  Status append(std::vector<store::RowChange> changes) override;
  void append(std::vector<store::RowChange> changes, Done done) override;
  void confirm(Done done) override;

 private:
  CommitQueue& queue_;
};

}  // namespace muster::etcd
