// What happened to the groups' active roles: kept, and what is wrong told to whoever can mend it.
#pragma once

#include <QTimer>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "commands/history.h"
#include "coordinator/cluster.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// Hears of the groups' events from the cluster. Events are written a moment after they happened,
// many in one transaction, so that no failover waits for its own history; a crash in that moment
// loses these lines and nothing else. Lives on the event loop's thread; all references must outlive
// it.
class Chronicle : public commands::GroupHistory {
 public:
  // The open incidents of a group, as a sentence names them; empty: there are none.
  using IncidentsOf = std::function<std::string(const std::string& group)>;
  // A message from a contact to a person's bare JID.
  using Say = std::function<void(const Jid& from, const Jid& to, const std::string& text)>;

  // Adds itself to the cluster's listeners.
  Chronicle(Cluster& cluster, store::HistoryStore& store, const Contacts& contacts,
            const catalogue::Authority& authority, Clock& clock, Say say, IncidentsOf incidents_of);
  ~Chronicle() override;

  // commands::GroupHistory
  Result<v1::HistoryReply> query(const v1::HistoryRequest& request, WallTime now) override;

  // The latest alarm of a group that nothing has put right since, as a sentence with its time.
  std::string alarmOf(const std::string& group) const;
  // Something else that somebody did, or nobody (`who` empty). Written at once, as no failover
  // waits for it: who is told that it is done finds it here, whatever happens next.
  void note(const GroupDriver& group, const std::string& what, const std::string& who,
            const std::string& cause);
  // What a person should look at: a line of the history, the group's latest alarm, and a message to
  // the operators who subscribe to the group.
  void raise(const GroupDriver& group, const std::string& what, const std::string& text);
  // Writes what awaits it; by itself soon after each event, and before every query.
  Status flush();

 private:
  struct AlarmNote {
    std::string text;
    WallTime at;
  };
  void onPhaseChanged(const GroupDriver& group, const election::group::PhaseChanged& event);
  void onTookOver(const GroupDriver& group, const election::group::TookOver& event);
  void onMoveStarted(const GroupDriver& group, const election::group::MoveStarted& event);
  void onMoveFinished(const GroupDriver& group, const election::group::MoveFinished& event);
  void onAlarm(const GroupDriver& group, const election::group::Alarm& event);
  void tellAlarm(const GroupDriver& group, const std::string& what, const std::string& cause,
                 const std::string& text);
  void add(const GroupDriver& group, store::HistoryRow row);
  std::string nameOf(const Jid& bare) const;

  Cluster& cluster_;
  store::HistoryStore& store_;
  const Contacts& contacts_;
  const catalogue::Authority& authority_;
  Clock& clock_;
  const Say say_;
  const IncidentsOf incidents_of_;
  std::vector<store::HistoryRow> unwritten_;
  std::map<std::string, AlarmNote> alarms_;  // by group
  std::set<std::string> moving_;             // groups whose move was started
  QTimer flush_;
};

}  // namespace muster::coordinator
