#include "tests/libcontrol/election/simulation/simulation.h"

#include <functional>

#include "tests/libcontrol/election/simulation/sim_cluster.h"

namespace muster::election {
namespace {

constexpr Duration kStorm = Duration::seconds(60);
// The word that a session ended may take 10 s, and presence is sent again every 2 s.
constexpr Duration kLatestPresence = Duration::seconds(12);
// Ordinary runs take some hundreds.
constexpr int64_t kMaxSteps = 100'000;

// A machine whose nextWake() never moves on would stop time.
void runNext(Cluster& cluster) {
  cluster.run.agenda.runNext();
  if (cluster.run.result.steps > kMaxSteps) cluster.run.fail("the machines wake without end");
}

void runUntil(Cluster& cluster, ElapsedTime end) {
  while (cluster.run.agenda.nextAt() <= end && !cluster.run.failed()) runNext(cluster);
}

// How long anything may take once nothing fails any more: the last lease, an orderly stop, a slow
// promotion, a ghost's last presence, and pauses between offers.
Duration bound(const Cluster& cluster) {
  const GroupConfig& config = cluster.run.config;
  return waitOut(config.lease_ttl, config.clock_rate_bound, config.wait_margin) +
         config.drain_deadline + config.promote_timeout + config.backoff_last +
         config.offer_timeout + kLongestTtl + kLeaderTtl + Duration::seconds(20) +
         (cluster.run.profile.failsafe ? Duration::seconds(30) : Duration{});
}

void await(Cluster& cluster, const std::function<bool()>& there, const std::string& else_) {
  ElapsedTime end = cluster.run.now() + bound(cluster);
  while (!cluster.run.failed() && !there()) {
    // An announced hold is no failure.
    end = std::max(end, cluster.coordinators.heldUntil() + bound(cluster));
    if (cluster.run.now() >= end) return cluster.run.fail(else_);
    runNext(cluster);
  }
}

bool isMember(Cluster& cluster, const SimNode& node) {
  return !node.isTwin() && cluster.coordinators.leading().member(node.bare) != nullptr;
}

void awaitActive(Cluster& cluster, const std::string& what) {
  await(
      cluster,
      [&cluster] {
        const SimNode* active = cluster.active();
        return active && isMember(cluster, *active) && !cluster.coordinators.leading().disk().move;
      },
      what);
}

// Nobody takes the role from a healthy holder.
void staysActive(Cluster& cluster) {
  const uint64_t epoch = cluster.coordinators.leading().disk().epoch;
  const ElapsedTime end = cluster.run.now() + cluster.run.config.lease_ttl * 3;
  while (cluster.run.now() < end && !cluster.run.failed()) {
    if (cluster.active() == nullptr || cluster.coordinators.leading().disk().epoch != epoch) {
      return cluster.run.fail("the role was lost although nothing had failed");
    }
    runNext(cluster);
  }
}

void moveInFairWeather(Cluster& cluster) {
  SimNode* target = nullptr;
  for (const auto& node : cluster.nodes) {
    if (node.get() != cluster.active() && isMember(cluster, *node)) target = node.get();
  }
  if (target == nullptr) return;
  const std::string key =
      cluster.operators.moveTo(*target, cluster.coordinators.leading().disk().epoch);
  await(
      cluster, [&] { return cluster.operators.outcomeOf(key).has_value(); },
      "a move came to nothing");
  if (cluster.run.failed()) return;
  if (cluster.operators.outcomeOf(key) != Code::kOk || cluster.active() != target) {
    cluster.run.fail("a move failed although nothing was wrong");
  }
}

// Nodes that were down log in by themselves. A write that began among the faults may still be the
// end of its process, and of whatever waits for it.
bool isComplete(Cluster& cluster) {
  if (!cluster.coordinators.areSettled()) return false;
  for (const auto& node : cluster.nodes) {
    if (!node->isTwin() && !node->process.linked) return false;
  }
  return true;
}

void undoAll(Cluster& cluster) {
  await(
      cluster, [&cluster] { return cluster.coordinators.areSettled(); },
      "no coordinator came to lead after the faults had stopped");
  cluster.coordinators.leading().pauseGroup(std::nullopt);
  cluster.operators.undoAll();
}

void fairWeather(Cluster& cluster) {
  undoAll(cluster);
  awaitActive(cluster, "no node became active after the faults had stopped");
  await(
      cluster, [&cluster] { return isComplete(cluster); }, "somebody did not come back");
  // What was to be undone when the coordinator crashed once more.
  undoAll(cluster);
  // Presence that was late, an unavailable after the next login: let what is under way end.
  runUntil(cluster, cluster.run.now() + kLatestPresence);
  awaitActive(cluster, "no node stayed active after the faults had stopped");
  if (!cluster.run.failed()) staysActive(cluster);
  if (!cluster.run.failed()) moveInFairWeather(cluster);
  if (cluster.run.failed()) return;
  cluster.active()->crash("crash in fair weather");
  awaitActive(cluster, "no other process became active after the active one had crashed");
}

}  // namespace

Cluster::Cluster(const Scenario& scenario)
    : run(scenario),
      resource(run),
      network(run, nodes),
      coordinators(run, network),
      operators(run, coordinators, nodes) {
  network.connect(coordinators);
  for (const auto& coordinator : coordinators.all) coordinator->connect(operators);
  for (const char* name : {"n1", "n2", "n3", "twin"}) {
    nodes.push_back(std::make_unique<SimNode>(run, network, resource, coordinators.addresses(),
                                              name, static_cast<uint32_t>(nodes.size()),
                                              nodes.size() == 3));
  }
}

SimNode* Cluster::active() {
  if (!coordinators.leading().up()) return nullptr;
  const GroupRecord& record = coordinators.leading().machine().record();
  if (record.phase != Phase::kActive) return nullptr;
  for (const auto& node : nodes) {
    if (node->process.up && node->instance() == record.instance &&
        node->activeEpoch() == record.epoch) {
      return node.get();
    }
  }
  return nullptr;
}

RunResult simulate(const Scenario& scenario) {
  Cluster cluster(scenario);
  for (const auto& coordinator : cluster.coordinators.all) coordinator->start();
  cluster.operators.enrollFirst();
  for (size_t i = 0; i + 1 < cluster.nodes.size(); ++i) cluster.nodes[i]->start();
  storm(cluster);
  runUntil(cluster, ElapsedTime{} + kStorm);
  if (!cluster.run.failed()) {
    calmDown(cluster);
    fairWeather(cluster);
  }
  if (!cluster.run.failed() && cluster.run.result.failovers == 0)
    cluster.run.fail("nothing failed over");
  RunResult result = std::move(cluster.run.result);
  if (result.violation.empty()) result.violation = cluster.run.invariants.violation();
  result.faults[static_cast<size_t>(Fault::kOverlap)] = cluster.run.invariants.overlaps();
  result.seconds = static_cast<double>(cluster.run.now().ns) * 1e-9;
  return result;
}

}  // namespace muster::election
