#include "libcontrol/incident/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace muster::incident {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

// What is on disk is kept as a driver keeps it, so that a restart can be played at any instant.
class OutboxTest : public testing::Test {
 protected:
  OutboxTest() { restart(); }

  Now now() { return {clock_.elapsed(), clock_.wall()}; }
  void restart() {
    std::vector<Message> messages;
    for (const auto& [order, message] : disk_) messages.push_back(message);
    outbox_ = std::make_unique<Outbox>(policy_, people_, random_, messages, now());
  }
  void step(const outbox::Event& event) {
    const outbox::Effects effects = outbox_->step(event, now());
    for (const Message& message : effects.saved) {
      const auto known = std::find_if(disk_.begin(), disk_.end(), [&](const auto& each) {
        return each.second.id == message.id;
      });
      disk_[known == disk_.end() ? ++orders_ : known->first] = message;
    }
    for (const outbox::Done& done : effects.done) {
      std::erase_if(disk_, [&](const auto& each) { return each.second.id == done.message.id; });
      done_.push_back(done.outcome.substr(0, done.outcome.find(' ')));
    }
    for (const Message& message : effects.send) sent_.push_back(message);
  }
  void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock_.advance(Duration::seconds(1));
      step(outbox::Tick{});
    }
  }
  Notice notice(const std::string& gist, uint64_t incident = 0, bool until_acked = false) {
    Notice out;
    out.to = kAnn;
    out.from = jid("muster@example.org");
    out.incident = incident;
    out.text = gist;
    out.gist = gist;
    out.until_acked = until_acked;
    return out;
  }
  void post(const std::string& gist) { step(outbox::Post{{notice(gist)}}); }
  void come(const std::string& resource = "phone") {
    people_.came(kAnn.withResource(resource), false);
    step(outbox::PersonCame{kAnn});
  }
  void go(const std::string& resource = "phone") { people_.gone(kAnn.withResource(resource)); }
  std::vector<std::string> sent() {
    std::vector<std::string> out;
    for (const Message& message : sent_) out.push_back(message.notice.text);
    sent_.clear();
    return out;
  }

  const Jid kAnn = jid("ann@example.org");
  ManualClock clock_;
  Policy policy_;
  People people_;
  SeededRandom random_{7};
  std::unique_ptr<Outbox> outbox_;
  std::map<int, Message> disk_;
  int orders_ = 0;
  std::vector<Message> sent_;
  std::vector<std::string> done_;
};

TEST_F(OutboxTest, AReceiptEndsIt) {
  step(outbox::LinkUp{});
  come();
  post("one");
  ASSERT_THAT(sent_, SizeIs(1));
  step(outbox::Delivered{sent_[0].id, jid("eve@example.org")});
  EXPECT_THAT(disk_, SizeIs(1)) << "nobody confirms for somebody else";
  step(outbox::Delivered{sent_[0].id, kAnn});
  EXPECT_THAT(disk_, IsEmpty());
  EXPECT_THAT(done_, ElementsAre("delivered"));
  sent();
  pass(7200);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(OutboxTest, WhatThePersonWritesLaterEndsItToo) {
  step(outbox::LinkUp{});
  come();
  post("one");
  step(outbox::PersonWrote{kAnn});
  EXPECT_THAT(disk_, SizeIs(1)) << "that may have been written before";
  clock_.advance(Duration::seconds(3));
  step(outbox::PersonWrote{kAnn});
  EXPECT_THAT(disk_, IsEmpty());
}

TEST_F(OutboxTest, AGhostIsNoReader) {
  step(outbox::LinkUp{});
  come("ghost");
  post("one");
  const std::string id = sent_.at(0).id;
  pass(60);
  EXPECT_THAT(sent(), ElementsAre("one", "one"));
  go("ghost");
  pass(36'000);
  EXPECT_THAT(sent(), IsEmpty());
  come("phone");
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].id, id) << "a repeat is a repeat";
}

TEST_F(OutboxTest, AClientWithoutReceiptsIsNotPestered) {
  step(outbox::LinkUp{});
  come();
  post("one");
  pass(48 * 3600);
  EXPECT_EQ(sent_.size(), 1u + static_cast<size_t>(limits::kOutboxRepeats));
  come("desk");
  EXPECT_EQ(sent_.size(), 2u + static_cast<size_t>(limits::kOutboxRepeats));
}

TEST_F(OutboxTest, WhatHappenedWhileAwayComesAsOneSummary) {
  step(outbox::LinkUp{});
  come();
  go();
  step(outbox::Post{{notice("#1 open", 1)}});
  post("bob: failover g");
  step(outbox::Post{{notice("#1 over", 1)}});
  EXPECT_THAT(sent(), IsEmpty());
  come();
  ASSERT_THAT(sent_, SizeIs(1));
  const std::string text = sent_[0].notice.text;
  EXPECT_THAT(text, HasSubstr("- #1 over\n- bob: failover g"));
  EXPECT_THAT(text, Not(HasSubstr("#1 open")));
  EXPECT_THAT(disk_, SizeIs(1));
  step(outbox::Delivered{sent_[0].id, kAnn});
  EXPECT_THAT(disk_, IsEmpty());
}

TEST_F(OutboxTest, OneThatWaitsAloneComesAsItIs) {
  step(outbox::LinkUp{});
  come();
  go();
  post("one");
  come();
  EXPECT_THAT(sent(), ElementsAre("one"));
}

TEST_F(OutboxTest, WhosePresenceNobodySeesGetsItAtOnce) {
  post("one");
  EXPECT_THAT(sent(), IsEmpty()) << "no connection";
  step(outbox::LinkUp{});
  EXPECT_THAT(sent(), ElementsAre("one"));
  post("two");
  EXPECT_THAT(sent(), ElementsAre("two"));
}

TEST_F(OutboxTest, APageIsRepeatedUntilItIsAcknowledged) {
  step(outbox::LinkUp{});
  come();
  step(outbox::Post{{notice("page", 5, true)}});
  const std::string id = sent_.at(0).id;
  step(outbox::Delivered{id, kAnn});
  pass(3600 * 6);
  EXPECT_GT(sent_.size(), 6u);
  for (const Message& message : sent_) EXPECT_EQ(message.id, id);
  sent();
  step(outbox::Settled{5});
  EXPECT_THAT(disk_, IsEmpty());
  EXPECT_THAT(done_, ElementsAre("acknowledged"));
  pass(7200);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(OutboxTest, AnAckOfWhatNobodyConfirmedLeavesOneDelivery) {
  step(outbox::LinkUp{});
  come();
  step(outbox::Post{{notice("page", 5, true)}});
  step(outbox::Settled{5});
  EXPECT_THAT(disk_, SizeIs(1)) << "somebody else may have acknowledged it";
  step(outbox::Delivered{sent_.at(0).id, kAnn});
  EXPECT_THAT(disk_, IsEmpty());
}

TEST_F(OutboxTest, AChannelIsTriedUntilItTakesIt) {
  Notice hook;
  hook.channel = "pager";
  step(outbox::Post{{hook}});
  EXPECT_THAT(sent_, SizeIs(1));
  pass(60);
  EXPECT_THAT(sent_, SizeIs(2));
  const std::string id = sent_[0].id;
  step(outbox::Failed{id, "503"});
  pass(120);
  EXPECT_THAT(sent_, SizeIs(3));
  step(outbox::Delivered{id, {}});
  EXPECT_THAT(done_, ElementsAre("delivered"));
  step(outbox::Post{{hook}});
  for (int i = 0; i < 100; ++i) {
    if (disk_.empty()) break;
    step(outbox::Failed{disk_.begin()->second.id, "503"});
    pass(3600);
  }
  EXPECT_THAT(done_, ElementsAre("delivered", "dropped:"));
}

TEST_F(OutboxTest, NothingIsLostAndIdsStayWhereverItEnds) {
  step(outbox::LinkUp{});
  come();
  post("one");
  const std::string id = sent_.at(0).id;
  sent_.clear();
  people_ = {};
  restart();
  people_.came(kAnn.withResource("phone"), false);
  step(outbox::LinkUp{});
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].id, id);
}

TEST_F(OutboxTest, WhatCouldNotBeHandedOverCountsAsNotSent) {
  step(outbox::LinkUp{});
  come();
  post("one");
  const std::string id = sent_.at(0).id;
  step(outbox::NotSent{id});
  EXPECT_FALSE(outbox_->find(id)->sent);
  sent();
  pass(5);
  EXPECT_THAT(sent(), ElementsAre("one"));
}

TEST_F(OutboxTest, AFloodForOneWhoIsAwayIsBounded) {
  step(outbox::LinkUp{});
  come();
  go();
  for (int i = 0; i < 5000; ++i) post("event " + std::to_string(i));
  EXPECT_LE(outbox_->size(), limits::kMaxOutboxPerPerson + 1);
  come();
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_THAT(sent_[0].notice.text, HasSubstr("event 4999"));
  EXPECT_LT(sent_[0].notice.text.size(), 8000u);
}

TEST_F(OutboxTest, WhoHasNoRoleAnyMoreGetsNothing) {
  post("one");
  step(outbox::Dismissed{kAnn});
  step(outbox::LinkUp{});
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_THAT(disk_, IsEmpty());
}

TEST_F(OutboxTest, TheRoomIsOneOfThePeople) {
  const Jid room = jid("ops@rooms.example.org");
  policy_.room = room;
  people_.absent(room);
  step(outbox::LinkUp{});
  Notice one = notice("one");
  one.to = room;
  Notice two = notice("two");
  two.to = room;
  step(outbox::Post{{one, two}});
  pass(3600);
  EXPECT_THAT(sent(), IsEmpty()) << "we are not in it";
  people_.came(room, false);
  step(outbox::PersonCame{room});
  const std::string id = sent_.at(0).id;
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("While I was not in this room")));
  // The process ends before it has come back, and the room is entered anew.
  restart();
  people_.absent(room);
  step(outbox::LinkUp{});
  EXPECT_THAT(sent(), IsEmpty());
  people_.came(room, false);
  step(outbox::PersonCame{room});
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].id, id);
  step(outbox::Delivered{id, room});
  EXPECT_THAT(disk_, IsEmpty());
}

TEST_F(OutboxTest, WhatIsForAChannelThatIsGoneIsDropped) {
  Notice one = notice("one");
  one.channel = "pager";
  step(outbox::Post{{one, notice("two")}});
  step(outbox::ChannelGone{"pager"});
  EXPECT_THAT(disk_, SizeIs(1));
  EXPECT_THAT(done_, ElementsAre("dropped:"));
}

}  // namespace
}  // namespace muster::incident
