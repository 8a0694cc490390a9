// What is done to the group, one thing after the other and at the worst moments.
#include <iterator>
#include <utility>

#include "tests/libcontrol/election/simulation/sim_cluster.h"

namespace muster::election {
namespace {

// One who matters: mostly whoever is active, or the target of an offer.
SimNode& victim(Cluster& cluster) {
  if (cluster.run.dice.chance(0.6)) {
    for (const auto& node : cluster.nodes) {
      if (node->process.up && node->instance() == cluster.coordinator.disk().instance) return *node;
    }
  }
  return cluster.anyNode();
}

void crashNode(Cluster& cluster) {
  SimNode& node = victim(cluster);
  if (node.process.up) cluster.run.note(Fault::kNodeCrash);
  node.crash("crash");
}

void crashCoordinator(Cluster& cluster) {
  cluster.coordinator.restart();
}

void partition(Cluster& cluster) {
  SimNode& node = victim(cluster);
  if (node.mute || node.deaf) return;
  const uint64_t how = cluster.run.dice.below(4);
  node.mute = how != 0;
  node.deaf = how != 1;
  cluster.run.note(node.mute && node.deaf ? Fault::kPartition
                   : node.mute            ? Fault::kMuteNode
                                          : Fault::kDeafNode);
  if (cluster.run.recording()) {
    cluster.run.say(node.name + " is cut off" + (node.deaf ? ", hears nothing" : "") +
                    (node.mute ? ", is not heard" : ""));
  }
  cluster.run.agenda.after(cluster.run.dice.millis(300, 9000),
                           [&node] { node.mute = node.deaf = false; });
}

void dropLink(Cluster& cluster) {
  SimNode& node = victim(cluster);
  if (!node.process.linked) return;
  if (cluster.run.dice.chance(0.5)) {
    cluster.network.hibernate(node, cluster.run.dice.millis(100, 8000));
  } else {
    cluster.network.dropLink(node, cluster.run.dice.millis(100, 6000));
  }
}

void dropCoordinatorLink(Cluster& cluster) {
  cluster.coordinator.loseLink(cluster.run.dice.millis(50, 4000));
}

void restartServer(Cluster& cluster) {
  cluster.network.restartServer(cluster.run.dice.millis(200, 5000));
}

void pauseNode(Cluster& cluster) {
  victim(cluster).pause(cluster.run.dice.millis(200, 12000));
}

void suspendNode(Cluster& cluster) {
  victim(cluster).suspend(cluster.run.dice.millis(200, 12000));
}

void pauseCoordinator(Cluster& cluster) {
  cluster.coordinator.pause(cluster.run.dice.millis(200, 9000));
}

void suspendCoordinator(Cluster& cluster) {
  cluster.coordinator.suspend(cluster.run.dice.millis(200, 9000));
}

void slew(Cluster& cluster) {
  Dice& dice = cluster.run.dice;
  // The ends of what is allowed are where a wait is too short.
  static constexpr double kEnds[] = {1 - kRateBound, 1 + kRateBound};
  cluster.run.note(Fault::kSlew);
  if (dice.chance(0.5)) cluster.coordinator.slew(dice.pick(kEnds));
  for (const auto& node : cluster.nodes) {
    if (dice.chance(0.5))
      node->slew(dice.chance(0.6) ? dice.pick(kEnds) : dice.between(kEnds[0], kEnds[1]));
  }
}

// A holder's clock that runs slow, or a waiter's that runs fast, is what the protocol can't survive
// without a check at the resource.
void slewBeyond(Cluster& cluster) {
  if (!cluster.run.profile.beyond_bound) return slew(cluster);
  Dice& dice = cluster.run.dice;
  cluster.run.note(Fault::kSlewBeyond);
  cluster.run.say("clocks run wild");
  cluster.run.invariants.clocksBroken();
  if (dice.chance(0.5)) {
    cluster.coordinator.slew(dice.between(1.05, 3));
    cluster.run.agenda.after(dice.millis(2000, 20000), [&cluster] { cluster.coordinator.slew(1); });
    return;
  }
  SimNode& node = victim(cluster);
  node.slew(dice.between(0.3, 1.5));
  cluster.run.agenda.after(dice.millis(2000, 20000), [&node] { node.slew(1); });
}

void falseGone(Cluster& cluster) {
  cluster.network.falseGone(victim(cluster));
}

void startTwin(Cluster& cluster) {
  SimNode& twin = cluster.twin();
  if (twin.process.up) return;
  SimNode& original = cluster.anyNode();
  cluster.run.note(Fault::kTwin);
  twin.bare = original.bare;
  twin.copyDiskOf(original);
  twin.start();
  if (cluster.run.dice.chance(0.2)) original.crash("the original is stopped");
  cluster.run.agenda.after(cluster.run.dice.millis(500, 12000),
                           [&twin] { twin.crash("the twin is stopped"); });
}

void shutdownNode(Cluster& cluster) {
  victim(cluster).shutdown();
}

void endApplication(Cluster& cluster) {
  victim(cluster).applicationGone();
}

void resign(Cluster& cluster) {
  victim(cluster).resign();
}

void drainNode(Cluster& cluster) {
  SimNode& node = victim(cluster);
  node.drain(true);
  cluster.run.agenda.after(cluster.run.dice.millis(500, 9000), [&node] { node.drain(false); });
}

void changeLevel(Cluster& cluster) {
  static constexpr double kLevels[] = {0, 20, 49, 50, 51, 80, 100};
  if (cluster.run.dice.chance(0.1)) return victim(cluster).setLevel(std::nullopt);
  victim(cluster).setLevel(cluster.run.dice.pick(kLevels));
}

void fillDisk(Cluster& cluster) {
  const Duration length = cluster.run.dice.millis(500, 5000);
  if (cluster.run.dice.chance(0.5)) return cluster.coordinator.fillDisk(length);
  victim(cluster).fillDisk(length);
}

void loseStore(Cluster& cluster) {
  // How long the leases were that it knew of would be known to nobody.
  if (cluster.run.profile.lengths_change) return;
  cluster.coordinator.loseStore(cluster.run.dice.chance(0.5));
}

void backUpStore(Cluster& cluster) {
  cluster.coordinator.backUp();
}

void replay(Cluster& cluster) {
  cluster.network.replay();
}

void forge(Cluster& cluster) {
  for (uint64_t i = cluster.run.dice.below(4) + 1; i > 0; --i) cluster.network.forgeToCoordinator();
}

void forgeToNode(Cluster& cluster) {
  cluster.network.forgeToNode(victim(cluster));
}

void reportEpoch(Cluster& cluster) {
  cluster.network.reportEpoch(cluster.anyNode(), cluster.run.dice.chance(0.3));
}

void fence(Cluster& cluster) {
  cluster.operators.fence(victim(cluster), cluster.run.dice.chance(0.5));
}

void move(Cluster& cluster) {
  cluster.operators.move();
}

void repeatMove(Cluster& cluster) {
  cluster.operators.repeatMove();
}

void plan(Cluster& cluster) {
  cluster.operators.plan();
}

void drainMember(Cluster& cluster) {
  cluster.operators.drainOrUndrain(victim(cluster));
}

void tagMember(Cluster& cluster) {
  cluster.operators.tag(cluster.anyNode());
}

void pauseGroup(Cluster& cluster) {
  if (!cluster.coordinator.up()) return;
  cluster.run.note(Fault::kGroupPaused);
  if (cluster.coordinator.isGroupPaused() && cluster.run.dice.chance(0.3)) {
    cluster.run.say("operator resumes the group");
    return cluster.coordinator.pauseGroup(std::nullopt);
  }
  cluster.run.say("operator pauses the group");
  cluster.coordinator.pauseGroup(cluster.run.dice.millis(1000, 20000));
}

void removeMember(Cluster& cluster) {
  cluster.operators.removeOrEnroll(victim(cluster));
}

struct Entry {
  int weight;
  void (*act)(Cluster&);
};
// At most 64: a run's profile says by a bit for each which are absent.
constexpr Entry kTable[] = {
    {6, crashNode},     {3, crashCoordinator},
    {6, partition},     {4, dropLink},
    {1, restartServer}, {2, dropCoordinatorLink},
    {4, pauseNode},     {3, pauseCoordinator},
    {2, suspendNode},   {2, suspendCoordinator},
    {3, slew},          {3, slewBeyond},
    {2, falseGone},     {2, startTwin},
    {1, shutdownNode},  {3, endApplication},
    {1, resign},        {1, drainNode},
    {4, changeLevel},   {2, fillDisk},
    {3, replay},        {4, forge},
    {3, forgeToNode},   {1, reportEpoch},
    {1, fence},         {6, move},
    {3, repeatMove},    {2, plan},
    {2, drainMember},   {2, removeMember},
    {1, backUpStore},   {1, loseStore},
    {1, tagMember},     {1, pauseGroup},
};
static_assert(std::size(kTable) <= 64);

bool isAbsent(const Cluster& cluster, size_t entry) {
  return cluster.run.profile.absent >> entry & 1;
}

void doOneThing(Cluster& cluster) {
  int total = 0;
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (!isAbsent(cluster, i)) total += kTable[i].weight;
  }
  if (total == 0) return crashNode(cluster);
  int left = static_cast<int>(cluster.run.dice.below(total));
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (isAbsent(cluster, i)) continue;
    left -= kTable[i].weight;
    if (left < 0) return kTable[i].act(cluster);
  }
}

// Each has dice of its own, so that it stays what it is when another is left out.
void next(Cluster& cluster) {
  Run& run = cluster.run;
  const size_t number = run.result.acts++;
  Dice own((run.scenario.seed << 16) ^ (number + 1) * 0x9e3779b97f4a7c15u);
  const Duration gap = own.millis(100, run.profile.longest_gap.toMillis());
  run.agenda.after(gap, [&cluster, &run, number, own]() mutable {
    if (!run.stormy) return;
    if (!run.scenario.omitted.acts.contains(number)) {
      std::swap(run.dice, own);
      doOneThing(cluster);
      std::swap(run.dice, own);
    }
    next(cluster);
  });
}

}  // namespace

void storm(Cluster& cluster) {
  cluster.run.on_moment = [&cluster] {
    cluster.run.note(Fault::kWorstMoment);
    cluster.run.agenda.after(Duration{static_cast<int64_t>(cluster.run.dice.below(20'000'000))},
                             [&cluster] {
                               if (cluster.run.stormy) doOneThing(cluster);
                             });
  };
  next(cluster);
}

void calmDown(Cluster& cluster) {
  cluster.run.say("--- no more faults ---");
  cluster.run.stormy = false;
  cluster.twin().crash("the twin is stopped");
  for (const auto& node : cluster.nodes) {
    node->mute = node->deaf = false;
    node->drain(false);
    node->setLevel(100);
    node->removeTornState();
    node->wake();
  }
  cluster.coordinator.start();
  cluster.coordinator.wake();
  if (cluster.run.profile.beyond_bound) {
    for (const auto& node : cluster.nodes) node->slew(1);
    cluster.coordinator.slew(1);
  }
  cluster.coordinator.pauseGroup(std::nullopt);
  cluster.operators.undoAll();
}

}  // namespace muster::election
