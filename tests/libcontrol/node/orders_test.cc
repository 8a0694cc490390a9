#include "libcontrol/node/orders.h"

#include <gmock/gmock.h>

#include "muster/log.h"
#include "tests/libcontrol/node/node_fixture.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

class OrdersTest : public testing::NodeFixture {
 protected:
  OrdersTest() {
    logger("orders.test");
    EXPECT_TRUE(make());
  }
  static v1::Order logLevel(const std::string& name, v1::LogLevel level) {
    v1::Order out;
    out.set_by("olga@people.test");
    out.mutable_log_level()->set_logger(name);
    out.mutable_log_level()->set_level(level);
    return out;
  }
  v1::LoggerState levelOf(const std::string& name) {
    v1::Order order;
    order.set_by("olga@people.test");
    order.mutable_log_level()->set_logger(name);
    const v1::OrderReply reply = this->order(order);
    EXPECT_EQ(reply.log_level().loggers_size(), 1) << reply.text();
    return reply.log_level().loggers_size() == 1 ? reply.log_level().loggers(0) : v1::LoggerState();
  }
  static v1::Order drain(bool drained, int64_t changed_at_ms, const std::string& reason = "") {
    v1::Order out;
    out.set_by("bob@people.test");
    out.mutable_drain()->set_drained(drained);
    out.mutable_drain()->set_by("bob@people.test");
    out.mutable_drain()->set_reason(reason);
    out.mutable_drain()->set_changed_at_ms(changed_at_ms);
    return out;
  }
};

TEST_F(OrdersTest, SetALogLevelForThePersonNamed) {
  v1::Order order = logLevel("orders.test", v1::LOG_LEVEL_DEBUG);
  order.mutable_log_level()->set_for_ms(600'000);
  const v1::OrderReply reply = this->order(order);
  EXPECT_EQ(reply.code(), "ok") << reply.text();
  EXPECT_FALSE(reply.has_log_level());
  EXPECT_EQ(levelOf("orders.test").effective(), v1::LOG_LEVEL_DEBUG);
  // An observer at this node, but the coordinator has judged.
  EXPECT_EQ(levelOf("orders.test").by(), "olga@people.test");
  EXPECT_EQ(logger("orders.test")->level(), spdlog::level::debug);

  const auto trail = this->trail();
  ASSERT_EQ(trail.size(), 2u);
  EXPECT_EQ(trail[1].code, "begun");
  EXPECT_EQ(trail[0].code, "ok");
  EXPECT_EQ(trail[0].call, trail[1].call);
  for (const store::AuditEntry& entry : trail) {
    EXPECT_EQ(entry.who, "olga@people.test");
    EXPECT_EQ(entry.face, "coordinator");
    EXPECT_EQ(entry.place, "muster.test");
    EXPECT_EQ(entry.verb, "log-level");
    EXPECT_THAT(entry.arguments, HasSubstr("orders.test debug"));
  }
  EXPECT_EQ(this->order(logLevel("orders.test", v1::LOG_LEVEL_RESET)).code(), "ok");
}

TEST_F(OrdersTest, ListLoggersWithoutATrace) {
  v1::Order order;
  order.set_by("olga@people.test");
  order.mutable_log_level();
  const v1::OrderReply reply = this->order(order);
  EXPECT_EQ(reply.code(), "ok");
  EXPECT_GT(reply.log_level().loggers_size(), 1);
  EXPECT_TRUE(trail().empty());
}

TEST_F(OrdersTest, AreCheckedAsAnyCommandIs) {
  v1::Order too_long = logLevel("orders.test", v1::LOG_LEVEL_DEBUG);
  too_long.mutable_log_level()->set_for_ms(31ull * 86'400'000);
  v1::OrderReply reply = order(too_long);
  EXPECT_EQ(reply.code(), "invalid-argument");
  EXPECT_EQ(reply.field(), "for");
  reply = order(logLevel("orders.text", v1::LOG_LEVEL_DEBUG));
  EXPECT_EQ(reply.code(), "not-found");
  EXPECT_THAT(reply.text(), HasSubstr("did you mean 'orders.test'?"));
  for (const int level : {0, 77}) {
    reply = order(logLevel("orders.test", static_cast<v1::LogLevel>(level)));
    EXPECT_EQ(reply.code(), "invalid-argument") << level;
  }
  EXPECT_EQ(logger("orders.test")->level(), spdlog::level::info);
}

TEST_F(OrdersTest, NameAPersonByAnExactBareJid) {
  for (const char* by : {"", "olga@people.test/desk", "Olga@people.test", "@", "olga\n@x"}) {
    v1::Order order = logLevel("orders.test", v1::LOG_LEVEL_DEBUG);
    order.set_by(by);
    const v1::OrderReply reply = this->order(order);
    EXPECT_EQ(reply.code(), "invalid-argument") << by;
    EXPECT_EQ(reply.field(), "by");
  }
  EXPECT_TRUE(trail().empty());
}

TEST_F(OrdersTest, AreTakenFromTheCoordinatorAlone) {
  for (testing::Party* who : {&ann_, &olga_}) {
    const auto outcome = ask(*who, xmpp::writeOrder(logLevel("orders.test", v1::LOG_LEVEL_DEBUG)));
    ASSERT_TRUE(outcome.error.has_value());
    EXPECT_EQ(outcome.error->condition, xmpp::Condition::kServiceUnavailable);
    EXPECT_EQ(outcome.error->text, "");
  }
  EXPECT_EQ(logger("orders.test")->level(), spdlog::level::info);
  EXPECT_TRUE(trail().empty());
}

TEST_F(OrdersTest, OfNoKindAreRefused) {
  v1::Order order;
  order.set_by("ann@people.test");
  const auto outcome = ask(coordinator_, xmpp::writeOrder(order));
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->condition, xmpp::Condition::kBadRequest);
}

TEST_F(OrdersTest, BringADrainMark) {
  EXPECT_EQ(order(drain(true, 1'767'225'600'000, "disk swap")).code(), "ok");
  EXPECT_TRUE(store_->state().drain.drained);
  EXPECT_EQ(store_->state().drain.by, "bob@people.test");
  EXPECT_THAT(ann_.seen().status,
              HasSubstr("Drained by bob since 2026-01-01T00:00:00Z: disk swap"));
  EXPECT_TRUE(coordinator_.seen().node->drain().drained());
  const auto trail = this->trail();
  ASSERT_EQ(trail.size(), 2u);
  EXPECT_EQ(trail[0].verb, "drain");
  EXPECT_EQ(trail[0].face, "coordinator");
  EXPECT_EQ(trail[0].arguments, "disk swap");
}

TEST_F(OrdersTest, TheMarkChangedLaterCounts) {
  ASSERT_EQ(order(drain(true, 2000, "a")).code(), "ok");
  v1::OrderReply older = order(drain(false, 1999));
  EXPECT_EQ(older.code(), "conflict");
  EXPECT_THAT(older.text(), HasSubstr("by bob@people.test at 1970-01-01"));
  // The very same again is fine, and no change.
  EXPECT_EQ(order(drain(true, 2000, "a")).code(), "ok");
  EXPECT_EQ(trail().size(), 2u);
  EXPECT_EQ(order(drain(false, 2001)).code(), "ok");
  EXPECT_FALSE(store_->state().drain.drained);
  EXPECT_EQ(order(drain(true, 0)).code(), "invalid-argument");
}

TEST_F(OrdersTest, AMarkWithoutAnAuthorIsRefused) {
  v1::Order order = drain(true, 2000);
  order.mutable_drain()->set_by("bob@people.test/phone");
  EXPECT_EQ(this->order(order).code(), "invalid-argument");
  EXPECT_FALSE(store_->state().drain.drained);
}

// A clock that was wrong elsewhere must not make this node deaf to its own people.
TEST_F(OrdersTest, AChangeHereFollowsAMarkFromTheFuture) {
  const int64_t far = clock_.wall().unix_ms + 86'400'000;
  ASSERT_EQ(order(drain(true, far)).code(), "ok");
  say(ann_, "undrain");
  EXPECT_FALSE(store_->state().drain.drained);
  EXPECT_EQ(store_->state().drain.changed_at.unix_ms, far + 1);
}

}  // namespace
}  // namespace muster
