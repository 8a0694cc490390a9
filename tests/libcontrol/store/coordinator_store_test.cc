// Both implementations of every store pass the same tests; what only a file can show (reopening,
// a second process, damage) is in sqlite_store_test.cc.
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TYPED_TEST_SUITE(CoordinatorStoreTest, Places);

// --- members ------------------------------------------------------------------------------------

const MemberRow kNode1{"node1@example.org", "node1", "storage", {1000}, "admin@example.org"};
const MemberRow kNode2{"node2@example.org", "node2", "", {2000}, "admin@example.org"};

TYPED_TEST(CoordinatorStoreTest, MembersAreListedByName) {
  ASSERT_TRUE(this->store_->members().add(kNode2));
  ASSERT_TRUE(this->store_->members().add(kNode1));
  EXPECT_THAT(*this->store_->members().list(), ElementsAre(kNode1, kNode2));
}

TYPED_TEST(CoordinatorStoreTest, MemberNamesAndJidsAreUnique) {
  ASSERT_TRUE(this->store_->members().add(kNode1));
  MemberRow same_name = kNode2;
  same_name.name = "node1";
  Status refused = this->store_->members().add(same_name);
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_EQ(refused.field(), "name");
  EXPECT_THAT(refused.text(), HasSubstr("taken by node1@example.org"));
  MemberRow same_jid = kNode2;
  same_jid.jid = "node1@example.org";
  refused = this->store_->members().add(same_jid);
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_EQ(refused.field(), "jid");
  EXPECT_THAT(refused.text(), HasSubstr("enrolled already, as node1"));
  EXPECT_THAT(*this->store_->members().list(), ElementsAre(kNode1));
}

TYPED_TEST(CoordinatorStoreTest, RemovedMemberMayComeBack) {
  ASSERT_TRUE(this->store_->members().add(kNode1));
  ASSERT_TRUE(this->store_->members().remove("node1"));
  EXPECT_EQ(this->store_->members().remove("node1").code(), Code::kNotFound);
  EXPECT_TRUE(this->store_->members().add(kNode1));
}

TYPED_TEST(CoordinatorStoreTest, MemberIsChangedWithEveryField) {
  ASSERT_TRUE(this->store_->members().add(kNode1));
  ASSERT_TRUE(this->store_->members().add(kNode2));
  MemberRow row = kNode1;
  row.name = "first";
  row.group = "other";
  row.enrolled_at = {3000};
  row.enrolled_by = "ann@example.org";
  row.priority = -7;
  row.nofailover = true;
  row.drain = {true, "ann@example.org", "disk swap", {4000}};
  ASSERT_TRUE(this->store_->members().update(row));
  EXPECT_THAT(*this->store_->members().list(), ElementsAre(row, kNode2));
  row.drain = {};
  row.nofailover = false;
  ASSERT_TRUE(this->store_->members().update(row));
  EXPECT_THAT(*this->store_->members().list(), ElementsAre(row, kNode2));
}

TYPED_TEST(CoordinatorStoreTest, MemberIsNotChangedIntoAnother) {
  ASSERT_TRUE(this->store_->members().add(kNode1));
  EXPECT_EQ(this->store_->members().update(kNode2).code(), Code::kNotFound);
  ASSERT_TRUE(this->store_->members().add(kNode2));
  MemberRow row = kNode2;
  row.name = "node1";
  const Status refused = this->store_->members().update(row);
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_EQ(refused.field(), "name");
  row.name.clear();
  EXPECT_EQ(this->store_->members().update(row).field(), "name");
  EXPECT_THAT(*this->store_->members().list(), ElementsAre(kNode1, kNode2));
}

TYPED_TEST(CoordinatorStoreTest, MemberWithoutNameOrJidIsRefused) {
  MemberRow row = kNode1;
  row.name.clear();
  EXPECT_EQ(this->store_->members().add(row).field(), "name");
  row = kNode1;
  row.jid.clear();
  EXPECT_EQ(this->store_->members().add(row).field(), "jid");
  row = kNode1;
  row.group = std::string(65, 'g');
  EXPECT_EQ(this->store_->members().add(row).field(), "group");
}

// --- grants -------------------------------------------------------------------------------------

TYPED_TEST(CoordinatorStoreTest, GrantsVersionCountsChangesOnly) {
  GrantStore& grants = this->store_->grants();
  EXPECT_EQ(*grants.version(), 0u);
  ASSERT_TRUE(grants.set({"a@example.org", 1, {1}, "admin@example.org"}));
  EXPECT_EQ(*grants.version(), 1u);
  ASSERT_TRUE(grants.set({"a@example.org", 1, {2}, "other@example.org"}));
  EXPECT_EQ(*grants.version(), 1u);
  ASSERT_TRUE(grants.set({"a@example.org", 3, {3}, "admin@example.org"}));
  EXPECT_EQ(*grants.version(), 2u);
  EXPECT_EQ(grants.remove("b@example.org").code(), Code::kNotFound);
  EXPECT_EQ(*grants.version(), 2u);
  ASSERT_TRUE(grants.remove("a@example.org"));
  EXPECT_EQ(*grants.version(), 3u);
  EXPECT_THAT(*grants.list(), IsEmpty());
}

TYPED_TEST(CoordinatorStoreTest, RoleOfAStrangerIsZero) {
  GrantStore& grants = this->store_->grants();
  ASSERT_TRUE(grants.set({"a@example.org", 2, {1}, "admin@example.org"}));
  EXPECT_EQ(*grants.roleOf("a@example.org"), 2);
  EXPECT_EQ(*grants.roleOf("A@example.org"), 0);
  EXPECT_EQ(*grants.roleOf("a@example.org/phone"), 0);
}

TYPED_TEST(CoordinatorStoreTest, GrantOfNoRoleIsRefused) {
  EXPECT_EQ(this->store_->grants().set({"a@example.org", 0, {1}, "x"}).field(), "role");
  EXPECT_EQ(this->store_->grants().set({"", 1, {1}, "x"}).field(), "jid");
  EXPECT_EQ(*this->store_->grants().version(), 0u);
}

TYPED_TEST(CoordinatorStoreTest, GrantsAreListedByJid) {
  const GrantRow b{"b@example.org", 1, {1}, "x"};
  const GrantRow a{"a@example.org", 4, {2}, "y"};
  ASSERT_TRUE(this->store_->grants().set(b));
  ASSERT_TRUE(this->store_->grants().set(a));
  EXPECT_THAT(*this->store_->grants().list(), ElementsAre(a, b));
}

// --- subscriptions ------------------------------------------------------------------------------

TYPED_TEST(CoordinatorStoreTest, SubscriptionsAreKeptOnceAndFoundByContact) {
  SubscriptionStore& subscriptions = this->store_->subscriptions();
  const SubscriptionRow b{"storage@muster.example.org", "b@example.org"};
  const SubscriptionRow a{"storage@muster.example.org", "a@example.org"};
  const SubscriptionRow other{"muster.example.org", "a@example.org"};
  for (const SubscriptionRow& row : {b, a, other, b}) ASSERT_TRUE(subscriptions.add(row));
  EXPECT_THAT(*subscriptions.list(), ElementsAre(other, a, b));
  EXPECT_THAT(*subscriptions.listFor("storage@muster.example.org"),
              ElementsAre("a@example.org", "b@example.org"));
  EXPECT_THAT(*subscriptions.listFor("storage@muster.example.or"), IsEmpty());
  ASSERT_TRUE(subscriptions.remove(a));
  ASSERT_TRUE(subscriptions.remove(a));
  EXPECT_THAT(*subscriptions.list(), ElementsAre(other, b));
}

TYPED_TEST(CoordinatorStoreTest, SubscriptionNeedsBothEnds) {
  EXPECT_EQ(this->store_->subscriptions().add({"", "a@example.org"}).field(), "contact");
  EXPECT_EQ(this->store_->subscriptions().add({"a@example.org", ""}).field(), "subscriber");
}

// --- audit --------------------------------------------------------------------------------------

AuditEntry entryAt(int64_t ms, const std::string& who = "ops@example.org",
                   const std::string& verb = "failover") {
  return {0,    {ms},       who,  "chat",     "storage@muster.example.org",
          verb, "to=node2", "ok", "Started.", "c1"};
}

std::vector<uint64_t> seqsOf(const std::vector<AuditEntry>& entries) {
  std::vector<uint64_t> seqs;
  for (const AuditEntry& entry : entries) seqs.push_back(entry.seq);
  return seqs;
}

TYPED_TEST(CoordinatorStoreTest, AuditEntryComesBackWithEveryField) {
  AuditEntry entry = entryAt(5);
  EXPECT_EQ(*this->store_->audit().append(entry), 1u);
  entry.seq = 1;
  EXPECT_THAT(*this->store_->audit().query({}), ElementsAre(entry));
}

TYPED_TEST(CoordinatorStoreTest, AuditIsAskedByTimeWhoVerbAndPage) {
  AuditStore& audit = this->store_->audit();
  ASSERT_TRUE(audit.append(entryAt(10)));
  ASSERT_TRUE(audit.append(entryAt(20, "x@example.org")));
  ASSERT_TRUE(audit.append(entryAt(30, "ops@example.org", "grant")));
  ASSERT_TRUE(audit.append(entryAt(40)));
  AuditQuery query;
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(4, 3, 2, 1));
  query.limit = 2;
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(4, 3));
  query.before_seq = 3;
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(2, 1));
  query = {};
  query.from = WallTime{20};
  query.until = WallTime{40};
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(3, 2));
  query = {};
  query.who = "ops@example.org";
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(4, 3, 1));
  query.verb = "failover";
  EXPECT_THAT(seqsOf(*audit.query(query)), ElementsAre(4, 1));
}

TYPED_TEST(CoordinatorStoreTest, AuditQueryLimitIsBounded) {
  AuditQuery query;
  query.limit = 0;
  EXPECT_EQ(this->store_->audit().query(query).status().field(), "limit");
  query.limit = limits::kMaxAuditPage + 1;
  EXPECT_EQ(this->store_->audit().query(query).status().field(), "limit");
  query.limit = limits::kMaxAuditPage;
  EXPECT_TRUE(this->store_->audit().query(query));
}

TYPED_TEST(CoordinatorStoreTest, AuditDropsTheOldestInBatches) {
  AuditStore& audit = this->store_->audit();  // 200 entries, batches of 2
  for (int64_t ms = 1; ms <= 200; ++ms) ASSERT_TRUE(audit.append(entryAt(ms)));
  EXPECT_EQ(*audit.count(), 200u);
  EXPECT_EQ(*audit.append(entryAt(201)), 201u);
  EXPECT_EQ(*audit.count(), 199u);
  ASSERT_TRUE(audit.append(entryAt(202)));
  EXPECT_EQ(*audit.count(), 200u);
  AuditQuery query;
  query.limit = 200;
  const auto seqs = seqsOf(*audit.query(query));
  ASSERT_EQ(seqs.size(), 200u);
  EXPECT_EQ(seqs.front(), 202u);
  EXPECT_EQ(seqs.back(), 3u);
}

TYPED_TEST(CoordinatorStoreTest, AuditTextsAreCutAndMadeValid) {
  AuditEntry entry = entryAt(1);
  entry.text = std::string(limits::kMaxAuditTextBytes + 1, 'x');
  entry.who = "bad\xff";
  ASSERT_TRUE(this->store_->audit().append(entry));
  const AuditEntry kept = this->store_->audit().query({})->front();
  EXPECT_LE(kept.text.size(), limits::kMaxAuditTextBytes);
  EXPECT_EQ(kept.who, "bad\xef\xbf\xbd");
}

// --- history ------------------------------------------------------------------------------------

HistoryRow eventAt(int64_t ms, const std::string& group = "storage") {
  HistoryRow row;
  row.at = {ms};
  row.group = group;
  row.what = "active";
  row.from = "node1";
  row.to = "node2";
  row.epoch = 8;
  row.duration_ms = 100;
  row.cause = "a move was asked for";
  row.who = "ann@example.org";
  row.drain_ms = 40;
  row.wait_ms = 30;
  row.offer_ms = 20;
  row.promote_ms = 10;
  return row;
}

std::vector<uint64_t> seqsOf(const std::vector<HistoryRow>& rows) {
  std::vector<uint64_t> seqs;
  for (const HistoryRow& row : rows) seqs.push_back(row.seq);
  return seqs;
}

TYPED_TEST(CoordinatorStoreTest, HistoryComesBackWithEveryField) {
  HistoryRow row = eventAt(5);
  ASSERT_TRUE(this->store_->history().append({row}));
  row.seq = 1;
  EXPECT_THAT(*this->store_->history().query({}), ElementsAre(row));
}

TYPED_TEST(CoordinatorStoreTest, HistoryIsAskedByGroupTimeAndPage) {
  HistoryStore& history = this->store_->history();
  ASSERT_TRUE(history.append({eventAt(10), eventAt(20, "other"), eventAt(30)}));
  ASSERT_TRUE(history.append({}));
  ASSERT_TRUE(history.append({eventAt(40)}));
  HistoryQuery query;
  EXPECT_THAT(seqsOf(*history.query(query)), ElementsAre(4, 3, 2, 1));
  query.group = "storage";
  EXPECT_THAT(seqsOf(*history.query(query)), ElementsAre(4, 3, 1));
  query.limit = 2;
  query.before_seq = 4;
  EXPECT_THAT(seqsOf(*history.query(query)), ElementsAre(3, 1));
  query = {};
  query.from = WallTime{20};
  EXPECT_THAT(seqsOf(*history.query(query)), ElementsAre(4, 3, 2));
  query.limit = 0;
  EXPECT_EQ(history.query(query).status().field(), "limit");
}

TYPED_TEST(CoordinatorStoreTest, HistoryDropsTheOldestInBatches) {
  HistoryStore& history = this->store_->history();  // 200 events, batches of 2
  for (int64_t ms = 1; ms <= 201; ++ms) ASSERT_TRUE(history.append({eventAt(ms)}));
  EXPECT_EQ(*history.count(), 199u);
  HistoryQuery query;
  query.limit = 200;
  EXPECT_EQ(history.query(query)->front().seq, 201u);
  EXPECT_EQ(history.query(query)->back().seq, 3u);
}

// --- overrides ----------------------------------------------------------------------------------

OverrideRow overrideOf(OverrideTarget kind, const std::string& target, const std::string& logger) {
  return {kind, target, logger, 2, "ann@example.org", {1000}, WallTime{2000}};
}

TYPED_TEST(CoordinatorStoreTest, OverridesAreReplacedAndListedFromTheGeneralToTheParticular) {
  OverrideStore& overrides = this->store_->overrides();
  const OverrideRow node = overrideOf(OverrideTarget::kNode, "a", "disk");
  const OverrideRow group = overrideOf(OverrideTarget::kGroup, "z", "disk");
  OverrideRow all = overrideOf(OverrideTarget::kAll, "", "disk");
  for (const OverrideRow& row : {node, group, all}) ASSERT_TRUE(overrides.set(row));
  all.level = 3;
  all.until.reset();
  ASSERT_TRUE(overrides.set(all));
  EXPECT_THAT(*overrides.list(), ElementsAre(all, group, node));
  ASSERT_TRUE(overrides.remove(OverrideTarget::kGroup, "z", "disk"));
  ASSERT_TRUE(overrides.remove(OverrideTarget::kGroup, "z", "disk"));
  EXPECT_THAT(*overrides.list(), ElementsAre(all, node));
}

TYPED_TEST(CoordinatorStoreTest, OverridesEndWithTheirTime) {
  OverrideStore& overrides = this->store_->overrides();
  OverrideRow for_ever = overrideOf(OverrideTarget::kNode, "a", "net");
  for_ever.until.reset();
  ASSERT_TRUE(overrides.set(overrideOf(OverrideTarget::kNode, "a", "disk")));
  ASSERT_TRUE(overrides.set(for_ever));
  ASSERT_TRUE(overrides.expire({1999}));
  EXPECT_EQ(overrides.list()->size(), 2u);
  ASSERT_TRUE(overrides.expire({2000}));
  EXPECT_THAT(*overrides.list(), ElementsAre(for_ever));
}

TYPED_TEST(CoordinatorStoreTest, OverrideThatSaysTooLittleIsRefused) {
  OverrideStore& overrides = this->store_->overrides();
  OverrideRow row = overrideOf(OverrideTarget::kNode, "a", "");
  EXPECT_EQ(overrides.set(row).field(), "logger");
  EXPECT_EQ(overrides.set(overrideOf(OverrideTarget::kNode, "", "disk")).field(), "target");
  EXPECT_EQ(overrides.set(overrideOf(OverrideTarget::kAll, "a", "disk")).field(), "target");
  row = overrideOf(OverrideTarget::kNode, "a", "disk");
  row.level = 0;
  EXPECT_EQ(overrides.set(row).field(), "level");
  EXPECT_THAT(*overrides.list(), IsEmpty());
}

TYPED_TEST(CoordinatorStoreTest, OverridesAreBounded) {
  OverrideStore& overrides = this->store_->overrides();
  for (size_t i = 0; i < limits::kMaxOverrides; ++i) {
    ASSERT_TRUE(overrides.set(overrideOf(OverrideTarget::kAll, "", "l" + std::to_string(i))));
  }
  EXPECT_EQ(overrides.set(overrideOf(OverrideTarget::kAll, "", "one-more")).code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(overrides.set(overrideOf(OverrideTarget::kAll, "", "l0")));
}

}  // namespace
}  // namespace muster::store
