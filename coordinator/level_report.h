// service-level at the coordinator, from what the nodes' presence tells.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "commands/service_level_cluster.h"
#include "coordinator/members.h"
#include "libcontrol/service/aggregate.h"

namespace muster::coordinator {

// Lives on the event loop's thread; `members` must outlive it.
class LevelReport : public commands::ClusterServiceLevels {
 public:
  // Of all groups as they are now.
  using GroupLevels = std::function<std::vector<service::GroupLevel>()>;

  LevelReport(const Members& members, GroupLevels groups)
      : members_(members), groups_(std::move(groups)) {}

  // commands::ClusterServiceLevels. Of all: the groups, and the nodes that are in none.
  Result<v1::ClusterServiceLevelReply> services(const commands::Where& where) override;

 private:
  const Members& members_;
  const GroupLevels groups_;
};

}  // namespace muster::coordinator
