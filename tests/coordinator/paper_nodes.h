// Members whose presence and answers the test plays.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/fanout.h"
#include "coordinator/members.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// node1 and node2 of group g, node3 of group h, node4 of none; groups g, h.
class PaperNodes : public testing::Test {
 protected:
  PaperNodes() : store_(store::CoordinatorStore::openMemory()) {
    enroll("node1", "g");
    enroll("node2", "g");
    enroll("node3", "h");
    enroll("node4", "");
    EXPECT_TRUE(members_.load(store_->members(), clock_.wall()).isOk());
  }

  static Jid bare(const std::string& name) { return Jid::parse(name + "@example.org").value(); }
  static Jid full(const std::string& name, char instance) {
    return bare(name).withResource(std::string("node-") + instance);
  }

  void enroll(const std::string& name, const std::string& group) {
    store::MemberRow row;
    row.jid = bare(name).toString();
    row.name = name;
    row.group = group;
    EXPECT_TRUE(store_->members().add(row).isOk());
  }

  // The process is there from now on; its instance is told by one letter.
  void come(const std::string& name, char instance,
            const std::vector<v1::ServiceState>& services = {}) {
    xmpp::PresenceInfo presence;
    presence.from = full(name, instance);
    presence.node.emplace();
    presence.node->set_instance(std::string(16, instance));
    for (const v1::ServiceState& service : services) *presence.node->add_services() = service;
    const auto change = members_.apply(presence, clock_.wall());
    if (change.appeared && appeared_) appeared_(*change.member, presence.from);
  }
  void go(const std::string& name, char instance) {
    xmpp::PresenceInfo presence;
    presence.from = full(name, instance);
    presence.type = xmpp::PresenceType::kUnavailable;
    members_.apply(presence, clock_.wall());
  }

  struct Sent {
    std::string node;  // the local part
    v1::Order order;
    Orders::Done done;
  };
  Fanout::Send sender() {
    return [this](const Jid& node, const v1::Order& order, Duration, Orders::Done done) {
      sent_.push_back({node.local(), order, std::move(done)});
    };
  }

  // Answers the oldest order of the node.
  void answer(const std::string& node, Code code = Code::kOk, const std::string& text = "") {
    for (size_t i = 0; i < sent_.size(); ++i) {
      if (sent_[i].node != node) continue;
      const Sent sent = sent_[i];
      sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(i));
      v1::OrderReply reply;
      reply.set_code(codeName(code));
      reply.set_text(text);
      const Status status = code == Code::kOk ? Status::ok() : Status(code, text, "logger");
      return sent.done(status, reply);
    }
    ADD_FAILURE() << node << " was not asked";
  }
  // "node1 storage debug 600000 ahead", one an order.
  std::vector<std::string> orders() const {
    std::vector<std::string> out;
    for (const Sent& sent : sent_) {
      const v1::LogLevelRequest& request = sent.order.log_level();
      std::string line = sent.node + " " + request.logger();
      if (request.has_level()) {
        line += " " + v1::LogLevel_descriptor()
                          ->FindValueByNumber(request.level())
                          ->options()
                          .GetExtension(v1::label);
      }
      if (request.has_for_ms()) line += " " + std::to_string(request.for_ms());
      if (request.ahead()) line += " ahead";
      out.push_back(line);
    }
    return out;
  }

  ManualClock clock_;
  std::unique_ptr<store::CoordinatorStore> store_;
  Members members_;
  std::vector<Sent> sent_;
  std::function<void(const Member&, const Jid&)> appeared_;
};

}  // namespace muster::coordinator
