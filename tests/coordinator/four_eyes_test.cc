#include "coordinator/four_eyes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/cluster.pb.h"
#include "tests/support/other_handlers.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class People : public catalogue::Authority {
 public:
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    const auto found = roles.find(bare.toString());
    return found == roles.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, v1::Role> roles = {{"ada@example.org", v1::ROLE_ADMIN},
                                           {"bob@example.org", v1::ROLE_ADMIN},
                                           {"olga@example.org", v1::ROLE_OPERATOR}};
};

class Trail : public catalogue::AuditSink {
 public:
  Status record(const catalogue::AuditEntry& entry) override {
    lines.push_back(entry.who.bare().toString() + " " + entry.verb + " " +
                    catalogue::stageName(entry.stage) + ": " + entry.text);
    return Status::ok();
  }
  std::vector<std::string> lines;
};

// A dispatcher with a command that can be forced, and approve.
class FourEyesTest : public testing::Test {
 protected:
  FourEyesTest() {
    catalogue::HandlerSet handlers;
    commands::addApprove(handlers, eyes_);
    handlers.add<v1::DrainRequest, v1::DrainReply>(
        "Drain", [this](const v1::DrainRequest& request, catalogue::CallContext& context,
                        const catalogue::Responder<v1::DrainReply>& responder) {
          done_.push_back(context.caller().bare().toString() + " " + request.node());
          responder.reply({});
        });
    const auto& service =
        *v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands");
    catalogue::Dispatcher::Ports ports{&people_, &names_, &trail_, &random_};
    ports.force = [this](const catalogue::CallRequest& request, const std::string& line,
                         const google::protobuf::Message& bound, ElapsedTime now) {
      return eyes_.check(*dispatcher_, request, line, bound, now);
    };
    dispatcher_ =
        std::move(catalogue::Dispatcher::make(
                      catalogue::Catalogue::build({&service}).value(),
                      catalogue::withTheOthers(service, std::move(handlers)), std::move(ports)))
            .value();
  }
  std::string call(const std::string& who, const std::string& verb,
                   std::vector<std::string> positionals, bool force = false) {
    catalogue::CallRequest request;
    request.caller = Jid::parse(who + "@example.org/phone").value();
    request.place = "muster.example.org";
    request.verb = verb;
    request.arguments.positionals = std::move(positionals);
    if (force) request.arguments.named.emplace_back("force", "yes");
    std::string out = "not answered";
    dispatcher_->call(request, clock_.elapsed(), clock_.wall(),
                      [&](const catalogue::CallOutcome& outcome) {
                        out = outcome.status ? "ok" : outcome.status.text();
                      });
    return out;
  }
  static std::string codeIn(const std::string& text) {
    return text.substr(text.find("approve ") + 8, 6);
  }

  ManualClock clock_;
  SeededRandom random_{1};
  People people_;
  catalogue::OpenDirectory names_;
  Trail trail_;
  std::vector<std::string> told_;
  std::vector<std::string> done_;
  FourEyes eyes_{{people_, random_,
                  [this](const Jid& but, const std::string& text) {
                    told_.push_back("all but " + but.toString() + ": " + text);
                  },
                  [this](const Jid& to, const std::string& text) {
                    told_.push_back(to.toString() + ": " + text);
                  }}};
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
};

TEST_F(FourEyesTest, WhatIsForcedWaitsForAnotherAdmin) {
  const std::string held = call("ada", "drain", {"node1"}, true);
  EXPECT_THAT(held, HasSubstr("nothing is done yet"));
  EXPECT_THAT(done_, IsEmpty());
  ASSERT_THAT(told_, ElementsAre(HasSubstr("all but ada@example.org: ada@example.org wants: drain "
                                           "node1 force=true")));
  EXPECT_THAT(told_[0], HasSubstr(codeIn(held)));
  EXPECT_EQ(call("bob", "approve", {codeIn(held)}), "ok");
  EXPECT_THAT(done_, ElementsAre("ada@example.org node1"));
  EXPECT_THAT(told_[1], HasSubstr("ada@example.org: bob@example.org has approved: drain node1"));
}

TEST_F(FourEyesTest, TheTrailHasBothNames) {
  const std::string held = call("ada", "drain", {"node1"}, true);
  trail_.lines.clear();
  call("bob", "approve", {codeIn(held)});
  EXPECT_THAT(
      trail_.lines,
      ElementsAre("bob@example.org approve begun: ",
                  "ada@example.org drain begun: approved by bob@example.org",
                  "ada@example.org drain done: approved by bob@example.org",
                  HasSubstr("bob@example.org approve done: drain node1 force=true, asked for "
                            "by ada@example.org, is approved.")));
}

TEST_F(FourEyesTest, NobodyApprovesTheirOwn) {
  const std::string held = call("ada", "drain", {"node1"}, true);
  EXPECT_THAT(call("ada", "approve", {codeIn(held)}), HasSubstr("you have asked for it yourself"));
  EXPECT_THAT(done_, IsEmpty());
  EXPECT_EQ(call("bob", "approve", {codeIn(held)}), "ok") << "it waits still";
}

TEST_F(FourEyesTest, OnlyAdminsForceAndApprove) {
  EXPECT_THAT(call("olga", "drain", {"node1"}, true), HasSubstr("only an admin"));
  const std::string held = call("ada", "drain", {"node1"}, true);
  EXPECT_THAT(call("olga", "approve", {codeIn(held)}), HasSubstr("needs the role admin"));
  EXPECT_THAT(done_, IsEmpty());
  EXPECT_EQ(call("olga", "drain", {"node1"}), "ok") << "not forced";
}

TEST_F(FourEyesTest, ACodeHoldsForItsTimeAndOnce) {
  const std::string held = call("ada", "drain", {"node1"}, true);
  clock_.advance(FourEyes::kLife);
  EXPECT_THAT(call("bob", "approve", {codeIn(held)}), HasSubstr("no forced command waits"));
  const std::string again = call("ada", "drain", {"node1"}, true);
  clock_.advance(FourEyes::kLife - Duration{1});
  EXPECT_EQ(call("bob", "approve", {codeIn(again)}), "ok");
  EXPECT_THAT(call("bob", "approve", {codeIn(again)}), HasSubstr("no forced command waits"));
  EXPECT_THAT(done_, ElementsAre("ada@example.org node1"));
}

TEST_F(FourEyesTest, ACodeIsOfOneCommandOnly) {
  const std::string one = call("ada", "drain", {"node1"}, true);
  const std::string two = call("ada", "drain", {"node2"}, true);
  EXPECT_EQ(call("bob", "approve", {codeIn(two)}), "ok");
  EXPECT_THAT(done_, ElementsAre("ada@example.org node2"));
  EXPECT_NE(codeIn(one), codeIn(two));
}

TEST_F(FourEyesTest, WhoIsNoAdminAnyMoreHasNothingCarriedOut) {
  const std::string held = call("ada", "drain", {"node1"}, true);
  people_.roles["ada@example.org"] = v1::ROLE_OPERATOR;
  EXPECT_THAT(call("bob", "approve", {codeIn(held)}), HasSubstr("something else by now"));
  EXPECT_THAT(done_, IsEmpty());
}

TEST_F(FourEyesTest, OnlySoManyWait) {
  for (size_t i = 0; i < FourEyes::kMaxWaiting; ++i) call("ada", "drain", {"node1"}, true);
  EXPECT_THAT(call("ada", "drain", {"node1"}, true), HasSubstr("wait for a second admin already"));
}

}  // namespace
}  // namespace muster::coordinator
