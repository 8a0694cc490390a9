#include "tests/libcontrol/election/simulation.h"

#include "tests/libcontrol/election/sim_cluster.h"

namespace muster::election {
namespace {

constexpr Duration kStorm = Duration::seconds(60);
// Ordinary runs take some hundreds.
constexpr int64_t kMaxSteps = 100'000;

bool failed(const Cluster& cluster) {
  return !cluster.invariants.violation().empty() || !cluster.result.violation.empty();
}

// A machine whose nextWake() never moves on would stop time.
void runNext(Cluster& cluster) {
  cluster.agenda.runNext();
  if (cluster.result.steps > kMaxSteps) cluster.result.violation = "the machines wake without end";
}

void runUntil(Cluster& cluster, ElapsedTime end) {
  while (cluster.agenda.nextAt() <= end && !failed(cluster)) runNext(cluster);
}

void partition(Cluster& cluster, SimNode& node) {
  if (node.partitioned) return;
  cluster.note(Fault::kPartition);
  cluster.say(node.name + " is cut off from the coordinator");
  node.partitioned = true;
  cluster.agenda.after(cluster.dice.millis(300, 9000), [&node] { node.partitioned = false; });
}

void startTwin(Cluster& cluster) {
  SimNode& twin = *cluster.nodes.back();
  if (twin.process.up) return;
  cluster.note(Fault::kTwin);
  twin.disk_epoch = cluster.nodes.front()->disk_epoch;  // a copied machine
  cluster.startNode(twin);
  cluster.agenda.after(cluster.dice.millis(500, 8000),
                       [&cluster, &twin] { cluster.crashNode(twin, "the twin is stopped"); });
}

void doOneFault(Cluster& cluster) {
  Dice& dice = cluster.dice;
  SimNode* active = cluster.activeNode();
  SimNode& node = active && dice.chance(0.6) ? *active : *cluster.nodes[dice.below(3)];
  switch (dice.below(14)) {
    case 0:
    case 1:
      if (node.process.up) cluster.note(Fault::kNodeCrash);
      return cluster.crashNode(node, "crash");
    case 2:
      if (cluster.coordinatorUp()) cluster.restartAfterCrash();
      return;
    case 3:
    case 4:
      return partition(cluster, node);
    case 5:
      if (node.process.linked) cluster.dropLink(node, dice.millis(100, 6000));
      return;
    case 6:
      return cluster.pause(node.process, dice.millis(200, 12000), &node);
    case 7:
      return cluster.pause(cluster.coordinator(), dice.millis(200, 9000), nullptr);
    case 8:
      return cluster.falseGone(node);
    case 9:
      return dice.chance(0.5) ? startTwin(cluster) : cluster.shutdownNode(node);
    case 10:
      if (node.process.up && dice.chance(0.5)) cluster.fence(node);
      return;
    default:
      return cluster.requestMove();
  }
}

void storm(Cluster& cluster) {
  cluster.agenda.after(cluster.dice.millis(100, 5000), [&cluster] {
    if (!cluster.stormy) return;
    doOneFault(cluster);
    storm(cluster);
  });
}

// Liveness: with no more faults the group has an active node within W plus what an orderly stop, a
// stuck callback, a ghost's last presence and a pause between offers may take together.
void awaitActive(Cluster& cluster, const InstanceId& but, const std::string& what) {
  const GroupConfig& config = cluster.config;
  const ElapsedTime end = cluster.agenda.now() +
                          waitOut(config.lease_ttl, config.clock_rate_bound, config.wait_margin) +
                          config.drain_deadline + config.backoff_last + config.offer_timeout +
                          Duration::seconds(25);
  while (cluster.agenda.now() < end && !failed(cluster)) {
    const SimNode* active = cluster.activeNode();
    if (active && active->instance != but && !cluster.movesRunning()) return;
    runNext(cluster);
  }
  if (!failed(cluster)) cluster.result.violation = what;
}

void calmDown(Cluster& cluster) {
  cluster.say("--- no more faults ---");
  cluster.stormy = false;
  for (const auto& node : cluster.nodes) node->partitioned = false;
  cluster.crashNode(*cluster.nodes.back(), "the twin is stopped");
  if (!cluster.coordinatorUp()) cluster.startCoordinator();
}

}  // namespace

const char* faultName(Fault fault) {
  static constexpr const char* kNames[] = {
      "message lost",      "message duplicated", "messages reordered", "message delayed long",
      "partition",         "connection dropped", "node crash",         "coordinator crash",
      "unsynced lost",     "unsynced kept",      "write failed",       "promotion failed",
      "slow promotion",    "slow demotion",      "hung demotion",      "kill at lease's end",
      "node paused",       "event loop gap",     "coordinator paused", "ghost presence",
      "false unavailable", "twin instance",      "shutdown",           "offer declined",
      "token refused",     "holder fenced",      "move asked for",     "move repeated",
      "move refused",      "move failed",        "move done",
  };
  static_assert(std::size(kNames) == static_cast<size_t>(Fault::kCount));
  return kNames[static_cast<size_t>(fault)];
}

RunResult simulate(uint64_t seed, bool with_timeline) {
  Cluster cluster(seed, with_timeline);
  cluster.startCoordinator();
  for (int i = 0; i < 3; ++i) cluster.startNode(*cluster.nodes[i]);
  storm(cluster);
  runUntil(cluster, ElapsedTime{} + kStorm);

  calmDown(cluster);
  awaitActive(cluster, InstanceId(), "no node became active after the faults had stopped");
  if (SimNode* active = cluster.activeNode(); active && !failed(cluster)) {
    const InstanceId crashed = active->instance;
    cluster.crashNode(*active, "crash in fair weather");
    awaitActive(cluster, crashed, "no other process became active after the active one crashed");
  }
  RunResult result = std::move(cluster.result);
  if (result.violation.empty()) result.violation = cluster.invariants.violation();
  if (result.violation.empty() && result.failovers == 0) result.violation = "nothing failed over";
  result.seconds = static_cast<double>(cluster.agenda.now().ns) * 1e-9;
  return result;
}

}  // namespace muster::election
