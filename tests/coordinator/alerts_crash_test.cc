// The coordinator is killed at every step between a decision and the last stanza: nothing is lost,
// and what comes twice comes under the same id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/coordinator/alerts_stage.h"

namespace muster::coordinator {
namespace {

using testing::IsEmpty;

constexpr int kSurvived = 7;

// One process of the coordinator; what it sends is appended to the wire, as a network keeps what
// was handed over before a crash.
class Process {
 public:
  Process(const std::filesystem::path& dir, int die_at, bool receipts)
      : wire_(dir / "wire"), die_at_(die_at), receipts_(receipts), random_(SystemRandom().next()) {
    auto store = store::CoordinatorStore::open(dir / "db");
    if (!store) ::_exit(1);
    store_ = std::move(store).value();
    stage_ = std::make_unique<AlertsStage>(*store_, clock_, random_, incident::Policy{},
                                           [this](Alerts::Checkpoint) {
                                             if (die_at_-- == 0) ::kill(::getpid(), SIGKILL);
                                           });
    stage_->on_sent = [this](const incident::Message& message) {
      std::ofstream(wire_, std::ios::app)
          << message.id << ' ' << std::hash<std::string>{}(message.notice.text) << '\n';
      if (receipts_) arrived_.push_back(message);
    };
    if (!stage_->alerts->load()) ::_exit(2);
    alerts().linkUp();
    for (const char* person : {"ann@example.org/a", "bob@example.org/b"}) {
      alerts().personCame(Jid::parse(person).value(), false);
    }
    pass(11);
  }

  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.advance(Duration::seconds(1));
      alerts().tick();
      std::vector<incident::Message> arrived;
      arrived.swap(arrived_);
      for (const auto& message : arrived) alerts().delivered(message.id, message.notice.to);
    }
  }

  // A whole incident: subscriptions, a fall, an ack, a recovery.
  void play() {
    (void)alerts().subscribe(wish("user.g"), by("ann@example.org"));
    (void)alerts().subscribe(wish("g"), by("bob@example.org"));
    stage_->broken = true;
    pass(5);
    (void)alerts().acknowledge(1, "mine", by("ann@example.org"));
    alerts().acted(Jid::parse("ann@example.org").value(), "g", "failover g");
    stage_->broken = false;
    pass(35);
  }
  // What the next process finds: all is well, and everybody is there and confirms.
  void goOn() { pass(200); }

 private:
  Alerts& alerts() { return *stage_->alerts; }

  const std::filesystem::path wire_;
  int die_at_;
  const bool receipts_;
  ManualClock clock_;
  SeededRandom random_;
  std::unique_ptr<store::CoordinatorStore> store_;
  std::unique_ptr<AlertsStage> stage_;
  std::vector<incident::Message> arrived_;
};

int inChild(const std::function<void()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    run();
    ::_exit(kSurvived);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class AlertsCrash : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/muster-alerts-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  // Dies at that checkpoint, then lives; false if there was no such checkpoint.
  bool dieAt(int checkpoint, bool receipts) {
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      std::filesystem::remove(entry.path());
    }
    const int status = inChild([&] { Process(dir_, checkpoint, receipts).play(); });
    const int next = inChild([&] { Process(dir_, -1, true).goOn(); });
    EXPECT_TRUE(WIFEXITED(next) && WEXITSTATUS(next) == kSurvived);
    return WIFSIGNALED(status);
  }
  void judge(int checkpoint);

  std::filesystem::path dir_;
};

void AlertsCrash::judge(int checkpoint) {
  SCOPED_TRACE("killed at checkpoint " + std::to_string(checkpoint));
  std::map<std::string, std::set<std::string>> wire;
  std::ifstream in(dir_ / "wire");
  for (std::string id, text; in >> id >> text;) wire[id].insert(text);
  auto store = store::CoordinatorStore::open(dir_ / "db");
  ASSERT_TRUE(store);
  store::AlertStore& alerts = (*store)->alerts();
  EXPECT_THAT(alerts.outbox().value(), IsEmpty()) << "something was never delivered";
  std::set<std::string> delivered;
  std::set<std::pair<std::string, int>> told;  // to whom, of which kind
  const auto deliveries = alerts.deliveries({}, 1000);
  for (const store::DeliveryRow& row : *deliveries) {
    delivered.insert(row.id);
    if (row.incident == 1) told.insert({row.to, row.kind});
    if (row.outcome.starts_with("summary")) continue;
    EXPECT_TRUE(wire.contains(row.id)) << row.id << " was said to be delivered and never sent";
  }
  for (const auto& [id, texts] : wire) {
    EXPECT_EQ(texts.size(), 1u) << "two texts under one id";
    EXPECT_TRUE(delivered.contains(id)) << id << " was sent and never on disk";
  }
  const auto incidents = alerts.incidents({});
  for (const store::IncidentRow& row : *incidents) {
    EXPECT_TRUE(row.ended) << "an incident that nobody ends";
    for (const auto kind : {incident::NoticeKind::kOpened, incident::NoticeKind::kEnded}) {
      for (const char* person : {"ann@example.org", "bob@example.org"}) {
        EXPECT_TRUE(told.contains({person, static_cast<int>(kind)}))
            << person << " was not told of kind " << static_cast<int>(kind);
      }
    }
  }
}

TEST_F(AlertsCrash, WhereverItIsKilledNothingIsLost) {
  for (const bool receipts : {false, true}) {
    int checkpoint = 0;
    while (dieAt(checkpoint, receipts)) {
      judge(checkpoint++);
      if (HasFailure()) return;
    }
    judge(checkpoint);
    EXPECT_GT(checkpoint, 12) << "the story has more steps than that";
  }
}

}  // namespace
}  // namespace muster::coordinator
