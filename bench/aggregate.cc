// What a node's presence costs until its group's level is known, with more and more nodes in the
// group: it should not matter how many.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/random.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

constexpr int kUpdates = 20'000;
constexpr int kRounds = 7;

NodeServices told(Random& random) {
  std::vector<ServiceSnapshot> services(2);
  services[0].name = "user";
  services[0].kind = Kind::kRequests;
  services[1].name = "storage";
  services[1].kind = Kind::kAvailability;
  for (ServiceSnapshot& service : services) {
    service.good = 1000 + random.below(1000);
    service.bad = random.below(5);
    service.observed = service.window;
    for (const Duration length : windowLengths(burnRulesOf(service), service.period)) {
      service.windows.push_back({length, 1000 + random.below(1000), random.below(5), length});
    }
    judgeAll(service);
  }
  return std::make_shared<const std::vector<ServiceSnapshot>>(std::move(services));
}

double microseconds(std::chrono::steady_clock::duration d, int calls) {
  return std::chrono::duration<double, std::micro>(d).count() / calls;
}

struct Cost {
  double update_us;    // the sums alone
  double level_us;     // and the group's level from them
  double from_all_us;  // what it costs to add all nodes up instead
  double bytes_a_node;
};

Cost measure(size_t nodes) {
  SeededRandom random(nodes);
  std::vector<NodeServices> pool;
  for (int i = 0; i < 256; ++i) pool.push_back(told(random));
  const size_t before = mallinfo2().uordblks;
  GroupAggregate group("ledger");
  for (size_t i = 0; i < nodes; ++i) group.setNode("node" + std::to_string(i), told(random));
  group.setActive("node0");
  Cost cost{};
  cost.bytes_a_node =
      static_cast<double>(mallinfo2().uordblks - before) / static_cast<double>(nodes);
  std::vector<double> updates;
  std::vector<double> levels;
  ElapsedTime now{};
  for (int round = 0; round < kRounds; ++round) {
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kUpdates; ++i) {
      group.setNode("node" + std::to_string(random.below(nodes)), pool[random.below(pool.size())]);
    }
    updates.push_back(microseconds(std::chrono::steady_clock::now() - begin, kUpdates));
    begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kUpdates / 10; ++i) {
      group.setNode("node" + std::to_string(random.below(nodes)), pool[random.below(pool.size())]);
      group.step(now = now + Duration::millis(1), WallTime{});
    }
    levels.push_back(microseconds(std::chrono::steady_clock::now() - begin, kUpdates / 10));
  }
  std::sort(updates.begin(), updates.end());
  std::sort(levels.begin(), levels.end());
  cost.update_us = updates[kRounds / 2];
  cost.level_us = levels[kRounds / 2];
  const auto begin = std::chrono::steady_clock::now();
  GroupAggregate anew("ledger");
  for (size_t i = 0; i < nodes; ++i) anew.setNode("node" + std::to_string(i), pool[i % 256]);
  anew.judged();
  cost.from_all_us = microseconds(std::chrono::steady_clock::now() - begin, 1);
  return cost;
}

}  // namespace
}  // namespace muster::service

int main() {
  std::printf("a group of nodes with two services each; %d updates, median of %d rounds\n",
              muster::service::kUpdates, muster::service::kRounds);
  double first = 0;
  for (const size_t nodes : {10, 1'000, 10'000}) {
    const auto cost = muster::service::measure(nodes);
    if (first == 0) first = cost.level_us;
    std::printf(
        "%6zu nodes: update %.2f us; update and level %.2f us (%.2f times that of 10 "
        "nodes); all from scratch %.0f us; %.0f bytes a node\n",
        nodes, cost.update_us, cost.level_us, cost.level_us / first, cost.from_all_us,
        cost.bytes_a_node);
  }
}
