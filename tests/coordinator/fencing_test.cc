#include "coordinator/fencing.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/coordinator/cluster_stage.h"
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::coordinator {
namespace {

using testing::HasSubstr;

class FencingTest : public ClusterStage {
 protected:
  FencingTest() {
    char name[] = "/tmp/muster-fence-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  ~FencingTest() override { std::filesystem::remove_all(dir_); }

  // The executable: says what it was asked, then ends with what is in the file "answer".
  void begin(const std::string& answer) {
    std::ofstream(dir_ / "answer") << answer;
    FenceConfig config;
    config.command = {"/bin/sh", "-c",
                      "cd '" + dir_.string() +
                          "' && env | grep ^MUSTER_ | sort >> asked && echo not today >&2 && "
                          "exit $(cat answer)"};
    fencing_ = std::make_unique<Fencing>(coordinator_->cluster, coordinator_->component,
                                         store_->groups(), coordinator_->chronicle, clock_, config);
    nodesAppear();
    ASSERT_EQ(coordinator_->status().active(), "node1");
    fencing_->tick();
    clock_.advance(election_.lease_ttl);
    for (FakeNode* node : {&one_, &two_}) node->renew(node->epoch);
    settle();
  }
  void TearDown() override {
    fencing_.reset();
    ClusterStage::TearDown();
  }
  // A second passes, and what it starts comes to its end.
  void second() {
    clock_.advance(Duration::seconds(1));
    fencing_->tick();
    for (int i = 0; i < 1000 && !fencing_->findChildren<QObject*>().isEmpty(); ++i) {
      settle();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
    settle();
  }
  v1::HistoryEvent latest() {
    v1::HistoryRequest request;
    request.set_group("g");
    request.set_limit(1);
    return coordinator_->chronicle.query(request, clock_.wall())->events(0);
  }
  std::string asked() const {
    std::ifstream in(dir_ / "asked");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path dir_;
  std::unique_ptr<Fencing> fencing_;
};

TEST_F(FencingTest, ALostHolderIsFencedAndNobodyWaits) {
  begin("0");
  second();
  EXPECT_EQ(asked(), "") << "it is well";
  one_.stop();
  settle();
  second();
  EXPECT_EQ(asked(), "") << "it has just gone";
  second();
  EXPECT_THAT(asked(), HasSubstr("MUSTER_EPOCH=1\nMUSTER_GROUP=g\nMUSTER_INSTANCE="));
  EXPECT_THAT(asked(), HasSubstr("MUSTER_JID=node1@example.org\nMUSTER_NODE=node1\n"));
  EXPECT_EQ(coordinator_->status().active(), "node2");
  const v1::HistoryEvent event = latest();
  EXPECT_THAT(event.cause(), HasSubstr("node1 was fenced, says the fence command"));
}

TEST_F(FencingTest, WithoutItsWordTheLeaseIsWaitedOut) {
  begin("3");
  one_.stop();
  settle();
  second();
  second();
  EXPECT_THAT(asked(), HasSubstr("MUSTER_NODE=node1"));
  EXPECT_EQ(coordinator_->status().phase(), v1::PHASE_ACTIVE) << "its lease may be in force";
  const v1::HistoryEvent event = latest();
  EXPECT_EQ(event.what(), "fence-failed");
  EXPECT_EQ(event.cause(), "it ended with exit code 3: not today");
  const std::string once = asked();
  second();
  EXPECT_EQ(asked(), once) << "not asked again at once";
}

TEST_F(FencingTest, NobodyIsFencedForNothing) {
  begin("0");
  two_.stop();
  settle();
  one_.stop();
  settle();
  for (int i = 0; i < 3; ++i) second();
  EXPECT_EQ(asked(), "") << "nobody else could take the role";
}

// One that stood still may have been deposed, and what it has not heard says nothing.
TEST_F(FencingTest, WhoMayNotLeadAnyMoreFencesNobody) {
  store::KeptRows log;
  const auto elsewhere = std::move(store::openOnRows(log, {})).value();
  begin("0");
  fencing_.reset();
  FenceConfig config;
  config.command = {"/bin/sh", "-c", "touch '" + (dir_ / "asked").string() + "'"};
  fencing_ =
      std::make_unique<Fencing>(coordinator_->cluster, coordinator_->component, elsewhere->groups(),
                                coordinator_->chronicle, clock_, config);
  fencing_->tick();
  clock_.advance(election_.lease_ttl);
  for (FakeNode* node : {&one_, &two_}) node->renew(node->epoch);
  settle();
  log.failure = {Code::kConflict, "another coordinator leads now"};
  one_.stop();
  settle();
  for (int i = 0; i < 3; ++i) second();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "asked"));
  log.failure = {};
  second();
  EXPECT_TRUE(std::filesystem::exists(dir_ / "asked")) << "the same, once it is confirmed";
  fencing_.reset();
}

// After a restart nobody has been heard of yet; the machines themselves may be well.
TEST_F(FencingTest, WhoHasJustComeFencesNobody) {
  begin("0");
  fencing_.reset();
  one_.stop();
  startCoordinator();
  FenceConfig config;
  config.command = {"/bin/sh", "-c", "touch '" + (dir_ / "asked").string() + "'"};
  fencing_ = std::make_unique<Fencing>(coordinator_->cluster, coordinator_->component,
                                       store_->groups(), coordinator_->chronicle, clock_, config);
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  for (int i = 0; i < 4; ++i) second();
  EXPECT_FALSE(std::filesystem::exists(dir_ / "asked"));
}

}  // namespace
}  // namespace muster::coordinator
