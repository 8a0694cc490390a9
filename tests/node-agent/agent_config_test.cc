#include "node-agent/agent_config.h"

#include <gtest/gtest.h>

#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

class AgentConfigTest : public testing::Test {
 protected:
  Result<AgentConfig> load(const std::string& node, const std::string& rest) {
    std::ofstream(folder_.file("password")) << "secret\n";
    std::filesystem::permissions(folder_.file("password"), std::filesystem::perms::owner_read);
    std::ofstream(folder_.file("agent.toml"))
        << "[node]\njid = \"node1@nodes.example.org\"\npassword_file = \"password\"\n"
        << "state_dir = \"state\"\n"
        << node << "\n"
        << rest;
    return loadAgentConfig(folder_.file("agent.toml"));
  }
  std::string errors(const std::string& node, const std::string& rest) {
    const auto config = load(node, rest);
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
