// The logs that nodes keep, asked for at the coordinator.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commands/logs_cluster.h"
#include "coordinator/log_merge.h"
#include "coordinator/poll.h"
#include "coordinator/targets.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"

namespace muster::coordinator {

// Asks each node of the target for as many lines as were asked for, and merges what they give. The
// nodes judge the query: one that all who answer refuse is refused. Lives on the event loop's
// thread; all references must outlive it.
class ClusterLogs : public commands::ClusterLog {
 public:
  struct Parts {
    const Members& members;
    Fanout& fanout;
    Clock& clock;
    Random& random;
    std::function<std::vector<std::string>()> groups;
  };
  explicit ClusterLogs(Parts parts);

  // Called by a timer; tests with a clock of their own call it themselves.
  void checkTime() { poll_.checkTime(); }

  // commands::ClusterLog
  void search(const commands::Where& where, const v1::ClusterLogsRequest& request,
              const std::string& by,
              std::function<void(Result<v1::ClusterLogsReply>)> done) override;
  void topErrors(const commands::Where& where, const v1::ClusterTopErrorsRequest& request,
                 const std::string& by,
                 std::function<void(Result<v1::ClusterTopErrorsReply>)> done) override;

 private:
  // Where somebody may go on, by the word that they were given for it. Forgotten after
  // limits::kLogPlaceLife, when there are too many, and when they have gone on twice.
  struct Kept {
    LogPlaces places;
    ElapsedTime when;
    std::string before_it;  // the word that this one came of
  };
  std::string keep(LogPlaces places, const std::string& came_of);
  Result<LogPlaces> placesOf(const std::string& word, const char* field);
  void forgetOld();

  Parts parts_;
  Poll poll_;
  std::map<std::string, Kept> kept_;
  std::deque<std::string> order_;  // of kept_, the oldest first; may name some that are gone
};

}  // namespace muster::coordinator
