#include "node-agent/agent_config.h"

#include <gtest/gtest.h>

#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

class AgentConfigTest : public testing::Test {
 protected:
  Result<AgentConfig> load(const std::string& node, const std::string& rest,
                           Verb verb = Verb::kRun) {
    std::ofstream(folder_.file("password")) << "secret\n";
    std::filesystem::permissions(folder_.file("password"), std::filesystem::perms::owner_read);
    std::ofstream(folder_.file("agent.toml"))
        << "[node]\njid = \"node1@nodes.example.org\"\npassword_file = \"password\"\n"
        << "state_dir = \"state\"\n"
        << node << "\n"
        << rest;
    return loadAgentConfig(folder_.file("agent.toml"), verb);
  }
  std::string errors(const std::string& node, const std::string& rest, Verb verb = Verb::kRun) {
    const auto config = load(node, rest, verb);
    return config ? "(in order)" : config.status().text();
  }

  const std::string kGroup = "group = \"storage\"\ncoordinator = \"muster.example.org\"";
  test::ScratchFolder folder_;
};

TEST_F(AgentConfigTest, NothingBesidesTheNodeIsNeeded) {
  const auto config = load("", "");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  EXPECT_EQ(config->service, "process");
  EXPECT_TRUE(config->supervisor.automatic);
  EXPECT_FALSE(config->failover.has_value());
  EXPECT_EQ(nodeName(config->node), "node1");
}

TEST_F(AgentConfigTest, EachLevelOfTheLogIsKeptAsLongAsItsTableSays) {
  const auto config = load("",
                           "[logs]\nmax_size = \"64MiB\"\nmax_age = \"30d\"\n"
                           "[logs.trace]\nmax_age = \"1h\"\n[logs.error]\nmax_size = \"32MiB\"\n");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  const auto of = [&](LogLevel level) {
    return config->node.logs.retention[static_cast<size_t>(level)];
  };
  EXPECT_EQ(of(LogLevel::kTrace).max_age, std::chrono::hours(1));
  EXPECT_EQ(of(LogLevel::kTrace).max_bytes, 0u);
  EXPECT_EQ(of(LogLevel::kDebug).max_age, std::chrono::days(30));
  EXPECT_EQ(of(LogLevel::kError).max_age, std::chrono::days(30));
  EXPECT_EQ(of(LogLevel::kError).max_bytes, uint64_t{32} << 20);
  EXPECT_EQ(of(LogLevel::kCritical).max_bytes, 0u);
}

TEST_F(AgentConfigTest, FailoverInBothModes) {
  const auto run = load(kGroup, "[agent.failover]\nmode = \"run\"\n");
  ASSERT_TRUE(run.isOk()) << run.status().text();
  EXPECT_FALSE(run->supervisor.automatic);

  const auto always = load(kGroup,
                           "[agent]\nmax_restarts = 3\n[agent.failover]\nmode = \"always\"\n"
                           "promote = [\"/bin/sh\", \"-c\", \"true\"]\ndemote = [\"/bin/true\"]\n"
                           "timeout = \"5s\"\nfence = { kind = \"file\", path = \"fence\" }\n");
  ASSERT_TRUE(always.isOk()) << always.status().text();
  EXPECT_TRUE(always->supervisor.automatic);
  EXPECT_EQ(always->supervisor.restart.max_restarts, 3);
  EXPECT_EQ(always->failover->promote.size(), 3u);
  EXPECT_EQ(always->failover->timeout, Duration::seconds(5));
  EXPECT_EQ(always->failover->fence_file, folder_.file("fence"));
}

TEST_F(AgentConfigTest, EachMistakeIsNamedByItsKey) {
  const std::string failover = "[agent.failover]\n";
  const struct {
    std::string rest;
    std::string error;
  } kCases[] = {
      {"[agent]\nmax_restarts = 1001\n", "agent.max_restarts: must be a whole number from 0 to"},
      {"[agent]\nbackoff_first = \"1ms\"\n", "agent.backoff_first: must be from 10ms to 1h"},
      {"[agent]\nbackoff_first = \"40s\"\n", "agent.backoff_last: must not be less than"},
      {"[agent]\nmax_restart = 1\n", "agent.max_restart: is not a key of this table; did you mean"},
      {failover, "agent.failover.mode: is missing"},
      {failover + "mode = \"never\"\n",
       "agent.failover.mode: must be \"run\", \"always\" or \"sidecar\""},
      {failover + "mode = \"sidecar\"\n", "agent.sidecar: is needed with failover.mode"},
      {failover + "mode = \"sidecar\"\ndemote = [\"/bin/true\"]\n",
       "agent.failover.demote: goes with the other modes"},
      {failover + "mode = \"run\"\n[agent.sidecar]\npath = \"/nowhere/s\"\n",
       "agent.sidecar.path: the folder /nowhere is not there"},
      {failover + "mode = \"run\"\n[agent.sidecar]\npath = \"s\"\n[[agent.sidecar.service]]\n"
                  "name = \"x\"\nkind = \"gauge\"\n",
       "at_least: or at_most is needed"},
      {failover + "mode = \"run\"\n[agent.levels]\nkind = \"telnet\"\n", "agent.levels.kind"},
      {failover + "mode = \"always\"\npromote = [\"/bin/true\"]\n",
       "agent.failover.demote: is needed"},
      {failover + "mode = \"run\"\npromote = [\"true\"]\n",
       "agent.failover.promote: must begin with an absolute path"},
      {failover + "mode = \"run\"\ndemote = [\"/nowhere/demote\"]\n",
       "agent.failover.demote: /nowhere/demote is not an executable file"},
      {failover + "mode = \"run\"\ntimeout = \"50ms\"\n", "agent.failover.timeout: must be from"},
      {failover + "mode = \"run\"\nfence = { kind = \"sql\", path = \"f\" }\n",
       "agent.failover.fence.kind: must be \"file\""},
      {failover + "mode = \"run\"\nfence = { kind = \"file\" }\n",
       "agent.failover.fence.path: is missing"},
      {failover + "mode = \"run\"\nfence = { kind = \"file\", path = \"/nowhere/f\" }\n",
       "agent.failover.fence.path: the folder /nowhere is not there"},
      {failover + "mode = \"run\"\npromotee = [\"/bin/true\"]\n",
       "agent.failover.promotee: is not a key of this table; did you mean 'promote'"},
  };
  for (const auto& c : kCases) {
    const std::string said = errors(kGroup, c.rest);
    EXPECT_NE(said.find(c.error), std::string::npos) << c.rest << said;
    EXPECT_NE(said.find("agent.toml:"), std::string::npos) << said;
  }
}

TEST_F(AgentConfigTest, HealthAndItsDefaults) {
  const auto config = load(kGroup,
                           "[agent.failover]\nmode = \"run\"\n[agent.failover.health]\n"
                           "command = [\"/bin/true\"]\nfall = 4\n");
  ASSERT_TRUE(config.isOk()) << config.status().text();
  ASSERT_TRUE(config->failover->health.has_value());
  EXPECT_EQ(config->failover->health->interval, Duration::seconds(5));
  EXPECT_EQ(config->failover->health->fall, 4);
  EXPECT_EQ(config->failover->health->rise, 2);
}

TEST_F(AgentConfigTest, AttachTakesAUnitOrAPidFile) {
  const auto unit = load(kGroup,
                         "[agent.attach]\nunit = \"storage@1.service\"\n[agent.failover]\n"
                         "mode = \"unit\"\nenvironment_file = \"role.env\"\n",
                         Verb::kAttach);
  ASSERT_TRUE(unit.isOk()) << unit.status().text();
  EXPECT_EQ(unit->attach->unit, "storage@1.service");
  EXPECT_EQ(unit->failover->mode, FailoverOptions::Mode::kUnit);
  EXPECT_EQ(unit->failover->environment_file, folder_.file("role.env"));
  EXPECT_FALSE(unit->supervisor.automatic);
  const auto file = load("", "[agent.attach]\npid_file = \"/run/x.pid\"\n", Verb::kAttach);
  ASSERT_TRUE(file.isOk()) << file.status().text();
  EXPECT_EQ(file->attach->pid_file, "/run/x.pid");
}

TEST_F(AgentConfigTest, WhatDoesNotFitToTheVerbIsRefused) {
  const std::string unit = "[agent.attach]\nunit = \"a.service\"\n";
  const std::string file = "[agent.attach]\npid_file = \"/run/x.pid\"\n";
  const std::string failover = "[agent.failover]\n";
  const struct {
    Verb verb;
    std::string rest;
    std::string error;
  } kCases[] = {
      {Verb::kRun, unit + failover + "mode = \"run\"\n",
       "agent.attach: is for `muster-agent attach`"},
      {Verb::kRun, failover + "mode = \"unit\"\n",
       "mode: must be \"run\", \"always\" or \"sidecar\""},
      {Verb::kAttach, unit + failover + "mode = \"run\"\n",
       "mode: must be \"unit\", \"always\" or \"sidecar\""},
      {Verb::kAttach, failover + "mode = \"unit\"\n", "agent.attach: is missing"},
      {Verb::kAttach, file + failover + "mode = \"unit\"\n",
       "agent.attach: needs unit with mode \"unit\""},
      {Verb::kAttach, unit + "[[agent.source]]\nname = \"out\"\nkind = \"stdout\"\n",
       "agent.source: out reads the output of a program that the agent runs"},
      {Verb::kAttach, "[agent.attach]\n", "agent.attach.unit: or pid_file has to say"},
      {Verb::kAttach, unit + "pid_file = \"/run/x.pid\"\n",
       "agent.attach.unit: or pid_file has to say"},
      {Verb::kAttach, "[agent.attach]\nunit = \"a b.service\"\n",
       "agent.attach.unit: must be the name of a service"},
      {Verb::kAttach, "[agent.attach]\nunit = \"a\"\n",
       "agent.attach.unit: must be the name of a service"},
      {Verb::kRun, failover + "mode = \"run\"\nenvironment_file = \"x\"\n",
       "agent.failover.environment_file: is for mode \"unit\""},
      {Verb::kAttach, unit + failover + "mode = \"unit\"\nenvironment_file = \"/nowhere/x\"\n",
       "agent.failover.environment_file: the folder /nowhere is not there"},
      {Verb::kRun, failover + "mode = \"run\"\n[agent.failover.health]\n",
       "agent.failover.health.command: is missing"},
      {Verb::kRun,
       failover + "mode = \"run\"\n[agent.failover.health]\ncommand = [\"/bin/true\"]\nfall = 0\n",
       "agent.failover.health.fall: must be a whole number from 1 to 100"},
  };
  for (const auto& c : kCases) {
    const std::string said = errors(kGroup, c.rest, c.verb);
    EXPECT_NE(said.find(c.error), std::string::npos) << c.rest << said;
  }
}

TEST_F(AgentConfigTest, GroupAndFailoverNeedEachOther) {
  EXPECT_NE(
      errors("", "[agent.failover]\nmode = \"run\"\n").find("agent.failover: needs node.group"),
      std::string::npos);
  EXPECT_NE(errors(kGroup, "").find("agent.failover: is needed with node.group"),
            std::string::npos);
}

TEST_F(AgentConfigTest, MistakesOfBothTablesAreToldTogether) {
  const std::string said = errors("prt = 5222", "[agent]\ngrace = 10\n");
  EXPECT_NE(said.find("node.prt"), std::string::npos) << said;
  EXPECT_NE(said.find("agent.grace"), std::string::npos) << said;
}

}  // namespace
}  // namespace muster::agent
