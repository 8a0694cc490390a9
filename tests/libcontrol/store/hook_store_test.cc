// What the site's hooks are still to be told, in all implementations.
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename Place>
class HookStoreTest : public CoordinatorStoreTest<Place> {};
TYPED_TEST_SUITE(HookStoreTest, Places);

HookRunRow run(uint64_t seq) {
  HookRunRow row;
  row.seq = seq;
  row.group = "storage";
  row.hook = "on_promote";
  row.old_node = "node1";
  row.new_node = "node2";
  row.old_epoch = 4;
  row.epoch = 5;
  row.cause = "a move";
  row.by = "ann@example.org";
  row.outcome = "active";
  row.at = {17};
  return row;
}

TYPED_TEST(HookStoreTest, RunsAndHoldersComeBackWithEveryField) {
  HookStore& hooks = this->store_->hooks();
  HookRunRow begun = run(2);
  begun.begun = true;
  ASSERT_TRUE(hooks.commit({{{"storage", "node2", 5, false}}, {begun, run(1)}, {}}));
  EXPECT_THAT(*hooks.runs(), ElementsAre(run(1), begun));
  EXPECT_THAT(*hooks.holders(), ElementsAre(HookHolderRow{"storage", "node2", 5, false}));
}

TYPED_TEST(HookStoreTest, TheSameAgainReplacesAndWhatIsDoneIsGone) {
  HookStore& hooks = this->store_->hooks();
  ASSERT_TRUE(hooks.commit({{}, {run(1), run(2)}, {}}));
  HookRunRow begun = run(2);
  begun.begun = true;
  ASSERT_TRUE(hooks.commit({{}, {begun}, {1}}));
  ASSERT_TRUE(hooks.commit({{}, {begun}, {1}}));
  EXPECT_THAT(*hooks.runs(), ElementsAre(begun));
}

TYPED_TEST(HookStoreTest, ARowWithoutItsNameIsRefusedWithAllElse) {
  HookStore& hooks = this->store_->hooks();
  HookRunRow nameless = run(2);
  nameless.hook = "";
  EXPECT_EQ(hooks.commit({{}, {run(1), nameless}, {}}).field(), "hook");
  EXPECT_THAT(*hooks.runs(), IsEmpty());
}

}  // namespace
}  // namespace muster::store
