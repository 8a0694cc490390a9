// What a store on rows does beyond what every store does: its rows can be read back into another.
#include "libcontrol/store/row_log.h"

#include "coordinator_store_fixture.h"
#include "libcontrol/store/schema.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RowsStoreTest : public testing::Test {
 protected:
  std::unique_ptr<CoordinatorStore> open() {
    auto store = openOnRows(log_, log_.image());
    EXPECT_TRUE(store) << store.status().text();
    return store ? std::move(store).value() : nullptr;
  }
  static GroupRow group(uint64_t epoch) {
    GroupRow row;
    row.name = "storage";
    row.epoch = row.highest_epoch = epoch;
    row.instance = *Id128::fromHex("000102030405060708090a0b0c0d0eff");
    row.moved_at = {1'700'000'000'000};
    return row;
  }
  static AuditEntry entryOf(const std::string& who) {
    AuditEntry entry;
    entry.who = who;
    return entry;
  }
  // What is kept is what the database has: nothing was forgotten.
  void expectSame() {
    auto copy = Database::open(":memory:", Duration{}).value();
    ASSERT_TRUE(prepareSchema(*copy).isOk());
    auto kept = log_.image();
    std::erase_if(kept, [](const RowChange& row) { return row.table == "schema"; });
    ASSERT_TRUE(insertRows(*copy, kept).isOk());
    EXPECT_EQ(allRowsOf(*copy).value(), kept);
  }
  KeptRows log_;
};

TEST_F(RowsStoreTest, EverythingComesBackInAnother) {
  {
    auto store = open();
    ASSERT_TRUE(store->groups().save(group(3)).isOk());
    MoveRow move;
    move.group = "storage";
    move.key = "k";
    move.code = "ok";
    move.text = "it's done: \"\xc3\xa9\" \\ \n";
    ASSERT_TRUE(store->groups().save(group(4), {move}).isOk());
    ASSERT_TRUE(store->members().add({"a@example.org", "a", "storage", {1}, "root"}).isOk());
    ASSERT_TRUE(store->grants().set({"ann@example.org", 2, {2}, "root"}).isOk());
    ASSERT_TRUE(store->subscriptions().add({"c@example.org", "ann@example.org"}).isOk());
    ASSERT_TRUE(store->audit().append(entryOf("ann@example.org")).isOk());
    ASSERT_TRUE(store->audit().append(entryOf("bob@example.org")).isOk());
    HistoryRow event;
    event.group = "storage";
    ASSERT_TRUE(store->history().append({event, event}).isOk());
    expectSame();
  }
  auto store = open();
  EXPECT_THAT(*store->groups().loadAll(), ElementsAre(group(4)));
  EXPECT_EQ(store->groups().endedMoves("storage")->at(0).text, "it's done: \"\xc3\xa9\" \\ \n");
  EXPECT_THAT(*store->members().list(), SizeIs(1));
  EXPECT_EQ(*store->grants().version(), 1u);
  EXPECT_EQ(*store->subscriptions().listFor("c@example.org"),
            std::vector<std::string>{"ann@example.org"});
  EXPECT_EQ(*store->audit().append(entryOf("eve@example.org")), 3u) << "no number comes twice";
  EXPECT_THAT(*store->history().query({}), SizeIs(2));
}

TEST_F(RowsStoreTest, WhatIsDeletedOrReplacedIsGone) {
  auto store = open();
  ASSERT_TRUE(store->members().add({"a@example.org", "a", "g", {}, ""}).isOk());
  ASSERT_TRUE(store->members().add({"b@example.org", "b", "g", {}, ""}).isOk());
  ASSERT_TRUE(store->members().remove("a").isOk());
  ASSERT_TRUE(store->members().update({"b@example.org", "c", "g", {}, ""}).isOk());
  for (int i = 0; i < 3; ++i) {
    MoveRow move;
    move.group = "storage";
    move.key = "same";
    move.code = "ok";
    move.text = std::to_string(i);
    ASSERT_TRUE(store->groups().save(group(1), {move}).isOk());
  }
  expectSame();
  store = open();
  ASSERT_THAT(*store->members().list(), SizeIs(1));
  EXPECT_EQ(store->members().list()->at(0).name, "c");
  EXPECT_THAT(*store->groups().endedMoves("storage"), SizeIs(1));
}

TEST_F(RowsStoreTest, ANumberWhoseRowIsGoneIsNotGivenAgain) {
  auto store = open();
  OutboxRow message;
  for (const char* id : {"a", "b"}) {
    message.id = id;
    message.to = "ann@example.org";
    message.from = "c@example.org";
    ASSERT_TRUE(store->alerts().commit({.outbox = {message}}).isOk());
  }
  AlertCommit done;
  done.done.emplace_back().id = "b";
  ASSERT_TRUE(store->alerts().commit(done).isOk());
  const std::string counter = log_.rows.at({"sqlite_sequence", "[\"outbox\"]"});
  EXPECT_THAT(counter, HasSubstr("2"));
  store = open();
  message.id = "c";
  ASSERT_TRUE(store->alerts().commit({.outbox = {message}}).isOk());
  EXPECT_THAT(log_.rows.at({"sqlite_sequence", "[\"outbox\"]"}), HasSubstr("3"));
}

TEST_F(RowsStoreTest, ARefusalHandsNothingOn) {
  auto store = open();
  ASSERT_TRUE(store->groups().save(group(3)).isOk());
  const auto before = log_.rows;
  EXPECT_EQ(store->groups().save(group(2)).code(), Code::kConflict);
  EXPECT_EQ(store->members().remove("nobody").code(), Code::kNotFound);
  EXPECT_EQ(log_.rows, before);
  ASSERT_TRUE(store->members().add({"a@example.org", "a", "g", {}, ""}).isOk());
  EXPECT_EQ(log_.rows.size(), before.size() + 1) << "nothing of the refused changes came with it";
}

TEST_F(RowsStoreTest, WhatCouldNotBeHandedOnHasNotHappened) {
  auto store = open();
  log_.failure = {Code::kUnavailable, "no answer"};
  EXPECT_EQ(store->groups().save(group(1)).code(), Code::kUnavailable);
  EXPECT_THAT(*store->groups().loadAll(), IsEmpty());
}

TEST_F(RowsStoreTest, AGroupIsSavedWithoutWaiting) {
  auto store = open();
  log_.slow = true;
  std::vector<std::string> heard;
  const auto hear = [&](const char* what) {
    return [&heard, what](const Status& s) { heard.push_back(what + std::string(s ? "" : "!")); };
  };
  store->groups().saveThen(group(1), {}, hear("first"));
  store->groups().confirm(hear("confirmed"));
  store->groups().saveThen(group(2), {}, hear("second"));
  store->groups().saveThen(group(1), {}, hear("backwards"));
  EXPECT_THAT(heard, ElementsAre("backwards!")) << "refused by the rules of every store";
  log_.carryOut();
  EXPECT_THAT(heard, ElementsAre("backwards!", "first", "confirmed", "second"));
  store->groups().saveThen(group(2), {}, hear("the same"));
  log_.failure = {Code::kUnavailable, "no answer"};
  log_.carryOut();
  EXPECT_EQ(heard.back(), "the same!") << "even what changes nothing waits for what came before";
}

TEST_F(RowsStoreTest, OlderRowsAreBroughtToThePresentVersion) {
  auto old = Database::open(":memory:", Duration{}).value();
  Schema first = coordinatorSchema();
  first.steps = first.steps.first(1);
  ASSERT_TRUE(prepareSchema(*old, first).isOk());
  ASSERT_TRUE(
      old->execute("INSERT INTO members VALUES ('a@example.org', 'a', 'g', 5, 'root')").isOk());
  const auto rows = allRowsOf(*old);
  for (const RowChange& row : *rows) {
    log_.rows[{row.table, row.key}] = *row.row;
  }
  log_.rows[{"schema", "[]"}] = R"({"version":1})";
  auto store = open();
  ASSERT_THAT(*store->members().list(), SizeIs(1));
  EXPECT_EQ(store->members().list()->at(0).priority, 0);
  EXPECT_THAT(log_.rows.at({"members", "[\"a@example.org\"]"}), HasSubstr("priority"));
  expectSame();
  EXPECT_NE(open(), nullptr);
}

TEST_F(RowsStoreTest, WhatDoesNotFitIsNamed) {
  (void)open();
  const auto good = log_.rows;
  const auto status = [&](const char* table, const char* key, const char* row) {
    log_.rows = good;
    log_.rows[{table, key}] = row;
    return openOnRows(log_, log_.image()).status();
  };
  EXPECT_EQ(status("schema", "[]", R"({"version":99})").code(), Code::kRefusedUnsafe);
  EXPECT_EQ(status("schema", "[]", "nonsense").code(), Code::kDataLoss);
  EXPECT_THAT(status("groups", R"(["g"])", "nonsense").text(),
              HasSubstr(R"(the row ["g"] of "groups" is no JSON object)"));
  EXPECT_THAT(status("groups", R"(["g"])", R"({"name":"g"})").text(), HasSubstr("does not fit"));
  EXPECT_THAT(status("groups", R"(["g"])", R"({"name":{"hex":"0g"}})").text(),
              HasSubstr("does not fit"));
  EXPECT_THAT(status("rooms", R"(["g"])", R"({"name":"g"})").text(), HasSubstr("is of no table"));
  log_.rows = good;
  log_.rows.erase({"schema", "[]"});
  EXPECT_EQ(openOnRows(log_, log_.image()).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace muster::store
