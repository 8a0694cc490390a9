// A group of three nodes around one GroupMachine, with time and network in the test's hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/election/group.h"
#include "tests/libcontrol/election/effects.h"

namespace muster::election {

inline Jid bareOf(int node) {
  return Jid::parse("n" + std::to_string(node % 10) + "@example.org").value();
}

// Nodes 1 to 3; node 11 is another instance of node 1, and so on.
inline Jid fullOf(int node) {
  return bareOf(node).withResource(nodeResource(instanceOf(node)));
}

template <typename T>
const T* answer(const group::Effects& effects) {
  return findAnswer<T, group::Reply>(effects);
}

template <typename T>
int count(const group::Effects& effects) {
  int n = 0;
  for (const group::Effect& effect : effects) n += std::holds_alternative<T>(effect) ? 1 : 0;
  return n;
}

class GroupTest : public ::testing::Test {
 protected:
  GroupTest() {
    config_.name = "storage";
    config_.lease_ttl = Duration::seconds(5);
    config_.settle = Duration();
    restart({});
  }

  void restart(GroupRecord record, std::vector<group::KnownMove> known = {}) {
    const bool vacant = record.phase == Phase::kVacant;
    machine_.emplace(config_, std::move(record), random_, now_, std::move(known));
    // Else a vacant group would wait for whoever isn't there.
    if (vacant && !at_the_start_) now_ = now_ + wait();
    for (int node : {1, 2, 3}) {
      group::MemberEnrolled member;
      member.jid = bareOf(node);
      member.name = "node" + std::to_string(node);
      member.priority = 10 - node;
      step(member);
    }
    step(group::MembersListed{});
  }
  // Every process answers queries at once, but for those in silent_; what comes of that is added.
  group::Effects step(const group::Event& event) {
    group::Effects all;
    std::deque<group::Event> events = {event};
    while (!events.empty()) {
      for (group::Effect& effect : machine_->step(events.front(), now_)) {
        const auto* query = std::get_if<group::SendQuery>(&effect);
        const bool answered = query && !nobody_answers_ && !silent_.contains(query->to);
        if (answered) events.push_back(group::QueryAnswered{query->to});
        if (const auto* drain = std::get_if<group::SendDrain>(&effect)) {
          demand_ = drain->message.demand_nonce;
        }
        if (!answered) all.push_back(std::move(effect));
      }
      events.pop_front();
    }
    return all;
  }
  group::Effects present(int node, uint64_t highest = 0, uint64_t active = 0) {
    group::MemberPresent event;
    event.jid = fullOf(node);
    event.instance = instanceOf(node);
    event.highest_epoch = highest;
    event.active_epoch = active;
    return step(event);
  }
  group::Effects presentAt(int node, double level, uint64_t active = 0) {
    group::MemberPresent event;
    event.jid = fullOf(node);
    event.instance = instanceOf(node);
    event.level_percent = level;
    event.highest_epoch = event.active_epoch = active;
    return step(event);
  }
  group::Effects release(int node, std::string reason = {}, bool orderly = false) {
    return step(group::ReleaseReceived{fullOf(node), 1,
                                       Release{"storage", machine_->record().epoch,
                                               instanceOf(node), std::move(reason), orderly}});
  }
  // The present holder has stopped, as the drain that was sent asks it to.
  group::Effects drained(int node) {
    nobody_answers_ = false;
    const GroupRecord& r = machine_->record();
    return step(group::DrainedReceived{fullOf(node), Drained{r.epoch, instanceOf(node), demand_}});
  }
  group::Effects acquire(int node) {
    const GroupRecord& r = machine_->record();
    return step(group::AcquireReceived{
        fullOf(node), 7, Acquire{"storage", r.epoch, r.offer_nonce, instanceOf(node), 42}});
  }
  group::Effects renew(int node, uint64_t epoch) {
    return step(
        group::RenewReceived{fullOf(node), 7, Renew{"storage", epoch, instanceOf(node), 43}});
  }
  group::Effects advance(Duration by) {
    now_ = now_ + by;
    return step(group::Tick{});
  }
  // All that is due until then, each at its time, while `renewing` renews every second.
  group::Effects elapse(Duration length, std::optional<int> renewing = {}) {
    group::Effects all;
    const auto take = [&](group::Effects effects) {
      std::move(effects.begin(), effects.end(), std::back_inserter(all));
    };
    const ElapsedTime end = now_ + length;
    ElapsedTime next_renewal = now_ + Duration::seconds(1);
    for (int steps = 0; now_ < end; ++steps) {
      if (steps > 100'000) {
        ADD_FAILURE() << "the machine wakes without end";
        break;
      }
      ElapsedTime next = std::min(end, machine_->nextWake().value_or(end));
      if (renewing) next = std::min(next, next_renewal);
      now_ = std::max(next, now_);
      if (renewing && now_ == next_renewal) {
        take(renew(*renewing, machine_->record().epoch));
        next_renewal = now_ + Duration::seconds(1);
      }
      take(step(group::Tick{}));
    }
    return all;
  }
  void enrollAs(int node, bool is_drained, std::string note = {}) {
    group::MemberEnrolled member{bareOf(node), "node" + std::to_string(node), 10 - node, false,
                                 is_drained};
    member.drain_note = std::move(note);
    step(member);
  }
  group::Effects move(std::string key, std::optional<int> to = {},
                      std::optional<uint64_t> expect = {}) {
    group::MoveRequested request;
    request.key = std::move(key);
    request.caller = "ann";
    if (to) request.target = bareOf(*to);
    request.expect_epoch = expect;
    return step(request);
  }
  group::MoveRequested requestFor(std::string key, std::optional<int> to = {}) {
    group::MoveRequested request;
    request.key = std::move(key);
    request.caller = "ann";
    if (to) request.target = bareOf(*to);
    return request;
  }
  // Node 1 active under epoch 1, the others present.
  void activate() {
    present(1);
    present(2);
    present(3);
    acquire(1);
    present(1, 1, 1);
    ASSERT_EQ(machine_->record().phase, Phase::kActive);
    ASSERT_EQ(machine_->record().jid, bareOf(1));
  }
  Phase phase() const { return machine_->record().phase; }
  Duration wait() const {
    return waitOut(config_.lease_ttl, config_.clock_rate_bound, config_.wait_margin);
  }

  bool at_the_start_ = false;  // restart() doesn't let W pass
  std::set<Jid> silent_;
  bool nobody_answers_ = false;
  uint64_t demand_ = 0;
  SeededRandom random_{1};
  ElapsedTime now_{Duration::seconds(1000).ns};
  GroupConfig config_;
  std::optional<GroupMachine> machine_;
};

}  // namespace muster::election
