#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-agent/probes/probe_check.h"
#include "node-agent/probes/probe_config.h"
#include "node-agent/probes/probe_machine.h"

namespace muster::agent {
namespace {

using testing::HasSubstr;

class ProbeMachineTest : public testing::Test {
 protected:
  ProbeMachine::Effect run(bool good, Duration took = Duration::millis(5)) {
    clock.advance(std::max(Duration{}, machine.due() - clock.elapsed()));
    EXPECT_TRUE(machine.isDue(clock.elapsed()));
    const uint64_t number = machine.begin(clock.elapsed());
    clock.advance(took);
    return machine.end(number, good, clock.elapsed());
  }

  ManualClock clock;
  ProbeTiming timing{Duration::seconds(10), Duration::seconds(2), 3, 2};
  ProbeMachine machine{timing, clock.elapsed() + Duration::seconds(4)};
};

TEST_F(ProbeMachineTest, IsDueAtItsInterval) {
  EXPECT_FALSE(machine.isDue(clock.elapsed()));
  clock.advance(Duration::seconds(4));
  const ElapsedTime first = clock.elapsed();
  (void)run(true);
  EXPECT_EQ(machine.due(), first + Duration::seconds(10));
}

TEST_F(ProbeMachineTest, RunsDoNotOverlapNorPileUp) {
  clock.advance(Duration::seconds(4));
  const uint64_t number = machine.begin(clock.elapsed());
  clock.advance(Duration::seconds(35));
  EXPECT_FALSE(machine.isDue(clock.elapsed()));
  EXPECT_TRUE(machine.end(number, true, clock.elapsed()).counts);
  EXPECT_EQ(machine.due(), clock.elapsed());
  EXPECT_FALSE(machine.end(number, true, clock.elapsed()).counts);
}

TEST_F(ProbeMachineTest, GoesDownAndComesUpAfterSoManyInARow) {
  EXPECT_FALSE(run(false).went_down);
  EXPECT_FALSE(run(false).went_down);
  EXPECT_FALSE(run(true).came_up);
  EXPECT_FALSE(run(false).went_down);
  EXPECT_FALSE(run(false).went_down);
  EXPECT_TRUE(run(false).went_down);
  EXPECT_TRUE(machine.isDown());
  EXPECT_FALSE(run(false).went_down);
  EXPECT_FALSE(run(true).came_up);
  EXPECT_FALSE(run(false).came_up);
  EXPECT_FALSE(run(true).came_up);
  EXPECT_TRUE(run(true).came_up);
  EXPECT_FALSE(machine.isDown());
}

TEST_F(ProbeMachineTest, WhatIsDownOnPurposeIsNotProbed) {
  for (int i = 0; i < 3; ++i) (void)run(false);
  clock.advance(Duration::seconds(10));
  const uint64_t number = machine.begin(clock.elapsed());
  EXPECT_TRUE(machine.pause(true, clock.elapsed()).came_up);
  EXPECT_FALSE(machine.end(number, false, clock.elapsed()).counts);
  clock.advance(Duration::seconds(1000));
  EXPECT_FALSE(machine.isDue(clock.elapsed()));
  EXPECT_FALSE(machine.pause(true, clock.elapsed()).came_up);
  (void)machine.pause(false, clock.elapsed());
  EXPECT_FALSE(machine.isDue(clock.elapsed()));
  EXPECT_EQ(machine.due(), clock.elapsed() + timing.interval);
  EXPECT_FALSE(run(false).went_down);
}

TEST(ProbeCheck, AnAnswerIsJudgedByStatusTimeAndBody) {
  HttpProbe probe;
  HttpAnswer answer{204, "status: UP", Duration::millis(50)};
  EXPECT_TRUE(judge(probe, answer).isOk());
  answer.status = 302;
  EXPECT_THAT(judge(probe, answer).text(), HasSubstr("302"));
  probe.status = {{200, 200}, {300, 399}};
  EXPECT_TRUE(judge(probe, answer).isOk());
  probe.body = std::make_shared<const RE2>("DOWN");
  EXPECT_THAT(judge(probe, answer).text(), HasSubstr("status: UP"));
  probe.body = std::make_shared<const RE2>("UP$");
  EXPECT_TRUE(judge(probe, answer).isOk());
  probe.max_latency = Duration::millis(49);
  EXPECT_THAT(judge(probe, answer).text(), HasSubstr("50 ms"));
}

std::vector<ProbeConfig> read(const std::string& toml, std::string& mistakes,
                              bool has_group = true) {
  auto file = ConfigFile::parse(toml, "/tmp/agent.toml");
  EXPECT_TRUE(file.isOk()) << file.status().text();
  ConfigTable root = (*file)->root();
  std::vector<ProbeConfig> out = readProbes(root, has_group);
  mistakes = (*file)->finish().text();
  return out;
}

TEST(ProbeConfig, TakesEachKind) {
  std::string mistakes;
  const auto probes = read(R"(
[[probe]]
name = "web"
kind = "http"
url = "http://localhost:8080/health"
status = ["200-204", "401"]
body = "UP"
interval = "5s"
max_latency = "500ms"
count = "requests"
noun = "slow"
[[probe]]
name = "db"
kind = "tcp"
port = 5432
send = "PING\r\n"
expect = "PONG"
failover = true
objective = 99.0
[[probe]]
name = "disk"
kind = "command"
command = ["/bin/true"]
timeout = "1s"
fall = 1
)",
                           mistakes);
  ASSERT_EQ(mistakes, "");
  ASSERT_EQ(probes.size(), 3u);
  EXPECT_EQ(probes[0].http.status, (std::vector<std::pair<int, int>>{{200, 204}, {401, 401}}));
  EXPECT_EQ(probes[0].service.bad_noun, "slow");
  EXPECT_EQ(probes[1].tcp.address, "127.0.0.1");
  EXPECT_TRUE(probes[1].failover);
  EXPECT_EQ(probes[2].timing.fall, 1);
}

TEST(ProbeConfig, NamesMistakes) {
  const std::string head = "[[probe]]\nname = 'x'\n";
  const struct {
    std::string rest, error;
  } kCases[] = {
      {"kind = 'icmp'", "'icmp'"},
      {"kind = 'http'\nurl = 'http://localhost/'\nstatus = ['2xx']", "'2xx'"},
      {"kind = 'http'\nurl = 'http://localhost/'\nbody = '('", "is no RE2"},
      {"kind = 'http'\nurl = 'http://example.org/'", "allow_remote"},
      {"kind = 'tcp'\nport = 1\nhost = 'example.org'", "by number"},
      {"kind = 'tcp'", "port"},
      {"kind = 'command'", "command"},
      {"kind = 'tcp'\nport = 1\ntimeout = '20s'", "timeout"},
      {"kind = 'tcp'\nport = 1\ncount = 'both'", "'both'"},
      {"kind = 'tcp'\nport = 1\nobjective = 100", "below 100"},
      {"kind = 'tcp'\nport = 1\nfailover = true", "needs node.group"},
      {"kind = 'tcp'\nport = 1\n[[probe]]\nname = 'x'\nkind = 'tcp'\nport = 2", "twice"},
  };
  for (const auto& c : kCases) {
    std::string mistakes;
    (void)read(head + c.rest, mistakes, /*has_group=*/false);
    EXPECT_THAT(mistakes, HasSubstr(c.error)) << c.rest;
  }
}

}  // namespace
}  // namespace muster::agent
