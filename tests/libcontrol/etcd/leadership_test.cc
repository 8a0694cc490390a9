// One leads at a time, and another takes over when it ends, on a real etcd.
#include "libcontrol/etcd/leadership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "libcontrol/etcd/etcd_rows.h"
#include "tests/support/etcd_server.h"

namespace muster::etcd {
namespace {

using ::testing::HasSubstr;

// The thread that all callbacks come on: this one, when it looks.
class Loop {
 public:
  Post post() {
    return [this](std::function<void()> what) {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(what));
    };
  }
  // Carries out what comes until `done`; false after half a minute.
  template <typename Done>
  bool runUntil(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::function<void()> next;
      {
        const std::lock_guard lock(mutex_);
        if (!queue_.empty()) {
          next = std::move(queue_.front());
          queue_.pop_front();
        }
      }
      if (next) {
        next();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> queue_;
};

struct Coordinator {
  Coordinator(Loop& loop, const std::string& url, std::string its_name)
      : name(std::move(its_name)) {
    ClientConfig config;
    config.endpoints = {url};
    client = std::move(Client::make(config)).value();
    leadership = std::make_unique<Leadership>(Leadership::Parts{
        *client, SystemClock::forHolder(), loop.post(), "/m/", name, "I am " + name,
        [this](const std::string& about) { return about == "I am " + name; }, Duration::seconds(2),
        [this](const Term& t) {
          ++wins;
          term = t;
        },
        [this](const std::string& why) {
          term.reset();
          lost = why;
        },
        [this](const std::string& about) { leader = about; },
        [this](const std::map<std::string, std::string>& all) { others = all; },
        [this](const Status& s) { health = s; }});
  }
  std::string name;
  std::unique_ptr<Client> client;
  std::unique_ptr<Leadership> leadership;
  std::optional<Term> term;
  int wins = 0;
  std::string lost;
  std::string leader;
  std::map<std::string, std::string> others;
  Status health;
};

class LeadershipTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()) << server_.error(); }
  std::unique_ptr<Coordinator> coordinator(const std::string& name) {
    return std::make_unique<Coordinator>(loop_, server_.url(), name);
  }
  muster::testing::EtcdServer server_;
  Loop loop_;
};

TEST_F(LeadershipTest, TheSecondTakesOverWhenTheFirstEnds) {
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  auto second = coordinator("c2");
  ASSERT_TRUE(loop_.runUntil([&] { return second->leader == "I am c1"; }));
  EXPECT_FALSE(second->term);
  EXPECT_GT(first->leadership->lastsUntil(), SystemClock::forHolder().elapsed());
  const std::map<std::string, std::string> both = {{"c1", "I am c1"}, {"c2", "I am c2"}};
  ASSERT_TRUE(loop_.runUntil([&] { return first->others == both; }));
  first->leadership.reset();
  ASSERT_TRUE(loop_.runUntil([&] { return second->term.has_value(); }));
  EXPECT_EQ(second->leader, "I am c2");
  ASSERT_TRUE(loop_.runUntil([&] { return second->others.size() == 1; }));
}

TEST_F(LeadershipTest, WhoCantCarryItOutLeavesItToAnother) {
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  auto second = coordinator("c2");
  ASSERT_TRUE(loop_.runUntil([&] { return !second->leader.empty(); }));
  first->leadership->giveUp("the store can't be read", Duration::seconds(60));
  EXPECT_LT(first->leadership->lastsUntil(), SystemClock::forHolder().elapsed());
  ASSERT_TRUE(loop_.runUntil([&] { return second->term && !first->term; }));
  EXPECT_EQ(first->lost, "the store can't be read");
  ASSERT_TRUE(loop_.runUntil([&] { return first->leader == "I am c2"; }));
  EXPECT_EQ(first->wins, 1);
}

TEST_F(LeadershipTest, WhoCantBeReachedIsDeposed) {
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  const Term before = *first->term;
  auto second = coordinator("c2");
  ASSERT_TRUE(loop_.runUntil([&] { return !second->leader.empty(); }));
  second->leadership->depose();
  ASSERT_TRUE(loop_.runUntil([&] { return second->term && !first->term; }));
  EXPECT_NE(second->term->create_revision, before.create_revision);
  ASSERT_TRUE(loop_.runUntil([&] { return first->leader == "I am c2"; }));
}

// As it is left by a process that was killed.
TEST_F(LeadershipTest, ATermOfItsOwnOfBeforeIsEndedAtOnce) {
  ClientConfig config;
  config.endpoints = {server_.url()};
  const auto client = std::move(Client::make(config)).value();
  const auto lease = client->grant(Duration::seconds(600), Duration::seconds(5));
  ASSERT_TRUE(lease);
  Transaction lead;
  lead.then = {Op::put("/m/leader", "I am c1", lease->id)};
  ASSERT_TRUE(client->transact(lead, Duration::seconds(5)));
  auto second = coordinator("c2");
  ASSERT_TRUE(loop_.runUntil([&] { return second->leader == "I am c1"; }));
  EXPECT_FALSE(second->term);
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term || second->term; }));
}

TEST_F(LeadershipTest, WithoutEtcdNobodyLeadsAndThenOneDoesAgain) {
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  const Term before = *first->term;
  server_.freeze();
  ASSERT_TRUE(loop_.runUntil([&] { return !first->term; }));
  EXPECT_THAT(first->lost, HasSubstr("as long as the lease lasts"));
  EXPECT_LE(first->leadership->lastsUntil(), SystemClock::forHolder().elapsed());
  EXPECT_FALSE(first->health);
  server_.thaw();
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  EXPECT_NE(first->term->create_revision, before.create_revision);
  EXPECT_TRUE(first->health) << first->health.text();
}

TEST_F(LeadershipTest, AKilledLeadersRowsAreTheNextOnes) {
  auto first = coordinator("c1");
  ASSERT_TRUE(loop_.runUntil([&] { return first->term.has_value(); }));
  const auto committerOf = [&](Coordinator& who) {
    return std::make_unique<Committer>(
        Committer::Parts{*who.client, SystemClock::forHolder(), "/m/", *who.term,
                         [leadership = who.leadership.get()] { return leadership->lastsUntil(); }});
  };
  auto committer = committerOf(*first);
  ASSERT_TRUE(committer->read());
  store::RowChange row{"groups", "[\"g\"]", "{}"};
  {
    CommitQueue queue(*committer, loop_.post());
    EtcdRows rows(queue);
    ASSERT_TRUE(rows.append({row}));
    std::vector<std::string> told;
    for (int i = 0; i < 1000; ++i) {
      rows.confirm([&](const Status& s) { told.push_back(s ? "ok" : s.text()); });
    }
    rows.append({{"groups", "[\"h\"]", "{}"}}, [&](const Status& s) { told.push_back(s.text()); });
    const uint64_t before = committer->transactions();
    ASSERT_TRUE(loop_.runUntil([&] { return told.size() == 1001; }));
    EXPECT_EQ(std::count(told.begin(), told.end(), "ok"), 1000);
    EXPECT_LE(committer->transactions() - before, 3u) << "a thousand are confirmed together";
  }
  auto second = coordinator("c2");
  first->leadership.reset();
  ASSERT_TRUE(loop_.runUntil([&] { return second->term.has_value(); }));
  auto next = committerOf(*second);
  const auto read = next->read();
  ASSERT_TRUE(read) << read.status().text();
  const auto rows = rowsOf(*read);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ(rows->at(0), row);
}

}  // namespace
}  // namespace muster::etcd
