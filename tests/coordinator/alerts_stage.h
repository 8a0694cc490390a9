// Alerts over a store, on a clock moved by hand, with levels, people and a wire of the test's
// making.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/alerts.h"

namespace muster::coordinator {

class AlertsStage {
 public:
  AlertsStage(store::CoordinatorStore& store, Clock& clock, Random& random,
              incident::Policy policy = {}, std::function<void(Alerts::Checkpoint)> checkpoint = {})
      : alerts_store(store.alerts()) {
    policy.address = Jid::parse("muster@example.org").value();
    policy.component = "muster.example.org";
    Alerts::Parts parts{alerts_store, authority, clock, random, std::move(policy),    {}, {},
                        {},           {},        {},    {},     std::move(checkpoint)};
    parts.levels = [this](const std::set<std::string>& targets) {
      std::vector<incident::TargetLevel> out;
      for (const std::string& target : targets) out.push_back(levelOf(target));
      return out;
    };
    parts.resolve = [this](const std::string& typed) -> Result<std::string> {
      if (typed == "g" || typed.ends_with(".g") || typed == "overall") return typed;
      return Status(Code::kNotFound, "there is no '" + typed + "'", "target");
    };
    parts.group_of = [](const std::string& target) {
      return target == "overall" ? std::string() : std::string("g");
    };
    parts.send = [this](const incident::Message& message) {
      if (!connected) return false;
      sent.push_back(message);
      if (on_sent) on_sent(message);
      return true;
    };
    parts.follow = [this](const Jid& person) { followed.insert(person.toString()); };
    parts.store_failed = [this](const Status& status) { failure = status; };
    alerts = std::make_unique<Alerts>(std::move(parts));
  }

  incident::TargetLevel levelOf(const std::string& target) const {
    incident::TargetLevel level;
    level.target = target;
    level.group = target == "overall" ? "" : "g";
    level.percent = broken ? 42 : 100;
    level.health = broken ? incident::Health::kBreached : incident::Health::kOk;
    level.sentence = target + (broken ? " at 42%" : " at 100%");
    return level;
  }

  struct Roles : catalogue::Authority {
    std::optional<v1::Role> roleOf(const Jid& bare) const override {
      const auto found = roles.find(bare.toString());
      return found == roles.end() ? std::nullopt : std::optional(found->second);
    }
    std::map<std::string, v1::Role> roles = {{"ann@example.org", v1::ROLE_OPERATOR},
                                             {"bob@example.org", v1::ROLE_OBSERVER}};
  };

  store::AlertStore& alerts_store;
  Roles authority;
  std::vector<incident::Message> sent;
  std::function<void(const incident::Message&)> on_sent;
  std::set<std::string> followed;
  Status failure;
  bool broken = false;
  bool connected = true;
  std::unique_ptr<Alerts> alerts;
};

inline commands::Origin by(const std::string& who) {
  return {who, "g@muster.example.org", "", ""};
}

inline v1::SubscribeRequest wish(const std::string& target) {
  v1::SubscribeRequest request;
  request.set_target(target);
  request.set_for_ms(0);
  return request;
}

}  // namespace muster::coordinator
