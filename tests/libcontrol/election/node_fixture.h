// One node around its NodeMachine, with time and network in the test's hand.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "libcontrol/election/node.h"
#include "tests/libcontrol/election/effects.h"

namespace muster::election {

template <typename T>
const T* answer(const node::Effects& effects) {
  return findAnswer<T, node::Reply>(effects);
}

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    config_.group = "storage";
    config_.instance = instanceOf(1);
    machine_.emplace(config_, node::Persist{4}, random_);
    step(node::LinkUp{});
  }
  node::Effects step(const node::Event& event) { return machine_->step(event, now_); }
  node::Effects advance(Duration by) {
    now_ = now_ + by;
    return step(node::Tick{});
  }
  node::Effects offer(uint64_t epoch) {
    return step(node::OfferReceived{9, Offer{"storage", epoch, kTtl, instanceOf(50)}});
  }
  node::Effects grant(uint64_t nonce, uint64_t epoch = 5, bool draining = false) {
    return step(node::GrantedReceived{Granted{epoch, kTtl, nonce, draining}});
  }
  node::Effects drain(uint64_t epoch = 5) {
    return step(node::DrainReceived{8, Drain{"storage", epoch, instanceOf(1), 77}});
  }
  // Active under epoch 5, granted at once.
  void activate() {
    grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
    step(node::PromoteFinished{5, Status::ok()});
    ASSERT_EQ(machine_->role(), node::Role::kActive);
  }
  // The renewal due at T/3.
  uint64_t renewal() {
    const auto effects = advance(kTtl / 3);
    return find<node::SendRenew>(effects)->message.request_nonce;
  }

  static constexpr Duration kTtl = Duration::seconds(6);
  static constexpr Duration kGuard = Duration::millis(600);
  SeededRandom random_{2};
  ElapsedTime now_{Duration::seconds(500).ns};
  NodeConfig config_;
  std::optional<NodeMachine> machine_;
};

}  // namespace muster::election
