// What is done to the group, one thing after the other and at the worst moments.
#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/libcontrol/election/simulation/sim_cluster.h"

namespace muster::election {
namespace {

// One who matters: mostly whoever is active, or the target of an offer.
SimNode& victim(Cluster& cluster) {
  if (cluster.run.dice.chance(0.6)) {
    for (const auto& node : cluster.nodes) {
      if (node->process.up && node->instance() == cluster.coordinators.leading().disk().instance)
        return *node;
    }
  }
  return cluster.anyNode();
}

void crashNode(Cluster& cluster) {
  SimNode& node = victim(cluster);
  if (node.process.up) cluster.run.note(Fault::kNodeCrash);
  node.crash("crash");
}

// Mostly the one that leads, or seems to.
SimCoordinator& someCoordinator(Cluster& cluster) {
  if (cluster.run.dice.chance(0.8)) return cluster.coordinators.leading();
  return *cluster.run.dice.pick(cluster.coordinators.all);
}

// It comes back soon with a new disk.
void loseNodeDisk(Cluster& cluster) {
  cluster.run.note(Fault::kNodeDiskLost);
  cluster.anyNode().crashBriefly(/*disk_lost=*/true);
}

void crashNodeBriefly(Cluster& cluster) {
  cluster.run.note(Fault::kNodeCrash);
  cluster.anyNode().crashBriefly(/*disk_lost=*/false);
}

void crashCoordinator(Cluster& cluster) {
  someCoordinator(cluster).restart();
}

void partition(Cluster& cluster) {
  SimNode& node = victim(cluster);
  if (node.mute || node.deaf) return;
  const uint64_t how = cluster.run.dice.below(4);
  node.mute = how != 0;
  node.deaf = how != 1;
  node.alone = cluster.run.dice.chance(0.5);
  cluster.run.note(node.mute && node.deaf ? Fault::kPartition
                   : node.mute            ? Fault::kMuteNode
                                          : Fault::kDeafNode);
  if (cluster.run.recording()) {
    cluster.run.say(node.name + " is cut off" + (node.deaf ? ", hears nothing" : "") +
                    (node.mute ? ", is not heard" : ""));
  }
  const int64_t longest = cluster.run.profile.failsafe ? 25'000 : 9'000;
  cluster.run.agenda.after(cluster.run.dice.millis(300, longest),
                           [&node] { node.mute = node.deaf = node.alone = false; });
}

// Once there are no leases that a restart may have made shorter: how long those were that it knew
// of would be known to nobody.
bool mayLoseStore(const Cluster& cluster) {
  return !cluster.run.profile.lengths_change && !cluster.run.profile.shared;
}

// From the coordinators only, so that the others can promise it something; one of them starts anew
// meanwhile.
void cutOffFromCoordinators(Cluster& cluster) {
  Dice& dice = cluster.run.dice;
  SimNode& node = victim(cluster);
  if (node.mute || node.deaf) return;
  cluster.run.note(Fault::kPartition);
  cluster.run.say(node.name + " is cut off from the coordinators");
  // Leases may be shorter afterwards, but not the one that is held.
  const int64_t ttl = std::max<int64_t>(cluster.coordinators.disk().lease_ttl.toMillis(), 1000);
  const bool shortened =
      cluster.run.profile.lengths_change && ttl > kShortestTtl.toMillis() * 2 && dice.chance(0.8);
  if (mayLoseStore(cluster) && dice.chance(0.5)) {
    cluster.coordinators.leading().loseStore(/*restored=*/false, Duration::seconds(1));
  } else if (shortened) {
    cluster.coordinators.leading().restartShortened(Duration::seconds(1));
  } else if (dice.chance(0.3)) {
    cluster.coordinators.leading().restart(Duration::seconds(1));
  }
  node.mute = node.deaf = true;
  cluster.run.agenda.after(dice.millis(5000, 15'000), [&node] { node.mute = node.deaf = false; });
  const bool disk_lost = dice.chance(shortened ? 0.8 : 0.4);
  const bool all = dice.chance(0.5);
  SimNode& other = cluster.anyNode();
  // About when the coordinator gives the lease up.
  const Duration then = dice.chance(0.5) ? dice.millis(ttl * 4 / 5, ttl * 6 / 5)
                                         : dice.millis(ttl * 2 / 3, ttl * 5 / 2);
  cluster.run.agenda.after(then, [&cluster, &node, &other, disk_lost, all] {
    if (!cluster.run.stormy) return;
    if (disk_lost) cluster.run.note(Fault::kNodeDiskLost);
    for (const auto& each : cluster.nodes) {
      const bool hit = all ? each.get() != &node && !each->isTwin() : each.get() == &other;
      if (hit) each->crashBriefly(disk_lost);
    }
  });
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
  someCoordinator(cluster).loseLink(cluster.run.dice.millis(50, 4000));
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
  someCoordinator(cluster).pause(cluster.run.dice.millis(200, 9000));
}

void suspendCoordinator(Cluster& cluster) {
  someCoordinator(cluster).suspend(cluster.run.dice.millis(200, 9000));
}

void slew(Cluster& cluster) {
  Dice& dice = cluster.run.dice;
  // The ends of what is allowed are where a wait is too short.
  static constexpr double kEnds[] = {1 - kRateBound, 1 + kRateBound};
  cluster.run.note(Fault::kSlew);
  for (const auto& coordinator : cluster.coordinators.all) {
    if (dice.chance(0.5)) coordinator->slew(dice.pick(kEnds));
  }
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
    SimCoordinator& coordinator = someCoordinator(cluster);
    coordinator.slew(dice.between(1.05, 3));
    cluster.run.agenda.after(dice.millis(2000, 20000), [&coordinator] { coordinator.slew(1); });
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
  // A promise is a process's own; what two under one account promise is nothing to rely on.
  if (twin.process.up || cluster.run.profile.failsafe) return;
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
  if (!cluster.run.profile.shared && cluster.run.dice.chance(0.5))
    return cluster.coordinators.leading().fillDisk(length);
  victim(cluster).fillDisk(length);
}

void loseStore(Cluster& cluster) {
  if (!mayLoseStore(cluster)) return;
  cluster.coordinators.leading().loseStore(cluster.run.dice.chance(0.5), Duration::seconds(5));
}

void backUpStore(Cluster& cluster) {
  cluster.coordinators.leading().backUp();
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
  if (!cluster.coordinators.leading().up()) return;
  cluster.run.note(Fault::kGroupPaused);
  if (cluster.coordinators.leading().isGroupPaused() && cluster.run.dice.chance(0.3)) {
    cluster.run.say("operator resumes the group");
    return cluster.coordinators.leading().pauseGroup(std::nullopt);
  }
  cluster.run.say("operator pauses the group");
  cluster.coordinators.leading().pauseGroup(cluster.run.dice.millis(1000, 20000));
}

void removeMember(Cluster& cluster) {
  cluster.operators.removeOrEnroll(victim(cluster));
}

void cutOffEtcd(Cluster& cluster) {
  someCoordinator(cluster).cutOffEtcd(cluster.run.dice.millis(200, 8000));
}

void restartEtcd(Cluster& cluster) {
  cluster.run.note(Fault::kEtcdRestart);
  cluster.run.say("etcd restarts");
  cluster.coordinators.etcd.restart(cluster.run.dice.millis(100, 5000));
}

// By one that can't reach the leader through the server.
void depose(Cluster& cluster) {
  cluster.run.note(Fault::kLeaderDeposed);
  cluster.run.say("the leader is deposed");
  cluster.coordinators.etcd.depose();
}

void takeCoordinatorsAway(Cluster& cluster) {
  cluster.run.note(Fault::kCoordinatorsAway);
  for (const auto& coordinator : cluster.coordinators.all) {
    coordinator->restart(Duration::seconds(25));
  }
}

enum class In { kEveryRun, kShared, kFailsafe };

struct Entry {
  int weight;
  void (*act)(Cluster&);
  In in = In::kEveryRun;
};
// At most 64: a run's profile says by a bit for each which are absent.
constexpr Entry kTable[] = {
    {6, crashNode},
    {3, crashCoordinator},
    {6, partition},
    {4, dropLink},
    {1, restartServer},
    {2, dropCoordinatorLink},
    {4, pauseNode},
    {3, pauseCoordinator},
    {2, suspendNode},
    {2, suspendCoordinator},
    {3, slew},
    {3, slewBeyond},
    {2, falseGone},
    {2, startTwin},
    {1, shutdownNode},
    {3, endApplication},
    {1, resign},
    {1, drainNode},
    {4, changeLevel},
    {2, fillDisk},
    {3, replay},
    {4, forge},
    {3, forgeToNode},
    {1, reportEpoch},
    {1, fence},
    {6, move},
    {3, repeatMove},
    {2, plan},
    {2, drainMember},
    {2, removeMember},
    {1, backUpStore},
    {1, loseStore},
    {1, tagMember},
    {1, pauseGroup},
    {4, cutOffEtcd, In::kShared},
    {1, restartEtcd, In::kShared},
    {4, depose, In::kShared},
    {4, takeCoordinatorsAway, In::kFailsafe},
    {1, loseNodeDisk},
    {4, crashNodeBriefly, In::kFailsafe},
    {10, cutOffFromCoordinators, In::kFailsafe},
};
static_assert(std::size(kTable) <= 64);

bool isAbsent(const Cluster& cluster, size_t entry) {
  const Profile& profile = cluster.run.profile;
  if (kTable[entry].in == In::kShared && !profile.shared) return true;
  if (kTable[entry].in == In::kFailsafe && !profile.failsafe) return true;
  return profile.absent >> entry & 1;
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
    node->mute = node->deaf = node->alone = false;
    node->drain(false);
    node->setLevel(100);
    node->removeTornState();
    node->wake();
  }
  cluster.coordinators.etcd.mend();
  for (const auto& coordinator : cluster.coordinators.all) {
    coordinator->cutOffEtcd({});
    coordinator->start();
    coordinator->wake();
  }
  if (cluster.run.profile.beyond_bound) {
    for (const auto& node : cluster.nodes) node->slew(1);
    for (const auto& coordinator : cluster.coordinators.all) coordinator->slew(1);
  }
  cluster.coordinators.leading().pauseGroup(std::nullopt);
  cluster.operators.undoAll();
}

}  // namespace muster::election
