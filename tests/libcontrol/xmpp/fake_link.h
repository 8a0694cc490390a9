// A link whose other end is the test: what was sent is kept, what comes in is given by hand.
#pragma once

#include <gtest/gtest.h>

#include <QCoreApplication>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/link.h"

namespace muster::xmpp::testing {

inline Jid jidOf(const std::string& text) {
  return Jid::parse(text).value();
}

// A stanza or payload from its text; without a namespace of its own it is in jabber:client.
inline Element xml(const std::string& text) {
  const auto wrapped =
      Element::parse(QByteArray::fromStdString("<w xmlns='jabber:client'>" + text + "</w>"));
  EXPECT_TRUE(wrapped.has_value()) << text;
  return wrapped && wrapped->firstChild() != nullptr ? *wrapped->firstChild() : Element();
}

inline std::string text(const Element& element) {
  return element.toXml(kNsClient).toStdString();
}

class FakeLink : public Link {
 public:
  explicit FakeLink(const std::string& jid) : jid_(jidOf(jid)) {}

  void start() override { up(); }
  void stop() override { is_up_ = false; }
  void drop(const std::string& why) override {
    drops.push_back(why);
    is_up_ = false;
  }
  bool isUp() const override { return is_up_; }
  bool send(const Element& stanza) override {
    if (!is_up_) return false;
    sent.push_back(stanza);
    return true;
  }
  Jid jid() const override { return jid_; }

  void up() {
    is_up_ = true;
    if (up_) up_();
  }
  void down() {
    is_up_ = false;
    if (down_) down_({DownReason::kNetwork, "cable pulled"});
  }
  void receive(const std::string& stanza) { receive(xml(stanza)); }
  void receive(const Element& stanza) {
    if (received_) received_(stanza);
  }
  // What was sent since the last call, as text.
  std::vector<std::string> takeSent() {
    std::vector<std::string> out;
    for (const Element& stanza : sent) out.push_back(text(stanza));
    sent.clear();
    return out;
  }
  // Gives the stanza and takes the one answer.
  std::string ask(const std::string& stanza) {
    sent.clear();
    receive(stanza);
    const auto answers = takeSent();
    return answers.size() == 1 ? answers[0] : std::to_string(answers.size()) + " answers";
  }

  std::vector<Element> sent;
  std::vector<std::string> drops;

 private:
  Jid jid_;
  bool is_up_ = false;
};

// An endpoint that is up, over a FakeLink.
class EndpointFixture : public ::testing::Test {
 protected:
  explicit EndpointFixture(const std::string& jid) : link(jid) {
    endpoint = std::make_unique<Endpoint>(link, clock, random);
    link.up();
  }
  static void runLoop() { QCoreApplication::processEvents(); }

  ManualClock clock;
  SeededRandom random{7};
  FakeLink link;
  std::unique_ptr<Endpoint> endpoint;
};

class ComponentFixture : public EndpointFixture {
 protected:
  ComponentFixture() : EndpointFixture("muster.example.org") {}
};
class ClientFixture : public EndpointFixture {
 protected:
  ClientFixture() : EndpointFixture("node1@example.org/node-1") {}
};

}  // namespace muster::xmpp::testing
