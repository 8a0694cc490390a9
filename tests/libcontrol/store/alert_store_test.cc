// All implementations of the AlertStore pass the same tests; a commit is all or nothing, also if
// the process is killed in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "coordinator_store_fixture.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

IncidentRow incident(uint64_t id) {
  IncidentRow row;
  row.id = id;
  row.target = "user.ledger";
  row.group = "ledger";
  row.storm = true;
  row.sentence = "User service level: 98.3%";
  row.percent = 98.3;
  row.objective = 99.9;
  row.budget_left = 12.5;
  row.log_lines = "ERROR one\nERROR two";
  row.since = {100};
  row.opened = {200};
  row.covered = "user.ledger\nmail.ledger";
  row.thresholds = 2;
  row.followers = "ann@example.org ledger@muster.example.org";
  row.announced = true;
  row.acked_by = "ann@example.org";
  row.acked_at = WallTime{300};
  row.assignee = "bob@example.org";
  row.steps_done = 1;
  return row;
}

OutboxRow message(const std::string& id) {
  OutboxRow row;
  row.id = id;
  row.to = "ann@example.org";
  row.from = "ledger@muster.example.org";
  row.incident = 1;
  row.kind = 3;
  row.text = "Incident 1\nmore";
  row.gist = "#1";
  row.until_acked = true;
  row.created = {400};
  return row;
}

DeliveryRow delivery(const std::string& id, uint64_t of_incident = 1) {
  DeliveryRow row;
  row.at = {500};
  row.id = id;
  row.to = "ann@example.org";
  row.incident = of_incident;
  row.attempts = 2;
  row.outcome = "delivered";
  return row;
}

template <typename Place>
class AlertStoreTest : public testing::Test {
 protected:
  static CoordinatorStoreOptions small() {
    CoordinatorStoreOptions options;
    options.incident_capacity = 3;
    options.delivery_capacity = 5;
    return options;
  }
  AlertStore& alerts() { return store_->alerts(); }
  Place place_;
  std::unique_ptr<CoordinatorStore> store_ = place_.open(small());
};

TYPED_TEST_SUITE(AlertStoreTest, Places);

TYPED_TEST(AlertStoreTest, SubscriptionsAreReplacedAndRemoved) {
  AlertSubscriptionRow row{"ann@example.org", "ledger", "muster.example.org", {}, 30000, 2, {7}};
  AlertSubscriptionRow other = row;
  other.target = "overall";
  ASSERT_TRUE(this->alerts().commit({.subscribed = {other, row}}));
  row.below = 99.95;
  row.severity = 1;
  ASSERT_TRUE(this->alerts().commit({.subscribed = {row}}));
  EXPECT_THAT(*this->alerts().subscriptions(), ElementsAre(row, other));
  ASSERT_TRUE(this->alerts().commit({.unsubscribed = {{"ann@example.org", "ledger"}}}));
  EXPECT_THAT(*this->alerts().subscriptions(), ElementsAre(other));
  row.target.clear();
  EXPECT_EQ(this->alerts().commit({.subscribed = {row}}).field(), "target");
}

TYPED_TEST(AlertStoreTest, AnIncidentComesBackWithEveryField) {
  IncidentRow open = incident(1);
  IncidentRow over = incident(2);
  over.percent.reset();
  over.budget_left.reset();
  over.acked_at.reset();
  over.ended = WallTime{900};
  over.recovered = "100%";
  over.resolved_by = "ann@example.org";
  ASSERT_TRUE(this->alerts().commit({.incidents = {open, over}}));
  EXPECT_THAT(*this->alerts().incidents({}), ElementsAre(over, open));
  EXPECT_THAT(*this->alerts().incidents({.open_only = true}), ElementsAre(open));
  EXPECT_THAT(*this->alerts().incidents({.id = 2}), ElementsAre(over));
  EXPECT_THAT(*this->alerts().incidents({.since = WallTime{901}}), ElementsAre(open));
  EXPECT_THAT(*this->alerts().incidents({.before_id = 2}), ElementsAre(open));
  EXPECT_FALSE(this->alerts().incidents({.limit = 0}));
  open.severity = 1;
  ASSERT_TRUE(this->alerts().commit({.incidents = {open}}));
  EXPECT_THAT(*this->alerts().incidents({.id = 1}), ElementsAre(open));
}

TYPED_TEST(AlertStoreTest, OldIncidentsGoWithTheirNotesAndNoNumberIsGivenTwice) {
  for (uint64_t id = 1; id <= 10; ++id) {
    IncidentRow row = incident(id);
    if (id != 2) row.ended = WallTime{1000};
    ASSERT_TRUE(this->alerts().commit(
        {.incidents = {row}, .notes = {{0, id, {5}, "ann@example.org", "note", "text"}}}));
  }
  std::vector<uint64_t> ids;
  const auto rows = this->alerts().incidents({});
  for (const IncidentRow& row : *rows) ids.push_back(row.id);
  EXPECT_THAT(ids, ElementsAre(10, 9, 8, 2)) << "the open one stays";
  EXPECT_THAT(*this->alerts().notes(3), IsEmpty());
  EXPECT_THAT(*this->alerts().notes(2), SizeIs(1));
  EXPECT_EQ(*this->alerts().lastIncident(), 10u);
}

TYPED_TEST(AlertStoreTest, NotesComeInTheirOrder) {
  const IncidentNoteRow first{1, 4, {5}, "", "opened", "98%"};
  const IncidentNoteRow second{2, 4, {6}, "ann@example.org", "ack", "mine"};
  ASSERT_TRUE(this->alerts().commit({.incidents = {incident(4)}, .notes = {first, second}}));
  EXPECT_THAT(*this->alerts().notes(4), ElementsAre(first, second));
}

TYPED_TEST(AlertStoreTest, SilencesAreOneATarget) {
  SilenceRow row{"ledger", "ann@example.org", "works", {5}, {6}};
  ASSERT_TRUE(this->alerts().commit({.silences = {row}}));
  row.until = {9};
  ASSERT_TRUE(this->alerts().commit({.silences = {row}}));
  EXPECT_THAT(*this->alerts().silences(), ElementsAre(row));
  ASSERT_TRUE(this->alerts().commit({.silences_over = {"ledger"}}));
  EXPECT_THAT(*this->alerts().silences(), IsEmpty());
}

TYPED_TEST(AlertStoreTest, AMessageStaysInItsPlaceUntilItIsDone) {
  OutboxRow a = message("a");
  const OutboxRow b = message("b");
  ASSERT_TRUE(this->alerts().commit({.outbox = {a, b}}));
  a.attempts = 2;
  a.sent = WallTime{450};
  a.confirmed = true;
  a.until_acked = false;
  ASSERT_TRUE(this->alerts().commit({.outbox = {a}}));
  EXPECT_THAT(*this->alerts().outbox(), ElementsAre(a, b));
  ASSERT_TRUE(this->alerts().commit({.done = {delivery("a")}}));
  EXPECT_THAT(*this->alerts().outbox(), ElementsAre(b));
  DeliveryRow done = delivery("a");
  done.seq = 1;
  EXPECT_THAT(*this->alerts().deliveries(1, 10), ElementsAre(done));
  EXPECT_THAT(*this->alerts().deliveries(2, 10), IsEmpty());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(this->alerts().commit({.done = {delivery("d" + std::to_string(i))}}));
  }
  EXPECT_THAT(*this->alerts().deliveries({}, 100), SizeIs(5));
}

TYPED_TEST(AlertStoreTest, AMessageIsForAPersonOrForAChannel) {
  OutboxRow row = message("a");
  row.channel = "pager";
  EXPECT_EQ(this->alerts().commit({.outbox = {row}}).field(), "to");
  row.to.clear();
  EXPECT_TRUE(this->alerts().commit({.outbox = {row}}));
}

TYPED_TEST(AlertStoreTest, WhatIsRefusedChangesNothing) {
  IncidentRow bad = incident(0);
  EXPECT_FALSE(this->alerts().commit({.incidents = {bad}, .outbox = {message("a")}}));
  EXPECT_THAT(*this->alerts().outbox(), IsEmpty());
}

int commits_left = 0;
int dieInCommit(void*) {
  if (commits_left-- == 0) ::kill(::getpid(), SIGKILL);
  return 0;
}
int watchCommits(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  sqlite3_commit_hook(db, dieInCommit, nullptr);
  return SQLITE_OK;
}

// An incident without its message, or the other way round, would be an alarm that nobody hears.
TEST(AlertStoreCrash, AnIncidentAndItsMessagesAreOneCommit) {
  InSqlite place;
  { place.open({}); }
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(watchCommits));
    commits_left = 1;
    auto store = CoordinatorStore::open(place.file());
    (void)(*store)->alerts().commit({.incidents = {incident(1)}, .outbox = {message("a")}});
    (void)(*store)->alerts().commit({.incidents = {incident(2)}, .outbox = {message("b")}});
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto store = place.open({});
  EXPECT_THAT(*store->alerts().incidents({}), SizeIs(1));
  EXPECT_THAT(*store->alerts().outbox(), ElementsAre(message("a")));
}

}  // namespace
}  // namespace muster::store
