// Commits happen once and in order, whatever happens to their transactions.
#include "libcontrol/etcd/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etcd_model.h"

namespace muster::etcd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Fate = ModelClient::Fate;

class CommitterTest : public testing::Test {
 protected:
  Term newTerm() {
    Transaction take;
    take.then = {Op::erase("/m/leader")};
    model_.transact(take);
    take.then = {Op::put("/m/leader", "c"), Op::get("/m/leader")};
    return {"/m/leader", model_.transact(take).found.at(0).create_revision};
  }
  std::unique_ptr<Committer> committer(const Term& term) {
    return std::make_unique<Committer>(
        Committer::Parts{client_, clock_, "/m/", term, [this] { return lasts_until_; }});
  }
  std::map<std::string, std::string> rows() {
    auto fresh = committer(newTerm());
    auto read = fresh->read();
    EXPECT_TRUE(read) << read.status().text();
    return read ? *read : std::map<std::string, std::string>();
  }
  static Changes many(int n, const std::string& value) {
    Changes out;
    for (int i = 0; i < n; ++i) out["t/" + std::to_string(1000 + i)] = value;
    return out;
  }

  ManualClock clock_;
  EtcdModel model_{clock_};
  ModelClient client_{model_};
  ElapsedTime lasts_until_ = clock_.elapsed() + Duration::seconds(10);
};

TEST_F(CommitterTest, WhatIsCommittedIsReadByTheNext) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  EXPECT_TRUE(committer->commit({{"t/a", "1"}, {"t/b", "2"}}));
  EXPECT_TRUE(committer->commit({{"t/a", "3"}, {"t/b", std::nullopt}}));
  EXPECT_TRUE(committer->confirm());
  EXPECT_THAT(rows(), ElementsAre(Pair("t/a", "3")));
}

TEST_F(CommitterTest, AnAnswerThatIsLostIsAskedForAgain) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  for (const Fate fate : {Fate::kLostBefore, Fate::kLostAfter, Fate::kLate}) {
    client_.fates = {fate, fate};
    EXPECT_TRUE(committer->commit({{"t/a", std::to_string(static_cast<int>(fate))}}));
  }
  EXPECT_EQ(model_.content().at("/m/commit"), "3") << "each was done once";
}

TEST_F(CommitterTest, ALateCopyUndoesNothing) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  client_.fates = {Fate::kLate};
  EXPECT_TRUE(committer->commit({{"t/a", "old"}}));
  EXPECT_TRUE(committer->commit({{"t/a", "new"}}));
  client_.lateOnes();
  EXPECT_THAT(rows(), ElementsAre(Pair("t/a", "new")));
}

TEST_F(CommitterTest, AnOldLeaderWritesAndConfirmsNothing) {
  auto old = committer(newTerm());
  ASSERT_TRUE(old->read());
  EXPECT_TRUE(old->commit({{"t/a", "1"}}));
  EXPECT_THAT(rows(), ElementsAre(Pair("t/a", "1")));
  EXPECT_EQ(old->commit({{"t/a", "2"}}).code(), Code::kConflict);
  EXPECT_EQ(old->commit(many(300, "x")).code(), Code::kConflict);
  EXPECT_EQ(old->confirm().code(), Code::kConflict);
  EXPECT_THAT(rows(), ElementsAre(Pair("t/a", "1")));
}

TEST_F(CommitterTest, WithoutAnAnswerItEndsWithTheTerm) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  client_.cut = true;
  client_.before = [this] { clock_.advance(Duration::seconds(1)); };
  const Status status = committer->commit({{"t/a", "1"}});
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.text(), HasSubstr("as long as this coordinator leads"));
  EXPECT_GE(clock_.elapsed(), lasts_until_);
}

TEST_F(CommitterTest, MoreThanATransactionTakesIsOneCommitAllTheSame) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  ASSERT_TRUE(committer->commit(many(500, std::string(5000, 'x'))));
  Changes fewer = many(300, "y");
  for (auto& [key, value] : fewer) value.reset();
  fewer["t/0"] = "z";
  ASSERT_TRUE(committer->commit(fewer));
  EXPECT_EQ(rows().size(), 201u);
  for (const auto& [key, value] : model_.content()) {
    EXPECT_THAT(key, testing::Not(HasSubstr("intent")));
  }
}

// Wherever it stops: nothing of it, or all.
TEST_F(CommitterTest, ALargeCommitThatStopsInTheMiddleIsWholeOrNothing) {
  const Changes before = many(250, "old");
  int nothing = 0;
  int all = 0;
  for (int stop_after = 0;; ++stop_after) {
    {
      auto committer = this->committer(newTerm());
      ASSERT_TRUE(committer->read());
      ASSERT_TRUE(committer->commit(before));
      int sent = 0;
      // The process ends with the first transaction that finds no way.
      client_.before = [&] {
        client_.cut = sent++ >= stop_after;
        if (client_.cut) committer->stop();
      };
      const Status status = committer->commit(many(250, "new"));
      client_.before = nullptr;
      client_.cut = false;
      if (status) break;
    }
    const auto found = rows();
    ASSERT_EQ(found.size(), 250u);
    const std::string first = found.begin()->second;
    for (const auto& [key, value] : found)
      ASSERT_EQ(value, first) << "stopped after " << stop_after;
    ++(first == "new" ? all : nothing);
  }
  EXPECT_GT(nothing, 2) << "while its parts were laid down";
  EXPECT_GT(all, 2) << "while they were put in place";
}

TEST_F(CommitterTest, WhatNeverCameToBeIsNotMixedIntoWhatDoes) {
  auto committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  int sent = 0;
  client_.before = [&] {
    client_.cut = sent++ >= 3;  // its three parts, and not the key that makes them count
    if (client_.cut) committer->stop();
  };
  EXPECT_FALSE(committer->commit(many(250, "never")));
  client_.before = nullptr;
  client_.cut = false;
  committer = this->committer(newTerm());
  ASSERT_TRUE(committer->read());
  sent = 0;
  client_.before = [&] {
    client_.cut = sent++ >= 3;  // two parts, and the key
    if (client_.cut) committer->stop();
  };
  EXPECT_FALSE(committer->commit(many(150, "good")));
  client_.before = nullptr;
  client_.cut = false;
  EXPECT_EQ(rows().size(), 150u);
}

TEST_F(CommitterTest, WhatCantBeReadIsNamed) {
  Transaction put;
  put.then = {Op::put("/m/commit", "many")};
  model_.transact(put);
  EXPECT_THAT(committer(newTerm())->read().status().text(), HasSubstr("/m/commit is no number"));
  put.then = {Op::put("/m/commit", "7"), Op::put("/m/intent", "7"),
              Op::put("/m/intent/7/0", "nonsense")};
  model_.transact(put);
  EXPECT_THAT(committer(newTerm())->read().status().text(),
              HasSubstr("/m/intent/7/0 can't be read"));
}

}  // namespace
}  // namespace muster::etcd
