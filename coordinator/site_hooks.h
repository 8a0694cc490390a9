// The site's own executables around a change of the active role: one that may veto a move, and
// three that are told of what has happened.
#pragma once

#include <QObject>
#include <QTimer>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"
#include "coordinator/hook_config.h"
#include "coordinator/hook_queue.h"
#include "libcontrol/metrics/families.h"

namespace muster::coordinator {

// pre_failover is asked before a live holder is to stop for a move, never where nobody is active or
// the holder is lost: a veto must not leave a group without service. A forced move isn't asked
// about. The others run after the fact, and nothing waits for them. All are run only after the
// store has confirmed that this coordinator may decide.
//
// Lives on the event loop's thread; all references must outlive it.
class SiteHooks : public QObject {
 public:
  // Whether a move may begin; kRefusedUnsafe with who vetoed it and why.
  using Answer = std::function<void(const Status&)>;

  // Adds itself to the cluster's listeners.
  SiteHooks(Cluster& cluster, store::CoordinatorStore& store, Chronicle& chronicle, Clock& clock,
            HookConfig config);

  // Once, after the cluster has been loaded.
  Status load();

  // Answers at once or later, once. A request without a key is somebody's who asks again and again:
  // after a veto that isn't passed on for a while.
  void ask(const GroupDriver& group, const election::group::MoveRequested& request, Answer answer);

  // What is being asked, or was vetoed and will be asked again; empty if there is nothing.
  std::string noteOf(const std::string& group) const;

  // Once a second, by the cluster.
  void tick();

  // How many wait, and what came of those that were run since the start.
  void describe(metrics::Families& out) const;

 private:
  struct Question {
    std::string group;
    std::string old_node;
    std::string new_node;
    uint64_t old_epoch = 0;
    std::string cause;
    std::string by;  // bare JID; empty: nobody asked
  };
  // Of what nobody waits for.
  struct Veto {
    uint64_t epoch = 0;
    ElapsedTime again;
    Duration wait;
    std::string text;
  };
  bool isAsked(const GroupDriver& group, const election::group::MoveRequested& request) const;
  void run(const Question& question, Answer answer);
  void judged(const Question& question, const Status& status, const Answer& answer);
  void askForItself(GroupDriver& group, const election::DueMove& due);
  const Veto& remember(const Question& question, const std::string& text);
  bool isHeldBack(const std::string& group, uint64_t epoch) const;
  HookQueue::Role roleOf(const GroupDriver& group) const;
  void onMoveFinished(const GroupDriver& group, const election::group::MoveFinished& event);
  void start(const store::HookRunRow& row, HookQueue::Ended ended);
  void count(const std::string& hook, const Status& status);
  void failed(const store::HookRunRow& row, const std::string& why);
  void soon();

  Cluster& cluster_;
  store::CoordinatorStore& store_;
  Chronicle& chronicle_;
  Clock& clock_;
  const HookConfig config_;
  std::map<std::string, Question> asking_;  // by group
  std::map<std::string, Veto> vetoes_;      // by group
  std::set<std::string> moving_;            // groups whose move was started
  struct Outcomes {
    uint64_t ok = 0;
    uint64_t failed = 0;  // or vetoed
  };
  std::map<std::string, Outcomes> outcomes_;  // by hook; of those that are configured
  HookQueue queue_;
  QTimer soon_;
};

}  // namespace muster::coordinator
