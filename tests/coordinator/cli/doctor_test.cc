// What the figures of a check-up mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinator/cli/doctor_checks.h"
#include "coordinator/cli/verbs.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;

constexpr WallTime kNow{1'767'225'600'000};  // 2026-01-01T00:00:00Z
constexpr int64_t kDay = 86'400'000;

StreamFacts good() {
  StreamFacts facts;
  facts.address = "example.org:5222";
  facts.connect = Duration::millis(1);
  facts.protocol = "TLSv1.3";
  facts.valid_until = WallTime{kNow.unix_ms + 90 * kDay};
  facts.mechanisms = {"SCRAM-SHA-1", "PLAIN"};
  return facts;
}

TEST(Doctor, AGoodServer) {
  EXPECT_EQ(judgeTcp(good()).verdict, Verdict::kOk);
  EXPECT_EQ(judgeTls(good()).verdict, Verdict::kOk);
  EXPECT_EQ(judgeCertificate(good(), "example.org", kNow).verdict, Verdict::kOk);
  EXPECT_EQ(judgeSasl(good()).text, "the server offers SCRAM-SHA-1");
}

TEST(Doctor, NoConnection) {
  StreamFacts facts;
  facts.address = "example.org:5222";
  facts.error = "Connection refused";
  EXPECT_EQ(judgeTcp(facts).verdict, Verdict::kFail);
  EXPECT_THAT(judgeTcp(facts).text, HasSubstr("Connection refused"));
  EXPECT_EQ(judgeTls(facts).verdict, Verdict::kFail);
}

TEST(Doctor, OldTls) {
  StreamFacts facts = good();
  facts.protocol = "TLSv1.1";
  EXPECT_EQ(judgeTls(facts).verdict, Verdict::kWarn);
}

TEST(Doctor, Certificates) {
  StreamFacts facts = good();
  facts.valid_until = WallTime{kNow.unix_ms + 3 * kDay};
  const Finding soon = judgeCertificate(facts, "example.org", kNow);
  EXPECT_EQ(soon.verdict, Verdict::kWarn);
  EXPECT_THAT(soon.remedy, HasSubstr("3 days"));
  facts.valid_until = WallTime{kNow.unix_ms - kDay};
  facts.certificate_errors = {"The certificate has expired"};
  EXPECT_EQ(judgeCertificate(facts, "example.org", kNow).remedy, "renew it");
  facts.valid_until = WallTime{kNow.unix_ms + kDay * 90};
  facts.certificate_errors = {"The host name did not match"};
  const Finding wrong = judgeCertificate(facts, "example.org", kNow);
  EXPECT_EQ(wrong.verdict, Verdict::kFail);
  EXPECT_THAT(wrong.remedy, HasSubstr("--ca-file"));
}

TEST(Doctor, NoScram) {
  StreamFacts facts = good();
  facts.mechanisms = {"PLAIN", "SCRAM-SHA-1-PLUS"};
  EXPECT_EQ(judgeSasl(facts).verdict, Verdict::kFail);
  facts.mechanisms.clear();
  EXPECT_EQ(judgeSasl(facts).verdict, Verdict::kFail);
}

TEST(Doctor, TheRoleIsToldByTheCommands) {
  const auto catalogues = Catalogues::make();
  ASSERT_TRUE(catalogues.isOk());
  const auto offered = [&](const std::string& role) {
    std::vector<OfferedCommand> out;
    for (const auto& command : catalogues->cluster.commands()) {
      const bool reached = catalogue::reaches(
          role == "observer" ? v1::ROLE_OBSERVER : v1::ROLE_OPERATOR, command.role);
      if (reached) out.push_back({"muster.example.org", command.verb, command.title});
    }
    return out;
  };
  EXPECT_EQ(roleShownBy(offered("observer"), catalogues->cluster), "observer");
  EXPECT_EQ(roleShownBy(offered("operator"), catalogues->cluster), "operator");
  EXPECT_EQ(roleShownBy({{"x", "something-else", ""}}, catalogues->cluster), "");
  const Jid coordinator = Jid::parse("muster.example.org").value();
  const Jid self = Jid::parse("a@example.org").value();
  const Finding stranger =
      judgeRole(Status(Code::kForbidden, "nothing"), catalogues->cluster, coordinator, self);
  EXPECT_EQ(stranger.verdict, Verdict::kFail);
  EXPECT_THAT(stranger.remedy, HasSubstr("a@example.org"));
  const Finding silent =
      judgeRole(Status(Code::kTimeout, "no answer"), catalogues->cluster, coordinator, self);
  EXPECT_EQ(silent.check, "coordinator");
  EXPECT_EQ(silent.verdict, Verdict::kFail);
}

TEST(Doctor, TheMedianIsNotMovedByOneSlowAnswer) {
  EXPECT_EQ(median({Duration::millis(1), Duration::seconds(9), Duration::millis(2)}),
            Duration::millis(2));
  EXPECT_EQ(median({}), Duration{});
}

TEST(Doctor, NaglesDelay) {
  const std::vector<Duration> late(15, Duration::millis(41));
  const Finding found = judgeNagle(late, Duration::millis(1));
  EXPECT_EQ(found.verdict, Verdict::kWarn);
  EXPECT_THAT(found.remedy, HasSubstr("nagle = false"));
  EXPECT_EQ(judgeNagle(std::vector<Duration>(15, Duration::millis(2)), Duration::millis(1)).verdict,
            Verdict::kOk);
  // A far server takes as long by itself.
  EXPECT_EQ(judgeNagle(late, Duration::millis(40)).verdict, Verdict::kOk);
}

TEST(Doctor, Clocks) {
  EXPECT_EQ(judgeClock("the server", Duration::millis(900), Duration::seconds(1)).verdict,
            Verdict::kOk);
  const Finding behind = judgeClock("the server", Duration::seconds(-60), Duration::seconds(1));
  EXPECT_EQ(behind.verdict, Verdict::kWarn);
  EXPECT_THAT(behind.text, HasSubstr("60.0 s behind"));
}

NodeFacts node(const std::string& name, const std::string& version, bool present = true) {
  return {name, "storage", version, present, present ? "" : "2026-01-01T00:00:00Z", {}};
}

TEST(Doctor, Nodes) {
  EXPECT_EQ(judgePresence({node("node1", "1"), node("node2", "1")}).verdict, Verdict::kOk);
  const Finding absent = judgePresence({node("node1", "1"), node("node2", "1", false)});
  EXPECT_EQ(absent.verdict, Verdict::kWarn);
  EXPECT_EQ(absent.text, "node2 (since 2026-01-01T00:00:00Z) is not present");
  EXPECT_EQ(judgePresence({}).verdict, Verdict::kWarn);
  EXPECT_EQ(judgeNodeVersions({node("node1", "1"), node("node2", "1")}).verdict, Verdict::kOk);
  const Finding mixed = judgeNodeVersions({node("node1", "1"), node("node2", "2")});
  EXPECT_EQ(mixed.verdict, Verdict::kWarn);
  EXPECT_THAT(mixed.text, HasSubstr("node1 1, node2 2"));
  // What an absent node ran last says nothing.
  EXPECT_EQ(judgeNodeVersions({node("node1", "1"), node("node2", "2", false)}).verdict,
            Verdict::kOk);
  NodeFacts fast = node("node1", "1");
  fast.ahead = Duration::seconds(30);
  EXPECT_THAT(judgeNodeClocks({fast}, Duration::seconds(1)).text, HasSubstr("30.0 s ahead"));
}

TEST(Doctor, Versions) {
  EXPECT_EQ(judgeVersions("1.0", SoftwareVersion{"Muster", "1.0"}).verdict, Verdict::kOk);
  EXPECT_EQ(judgeVersions("1.0", SoftwareVersion{"Muster", "1.1"}).verdict, Verdict::kWarn);
  EXPECT_EQ(judgeVersions("1.0", Status(Code::kTimeout, "late")).verdict, Verdict::kWarn);
}

TEST(Doctor, FindingsAsLinesAndJson) {
  const Finding warn{"delay", Verdict::kWarn, "late by some time that is long enough to wrap",
                     "switch it off"};
  for (const std::string& line : findingLines(warn, 50)) EXPECT_LE(displayWidth(line), 50u);
  EXPECT_THAT(findingLines(warn, 0)[0], HasSubstr("warn  delay"));
  const auto json = findingsJson({{"tcp", Verdict::kOk, "fine", ""}, warn});
  EXPECT_EQ(json["result"], "warn");
  EXPECT_EQ(json["checks"][1]["remedy"], "switch it off");
}

}  // namespace
}  // namespace muster::cli
