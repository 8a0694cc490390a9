// A node that goes on without a coordinator, and one that promises another to take nothing.
#include <set>

#include "tests/libcontrol/election/node_fixture.h"

namespace muster::election {
namespace {

class NodePromisesTest : public NodeTest {
 protected:
  static Jid other(int n) {
    return Jid::parse("n" + std::to_string(n) + "@example.org/node-0000000" + std::to_string(n))
        .value();
  }
  static Failsafe failsafe(std::vector<Jid> others) {
    return {kWait, Duration::seconds(60), 3, std::move(others)};
  }
  // Active under epoch 5 since just now, in a group with two others.
  void activateWith(std::vector<Jid> others) {
    const uint64_t nonce = find<node::SendAcquire>(offer(5))->message.request_nonce;
    step(node::GrantedReceived{Granted{5, kTtl, nonce, false, failsafe(std::move(others))}});
    step(node::PromoteFinished{5, Status::ok()});
    ASSERT_EQ(machine_->role(), node::Role::kActive);
  }
  static std::vector<node::AskPromise> asked(const node::Effects& effects) {
    std::vector<node::AskPromise> all;
    for (const node::Effect& effect : effects) {
      if (const auto* ask = std::get_if<node::AskPromise>(&effect)) all.push_back(*ask);
    }
    return all;
  }
  // To the moment at which the others are asked, with what is sent then.
  std::vector<node::AskPromise> untilAsked() {
    for (Duration gone{}; gone < kTtl; gone = gone + ms(100)) {
      if (auto all = asked(advance(ms(100))); !all.empty()) return all;
    }
    return {};
  }
  node::Effects promise(const node::AskPromise& ask) {
    return step(node::PromiseGiven{ask.to, Promised{ask.message.request_nonce}});
  }
  node::Effects askedBy(uint64_t epoch, Duration wait = kWait) {
    return step(node::PromiseAsked{6, PromiseRequest{"storage", epoch, instanceOf(2), wait, 88}});
  }

  static constexpr Duration kWait = Duration::millis(6200);
};

TEST_F(NodePromisesTest, WithoutAnAnswerTheOthersAreAskedAndTheLeaseGoesOnFromThen) {
  activateWith({other(2), other(3)});
  const ElapsedTime granted = now_;
  const auto asks = untilAsked();
  ASSERT_EQ(asks.size(), 2u);
  EXPECT_GE(now_ - granted, kTtl * 2 / 3);
  EXPECT_EQ(asks[0].message.wait, kWait);
  const ElapsedTime asked_at = now_;
  now_ = now_ + ms(150);
  EXPECT_FALSE(find<node::LeaseExtended>(promise(asks[0]))) << "one of two is not all";
  const auto effects = promise(asks[1]);
  ASSERT_TRUE(find<node::LeaseExtended>(effects));
  EXPECT_EQ(find<node::LeaseExtended>(effects)->end, asked_at + kTtl);
  EXPECT_TRUE(find<node::FailsafeChanged>(effects)->on);
  EXPECT_TRUE(machine_->isFailsafe());
}

TEST_F(NodePromisesTest, OnePromiseTwiceIsNotThatOfTwo) {
  activateWith({other(2), other(3)});
  const auto asks = untilAsked();
  ASSERT_EQ(asks.size(), 2u);
  promise(asks[0]);
  EXPECT_FALSE(find<node::LeaseExtended>(promise(asks[0])));
}

TEST_F(NodePromisesTest, APromiseFromARoundBeforeDoesNotCount) {
  activateWith({other(2)});
  const auto first = untilAsked();
  const auto second = untilAsked();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_FALSE(find<node::LeaseExtended>(promise(first.at(0))));
  EXPECT_TRUE(find<node::LeaseExtended>(promise(second.at(0))));
}

TEST_F(NodePromisesTest, ARefusalLeavesTheLeaseToRunOutAndIsTheReason) {
  activateWith({other(2), other(3)});
  const auto asks = untilAsked();
  ASSERT_EQ(asks.size(), 2u);
  step(node::PromiseRefused{asks[0].to, Denied{asks[0].message.request_nonce, "no", 0, {}}});
  EXPECT_FALSE(find<node::LeaseExtended>(promise(asks[1])));
  node::Effects effects = advance(kTtl / 3 - kGuard);
  EXPECT_TRUE(find<node::LeaseOver>(effects));
  ASSERT_TRUE(find<node::FailsafeChanged>(effects));
  EXPECT_NE(find<node::FailsafeChanged>(effects)->text.find("n2 refused"), std::string::npos);
  effects = step(node::DemoteFinished{5});
  ASSERT_TRUE(find<node::SendRelease>(effects));
  EXPECT_NE(find<node::SendRelease>(effects)->message.reason.find("could not renew its lease"),
            std::string::npos);
}

TEST_F(NodePromisesTest, WhoeverIsAloneOrDoesNotKnowAProcessOfAnotherStops) {
  activateWith({});
  EXPECT_TRUE(untilAsked().empty());
  EXPECT_EQ(machine_->heldEpoch(), 0u);
  step(node::DemoteFinished{5});
  machine_.emplace(config_, node::Persist{4}, random_);
  step(node::LinkUp{});
  activateWith({other(2), other(3).bare()});
  EXPECT_TRUE(untilAsked().empty()) << "nobody can ask an account whose process is not known";
}

TEST_F(NodePromisesTest, TheCoordinatorsAnswerEndsIt) {
  activateWith({other(2)});
  promise(untilAsked().at(0));
  ASSERT_TRUE(machine_->isFailsafe());
  const auto sent = advance(kTtl / 6);
  const auto* renew = find<node::SendRenew>(sent);
  ASSERT_TRUE(renew) << "it goes on asking the coordinator";
  EXPECT_EQ(renew->message.members_version, 3u);
  const auto effects = step(node::GrantedReceived{
      Granted{5, kTtl, renew->message.request_nonce, false, failsafe({other(2)})}});
  EXPECT_FALSE(find<node::FailsafeChanged>(effects)->on);
  EXPECT_FALSE(machine_->isFailsafe());
}

TEST_F(NodePromisesTest, ADenialEndsTheUseAtOnceWhateverTheOthersPromised) {
  activateWith({other(2)});
  promise(untilAsked().at(0));
  const auto sent = advance(kTtl / 6);
  const uint64_t nonce = find<node::SendRenew>(sent)->message.request_nonce;
  EXPECT_TRUE(find<node::LeaseOver>(step(node::DeniedReceived{Denied{nonce, "it moved", 6, {}}})));
}

TEST_F(NodePromisesTest, ItGoesOnForNoLongerThanItMay) {
  activateWith({other(2)});
  const ElapsedTime granted = now_;
  while (machine_->heldEpoch() != 0 && now_ - granted < Duration::seconds(200)) {
    for (const node::AskPromise& ask : asked(advance(ms(100)))) promise(ask);
  }
  EXPECT_GE(now_ - granted, Duration::seconds(60) - kTtl);
  EXPECT_LE(now_ - granted, Duration::seconds(60) + kTtl);
}

// --- whoever promises ---------------------------------------------------------------------------

TEST_F(NodePromisesTest, APromiseIsOnDiskBeforeItIsGivenAndHeldAgainstOffers) {
  const auto effects = askedBy(6);
  ASSERT_TRUE(std::holds_alternative<node::Persist>(effects.front()));
  EXPECT_EQ(std::get<node::Persist>(effects.front()).promised, kWait);
  EXPECT_EQ(std::get<node::Persist>(effects.front()).highest_epoch, 6u);
  ASSERT_TRUE(answer<Promised>(effects));
  EXPECT_EQ(answer<Promised>(effects)->request_nonce, 88u);
  const auto refused = offer(7);
  ASSERT_TRUE(answer<Denied>(refused));
  EXPECT_EQ(answer<Denied>(refused)->retry_after, kWait);
  advance(kWait - ms(1));
  EXPECT_TRUE(answer<Denied>(offer(7)));
  advance(ms(1));
  EXPECT_TRUE(answer<Accepted>(offer(7)));
}

TEST_F(NodePromisesTest, TheSamePromiseAgainNeedsNoWrite) {
  askedBy(6);
  const auto effects = askedBy(6);
  EXPECT_FALSE(std::holds_alternative<node::Persist>(effects.front()));
  EXPECT_TRUE(answer<Promised>(effects));
}

TEST_F(NodePromisesTest, AfterARestartWhatWasOnDiskIsWaitedOutFirst) {
  machine_.emplace(config_, node::Persist{6, kWait}, random_);
  step(node::LinkUp{});
  EXPECT_TRUE(answer<Denied>(offer(7)));
  advance(kWait);
  EXPECT_TRUE(answer<Accepted>(offer(7)));
}

TEST_F(NodePromisesTest, WhoeverHasJustStartedWaitsEvenIfItsDiskKnowsNothing) {
  const Offer fresh{"storage", 5, kTtl, instanceOf(50), kWait};
  EXPECT_TRUE(answer<Denied>(step(node::OfferReceived{9, fresh})));
  advance(kWait);
  EXPECT_TRUE(answer<Accepted>(step(node::OfferReceived{9, fresh})));
}

TEST_F(NodePromisesTest, ItPromisesNothingThatItCannotKeepOrThatIsOver) {
  EXPECT_TRUE(answer<Denied>(askedBy(3))) << "an epoch below the highest it has seen";
  EXPECT_TRUE(answer<Denied>(askedBy(5, Duration{})));
  EXPECT_TRUE(answer<Denied>(askedBy(5, limits::kMaxPromise + ms(1))));
  EXPECT_TRUE(answer<Denied>(
      step(node::PromiseAsked{6, PromiseRequest{"another", 5, instanceOf(2), kWait, 88}})));
  offer(5);
  const auto effects = askedBy(6);
  ASSERT_TRUE(answer<Denied>(effects)) << "it is taking the role itself";
  EXPECT_EQ(answer<Denied>(effects)->request_nonce, 88u);
}

}  // namespace
}  // namespace muster::election
