// report: what was promised and what was kept in a month.
#pragma once

#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class MonthReports {
 public:
  virtual ~MonthReports() = default;
  // `month` as it was typed; empty: the present one. Errors name the field "target" or "month" and
  // say what would have been right.
  virtual Result<v1::ReportReply> report(const std::string& target, const std::string& month,
                                         WallTime now) = 0;
};

// `reports` must outlive the handlers.
void addReport(catalogue::HandlerSet& handlers, MonthReports& reports);

}  // namespace muster::commands
