#include "libcontrol/incident/incidents.h"

#include "tests/libcontrol/incident/desk.h"

namespace muster::incident {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const char kAnn[] = "ann@example.org";
const char kBob[] = "bob@example.org";

// --- opening and ending
// ---------------------------------------------------------------------------

TEST_F(Desk, AThresholdMustHoldForItsTime) {
  subscribe(kAnn, "user.g", 99.9, Duration::seconds(60));
  see({broken("user.g", "g")});
  pass(59);
  see({well("user.g", "g")});
  see({broken("user.g", "g")});
  pass(59);
  see({broken("user.g", "g")});
  gather();
  EXPECT_THAT(told(), IsEmpty()) << "it was well in between";
  see({broken("user.g", "g")});
  gather();
  EXPECT_THAT(told(), ElementsAre("ann opened"));
}

TEST_F(Desk, AnIncidentSaysWhatSinceHowBadAndWhatToDo) {
  subscribe(kAnn, "user.g", 99.9);
  TargetLevel level = broken("user.g", "g");
  level.budget_left = 12;
  level.log_lines = {"ERROR disk\nfull"};
  see({level});
  gather();
  ASSERT_THAT(told(), ElementsAre("ann opened"));
  for (const char* part :
       {"Incident 1 (page), user.g: user.g is at 42%", "Since 2026-01-01T00:00:00Z",
        "Objective 99.9%; 12% of the error budget left.", "> ERROR disk full", "explain g",
        "xmpp:g@muster.example.org?command;node=explain", "ack 1"}) {
    EXPECT_THAT(texts_[0], HasSubstr(part));
  }
  EXPECT_EQ(machine_->open().at(0).covered, std::vector<std::string>{"user.g"});
}

TEST_F(Desk, TheEndSaysToWhatItRecoveredAndHowLongItLasted) {
  subscribe(kAnn, "user.g", 99.9);
  see({broken("user.g", "g")});
  gather();
  told();
  pass(117);
  see({well("user.g", "g")});
  pass(29);
  EXPECT_THAT(told(), IsEmpty()) << "it may come back at once";
  pass(2);
  EXPECT_THAT(told(), ElementsAre("ann ended"));
  EXPECT_THAT(texts_[0], HasSubstr("is over after 2 mins."));
  EXPECT_THAT(texts_[0], HasSubstr("user.g is at 100%"));
  EXPECT_THAT(machine_->open(), IsEmpty());
  EXPECT_EQ(machine_->find(1)->recovered, "user.g is at 100%");
}

TEST_F(Desk, AFlapWithinTheRecoveryIsOneIncident) {
  subscribe(kAnn, "user.g", 99.9);
  for (int i = 0; i < 20; ++i) {
    see({broken("user.g", "g")});
    pass(5);
    see({well("user.g", "g")});
    pass(20);
  }
  EXPECT_THAT(told(), ElementsAre("ann opened"));
}

TEST_F(Desk, WithoutABoundThePageIsForABreachAndTheTicketForABurningBudgetToo) {
  subscribe(kAnn, "user.g");
  subscribe(kBob, "user.g", {}, {}, Severity::kTicket);
  see({levelOf("user.g", "g", 99.95, Health::kBurning)});
  gather();
  EXPECT_THAT(told(), ElementsAre("bob opened"));
  EXPECT_THAT(texts_[0], HasSubstr("(ticket)"));
  see({broken("user.g", "g")});
  // It is the same incident, and a page from now on: for both.
  EXPECT_THAT(told(), UnorderedElementsAre("ann opened", "bob opened"));
  EXPECT_THAT(texts_[0], HasSubstr("Incident 1 (page)"));
}

TEST_F(Desk, NoDataNeitherOpensNorEnds) {
  subscribe(kAnn, "user.g", 99.9);
  TargetLevel silent = well("user.g", "g");
  silent.percent.reset();
  silent.health = Health::kNoData;
  see({silent});
  gather();
  EXPECT_THAT(told(), IsEmpty());
  see({broken("user.g", "g")});
  gather();
  told();
  see({silent});
  pass(3600);
  EXPECT_THAT(told(), IsEmpty());
  see({well("user.g", "g")});
  pass(31);
  EXPECT_THAT(told(), ElementsAre("ann ended"));
}

TEST_F(Desk, EachPersonHasTheirOwnThresholdInOneIncident) {
  subscribe(kAnn, "user.g", 99.9);
  subscribe(kBob, "user.g", 50);
  see({levelOf("user.g", "g", 98, Health::kBreached)});
  gather();
  EXPECT_THAT(told(), ElementsAre("ann opened"));
  see({broken("user.g", "g")});
  EXPECT_THAT(told(), ElementsAre("bob opened"));
  see({levelOf("user.g", "g", 98, Health::kBreached)});
  pass(60);
  EXPECT_THAT(told(), IsEmpty()) << "ann's still holds";
  see({well("user.g", "g")});
  pass(31);
  EXPECT_THAT(told(), UnorderedElementsAre("ann ended", "bob ended"));
}

// --- causes and storms
// ----------------------------------------------------------------------------

TEST_F(Desk, AGroupWithoutActiveNodeIsOneIncident) {
  for (int i = 0; i < 5; ++i) subscribe(kAnn, "s" + std::to_string(i) + ".g", 99.9);
  subscribe(kAnn, "g", 99.9);
  subscribe(kAnn, kOverall, 99.9);
  std::vector<TargetLevel> levels = {nobody("g")};
  for (int i = 0; i < 5; ++i) {
    levels.push_back(nobody("g"));
    levels.back().target = "s" + std::to_string(i) + ".g";
  }
  levels.push_back(broken(kOverall));
  see(levels);
  gather();
  EXPECT_THAT(told(), ElementsAre("ann opened"));
  EXPECT_THAT(texts_[0], HasSubstr("Incident 1 (page), g: g: no active node"));
  EXPECT_THAT(texts_[0], HasSubstr("covers 7 thresholds"));
}

TEST_F(Desk, ANewActiveNodeEndsItAlsoBeforeAnythingIsCounted) {
  subscribe(kAnn, "g");
  see({nobody("g")});
  gather();
  TargetLevel fresh = nobody("g");
  fresh.absent = false;
  see({fresh});
  pass(31);
  EXPECT_THAT(told(), ElementsAre("ann opened", "ann ended"));
}

TEST_F(Desk, WhatFollowsFromAnOpenOneJoinsItAndIsToldInOneUpdate) {
  subscribe(kAnn, "a.g", 99.9);
  subscribe(kAnn, "b.g", 99.9, Duration::seconds(60));
  subscribe(kAnn, "c.g", 99.9, Duration::seconds(90));
  see({broken("a.g", "g"), broken("b.g", "g"), broken("c.g", "g")});
  for (int i = 0; i < 10; ++i) {
    pass(15);
    see({broken("b.g", "g"), broken("c.g", "g")});
  }
  EXPECT_THAT(told(), ElementsAre("ann opened"));
  pass(600);
  EXPECT_THAT(told(), ElementsAre("ann update"));
  EXPECT_THAT(texts_[0], HasSubstr("covers 3 thresholds: a.g, b.g and c.g"));
  pass(1200);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Desk, AThousandThresholdsAtOnceAreOneMessageForEachPerson) {
  std::vector<TargetLevel> levels;
  for (int g = 0; g < 100; ++g) {
    const std::string group = "g" + std::to_string(g);
    for (int s = 0; s < 10; ++s) {
      const std::string target = "s" + std::to_string(s) + "." + group;
      subscribe(kAnn, target, 99.9);
      subscribe(kBob, target, 99.9);
      levels.push_back(broken(target, group));
    }
  }
  see(levels);
  gather();
  EXPECT_THAT(told(), UnorderedElementsAre("ann opened", "bob opened"));
  EXPECT_THAT(texts_[0], HasSubstr("covers 1000 thresholds"));
  EXPECT_THAT(texts_[0], HasSubstr("Many things fell at once"));
  EXPECT_LT(texts_[0].size(), 1000u);
  for (TargetLevel& level : levels) level = well(level.target, level.group);
  levels.push_back(well(kOverall));
  see(levels);
  pass(31);
  EXPECT_THAT(told(), UnorderedElementsAre("ann ended", "bob ended"));
}

TEST_F(Desk, TwoGroupsAreTwoIncidents) {
  subscribe(kAnn, "g", 99.9);
  subscribe(kAnn, "h", 99.9);
  see({broken("g", "g"), broken("h", "h")});
  gather();
  EXPECT_THAT(told(), ElementsAre("ann opened", "ann opened"));
}

// --- people
// ---------------------------------------------------------------------------------------

class TwoFollowers : public Desk {
 protected:
  TwoFollowers() {
    subscribe(kAnn, "g", 99.9);
    subscribe(kBob, "g", 99.9);
    see({broken("g", "g")});
    gather();
    told();
  }
};

TEST_F(TwoFollowers, AnAckIsSeenByTheOthersAndEndsTheRepetition) {
  const Effects effects = step(Acknowledge{1, jid(kAnn), "on it"});
  EXPECT_THAT(effects.settled, ElementsAre(1u));
  EXPECT_THAT(told(), ElementsAre("bob note"));
  EXPECT_EQ(texts_[0], "ann@example.org is looking into incident 1, g: on it");
  EXPECT_EQ(machine_->find(1)->acked_by, kAnn);
}

TEST_F(TwoFollowers, NotesAndAssignmentsAreSeen) {
  step(AddNote{1, jid(kBob), "the disk is full"});
  EXPECT_THAT(told(), ElementsAre("ann note"));
  step(Assign{1, jid(kAnn), jid("carl@example.org")});
  EXPECT_THAT(told(), UnorderedElementsAre("bob note", "carl note", "carl escalated"));
  EXPECT_EQ(machine_->find(1)->assignee, "carl@example.org");
  step(AddNote{1, jid(kBob), "found it"});
  EXPECT_THAT(told(), UnorderedElementsAre("ann note", "carl note")) << "who has it follows it";
}

TEST_F(TwoFollowers, AResolvedOneStaysSoUntilItHasBeenWell) {
  step(Resolve{1, jid(kAnn), "false alarm"});
  EXPECT_THAT(told(), ElementsAre("bob ended"));
  EXPECT_THAT(texts_[0], HasSubstr("resolved by ann@example.org: false alarm"));
  see({broken("g", "g")});
  gather();
  EXPECT_THAT(told(), IsEmpty());
  see({well("g", "g")});
  see({broken("g", "g")});
  gather();
  EXPECT_THAT(told(), SizeIs(2));
  EXPECT_EQ(step(Acknowledge{1, jid(kAnn), ""}).status.code(), Code::kConflict);
  EXPECT_TRUE(step(AddNote{1, jid(kAnn), "a note afterwards"}).status.isOk());
}

TEST_F(TwoFollowers, WhatIsNotThereIsRefusedWithWhatIs) {
  const Status status = step(Acknowledge{9, jid(kAnn), ""}).status;
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.text(), "there is no open incident 9; open: 1");
  EXPECT_EQ(step(Unsubscribe{jid(kAnn), "h"}).status.code(), Code::kNotFound);
}

TEST_F(TwoFollowers, WhatAnOperatorDoesIsToldToTheOthersOfThatTarget) {
  subscribe("carl@example.org", "h");
  see({well("h", "h")});
  told();
  const Effects effects = step(Acted{jid(kAnn), "g", "g", "failover g: node2 is active"});
  EXPECT_THAT(told(), ElementsAre("bob action"));
  EXPECT_EQ(texts_[0], "ann@example.org: failover g: node2 is active");
  ASSERT_THAT(effects.notes, SizeIs(1)) << "the incident refers to it";
  EXPECT_EQ(effects.notes[0].incident, 1u);
}

TEST_F(Desk, AnIncidentTellsWhatWasDoneShortlyBefore) {
  subscribe(kAnn, "user.g", 99.9);
  subscribe(kAnn, "user.h", 99.9);
  see({well("user.g", "g"), well("user.h", "h")});
  step(Acted{{}, "g", "g", "group g: node2 is active under epoch 2"});
  step(Acted{jid(kBob), "user.h", "h", "drain node3"});
  pass(500);
  see({broken("user.g", "g")});
  gather();
  ASSERT_THAT(told(), testing::Contains("ann opened"));
  EXPECT_THAT(texts_.back(), HasSubstr("Shortly before: group g: node2 is active under epoch 2\n"));
  pass(100);
  see({broken("user.h", "h")});
  gather();
  ASSERT_THAT(told(), ElementsAre("ann opened"));
  EXPECT_THAT(texts_[0], testing::Not(HasSubstr("Shortly before"))) << "that is too long ago";
}

TEST_F(TwoFollowers, WhoLeavesHearsNothingMoreAndTheLastOneEndsIt) {
  step(Dismissed{jid(kAnn)});
  told();
  step(AddNote{1, jid(kBob), "hello"});
  EXPECT_THAT(told(), IsEmpty());
  step(Unsubscribe{jid(kBob), {}});
  EXPECT_THAT(machine_->open(), IsEmpty());
  EXPECT_THAT(machine_->interest(), IsEmpty());
}

TEST_F(TwoFollowers, ARestartGoesOnWithWhatIsOpen) {
  Records records;
  for (const char* who : {kAnn, kBob}) {
    const auto wishes = machine_->subscriptionsOf(jid(who));
    records.subscriptions.insert(records.subscriptions.end(), wishes.begin(), wishes.end());
  }
  records.incidents = machine_->open();
  restart(records);
  pass(100);
  see({broken("g", "g")});
  pass(100);
  EXPECT_THAT(told(), IsEmpty()) << "they know";
  see({well("g", "g")});
  pass(31);
  EXPECT_THAT(told(), UnorderedElementsAre("ann ended", "bob ended"));
  see({broken("g", "g")});
  gather();
  EXPECT_EQ(machine_->open().at(0).id, 2u) << "no number is given twice";
}

// --- silences
// -------------------------------------------------------------------------------------

class Silenced : public Desk {
 protected:
  Silenced() {
    subscribe(kAnn, "user.g", 99.9);
    see({well("user.g", "g")});
  }
  void silence(const std::string& target, int64_t seconds) {
    const Silence one{target, kBob, "works", clock_.wall(),
                      WallTime{clock_.wall().unix_ms + seconds * 1000}};
    EXPECT_TRUE(step(BeginSilence{one}).status.isOk());
  }
};

TEST_F(Silenced, NothingIsOpenedAloudAndTheEndIsAnnounced) {
  silence("g", 600);
  EXPECT_THAT(told(), ElementsAre("ann silence"));
  EXPECT_THAT(texts_[0], HasSubstr("bob@example.org has silenced g until"));
  see({broken("user.g", "g")});
  gather();
  see({well("user.g", "g")});
  pass(60);
  EXPECT_THAT(told(), IsEmpty());
  pass(600);
  EXPECT_THAT(told(), ElementsAre("ann silence"));
  EXPECT_THAT(texts_[0], HasSubstr("1 incident came and went"));
}

TEST_F(Silenced, WhatStillHoldsAtItsEndIsToldThen) {
  silence(kOverall, 600);
  see({broken("user.g", "g")});
  gather();
  told();
  pass(600);
  EXPECT_THAT(told(), ElementsAre("ann silence", "ann opened"));
}

TEST_F(Silenced, ResolvedIsNotSwallowed) {
  see({broken("user.g", "g")});
  gather();
  silence("user.g", 600);
  told();
  see({well("user.g", "g")});
  pass(31);
  EXPECT_THAT(told(), ElementsAre("ann ended"));
}

TEST_F(Silenced, ItCanBeEndedByHand) {
  silence("g", 600);
  told();
  EXPECT_TRUE(step(EndSilence{"g", jid(kBob)}).status.isOk());
  EXPECT_THAT(told(), ElementsAre("ann silence"));
  EXPECT_EQ(step(EndSilence{"g", jid(kBob)}).status.code(), Code::kNotFound);
}

// --- escalation
// -----------------------------------------------------------------------------------

class Escalating : public Desk {
 protected:
  Escalating() {
    policy_.on_call = {jid("olga@example.org"), jid("otto@example.org")};
    policy_.steps = {{Duration::seconds(300), {}, true, Severity::kPage},
                     {Duration::seconds(900), {jid("boss@example.org")}, false, Severity::kPage}};
    policy_.channels = {"pager"};
    subscribe(kAnn, "g", 99.9);
  }
  void fall() {
    see({broken("g", "g")});
    gather();
  }
};

TEST_F(Escalating, GoesOnUntilSomebodyAcknowledges) {
  people_.came(jid("olga@example.org/phone"), true);
  people_.came(jid("otto@example.org/desk"), false);
  fall();
  EXPECT_THAT(told(), UnorderedElementsAre("ann opened", "pager opened"));
  pass(290);
  EXPECT_THAT(told(), IsEmpty());
  pass(12);
  EXPECT_THAT(told(), ElementsAre("otto escalated")) << "olga is away";
  EXPECT_THAT(texts_[0], HasSubstr("Nobody has acknowledged this for 5 mins."));
  pass(600);
  EXPECT_THAT(told(), ElementsAre("boss escalated"));
  pass(3600);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Escalating, AnAckEndsIt) {
  fall();
  step(Acknowledge{1, jid(kAnn), ""});
  told();
  pass(3600);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Escalating, WithoutAnybodyThereTheFirstOfTheListIsTaken) {
  people_.came(jid("otto@example.org/desk"), false);
  people_.gone(jid("otto@example.org/desk"));
  fall();
  told();
  pass(302);
  EXPECT_THAT(told(), ElementsAre("olga escalated")) << "of her nothing is known, otto is gone";
}

TEST_F(Escalating, ATicketWakesNobody) {
  subscribe(kAnn, "g", 99.9, {}, Severity::kTicket);
  fall();
  told();
  pass(3600);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Escalating, ARestartDoesNotBeginAnew) {
  fall();
  told();
  pass(302);
  told();
  Records records;
  records.incidents = machine_->open();
  restart(records);
  pass(100);
  EXPECT_THAT(told(), IsEmpty());
  pass(500);
  EXPECT_THAT(told(), ElementsAre("boss escalated"));
}

// --- the room -----------------------------------------------------------------------------------

class InARoom : public Desk {
 protected:
  InARoom() {
    policy_.room = jid("ops@rooms.example.org");
    policy_.room_nick = "muster";
    policy_.steps.push_back({Duration::seconds(300), {jid(kBob)}, false, Severity::kPage});
    subscribe(kAnn, "user.g", 99.9);
  }
  std::vector<std::string> toldRoom() {
    std::vector<std::string> out;
    for (const std::string& each : told()) {
      if (each.starts_with("ops ")) out.push_back(each.substr(4));
    }
    return out;
  }
  // The text that went to the room last, of those that the last toldRoom() gave.
  std::string lastText() const { return texts_.back(); }
};

TEST_F(InARoom, TheWholeStoryIsToldThere) {
  see({broken("user.g", "g")});
  gather();
  EXPECT_THAT(toldRoom(), ElementsAre("opened"));
  EXPECT_THAT(lastText(), HasSubstr("In this room: muster: ack 1"));
  pass(300);
  EXPECT_THAT(toldRoom(), ElementsAre("note"));
  EXPECT_THAT(lastText(), HasSubstr("it goes to bob@example.org."));
  step(AddNote{1, jid(kAnn), "the disk is full"});
  step(Acknowledge{1, jid(kAnn), ""});
  EXPECT_THAT(toldRoom(), ElementsAre("note", "note"));
  EXPECT_THAT(lastText(), HasSubstr("ann@example.org is looking into incident 1"));
  step(Acted{jid(kAnn), "g", "g", "failover g"});
  EXPECT_THAT(toldRoom(), ElementsAre("action"));
  step(Acted{jid(kAnn), "other", "other", "failover other"});
  EXPECT_THAT(toldRoom(), IsEmpty()) << "nothing is wrong there";
  see({well("user.g", "g")});
  pass(31);
  EXPECT_THAT(toldRoom(), ElementsAre("ended"));
  EXPECT_THAT(lastText(), Not(HasSubstr("In this room")));
}

TEST_F(InARoom, WhatWasAnsweredThereIsNotSaidThereAgain) {
  see({broken("user.g", "g")});
  gather();
  told();
  const Effects effects = step(Acted{jid(kBob), "g", "g", "failover g", /*room_knows=*/true});
  EXPECT_THAT(told(), ElementsAre("ann action"));
  EXPECT_THAT(effects.notes, SizeIs(1)) << "of its story it is a part all the same";
}

TEST_F(InARoom, ASilenceIsToldThereAndWhatItCoversIsNot) {
  step(BeginSilence{{"g", kAnn, "works", clock_.wall(), WallTime{clock_.wall().unix_ms + 60'000}}});
  EXPECT_THAT(toldRoom(), ElementsAre("silence"));
  see({broken("user.g", "g")});
  gather();
  EXPECT_THAT(toldRoom(), IsEmpty());
  pass(60);
  EXPECT_THAT(toldRoom(), ElementsAre("silence", "opened"));
}

// --- a closer look ------------------------------------------------------------------------------

TEST_F(Desk, WhatFallsIsWorthACloserLookThenAndWhenItHasHeld) {
  subscribe(kAnn, "user.g", 99.9, Duration::seconds(10));
  const auto fell = [this](const TargetLevel& level) {
    return machine_->step(LevelsSeen{{level}}, now()).fell;
  };
  EXPECT_THAT(fell(well("user.g", "g")), IsEmpty());
  EXPECT_THAT(fell(broken("user.g", "g")), ElementsAre(testing::Pair("user.g", "g")));
  clock_.advance(Duration::seconds(5));
  EXPECT_THAT(fell(broken("user.g", "g")), IsEmpty());
  clock_.advance(Duration::seconds(5));
  EXPECT_THAT(fell(broken("user.g", "g")), ElementsAre(testing::Pair("user.g", "g")));
  clock_.advance(Duration::seconds(1));
  EXPECT_THAT(fell(broken("user.g", "g")), IsEmpty());
}

TEST_F(Desk, AFastBurnIsAPageThoughTheLevelIsWell) {
  subscribe(kAnn, "user.g");
  subscribe(kBob, "user.g", 50);
  TargetLevel burning = well("user.g", "g");
  burning.burns = Severity::kPage;
  see({burning});
  gather();
  EXPECT_THAT(told(), ElementsAre("ann opened"));
  EXPECT_EQ(machine_->open().at(0).severity, Severity::kPage);
}

TEST_F(Desk, ASlowBurnIsATicketOnly) {
  subscribe(kAnn, "user.g");
  subscribe(kBob, "user.g", {}, {}, Severity::kTicket);
  TargetLevel burning = well("user.g", "g");
  burning.burns = Severity::kTicket;
  see({burning});
  gather();
  EXPECT_THAT(told(), ElementsAre("bob opened"));
  see({well("user.g", "g")});
  pass(31);
  EXPECT_THAT(told(), ElementsAre("bob ended"));
}

}  // namespace
}  // namespace muster::incident
