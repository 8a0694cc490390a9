// Log levels that people set at the coordinator for many nodes: kept, handed to the nodes, and
// handed to those that come later.
#pragma once

#include <QTimer>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/log_level_cluster.h"
#include "coordinator/fanout.h"
#include "coordinator/members.h"
#include "coordinator/targets.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// A setting is durable before any node hears of it, and stays until it is over: every process of a
// node that it is for gets it, unless a later setting for the same logger is for that node too.
// What was set later replaces what was set before on the nodes that both are for, until both are
// over: a setting that a wider one outlives leaves a reset in its place, and a reset is kept like
// any other setting until every node has it, or until nothing is left that it has to end.
//
// Lives on the event loop's thread; all references must outlive it.
class Overrides : public commands::ClusterLogLevels {
 public:
  struct Parts {
    store::OverrideStore& store;
    const Members& members;
    Fanout& fanout;
    Clock& clock;
    std::function<std::vector<std::string>()> groups;
  };

  explicit Overrides(Parts parts);
  Overrides(const Overrides&) = delete;
  Overrides& operator=(const Overrides&) = delete;

  // Reads what is in force; to be called once, before the link starts.
  Status load();

  // A full JID of the member has come that was not there before. One with a known instance is the
  // same process, connected anew.
  void onAppeared(const Member& member, const Jid& full);

  // commands::ClusterLogLevels
  void list(const commands::Where& where, const std::optional<std::string>& logger,
            const std::string& by, Done done) override;
  void change(const Change& change, Done done) override;

  // Called by timers; tests with a clock of their own call them themselves. The one ends what is
  // over and hands out what is still owed, the other answers whoever has waited for long enough.
  void tick();
  void checkCalls();

 private:
  using Row = store::OverrideRow;
  // A row's mark: the time it was set at, which no two rows share.
  using Mark = int64_t;

  // What the process of a node has taken.
  struct Known {
    std::string instance;
    std::set<Mark> got;
    std::set<Mark> asked;  // in line or on its way
    ElapsedTime again{};   // not before this is it asked anew
  };
  struct Heard {
    std::string node;
    Status status;
    bool is_answer = false;  // of the node itself
    v1::LogLevelReply loggers;
  };
  // Somebody who waits for the answers of nodes.
  struct Call {
    std::vector<Heard> heard;
    // By node's name, as are the absent; until when it has time, nothing while its order is in
    // line.
    std::map<std::string, std::optional<ElapsedTime>> awaited;
    std::vector<std::string> absent;
    ElapsedTime deadline{};  // of all of them together
    std::function<void(const Call&)> finish;
    size_t count(bool ok) const;  // of the nodes' own answers
  };
  using CallPtr = std::shared_ptr<Call>;
  // A setting on its way into force.
  struct Setting {
    Row row;
    std::optional<Row> before;     // what it replaced under the same target and logger
    bool ended_something = false;  // there was something for it to end
  };

  Row rowFor(const Change& change, const Target& target) const;
  Status save(const Row& row);
  void forget(const Row& row);
  void settle(const Setting& setting, const Call& call, const Done& done);
  void withdraw(const Setting& setting);

  const Row* find(Mark mark) const;
  const Row* winner(const Member& member, const std::string& logger) const;
  bool isWithin(const Row& inner, const Row& outer) const;
  // The end of the last earlier and wider setting that is in force; nothing if there is none.
  std::optional<std::optional<WallTime>> endOfWider(const Row& row, WallTime now) const;
  bool isOwed(const Row& row) const;
  bool isForNobody(const Row& row) const;
  void endWhatIsOver(WallTime now);

  Known& knownOf(const Member& member, const Jid& full);
  void handOut(const Member& member, const Jid& full);
  void deliver(const Member& member, const Jid& full, Mark mark, bool ahead, const CallPtr& call);
  std::optional<v1::Order> orderFor(const Jid& bare, Mark mark, bool ahead);
  void onAnswer(const Jid& full, const std::string& instance, Mark mark, bool ahead,
                const Status& status, bool is_answer);

  CallPtr newCall(std::function<void(const Call&)> finish);
  void onSent(Call& call, const std::string& node) const;
  void hear(const CallPtr& call, const Member& member, const Status& status,
            const v1::OrderReply& reply);
  void begin(const CallPtr& call);
  void end(const CallPtr& call);

  Parts parts_;
  std::vector<Row> rows_;       // in the order in which they were set
  std::map<Jid, Known> known_;  // by bare JID
  std::vector<CallPtr> calls_;
  QTimer ticker_;
  QTimer call_timer_;
};

}  // namespace muster::coordinator
