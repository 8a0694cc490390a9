// Both implementations of every store pass the same tests; what only a file can show (reopening,
// a second process, damage) is in sqlite_store_test.cc.
#include "libcontrol/store/coordinator_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct InMemory {
  std::unique_ptr<CoordinatorStore> open(const CoordinatorStoreOptions& options) {
    return CoordinatorStore::openMemory(options);
  }
};

struct InSqlite {
  InSqlite() {
    char name[] = "/tmp/muster-store-XXXXXX";
    dir = ::mkdtemp(name);
  }
  ~InSqlite() { std::filesystem::remove_all(dir); }
  std::unique_ptr<CoordinatorStore> open(const CoordinatorStoreOptions& options) {
    auto store = CoordinatorStore::open(dir / "coordinator.db", options);
    EXPECT_TRUE(store) << store.status().text();
    return std::move(store).value();
  }
  std::filesystem::path dir;
};

template <typename Place>
class CoordinatorStoreTest : public testing::Test {
 protected:
  static CoordinatorStoreOptions smallOptions() {
    CoordinatorStoreOptions options;
    options.audit_capacity = 200;
    return options;
  }
  Place place_;
  std::unique_ptr<CoordinatorStore> store_ = place_.open(smallOptions());
};

using Places = testing::Types<InMemory, InSqlite>;
TYPED_TEST_SUITE(CoordinatorStoreTest, Places);

Id128 id(char fill) {
  return *Id128::fromBytes(std::string(16, fill));
}

GroupRow activeGroup(uint64_t epoch) {
  GroupRow row;
  row.name = "storage";
  row.phase = GroupPhase::kActive;
  row.epoch = epoch;
  row.highest_epoch = epoch + 2;
  row.holder = "node1@example.org";
  row.instance = id('i');
  row.offer_nonce = id('\0');
  row.lease_ttl_ms = 5000;
  row.moved_at = {1'767'225'600'123};
  return row;
}

// --- groups -------------------------------------------------------------------------------------

TYPED_TEST(CoordinatorStoreTest, GroupComesBackWithEveryField) {
  GroupRow row = activeGroup(7);
  row.phase = GroupPhase::kDraining;
  row.offer_nonce = id('n');
  ASSERT_TRUE(this->store_->groups().save(row));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(row));
}

TYPED_TEST(CoordinatorStoreTest, GroupIsReplacedAndListedByName) {
  GroupRow vacant;
  vacant.name = "alpha";
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7)));
  ASSERT_TRUE(this->store_->groups().save(activeGroup(8)));
  ASSERT_TRUE(this->store_->groups().save(vacant));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(vacant, activeGroup(8)));
}

TYPED_TEST(CoordinatorStoreTest, GroupEpochsNeverDecrease) {
  ASSERT_TRUE(this->store_->groups().save(activeGroup(7)));
  GroupRow lower = activeGroup(6);
  lower.highest_epoch = 9;
  EXPECT_EQ(this->store_->groups().save(lower).code(), Code::kConflict);
  GroupRow forgetful = activeGroup(7);
  forgetful.highest_epoch = 8;
  const Status refused = this->store_->groups().save(forgetful);
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_THAT(refused.text(), HasSubstr("epoch 7 (highest 8) is below the recorded epoch 7"));
  EXPECT_THAT(*this->store_->groups().loadAll(), ElementsAre(activeGroup(7)));
}

TYPED_TEST(CoordinatorStoreTest, GroupWithAnImpossibleEpochIsRefused) {
  GroupRow row = activeGroup(7);
  row.highest_epoch = 6;
  EXPECT_EQ(this->store_->groups().save(row).code(), Code::kInvalidArgument);
  row.highest_epoch = uint64_t{1} << 63;
  EXPECT_EQ(this->store_->groups().save(row).code(), Code::kInvalidArgument);
  row.highest_epoch = (uint64_t{1} << 63) - 1;
  EXPECT_TRUE(this->store_->groups().save(row));
}

TYPED_TEST(CoordinatorStoreTest, GroupThatCouldNotBeWaitedForIsRefused) {
  GroupRow row = activeGroup(7);
  row.instance = {};
  EXPECT_EQ(this->store_->groups().save(row).field(), "instance");
  row = activeGroup(7);
  row.lease_ttl_ms = 0;
  EXPECT_EQ(this->store_->groups().save(row).field(), "lease_ttl_ms");
  row = activeGroup(7);
  row.holder.clear();
  EXPECT_EQ(this->store_->groups().save(row).field(), "holder");
  row = activeGroup(7);
  row.phase = GroupPhase::kOffered;
  EXPECT_EQ(this->store_->groups().save(row).field(), "offer_nonce");
  row = activeGroup(7);
  row.name.clear();
  EXPECT_EQ(this->store_->groups().save(row).field(), "name");
  EXPECT_THAT(*this->store_->groups().loadAll(), IsEmpty());
}

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
  return {0, {ms}, who, "chat", "storage@muster.example.org", verb, "to=node2", "ok", "Started."};
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

}  // namespace
}  // namespace muster::store
