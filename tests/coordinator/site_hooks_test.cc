#include "coordinator/site_hooks.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SiteHooksTest : public ClusterStage {
 protected:
  SiteHooksTest() {
    char name[] = "/tmp/muster-hooks-XXXXXX";
    dir_ = ::mkdtemp(name);
    answer("0");
    election_.min_between_moves = Duration{};
    election_.choose.level_floor = 90;
    election_.ask_before_moves = true;
    startCoordinator();
    config_.pre_failover = {"/bin/sh", "-c",
                            "cd '" + dir_.string() +
                                "' && echo \"$MUSTER_OLD>$MUSTER_NEW by $MUSTER_REQUESTED_BY\" >> "
                                "asked && echo not today >&2 && exit $(cat answer)"};
    for (auto* command : {&config_.on_demote, &config_.on_promote, &config_.post_failover}) {
      *command = {"/bin/sh", "-c",
                  "cd '" + dir_.string() +
                      "' && echo \"$MUSTER_HOOK $MUSTER_OLD/$MUSTER_OLD_EPOCH "
                      "$MUSTER_NEW/$MUSTER_EPOCH $MUSTER_OUTCOME\" >> told; test ! -e "
                      "$MUSTER_HOOK.fails || { echo no disk >&2; exit 4; }"};
    }
  }
  ~SiteHooksTest() override { std::filesystem::remove_all(dir_); }
  void SetUp() override {
    hooks_ = std::make_unique<SiteHooks>(coordinator_->cluster, *store_, coordinator_->chronicle,
                                         clock_, config_);
    ASSERT_TRUE(hooks_->load());
    nodesAppear();
    ASSERT_EQ(coordinator_->status().active(), "node1");
    second();
  }
  void TearDown() override {
    hooks_.reset();
    ClusterStage::TearDown();
  }

  void answer(const std::string& code) { std::ofstream(dir_ / "answer") << code; }
  std::string read(const std::string& name) const {
    std::ifstream in(dir_ / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // What was started comes to its end, and what that leads to.
  void finish() {
    int quiet = 0;
    for (int i = 0; i < 2000 && quiet < 3; ++i) {
      settle();
      QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
      const bool running = !hooks_->findChildren<QObject*>().isEmpty();
      quiet = running ? 0 : quiet + 1;
      if (running) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void second() {
    pass(Duration::seconds(1));
    hooks_->tick();
    finish();
  }
  Status ask(election::group::MoveRequested request) {
    Status out(Code::kInternal, "not answered");
    hooks_->ask(*coordinator_->cluster.find("g"), request, [&](const Status& s) { out = s; });
    finish();
    return out;
  }
  static election::group::MoveRequested request(bool force = false) {
    election::group::MoveRequested out;
    out.key = "k";
    out.caller = "ann@example.org";
    out.force = force;
    return out;
  }
  std::vector<std::string> history() {
    v1::HistoryRequest all;
    all.set_group("g");
    all.set_limit(100);
    std::vector<std::string> out;
    const auto reply = coordinator_->chronicle.query(all, clock_.wall());
    for (const auto& event : reply->events()) out.push_back(event.what() + ": " + event.cause());
    return out;
  }
  void showLevel(FakeNode& node, uint64_t good, v1::NodeRole role) {
    v1::ServiceState service;
    service.set_name("user");
    service.set_kind(v1::SERVICE_KIND_REQUESTS);
    service.set_objective_percent(99);
    service.set_window_ms(600'000);
    service.set_good(good);
    service.set_bad(100 - good);
    service.set_good_total(good);
    service.set_bad_total(100 - good);
    node.services = {service};
    node.showPresence(role);
    settle();
  }

  std::filesystem::path dir_;
  HookConfig config_;
  std::unique_ptr<SiteHooks> hooks_;
};

TEST_F(SiteHooksTest, APersonsMoveGoesOnIfTheHookSaysSo) {
  EXPECT_TRUE(ask(request()));
  EXPECT_EQ(read("asked"), "node1>node2 by ann@example.org\n");
}

TEST_F(SiteHooksTest, AVetoIsToldWithWhatTheHookSaid) {
  answer("3");
  const Status vetoed = ask(request());
  EXPECT_EQ(vetoed.code(), Code::kRefusedUnsafe);
  EXPECT_EQ(vetoed.text(), "the hook pre_failover vetoed it: it ended with exit code 3: not today");
  EXPECT_THAT(history().front(), HasSubstr("vetoed: a move was asked for by ann@example.org"));
}

TEST_F(SiteHooksTest, WhatCameOfThemIsCounted) {
  EXPECT_TRUE(ask(request()));
  answer("3");
  EXPECT_FALSE(ask(request()));
  metrics::Families families;
  hooks_->describe(families);
  const std::string text = metrics::textOf(families.take());
  for (const char* line :
       {"muster_hooks_waiting 0", "muster_hook_runs_total{hook=\"pre_failover\",result=\"ok\"} 1",
        "muster_hook_runs_total{hook=\"pre_failover\",result=\"failed\"} 1",
        "muster_hook_runs_total{hook=\"on_demote\",result=\"ok\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(SiteHooksTest, ForceIsNotAskedAbout) {
  answer("3");
  EXPECT_TRUE(ask(request(/*force=*/true)));
  EXPECT_EQ(read("asked"), "");
  EXPECT_THAT(history().front(), HasSubstr("unasked"));
}

TEST_F(SiteHooksTest, NobodyIsAskedWhereAVetoWouldLeaveTheGroupWithoutService) {
  answer("3");
  one_.stop();
  settle();
  EXPECT_TRUE(ask(request())) << "the holder is lost";
  EXPECT_EQ(read("asked"), "");
}

TEST_F(SiteHooksTest, TwoQuestionsAtOnceAreOneTooMany) {
  std::vector<Status> answers;
  for (const char* key : {"a", "b"}) {
    election::group::MoveRequested one = request();
    one.key = key;
    hooks_->ask(*coordinator_->cluster.find("g"), one,
                [&](const Status& s) { answers.push_back(s); });
  }
  EXPECT_THAT(hooks_->noteOf("g"), HasSubstr("is being asked"));
  finish();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].code(), Code::kConflict);
  EXPECT_TRUE(answers[1]);
}

TEST_F(SiteHooksTest, WhatHappenedIsToldInOrder) {
  EXPECT_EQ(read("told"), "on_promote / node1/1 \npost_failover / node1/1 active\n");
  std::filesystem::remove(dir_ / "told");
  coordinator_->cluster.find("g")->step(request());
  settle();
  EXPECT_EQ(coordinator_->status().active(), "node2");
  second();
  EXPECT_EQ(read("told"),
            "on_demote node1/1 / \non_promote node1/1 node2/2 \npost_failover node1/1 node2/2 "
            "active\n");
}

TEST_F(SiteHooksTest, AVetoedMoveOfItsOwnIsAskedAboutLessAndLess) {
  answer("3");
  showLevel(two_, 99, v1::NODE_ROLE_STANDBY);
  showLevel(one_, 50, v1::NODE_ROLE_ACTIVE);
  const auto live = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      one_.renew(1);
      settle();
      second();
    }
  };
  live(32);
  const std::string once = "node1>node2 by \n";
  EXPECT_EQ(read("asked"), once);
  EXPECT_THAT(coordinator_->status().note(), HasSubstr("the hook pre_failover vetoed it"));
  live(26);
  EXPECT_EQ(read("asked"), once) << "again after 30 s";
  live(5);
  EXPECT_EQ(read("asked"), once + once);
  live(50);
  EXPECT_EQ(read("asked"), once + once) << "and then after a minute";
  EXPECT_EQ(coordinator_->status().active(), "node1");
  answer("0");
  live(15);
  EXPECT_EQ(coordinator_->status().active(), "node2");
}

TEST_F(SiteHooksTest, AHookThatFailsIsAnAlarm) {
  std::ofstream(dir_ / "on_promote.fails") << "";
  coordinator_->cluster.find("g")->step(request());
  settle();
  second();
  EXPECT_THAT(history().front(), HasSubstr("hook-failed: the hook on_promote (node2, epoch 2): it "
                                           "ended with exit code 4: no disk"));
  EXPECT_THAT(coordinator_->status().note(), HasSubstr("on_promote"));
}

}  // namespace
}  // namespace muster::coordinator
