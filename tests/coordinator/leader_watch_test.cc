#include "coordinator/leader_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QCoreApplication>

#include "libcontrol/xmpp/memory_link.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

struct Component {
  Component(xmpp::MemoryServer& server, Clock& clock, Random& random, const std::string& domain)
      : link(server, jid(domain)), endpoint(link, clock, random) {
    link.start();
  }
  xmpp::MemoryLink link;
  xmpp::Endpoint endpoint;
};

class LeaderWatchTest : public testing::Test {
 protected:
  LeaderWatchTest() { settle(); }
  void settle() {
    do {
      QCoreApplication::processEvents();
    } while (server_.deliver() > 0);
  }
  void pass(Duration time) {
    for (Duration each = Duration::millis(250); time > Duration{}; time = time - each) {
      clock_.advance(each);
      watch_.tick();
      settle();
    }
  }
  ManualClock clock_;
  SystemRandom random_;
  xmpp::MemoryServer server_;
  Component own_{server_, clock_, random_, "c1.example.org"};
  std::unique_ptr<Component> leader_ =
      std::make_unique<Component>(server_, clock_, random_, "c2.example.org");
  std::vector<std::string> suspected_;
  LeaderWatch watch_{own_.endpoint, jid("c1.example.org"), clock_, Duration::seconds(1),
                     [this](const std::string& why) { suspected_.push_back(why); }};
};

TEST_F(LeaderWatchTest, WhoAnswersIsNotSuspected) {
  watch_.watch(jid("c2.example.org"));
  pass(Duration::seconds(10));
  EXPECT_THAT(suspected_, IsEmpty());
}

TEST_F(LeaderWatchTest, WhoIsGoneIsSuspectedAndAgainAfterAsLong) {
  watch_.watch(jid("c2.example.org"));
  pass(Duration::seconds(1));
  leader_.reset();
  pass(Duration::millis(750));
  EXPECT_THAT(suspected_, IsEmpty());
  pass(Duration::millis(500));
  ASSERT_THAT(suspected_, SizeIs(1));
  EXPECT_THAT(suspected_[0], HasSubstr("c2.example.org has not answered for 1s"));
  pass(Duration::seconds(1));
  EXPECT_THAT(suspected_, SizeIs(2));
}

TEST_F(LeaderWatchTest, WhoStandsStillIsSuspected) {
  watch_.watch(jid("c2.example.org"));
  pass(Duration::seconds(1));
  server_.onRoute(
      [](const xmpp::Element& stanza) { return stanza.attribute("to") != "c2.example.org"; });
  pass(Duration::millis(1250));
  EXPECT_THAT(suspected_, SizeIs(1));
}

// As long as it may read what others have left.
TEST_F(LeaderWatchTest, WhoHasJustWonMayBeSilentForLonger) {
  server_.onRoute(
      [](const xmpp::Element& stanza) { return stanza.attribute("to") != "c2.example.org"; });
  watch_.watch(jid("c2.example.org"));
  pass(Duration::millis(4750));
  EXPECT_THAT(suspected_, IsEmpty());
  pass(Duration::millis(250));
  EXPECT_THAT(suspected_, SizeIs(1));
  pass(Duration::seconds(1));
  EXPECT_THAT(suspected_, SizeIs(2));
}

TEST_F(LeaderWatchTest, ASilentServerTellsNothingOfTheLeader) {
  watch_.watch(jid("c2.example.org"));
  server_.onRoute([](const xmpp::Element&) { return false; });
  pass(Duration::seconds(10));
  EXPECT_THAT(suspected_, IsEmpty());
  server_.onRoute(nullptr);
  pass(Duration::seconds(3));
  EXPECT_THAT(suspected_, IsEmpty());
  server_.stop();
  settle();
  pass(Duration::seconds(10));
  EXPECT_THAT(suspected_, IsEmpty());
}

TEST_F(LeaderWatchTest, ANewLeaderHasAChanceOfItsOwn) {
  watch_.watch(jid("c2.example.org"));
  leader_.reset();
  pass(Duration::millis(750));
  watch_.watch(jid("c3.example.org"));
  pass(Duration::millis(750));
  EXPECT_THAT(suspected_, IsEmpty());
  watch_.watch(std::nullopt);
  pass(Duration::seconds(10));
  EXPECT_THAT(suspected_, IsEmpty());
}

}  // namespace
}  // namespace muster::coordinator
