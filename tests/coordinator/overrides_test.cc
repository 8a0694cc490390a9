#include "coordinator/overrides.h"

#include <gmock/gmock.h>

#include "libcontrol/base/limits.h"
#include "tests/coordinator/paper_nodes.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OverridesTest : public PaperNodes {
 protected:
  OverridesTest() {
    restart();
    come("node1", 'a');
    come("node2", 'a');
  }

  // As a coordinator that knows nothing but its store, and no presence yet.
  void restart() {
    appeared_ = nullptr;
    overrides_.reset();
    fanout_.reset();
    sent_.clear();
    members_ = Members();
    EXPECT_TRUE(members_.load(store_->members(), clock_.wall()).isOk());
    fanout_ = std::make_unique<Fanout>(sender(), clock_);
    overrides_ = std::make_unique<Overrides>(
        Overrides::Parts{store_->overrides(), members_, *fanout_, clock_, [] {
                           return std::vector<std::string>{"g", "h"};
                         }});
    EXPECT_TRUE(overrides_->load().isOk());
    appeared_ = [this](const Member& member, const Jid& jid) {
      overrides_->onAppeared(member, jid);
    };
  }

  void set(const std::string& target, v1::LogLevel level,
           std::optional<Duration> duration = std::nullopt, const std::string& logger = "storage") {
    replies_.emplace_back(Status(Code::kInternal, "not answered"));
    notes_.emplace_back();
    const size_t at = replies_.size() - 1;
    overrides_->change({{target, false}, logger, level, duration, "ann@example.org"},
                       [this, at](Result<v1::ClusterLogLevelReply> reply, const std::string& note) {
                         replies_[at] = std::move(reply);
                         notes_[at] = note;
                       });
  }
  void debug(const std::string& target, std::optional<Duration> duration = std::nullopt) {
    set(target, v1::LOG_LEVEL_DEBUG, duration);
  }
  void reset(const std::string& target) { set(target, v1::LOG_LEVEL_RESET); }

  void pass(Duration time) {
    clock_.advance(time);
    overrides_->checkCalls();
    overrides_->tick();
  }
  // "node1 ok", as the last reply has it.
  std::vector<std::string> results(size_t from_the_end = 0) const {
    const auto& reply = replies_.at(replies_.size() - 1 - from_the_end);
    EXPECT_TRUE(reply.isOk()) << reply.status().text();
    std::vector<std::string> out;
    if (!reply) return out;
    for (const v1::NodeResult& result : reply->results()) {
      out.push_back(result.node() + " " + result.outcome());
    }
    return out;
  }
  Status status() const { return replies_.back().status(); }
  bool isAnswered() const { return replies_.back().status().text() != "not answered"; }
  size_t stored() { return store_->overrides().list().value().size(); }

  std::unique_ptr<Fanout> fanout_;
  std::unique_ptr<Overrides> overrides_;
  std::vector<Result<v1::ClusterLogLevelReply>> replies_;
  std::vector<std::string> notes_;
};

TEST_F(OverridesTest, EveryNodeThatIsThereIsAskedAndTheRestIsTold) {
  debug("all", Duration::seconds(600));
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 600000", "node2 storage debug 600000"));
  EXPECT_EQ(sent_[0].order.by(), "ann@example.org");
  EXPECT_EQ(stored(), 1u) << "durable before anybody hears of it";
  answer("node1");
  EXPECT_FALSE(isAnswered());
  answer("node2");
  EXPECT_THAT(results(),
              ElementsAre("node3 unavailable", "node4 unavailable", "node1 ok", "node2 ok"));
  EXPECT_EQ(notes_.back(),
            "Logger storage is at debug on 2 of 4 nodes until 2026-01-01T00:10:00Z; 2 not "
            "present.");
}

TEST_F(OverridesTest, ADeadNodeDelaysNobodyForLong) {
  debug("g");
  answer("node2");
  pass(limits::kFanoutWait - Duration::millis(1));
  EXPECT_FALSE(isAnswered());
  pass(Duration::millis(1));
  EXPECT_THAT(results(), ElementsAre("node1 timeout", "node2 ok"));
  EXPECT_THAT(replies_.back()->results(0).text(), HasSubstr("gets the setting when it is back"));
  EXPECT_THAT(notes_.back(), HasSubstr("on 1 of 2 nodes"));
  EXPECT_THAT(notes_.back(), HasSubstr("1 did not answer yet"));
  // It answers after all: then it has it, and isn't asked again.
  answer("node1");
  pass(limits::kOverrideRetry);
  EXPECT_THAT(orders(), IsEmpty());
}

TEST_F(OverridesTest, ANodesTimeBeginsWhenItIsAsked) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight - 1; ++i) {
    fanout_->add(
        bare("busy"), [] { return v1::Order(); }, [](const Status&, const v1::OrderReply&) {});
  }
  debug("g");
  ASSERT_EQ(fanout_->waiting(), 1u) << "node2's";
  clock_.advance(limits::kOrderPatience);
  fanout_->checkTime();
  ASSERT_EQ(fanout_->waiting(), 0u);
  pass(limits::kFanoutWait - Duration::millis(1));
  EXPECT_FALSE(isAnswered()) << "node1 has had its time, node2 has not";
  pass(Duration::millis(1));
  EXPECT_THAT(results(), ElementsAre("node1 timeout", "node2 timeout"));
}

TEST_F(OverridesTest, TheSilentAreNotWaitedForLongerSinceOthersWereAskedLater) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight - 1; ++i) {
    fanout_->add(
        bare("busy"), [] { return v1::Order(); }, [](const Status&, const v1::OrderReply&) {});
  }
  debug("g");
  clock_.advance(limits::kOrderPatience);
  fanout_->checkTime();
  answer("node2");
  pass(limits::kFanoutWait - limits::kOrderPatience);
  EXPECT_THAT(results(), ElementsAre("node1 timeout", "node2 ok"));
}

TEST_F(OverridesTest, WhateverIsStillInLineWhoeverAskedIsAnswered) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight; ++i) {
    fanout_->add(
        bare("busy"), [] { return v1::Order(); }, [](const Status&, const v1::OrderReply&) {});
  }
  debug("node1");
  pass(limits::kFanoutLimit - Duration::millis(1));
  EXPECT_FALSE(isAnswered());
  pass(Duration::millis(1));
  EXPECT_THAT(results(), ElementsAre("node1 timeout"));
}

TEST_F(OverridesTest, WithAFullLineNobodyWaits) {
  while (fanout_->add(
      bare("busy"), [] { return v1::Order(); }, [](const Status&, const v1::OrderReply&) {})) {
  }
  debug("node1");
  EXPECT_THAT(results(), ElementsAre("node1 resource-exhausted"));
  EXPECT_EQ(stored(), 1u) << "it is handed out later";
}

TEST_F(OverridesTest, WhoDidNotAnswerGetsItWhenItIsBackWithTheTimeThatIsLeft) {
  debug("node1", Duration::seconds(600));
  pass(limits::kFanoutWait);
  go("node1", 'a');
  pass(Duration::seconds(58));
  sent_.clear();
  come("node1", 'a');
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 540000 ahead"));
  answer("node1");
  go("node1", 'a');
  come("node1", 'a');
  EXPECT_THAT(orders(), IsEmpty()) << "the same process has it already";
}

TEST_F(OverridesTest, ATimeoutIsTriedAgainButNotAtOnce) {
  debug("node1", Duration::seconds(600));
  pass(limits::kFanoutWait);
  const Sent lost = sent_.at(0);
  sent_.clear();
  lost.done({Code::kTimeout, "no answer"}, {});
  pass(limits::kOverrideRetry - Duration::millis(1));
  EXPECT_THAT(orders(), IsEmpty());
  pass(Duration::millis(1));
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 588000 ahead"));
}

TEST_F(OverridesTest, ARestartedNodeGetsItAndSoDoesOneThatJoinsLater) {
  debug("g", Duration::seconds(60));
  answer("node1");
  answer("node2");
  pass(Duration::seconds(10));
  go("node1", 'a');
  come("node1", 'b');
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 50000 ahead"));
  come("node3", 'a');
  EXPECT_EQ(orders().size(), 1u) << "of another group";
  answer("node1");
  pass(Duration::seconds(50));
  go("node1", 'b');
  come("node1", 'c');
  EXPECT_THAT(orders(), IsEmpty()) << "it is over";
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, ARestartOfTheCoordinatorForgetsNothing) {
  debug("all", limits::kForever);
  answer("node1");
  answer("node2");
  set("g", v1::LOG_LEVEL_WARN, Duration::seconds(100), "user");
  answer("node1");
  answer("node2");
  clock_.advance(Duration::seconds(30));
  restart();
  come("node1", 'a');
  come("node4", 'a');
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 0 ahead", "node1 user warn 70000 ahead",
                                    "node4 storage debug 0 ahead"));
  EXPECT_EQ(sent_[0].order.by(), "ann@example.org");
}

TEST_F(OverridesTest, NothingSaidIsAQuarterOfAnHour) {
  debug("node1");
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 900000"));
}

TEST_F(OverridesTest, ANameThatNoNodeKnowsIsRefusedAndNotKept) {
  debug("g");
  answer("node1", Code::kNotFound, "there is no logger 'storage'");
  answer("node2", Code::kNotFound, "there is no logger 'storage'");
  EXPECT_EQ(status().code(), Code::kNotFound);
  EXPECT_EQ(status().field(), "logger");
  EXPECT_EQ(status().text(), "node1: there is no logger 'storage'");
  EXPECT_EQ(stored(), 0u);
  come("node1", 'b');
  EXPECT_THAT(orders(), IsEmpty());
}

TEST_F(OverridesTest, WhatARefusedOneReplacedIsInForceAgain) {
  debug("g", Duration::seconds(600));
  answer("node1");
  answer("node2");
  set("g", v1::LOG_LEVEL_TRACE);
  answer("node1", Code::kResourceExhausted, "too many");
  answer("node2", Code::kResourceExhausted, "too many");
  EXPECT_FALSE(status().isOk());
  come("node1", 'b');
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 600000 ahead"));
}

TEST_F(OverridesTest, WhereOthersHaveTheLoggerItIsSetAhead) {
  debug("g", Duration::seconds(600));
  answer("node1", Code::kNotFound, "there is no logger 'storage'");
  answer("node2");
  EXPECT_THAT(results(), ElementsAre("node1 not-found", "node2 ok"));
  pass(Duration::seconds(1));
  EXPECT_THAT(orders(), ElementsAre("node1 storage debug 599000 ahead"));
  answer("node1");
  pass(limits::kOverrideRetry);
  EXPECT_THAT(orders(), IsEmpty());
}

TEST_F(OverridesTest, ResetEndsItAtTheCoordinatorToo) {
  debug("g", Duration::seconds(600));
  answer("node1");
  answer("node2");
  reset("g");
  EXPECT_THAT(orders(), ElementsAre("node1 storage reset", "node2 storage reset"));
  answer("node1");
  answer("node2");
  EXPECT_EQ(notes_.back(), "Logger storage is reset on 2 of 2 nodes.");
  pass(Duration::seconds(1));
  EXPECT_EQ(stored(), 0u) << "all have it";
  come("node1", 'b');
  EXPECT_THAT(orders(), IsEmpty());
}

TEST_F(OverridesTest, AResetIsOwedToWhoMissedIt) {
  debug("g", Duration::seconds(600));
  answer("node1");
  answer("node2");
  go("node1", 'a');
  reset("g");
  answer("node2");
  pass(Duration::seconds(30));
  come("node1", 'a');
  EXPECT_THAT(orders(), ElementsAre("node1 storage reset"));
  answer("node1");
  pass(Duration::seconds(1));
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, AResetOfWhatNoNodeKnowsAnyMoreStillEndsIt) {
  debug("node1", limits::kForever);
  answer("node1");
  reset("node1");
  answer("node1", Code::kNotFound, "there is no logger 'storage'");
  EXPECT_THAT(results(), ElementsAre("node1 not-found"));
  pass(Duration::seconds(1));
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, TheLaterOneWinsOnTheNodesThatBothAreFor) {
  debug("all", Duration::seconds(600));
  answer("node1");
  answer("node2");
  set("node1", v1::LOG_LEVEL_WARN, Duration::seconds(60));
  answer("node1");
  come("node1", 'b');
  EXPECT_THAT(orders(), ElementsAre("node1 storage warn 60000 ahead"));
  answer("node1");
  // A wider one that comes later takes the narrower one's place, and it alone is kept.
  set("g", v1::LOG_LEVEL_TRACE, Duration::seconds(600));
  answer("node1");
  answer("node2");
  EXPECT_EQ(stored(), 2u);
  come("node1", 'c');
  EXPECT_THAT(orders(), ElementsAre("node1 storage trace 600000 ahead"));
}

TEST_F(OverridesTest, WhenTheNarrowerOneIsOverTheBootLevelApplies) {
  debug("all", Duration::seconds(600));
  answer("node1");
  answer("node2");
  set("node1", v1::LOG_LEVEL_WARN, Duration::seconds(60));
  answer("node1");
  pass(Duration::seconds(60));
  EXPECT_THAT(orders(), IsEmpty()) << "the node has ended it by itself";
  // A new process has nothing to end; what it must not get is the wider one.
  come("node1", 'b');
  EXPECT_THAT(orders(), ElementsAre("node1 storage reset"));
  answer("node1");
  come("node2", 'b');
  EXPECT_THAT(orders(), ElementsAre("node2 storage debug 540000 ahead"));
  answer("node2");
  pass(Duration::seconds(540));
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, OneThatIsOvertakenIsNotSentAnyMore) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight; ++i) {
    fanout_->add(
        bare("busy"), [] { return v1::Order(); }, [](const Status&, const v1::OrderReply&) {});
  }
  sent_.clear();
  debug("node1");
  set("node1", v1::LOG_LEVEL_TRACE);
  clock_.advance(limits::kOrderPatience);
  fanout_->checkTime();
  EXPECT_THAT(orders(), ElementsAre("node1 storage trace 899900"));
  EXPECT_THAT(results(1), ElementsAre("node1 conflict"));
}

TEST_F(OverridesTest, TheRootHasOneName) {
  set("node1", v1::LOG_LEVEL_DEBUG, std::nullopt, "all");
  answer("node1");
  set("node1", v1::LOG_LEVEL_DEBUG, std::nullopt, "root");
  answer("node1");
  EXPECT_EQ(stored(), 1u);
}

TEST_F(OverridesTest, WhatIsForANodeThatIsNoMemberAnyMoreIsForgotten) {
  debug("node4", limits::kForever);
  EXPECT_EQ(stored(), 1u);
  ASSERT_TRUE(store_->members().remove("node4").isOk());
  restart();
  pass(Duration::seconds(1));
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, Lists) {
  Result<v1::ClusterLogLevelReply> got = Status(Code::kInternal, "not answered");
  overrides_->list(
      {"all", false}, std::nullopt, "ann@example.org",
      [&](Result<v1::ClusterLogLevelReply> reply, const std::string&) { got = std::move(reply); });
  EXPECT_THAT(orders(), ElementsAre("node1 ", "node2 "));
  v1::OrderReply reply;
  reply.set_code("ok");
  reply.mutable_log_level()->add_loggers()->set_name("root");
  reply.mutable_log_level()->add_loggers()->set_name("storage");
  sent_[1].done(Status::ok(), reply);
  pass(limits::kFanoutWait);
  ASSERT_TRUE(got.isOk());
  ASSERT_EQ(got->loggers_size(), 2);
  EXPECT_EQ(got->loggers(1).node(), "node2");
  EXPECT_EQ(got->loggers(1).logger().name(), "storage");
  EXPECT_EQ(got->results(0).text(), "did not answer");
  EXPECT_EQ(got->results(1).text(), "not present");
  EXPECT_EQ(got->results(3).outcome(), "ok");
  EXPECT_EQ(stored(), 0u);
}

TEST_F(OverridesTest, AnUnknownTargetIsRefused) {
  debug("node9");
  EXPECT_EQ(status().code(), Code::kNotFound);
  EXPECT_EQ(status().field(), "target");
}

}  // namespace
}  // namespace muster::coordinator
