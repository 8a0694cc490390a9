#include "commands/incidents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/silences.h"
#include "commands/subscriptions.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FakeAlerts : public AlertSubscriptions, public IncidentDesk, public Silences {
 public:
  Result<v1::SubscribeReply> subscribe(const v1::SubscribeRequest& request,
                                       const Origin& origin) override {
    asked = request;
    by = origin.by;
    v1::SubscribeReply reply;
    reply.mutable_subscription()->set_target(request.target());
    if (request.has_below()) reply.mutable_subscription()->set_below(request.below());
    reply.mutable_subscription()->set_for_ms(request.for_ms());
    reply.mutable_subscription()->set_severity(request.severity());
    return reply;
  }
  Result<v1::UnsubscribeReply> unsubscribe(const std::optional<std::string>& target,
                                           const Origin&) override {
    v1::UnsubscribeReply reply;
    reply.add_targets(target.value_or("everything"));
    return reply;
  }
  v1::SubscriptionsReply subscriptionsOf(const std::string& who) override {
    by = who;
    return {};
  }
  Result<v1::IncidentsReply> list(const v1::IncidentsRequest& request, WallTime) override {
    listed = request;
    v1::IncidentsReply reply;
    for (uint32_t i = 0; i < has && i < request.limit(); ++i) reply.add_incidents()->set_id(99 - i);
    return reply;
  }
  Result<v1::IncidentRecord> acknowledge(uint64_t id, const std::string& text,
                                         const Origin& origin) override {
    return record("ack", id, text, origin);
  }
  Result<v1::IncidentRecord> addNote(uint64_t id, const std::string& text,
                                     const Origin& origin) override {
    return record("note", id, text, origin);
  }
  Result<v1::IncidentRecord> assign(uint64_t id, const std::string& jid,
                                    const Origin& origin) override {
    return record("assign", id, jid, origin);
  }
  Result<v1::IncidentRecord> resolve(uint64_t id, const std::string& text,
                                     const Origin& origin) override {
    return record("resolve", id, text, origin);
  }
  Result<v1::SilenceRecord> silence(const std::string& target, Duration time,
                                    const std::string& reason, const Origin&) override {
    did.push_back("silence " + target + " " + std::to_string(time.toMillis()) + " " + reason);
    v1::SilenceRecord out;
    out.set_until("tomorrow");
    return out;
  }
  Result<v1::SilenceRecord> unsilence(const std::string& target, const Origin&) override {
    did.push_back("unsilence " + target);
    return v1::SilenceRecord();
  }

  Result<v1::IncidentRecord> record(const std::string& what, uint64_t id, const std::string& text,
                                    const Origin& origin) {
    did.push_back(what + " " + std::to_string(id) + " " + text + " by " + origin.by);
    if (!answer) return answer;
    v1::IncidentRecord out;
    out.set_id(id);
    out.set_target("storage");
    out.set_assignee("bob@example.org");
    return out;
  }

  Status answer;
  uint32_t has = 0;
  v1::SubscribeRequest asked;
  v1::IncidentsRequest listed;
  std::string by;
  std::vector<std::string> did;
};

class IncidentCommands : public testing::Test {
 protected:
  IncidentCommands() {
    catalogue::HandlerSet handlers;
    addSubscriptions(handlers, alerts_);
    addIncidents(handlers, alerts_);
    addSilences(handlers, alerts_);
    caller_ = std::make_unique<Caller>(
        v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands"), handlers);
  }
  const catalogue::CallOutcome& last() { return caller_->outcomes.back(); }

  FakeAlerts alerts_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(IncidentCommands, SubscribesWithAThresholdATimeAndASeverity) {
  caller_->call("subscribe", {"user.storage"},
                {{"below", "99.9"}, {"for", "2m"}, {"severity", "ticket"}});
  ASSERT_TRUE(last().status.isOk()) << last().status.text();
  EXPECT_EQ(alerts_.asked.target(), "user.storage");
  EXPECT_DOUBLE_EQ(alerts_.asked.below(), 99.9);
  EXPECT_EQ(alerts_.asked.for_ms(), 120'000u);
  EXPECT_EQ(alerts_.asked.severity(), v1::INCIDENT_SEVERITY_TICKET);
  EXPECT_EQ(alerts_.by, "ann@example.org");
  EXPECT_EQ(last().note, "You hear when user.storage is below 99.9% for 2m.");
  caller_->call("subscribe", {});
  EXPECT_EQ(last().status.field(), "target");
  caller_->call("subscribe", {"storage"}, {{"below", "101"}});
  EXPECT_FALSE(last().status.isOk());
}

TEST_F(IncidentCommands, UnsubscribesFromOneOrFromAll) {
  caller_->call("unsubscribe", {"storage"});
  EXPECT_EQ(last().note, "You hear no more of storage.");
  caller_->call("unsubscribe", {"all"});
  EXPECT_EQ(last().note, "You hear no more of everything.");
  caller_->call("subscriptions", {});
  EXPECT_THAT(last().note, HasSubstr("subscribed to nothing"));
}

TEST_F(IncidentCommands, WhatIsDoneToAnIncidentIsPassedOnAndSaid) {
  caller_->call("ack", {"17", "on my way"});
  EXPECT_EQ(last().note, "Incident 17, storage, is yours.");
  caller_->call("note", {"17", "the disk is full"});
  caller_->call("assign", {"17", "bob@example.org"});
  EXPECT_EQ(last().note, "Incident 17, storage, is given to bob@example.org.");
  caller_->call("resolve", {"17"});
  EXPECT_THAT(alerts_.did, ElementsAre("ack 17 on my way by ann@example.org",
                                       "note 17 the disk is full by ann@example.org",
                                       "assign 17 bob@example.org by ann@example.org",
                                       "resolve 17  by ann@example.org"));
  EXPECT_EQ(caller_->reply<v1::AckReply>(0).incident().id(), 17u);
  caller_->call("note", {"17"});
  EXPECT_FALSE(last().status.isOk()) << "a note says something";
  alerts_.answer = {Code::kNotFound, "there is no open incident 3", "id"};
  caller_->call("ack", {"3"});
  EXPECT_EQ(last().status.field(), "id");
}

TEST_F(IncidentCommands, APageFitsAPhoneAndSaysHowToGoOn) {
  caller_->call("incidents", {});
  EXPECT_EQ(last().note, "No incident is open.");
  alerts_.has = 50;
  caller_->call("incidents", {"all"}, {{"since", "1d"}});
  EXPECT_EQ(alerts_.listed.limit(), 20u);
  EXPECT_EQ(alerts_.listed.which(), v1::INCIDENTS_WHICH_ALL);
  EXPECT_EQ(last().note, "Older ones: before=80.");
}

TEST_F(IncidentCommands, ASilenceNeedsItsTime) {
  caller_->call("silence", {"storage"});
  EXPECT_FALSE(last().status.isOk());
  caller_->call("silence", {"storage", "disk swap"}, {{"for", "2h"}});
  EXPECT_EQ(last().note, "Alerts of storage are quiet until tomorrow.");
  caller_->call("unsilence", {"storage"});
  EXPECT_THAT(alerts_.did, ElementsAre("silence storage 7200000 disk swap", "unsilence storage"));
}

}  // namespace
}  // namespace muster::commands
