// report: a month's service levels, from the record of days and the incidents that are kept.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "commands/report.h"
#include "coordinator/level_record.h"
#include "libcontrol/incident/types.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// Changes nothing. Lives on the event loop's thread; all references must outlive it.
class MonthReport : public commands::MonthReports {
 public:
  struct Parts {
    LevelRecord& record;
    store::AlertStore& incidents;
    // Targets that there are now, as Watchables has them, and the names of groups and nodes.
    std::function<std::vector<std::string>()> targets;
    std::function<std::vector<std::string>()> groups;
    std::function<std::vector<std::string>()> nodes;
  };
  explicit MonthReport(Parts parts) : parts_(std::move(parts)) {}

  // commands::MonthReports. Also of what is there no longer but stands in the record.
  Result<v1::ReportReply> report(const std::string& target, const std::string& month,
                                 WallTime now) override;

 private:
  // What is reported on; names that are empty are left open.
  struct Scope {
    std::string target;
    std::string group;
    std::string node;
    std::string service;

    bool isOverall() const { return group.empty() && node.empty(); }
  };
  Result<Scope> scopeOf(const std::string& target,
                        const std::vector<service::RecordKey>& recorded) const;
  static bool isIn(const Scope& scope, const service::RecordKey& key);
  static bool isOwn(const Scope& scope, const service::RecordKey& key);
  bool concerns(const Scope& scope, const incident::Incident& incident) const;
  Status addIncidents(const Scope& scope, service::Month month, WallTime now,
                      v1::ReportReply& reply) const;

  const Parts parts_;
};

}  // namespace muster::coordinator
