#include "coordinator/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::coordinator {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() : dir_(testing::TempDir() + "coordinator-config-" + std::to_string(getpid())) {
    std::filesystem::create_directories(dir_);
    std::ofstream(dir_ / "secret") << "s3cret\n";
    chmod((dir_ / "secret").c_str(), 0600);
  }
  ~ConfigTest() override { std::filesystem::remove_all(dir_); }

  Result<Config> load(const std::string& text) {
    std::ofstream(dir_ / "c.toml") << text;
    return loadConfig(dir_ / "c.toml");
  }

  const std::filesystem::path dir_;
  const std::string kComponent =
      "[component]\njid = 'muster.example.org'\nsecret_file = 'secret'\n";
  const std::string kStore = "[store]\npath = 'c.sqlite'\n";
};

TEST_F(ConfigTest, TheLeastThatWillDo) {
  const auto config = load(kComponent + kStore);
  ASSERT_TRUE(config.isOk()) << config.status().text();
  EXPECT_EQ(config->component.jid.toString(), "muster.example.org");
  EXPECT_EQ(config->component.secret, "s3cret");
  EXPECT_EQ(config->component.port, 5347);
  EXPECT_EQ(config->store, dir_ / "c.sqlite");
  EXPECT_FALSE(config->account.has_value());
  EXPECT_EQ(config->election.lease_ttl, Duration::seconds(5));
  EXPECT_DOUBLE_EQ(config->election.clock_rate_bound, 0.01);
}

TEST_F(ConfigTest, ReadsElectionAndBootstrap) {
  const auto config = load(kComponent + kStore + R"(
[election]
lease_ttl = "2s"
clock_rate_bound_percent = 2
[bootstrap]
admins = ["Root@Example.org"]
observers = ["eve@example.org"]
[[bootstrap.group]]
name = "storage"
[[bootstrap.node]]
name = "node1"
jid = "node1@example.org"
group = "storage"
)");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  EXPECT_EQ(config->election.lease_ttl, Duration::seconds(2));
  EXPECT_DOUBLE_EQ(config->election.clock_rate_bound, 0.02);
  EXPECT_EQ(config->bootstrap.grants.at(Jid::parse("root@example.org").value()), v1::ROLE_ADMIN);
  ASSERT_EQ(config->bootstrap.nodes.size(), 1u);
  EXPECT_EQ(config->bootstrap.nodes[0].group, "storage");
}

TEST_F(ConfigTest, ThereAreNoMetricsUnlessAnAddressIsGivenAndItIsLoopback) {
  EXPECT_EQ(load(kComponent + kStore)->metrics.listen, "");
  const auto given = load(kComponent + kStore + "[metrics]\nlisten = '127.0.0.1:9464'\n");
  ASSERT_TRUE(given.isOk()) << given.status().text();
  EXPECT_EQ(given->metrics.listen, "127.0.0.1:9464");
  const auto remote = load(kComponent + kStore + "[metrics]\nlisten = '0.0.0.0:9464'\n");
  ASSERT_FALSE(remote.isOk());
  EXPECT_THAT(remote.status().text(),
              HasSubstr("metrics.listen: '0.0.0.0:9464' is not a loopback"));
}

TEST_F(ConfigTest, ReadsWhenARoleMovesByItself) {
  const auto config = load(kComponent + kStore + R"(
[election]
level_floor_percent = 95
max_lag = "2s"
query_timeout = "500ms"
floor_time = "1m"
better_by_percent = 2.5
floor_margin_percent = 0.5
max_moves_per_hour = 0
min_between_moves = "10m"
crash_loop_count = 3
crash_loop_young = "30s"
crash_loop_window = "5m"
crash_loop_hold = "1h"
)");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  const election::GroupConfig& election = config->election;
  EXPECT_DOUBLE_EQ(election.choose.level_floor, 95);
  EXPECT_EQ(election.choose.max_lag, Duration::seconds(2));
  EXPECT_EQ(election.query_timeout, Duration::millis(500));
  EXPECT_EQ(election.floor_time, Duration::seconds(60));
  EXPECT_DOUBLE_EQ(election.better_by, 2.5);
  EXPECT_DOUBLE_EQ(election.floor_margin, 0.5);
  EXPECT_EQ(election.max_moves_per_hour, 0);
  EXPECT_EQ(election.min_between_moves, Duration::seconds(600));
  EXPECT_EQ(election.crash_loop_count, 3);
  EXPECT_EQ(election.crash_loop_young, Duration::seconds(30));
  EXPECT_EQ(election.crash_loop_window, Duration::seconds(300));
  EXPECT_EQ(election.crash_loop_hold, Duration::seconds(3600));
  const auto wrong = load(kComponent + kStore +
                          "[election]\nmax_moves_per_hour = 61\ncrash_loop_count = 1\n"
                          "query_timeout = '2m'\nfloor_time = '2d'\n");
  ASSERT_FALSE(wrong.isOk());
  for (const char* key :
       {"max_moves_per_hour", "crash_loop_count", "query_timeout", "floor_time"}) {
    EXPECT_THAT(wrong.status().text(), HasSubstr(std::string("election.") + key));
  }
}

TEST_F(ConfigTest, NamesEveryMistake) {
  const auto config =
      load("[component]\njid = 'x@example.org'\nsecret_file = 'none'\n" + kStore + R"(
[election]
lease_ttl = "1ms"
lease_tll = "5s"
[bootstrap]
operators = ["a@example.org", "a@example.org/phone"]
admins = ["a@example.org"]
[[bootstrap.node]]
name = "n"
jid = "n@example.org"
group = "nowhere"
)");
  ASSERT_FALSE(config.isOk());
  const std::string text = config.status().text();
  EXPECT_THAT(text, HasSubstr("component.jid: must be a domain"));
  EXPECT_THAT(text, HasSubstr("component.secret_file"));
  EXPECT_THAT(text, HasSubstr("election.lease_ttl: must be from 500ms to 5m"));
  EXPECT_THAT(text, HasSubstr("election.lease_tll: is not a key of this table; did you mean"));
  EXPECT_THAT(text, HasSubstr("must not have a resource"));
  EXPECT_THAT(text, HasSubstr("is given two roles"));
  EXPECT_THAT(text, HasSubstr("'nowhere' is not one of the [[bootstrap.group]]s"));
}

TEST_F(ConfigTest, ReadsWhomIncidentsAreTakenTo) {
  const auto config = load(kComponent + kStore + R"(
[alerts]
recovery = "1m"
on_call = ["olga@example.org", "otto@example.org"]
[[alerts.step]]
after = "15m"
who = ["boss@example.org"]
[[alerts.step]]
after = "5m"
on_call = true
[[alerts.webhook]]
name = "pager"
url = "https://alerts.example.org/hook"
[[alerts.mail]]
name = "mail"
to = ["ops@example.org"]
from = "muster@example.org"
[[alerts.hook]]
name = "siren"
command = ["/usr/local/bin/siren", "--loud"]
)");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  const incident::Policy& policy = config->alerts.policy;
  EXPECT_EQ(policy.recovery, Duration::seconds(60));
  EXPECT_EQ(policy.component, "muster.example.org");
  EXPECT_EQ(policy.address.toString(), "muster.example.org");
  ASSERT_EQ(policy.steps.size(), 2u);
  EXPECT_TRUE(policy.steps[0].on_call) << "in the order of their times";
  EXPECT_EQ(policy.steps[1].who.at(0).toString(), "boss@example.org");
  EXPECT_EQ(policy.channels, (std::vector<std::string>{"pager", "mail", "siren"}));
  EXPECT_EQ(config->alerts.channels[1].command.front(), "/usr/sbin/sendmail");
}

TEST_F(ConfigTest, RefusesAlertsThatReachNobody) {
  const std::string text = load(kComponent + kStore + R"(
[[alerts.step]]
on_call = true
[[alerts.step]]
after = "5m"
[[alerts.webhook]]
name = "pager"
url = "alerts.example.org"
[[alerts.hook]]
name = "pager"
)")
                               .status()
                               .text();
  EXPECT_THAT(text, HasSubstr("which is empty"));
  EXPECT_THAT(text, HasSubstr("must name somebody"));
  EXPECT_THAT(text, HasSubstr("must be an address such as"));
  EXPECT_THAT(text, HasSubstr("'pager' is there twice"));
  EXPECT_THAT(text, HasSubstr("must have the program"));
}

TEST_F(ConfigTest, ReadsTheRoom) {
  EXPECT_FALSE(load(kComponent + kStore)->alerts.room);
  auto config = load(kComponent + kStore + "[alerts.room]\njid = 'Ops@rooms.example.org'\n");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  ASSERT_TRUE(config->alerts.room);
  EXPECT_EQ(config->alerts.room->room.toString(), "ops@rooms.example.org");
  EXPECT_EQ(config->alerts.room->nick, "muster");
  EXPECT_EQ(config->alerts.room->password, "");
  EXPECT_FALSE(config->alerts.room->anyone_may_read);
  EXPECT_EQ(config->alerts.policy.room.toString(), "ops@rooms.example.org");
  EXPECT_EQ(config->alerts.policy.room_nick, "muster");

  for (const auto& [text, wrong] :
       {std::pair("nick = 'x'", "alerts.room.jid: is missing"),
        std::pair("jid = 'rooms.example.org'", "must name a room, such as ops@rooms.example.org"),
        std::pair("jid = 'ops@rooms.example.org/me'", "must name a room"),
        std::pair("jid = 'ops@rooms.example.org'\nnick = ''", "must have 1 to 64 bytes"),
        std::pair("jid = 'ops@rooms.example.org'\nnick = \"a\\u0001\"", "no control characters"),
        std::pair("jid = 'ops@rooms.example.org'\npassword = 'x'", "alerts.room.password")}) {
    const std::string file = std::string("[alerts.room]\n") + text + "\n";
    EXPECT_THAT(load(kComponent + kStore + file).status().text(), HasSubstr(wrong)) << text;
  }
}

TEST_F(ConfigTest, AWebhooksTokenStaysSecret) {
  ::setenv("MUSTER_TEST_TOKEN", "abc.def", 1);
  const auto hook = [this](const std::string& url, const std::string& variable) {
    return load(kComponent + kStore + "[[alerts.webhook]]\nname = 'pager'\nurl = '" + url +
                "'\ntoken_env = '" + variable + "'\n");
  };
  EXPECT_EQ(hook("https://a.example.org/", "MUSTER_TEST_TOKEN")->alerts.channels[0].token,
            "abc.def");
  EXPECT_TRUE(hook("http://127.0.0.1:9093/", "MUSTER_TEST_TOKEN"));
  EXPECT_THAT(hook("http://a.example.org/", "MUSTER_TEST_TOKEN").status().text(),
              HasSubstr("must be https, or the token could be read on the way"));
  ::setenv("MUSTER_TEST_TOKEN", "abc def", 1);
  EXPECT_THAT(hook("https://a.example.org/", "MUSTER_TEST_TOKEN").status().text(),
              HasSubstr("no spaces"));
  ::unsetenv("MUSTER_TEST_TOKEN");
}

TEST_F(ConfigTest, HooksAreExecutableFilesWithABoundInTime) {
  const auto config = load(kComponent + kStore + R"(
[hooks]
pre_failover = ["/bin/sh", "-c", "exit 0"]
timeout = "5s"
[policy]
four_eyes = true
)");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  EXPECT_EQ(config->hooks.pre_failover.size(), 3u);
  EXPECT_TRUE(config->hooks.on_demote.empty());
  EXPECT_EQ(config->hooks.timeout, Duration::seconds(5));
  EXPECT_TRUE(config->election.ask_before_moves);
  EXPECT_TRUE(config->four_eyes);
  const auto textOf = [&](const std::string& table) {
    return load(kComponent + kStore + table).status().text();
  };
  EXPECT_THAT(textOf("[hooks]\non_promote = ['" + (dir_ / "secret").string() + "']\n"),
              HasSubstr("is not an executable file"));
  EXPECT_THAT(textOf("[hooks]\non_demote = ['./hook']\n"), HasSubstr("by its whole path"));
  EXPECT_THAT(textOf("[fence]\ncommand = ['no-such-program-here']\n"),
              HasSubstr("is not an executable file"));
  EXPECT_THAT(textOf("[hooks]\npre_failover_timeout = '1m'\n"), HasSubstr("pre_failover_timeout"));
}

}  // namespace
}  // namespace muster::coordinator
