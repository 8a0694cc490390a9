// A question to several nodes, and what they answer within a bounded time.
#pragma once

#include <QTimer>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/fanout.h"
#include "coordinator/members.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "muster/cluster.pb.h"
#include "muster/wire.pb.h"

namespace muster::coordinator {

// Nodes that are not there, and those that have not answered within `wait` after they were asked,
// delay nobody. Lives on the event loop's thread; all references must outlive it.
class Poll {
 public:
  struct Times {
    Duration wait;   // of one node, from when its order was sent
    Duration limit;  // of all together
  };
  Poll(const Members& members, Fanout& fanout, Clock& clock, Times times);

  struct Answer {
    std::string node;
    Status status;  // the node's own, or why it could not be asked
    v1::OrderReply reply;
  };
  struct Outcome {
    std::vector<Answer> answers;         // of those that answered, by name
    std::vector<v1::NodeResult> silent;  // the others, by name
  };
  using Make = std::function<v1::Order(const std::string& node)>;
  using Done = std::function<void(Outcome outcome)>;
  // Calls `done` once, perhaps before it returns.
  void ask(const std::vector<const Member*>& nodes, const Make& make, Done done);

  // Called by a timer; tests with a clock of their own call it themselves.
  void checkTime();

 private:
  struct Call {
    Outcome outcome;
    std::map<std::string, ElapsedTime> awaited;  // by node; max(): in line still
    ElapsedTime deadline;
    Done done;
    bool is_begun = false;
  };
  using CallPtr = std::shared_ptr<Call>;
  void hear(const CallPtr& call, const std::string& node, const Status& status,
            const v1::OrderReply& reply);
  void endIfComplete(const CallPtr& call);

  const Members& members_;
  Fanout& fanout_;
  Clock& clock_;
  const Times times_;
  std::vector<CallPtr> calls_;
  QTimer timer_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// Whether the node itself has answered, rather than the way to it failed.
bool isAnswer(const Poll::Answer& answer);

}  // namespace muster::coordinator
