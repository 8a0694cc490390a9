// A node on an XMPP server in memory, with the coordinator and a person played by the test.
#pragma once

#include <gtest/gtest.h>

#include <QCoreApplication>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/node/node_core.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/memory_link.h"
#include "libcontrol/xmpp/subscriptions.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::testing {

inline Jid jidOf(const std::string& text) {
  return Jid::parse(text).value();
}

// Somebody else on the server: keeps what is said to them.
class Party {
 public:
  Party(xmpp::MemoryServer& server, const std::string& jid, Clock& clock, Random& random)
      : link_(server, jidOf(jid)), endpoint(link_, clock, random) {
    xmpp::Endpoint::Listener listener;
    listener.presence = [this](const xmpp::Element& stanza) {
      if (auto info = xmpp::readPresence(stanza)) presences.push_back(*info);
    };
    listener.message = [this](const xmpp::Element& stanza) {
      messages.push_back(xmpp::childText(stanza, "body"));
    };
    listener.up = [this] {
      if (!endpoint.isComponent()) endpoint.send(xmpp::presenceOf({}, {}, kAvailable));
    };
    endpoint.addListener(std::move(listener));
    link_.start();
  }

  // The latest presence, which has to have come.
  const xmpp::PresenceInfo& seen() const {
    EXPECT_FALSE(presences.empty());
    static const xmpp::PresenceInfo kNone;
    return presences.empty() ? kNone : presences.back();
  }

 private:
  static constexpr auto kAvailable = xmpp::PresenceType::kAvailable;
  xmpp::MemoryLink link_;

 public:
  xmpp::Endpoint endpoint;
  std::vector<xmpp::PresenceInfo> presences;
  std::vector<std::string> messages;
};

class NodeFixture : public ::testing::Test {
 protected:
  NodeFixture() {
    server_.subscribe(jidOf("node1@nodes.test"), jidOf("muster.test"));
    server_.subscribe(jidOf("node1@nodes.test"), jidOf("ann@people.test"));
    server_.subscribe(jidOf("muster@people.test"), jidOf("node1@nodes.test"));
    identity_.jid = jidOf("node1@nodes.test");
    identity_.coordinator = jidOf("muster.test");
    identity_.name = "node1";
    identity_.group = "storage";
    identity_.instance = InstanceId::make(random_);
    identity_.grants = {{jidOf("ann@people.test"), v1::ROLE_OPERATOR},
                        {jidOf("olga@people.test"), v1::ROLE_OBSERVER}};
  }
  // What a test has hung on the server may be gone by now.
  ~NodeFixture() override {
    server_.onRoute({});
    stop();
  }

  Status make() {
    LeaseDriver::Callbacks callbacks;
    callbacks.promote = [this](const Lease&) {
      if (on_promote_) on_promote_();
      ++promoted_;
      return Status::ok();
    };
    callbacks.demote = [this](const Demotion&) {
      if (on_demote_) on_demote_();
      ++demoted_;
    };
    callbacks.kill = [this](const std::string&) { killed_ = true; };
    app_ = std::make_unique<AppThread>();
    command_thread_ = std::make_unique<AppThread>();
    const Jid full = identity_.jid.withResource(nodeResource(identity_.instance));
    auto own_link = std::make_unique<xmpp::MemoryLink>(server_, full);
    own_link_ = own_link.get();
    auto core = NodeCore::make({.identity = identity_,
                                .link = std::move(own_link),
                                .store = *store_,
                                .audit = records_->audit(),
                                .services = services_,
                                .services_mutex = services_mutex_,
                                .app = *app_,
                                .command_thread = *command_thread_,
                                .commands = commands_,
                                .kept_log = *kept_log_,
                                .log_rules = log_rules_,
                                .warden = warden_,
                                .clock = clock_,
                                .random = random_,
                                .watchdog = watchdog_.get(),
                                .callbacks = callbacks});
    if (!core) return core.status();
    core_ = std::move(core).value();
    core_->start();
    node_ = full;
    settle();
    return Status::ok();
  }
  void stop() {
    app_.reset();
    command_thread_.reset();
    core_.reset();
  }

  // Everything that follows from what was said.
  void settle() {
    do {
      QCoreApplication::processEvents();
    } while (server_.deliver() > 0);
  }
  // Until the other threads have done their part.
  template <typename Condition>
  ::testing::AssertionResult eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return ::testing::AssertionFailure();
      QCoreApplication::processEvents(QEventLoop::AllEvents, 5);
      server_.deliver();
    }
    return ::testing::AssertionSuccess();
  }

  // What the node answers to an IQ set.
  xmpp::IqOutcome ask(Party& who, xmpp::Element payload) {
    xmpp::Element iq = xmpp::makeIq("set", node_);
    iq.add(std::move(payload));
    std::optional<xmpp::IqOutcome> answer;
    who.endpoint.request(std::move(iq), Duration::seconds(60),
                         [&](const xmpp::IqOutcome& outcome) { answer = outcome; });
    EXPECT_TRUE(eventually([&] { return answer.has_value(); }));
    return answer.value_or(xmpp::IqOutcome{});
  }
  v1::OrderReply order(const v1::Order& order) {
    const xmpp::IqOutcome outcome = ask(coordinator_, xmpp::writeOrder(order));
    EXPECT_TRUE(outcome.isOk()) << outcome.status.text();
    if (outcome.payload() == nullptr) {
      v1::OrderReply reply;
      if (outcome.isOk()) reply.set_code("ok");
      return reply;
    }
    return xmpp::readOrderReply(*outcome.payload()).value();
  }
  void sendLine(Party& who, const std::string& line) {
    xmpp::OutMessage message;
    message.to = node_;
    message.id = who.endpoint.newId();
    message.body = line;
    who.endpoint.send(xmpp::makeMessage(message));
  }
  // What the node answers to a chat line.
  std::string say(Party& who, const std::string& line) {
    const size_t before = who.messages.size();
    sendLine(who, line);
    EXPECT_TRUE(eventually([&] { return who.messages.size() > before; })) << line;
    return who.messages.size() > before ? who.messages.back() : "";
  }
  // The six digits of a one-time code in what the node said.
  static std::string codeIn(const std::string& text) {
    const auto at = text.find("code ");
    return at == std::string::npos ? "" : text.substr(at + 5, 6);
  }

  // As the coordinator: makes the node active under that epoch.
  void makeActive(uint64_t epoch) {
    releases_.clear();
    coordinator_.endpoint.handleIq(
        xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
        [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
          const auto message = xmpp::readLease(*iq.firstChild()).value();
          v1::LeaseMessage answer;
          if (message.has_release()) {
            releases_.push_back(message.release());
            answer.mutable_accepted();
          } else {
            const bool acquires = message.has_acquire();
            v1::Granted& granted = *answer.mutable_granted();
            granted.set_epoch(acquires ? message.acquire().epoch() : message.renew().epoch());
            granted.set_request_nonce(acquires ? message.acquire().request_nonce()
                                               : message.renew().request_nonce());
            granted.set_lease_ttl_ms(kLeaseMs);
          }
          reply.result(xmpp::writeLease(answer));
        });
    ask(coordinator_, xmpp::writeLease(offerOf(epoch)));
    ASSERT_TRUE(eventually([this] { return core_->role() == v1::NODE_ROLE_ACTIVE; }));
  }
  v1::LeaseMessage offerOf(uint64_t epoch) {
    v1::LeaseMessage offer;
    offer.mutable_offer()->set_group("storage");
    offer.mutable_offer()->set_epoch(epoch);
    offer.mutable_offer()->set_lease_ttl_ms(kLeaseMs);
    offer.mutable_offer()->set_offer_nonce(Id128::make(random_).toBytes());
    return offer;
  }
  // The same, whatever the node makes of it; nobody waits for its answer.
  void offer(uint64_t epoch) {
    xmpp::Element iq = xmpp::makeIq("set", node_);
    iq.add(xmpp::writeLease(offerOf(epoch)));
    coordinator_.endpoint.request(std::move(iq), limits::kIqTimeout, [](const auto&) {});
  }

  std::vector<store::AuditEntry> trail() { return records_->audit().query({}).value(); }

  // Long, since the clock only moves by hand.
  static constexpr uint64_t kLeaseMs = 60'000;

  // Not to be advanced by more than 5 s at once: the node would take it for a gap in its loop.
  ManualClock clock_;
  SeededRandom random_{1};
  xmpp::MemoryServer server_;
  std::unique_ptr<store::NodeStateStore> store_ = store::NodeStateStore::openMemory();
  std::unique_ptr<store::CoordinatorStore> records_ = store::CoordinatorStore::openMemory();
  service::ServiceSet services_;
  std::mutex services_mutex_;
  // On a clock of its own, since it reads it on a thread of its own; in its eyes no lease ends.
  Warden warden_{SystemClock::forHolder(), [] {}};
  std::unique_ptr<Watchdog> watchdog_;  // null: none; on such a clock as well
  std::vector<Commands> commands_;
  std::unique_ptr<KeptLog> kept_log_ = KeptLog::make({}).value();  // keeps nothing
  LogRules* log_rules_ = nullptr;
  NodeIdentity identity_;
  Jid node_;
  // What the application does besides, on its thread; set before make().
  std::function<void()> on_promote_;
  std::function<void()> on_demote_;
  std::atomic<int> promoted_{0};
  std::atomic<int> demoted_{0};
  std::atomic<bool> killed_{false};
  std::vector<v1::Release> releases_;
  Party coordinator_{server_, "muster.test", clock_, random_};
  Party ann_{server_, "ann@people.test/phone", clock_, random_};
  Party olga_{server_, "olga@people.test/desk", clock_, random_};
  std::unique_ptr<AppThread> app_;
  std::unique_ptr<AppThread> command_thread_;
  xmpp::MemoryLink* own_link_ = nullptr;  // the node's, once it is made
  std::unique_ptr<NodeCore> core_;
};

}  // namespace muster::testing
