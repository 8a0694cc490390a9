#include "coordinator/contacts.h"

#include <gtest/gtest.h>

#include <map>

#include "libcontrol/xmpp/memory_link.h"

namespace muster::coordinator {
namespace {

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

class RoleTable : public catalogue::Authority {
 public:
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    const auto it = roles.find(bare);
    return it == roles.end() ? std::nullopt : std::optional(it->second);
  }
  std::map<Jid, v1::Role> roles;
};

// A component and one person's client at a server in memory.
class ContactsTest : public testing::Test {
 protected:
  ContactsTest()
      : store_(store::CoordinatorStore::openMemory()),
        component_link_(server_, jid("muster.example.org")),
        component_(component_link_, clock_, random_),
        person_(server_, jid("ann@example.org/phone")) {
    authority_.roles[jid("ann@example.org")] = v1::ROLE_OBSERVER;
    person_.onReceived([this](const xmpp::Element& stanza) { heard_.push_back(stanza); });
    remake();
    xmpp::Endpoint::Listener listener;
    listener.presence = [this](const xmpp::Element& stanza) {
      contacts_->onPresence(xmpp::readPresence(stanza).value());
    };
    component_.addListener(std::move(listener));
    component_link_.start();
    person_.start();
    server_.deliver();
    person_.send(xmpp::makePresence({}));
    server_.deliver();
  }

  // As after a restart of the process.
  void remake() {
    contacts_ = std::make_unique<Contacts>(component_, store_->subscriptions(), authority_, clock_);
    contacts_->add(kContact);
    ASSERT_TRUE(contacts_->load().isOk());
  }

  void personSends(xmpp::PresenceType type) {
    person_.send(xmpp::presenceOf({}, kContact, type));
    server_.deliver();
  }

  // "type show" of all presences from the contact since the last call.
  std::vector<std::string> heard() {
    std::vector<std::string> out;
    for (const xmpp::Element& stanza : heard_) {
      if (stanza.name() != "presence" || stanza.attribute("from") != kContact.toString()) continue;
      out.push_back(stanza.attribute("type") + xmpp::childText(stanza, "show") +
                    xmpp::childText(stanza, "status"));
    }
    heard_.clear();
    return out;
  }

  service::PresenceText text(service::Show show, const std::string& status) {
    service::PresenceText out;
    out.show = show;
    out.status = status;
    out.state_key = status;
    return out;
  }

  const Jid kContact = jid("storage@muster.example.org");
  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<store::CoordinatorStore> store_;
  RoleTable authority_;
  xmpp::MemoryServer server_;
  xmpp::MemoryLink component_link_;
  xmpp::Endpoint component_;
  xmpp::MemoryLink person_;
  std::unique_ptr<Contacts> contacts_;
  std::vector<xmpp::Element> heard_;
};

TEST_F(ContactsTest, ASubscriberIsAcceptedAndToldTheState) {
  contacts_->show(kContact, text(service::Show::kAway, "so so"));
  personSends(xmpp::PresenceType::kSubscribe);
  EXPECT_EQ(heard(), (std::vector<std::string>{"subscribed", "awayso so"}));
  contacts_->show(kContact, text(service::Show::kDnd, "bad"));
  server_.deliver();
  EXPECT_EQ(heard(), (std::vector<std::string>{"dndbad"}));
}

TEST_F(ContactsTest, ASubscriptionOutlivesTheProcess) {
  personSends(xmpp::PresenceType::kSubscribe);
  heard();
  remake();
  contacts_->show(kContact, text(service::Show::kNone, "well"));
  contacts_->announceAll();
  server_.deliver();
  EXPECT_FALSE(heard().empty());
}

TEST_F(ContactsTest, AProbeOfASubscriberIsAnswered) {
  personSends(xmpp::PresenceType::kSubscribe);
  contacts_->show(kContact, text(service::Show::kNone, "well"));
  server_.deliver();
  heard();
  personSends(xmpp::PresenceType::kProbe);
  EXPECT_EQ(heard(), (std::vector<std::string>{"well"}));
}

TEST_F(ContactsTest, AStrangerGetsNoPresence) {
  authority_.roles.clear();
  contacts_->show(kContact, text(service::Show::kNone, "well"));
  personSends(xmpp::PresenceType::kSubscribe);
  personSends(xmpp::PresenceType::kProbe);
  EXPECT_EQ(heard(), (std::vector<std::string>{"unsubscribed", "unsubscribed"}));
  EXPECT_TRUE(store_->subscriptions().list()->empty());
}

TEST_F(ContactsTest, WhoLeavesHearsNothingMore) {
  personSends(xmpp::PresenceType::kSubscribe);
  personSends(xmpp::PresenceType::kUnsubscribe);
  heard();
  contacts_->show(kContact, text(service::Show::kDnd, "bad"));
  server_.deliver();
  EXPECT_TRUE(heard().empty());
}

TEST_F(ContactsTest, AnUnchangedStateIsNotSaidTwice) {
  personSends(xmpp::PresenceType::kSubscribe);
  contacts_->show(kContact, text(service::Show::kNone, "well"));
  server_.deliver();
  heard();
  for (int i = 0; i < 100; ++i) {
    clock_.advance(Duration::seconds(1));
    contacts_->show(kContact, text(service::Show::kNone, "well"));
  }
  server_.deliver();
  EXPECT_TRUE(heard().empty());
}

TEST_F(ContactsTest, TheEndIsTold) {
  personSends(xmpp::PresenceType::kSubscribe);
  heard();
  contacts_->sayGoodbye();
  server_.deliver();
  EXPECT_EQ(heard(), (std::vector<std::string>{"unavailable"}));
}

}  // namespace
}  // namespace muster::coordinator
