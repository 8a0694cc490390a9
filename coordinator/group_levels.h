// The levels of all groups, kept up as presence comes: no step costs by the number of nodes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/level_record.h"
#include "coordinator/members.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/service/group_memory.h"
#include "libcontrol/store/service_history.h"

namespace muster::coordinator {

// One thread; the references must outlive it. Failures of the history's store are told in the log
// and cost nothing but memory of the past.
class GroupLevels {
 public:
  // `history` may be null: nothing is kept. Weights by group; without one it is 1.
  GroupLevels(Clock& clock, store::ServiceHistoryStore* history,
              std::map<std::string, double> weights);

  // What groups did before this start; once, before add().
  void recall();
  void add(const std::string& group);
  // To be called whenever a member has come, gone or told something, or belongs elsewhere; null:
  // it is no member any more.
  void place(const Jid& bare, const Member* member);
  // The member that is active, whether it is present or not.
  void setActive(const std::string& group, const Member* active);
  // The link is down: nothing is known of anybody.
  void pause();

  // Steps all states, and tells the levels as they are now, by name.
  std::vector<service::GroupLevel> step();
  // All services that the group ever had within memory, in alphabetical order.
  std::vector<std::string> services(const std::string& group) const;
  // Of a group's service, the oldest first.
  std::vector<service::Outage> outages(const std::string& group, const std::string& service) const;

  // By day, of groups and nodes.
  LevelRecord& record() { return record_; }

  // To be called often; writes every limits::kHistorySaveEvery.
  void saveIfDue();
  // All that is known; at the end.
  void save();

 private:
  struct Group {
    service::GroupAggregate aggregate;
    service::GroupMemory memory;
  };
  void restore(const store::ServiceHistoryRow& row, WallTime wall);
  void recordGroup(const service::GroupLevel& level, const service::GroupMemory& memory);
  void saveHistories();

  Clock& clock_;
  store::ServiceHistoryStore* const history_;
  const std::map<std::string, double> weights_;
  LevelRecord record_;
  std::map<std::string, Group> groups_;
  std::map<Jid, Group*> placed_;  // where a member is counted
  std::map<std::string, std::vector<store::ServiceHistoryRow>> recalled_;
  std::optional<ElapsedTime> saved_at_;
  bool failed_ = false;
};

}  // namespace muster::coordinator
