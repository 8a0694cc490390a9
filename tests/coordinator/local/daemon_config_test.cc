#include "coordinator/local/daemon_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <toml++/toml.h>

#include "coordinator/local/server.h"
namespace muster::local {
namespace {

class DaemonConfigTest : public ::testing::Test {
 protected:
  DaemonConfigTest() {
    info_.dir = "/tmp/it's \"odd\" \\ here";
    info_.host = kLoopback;
    info_.coordinator = kComponentDomain;
    info_.ca_file = info_.dir / "ca/ca.crt";
    info_.c2s_port = 20001;
    info_.component_port = 20002;
    info_.groups = {{kGroup, "ledger@muster.cluster.localhost"}};
    info_.admin.jid = "admin@cluster.localhost";
    info_.operator_account.jid = "operator@cluster.localhost";
    info_.observer.jid = "observer@cluster.localhost";
    for (int i = 1; i <= 12; ++i) {
      NodeInfo node;
      node.name = "node" + std::to_string(i);
      info_.nodes.push_back(node);
    }
    info_.coordinators = {{"coordinator", "", {}}};
    info_.lease_ttl = Duration::millis(1500);
    info_.window = Duration::seconds(45);
    info_.level_floor = 97;
  }
  ClusterInfo info_;
};

TEST_F(DaemonConfigTest, CoordinatorFileReadsBack) {
  const toml::table root = toml::parse(coordinatorToml(info_, info_.coordinators[0]));
  EXPECT_EQ(root["component"]["jid"].value<std::string>(), "muster.cluster.localhost");
  EXPECT_EQ(root["component"]["port"].value<int>(), 20002);
  EXPECT_EQ(root["component"]["secret_file"].value<std::string>(),
            componentSecretFile(info_.dir).string());
  EXPECT_EQ(root["account"]["jid"].value<std::string>(), "muster@cluster.localhost");
  EXPECT_EQ(root["account"]["port"].value<int>(), 20001);
  EXPECT_EQ(root["account"]["ca_file"].value<std::string>(), info_.ca_file.string());
  EXPECT_EQ(root["election"]["lease_ttl"].value<std::string>(), "1s500ms");
  EXPECT_EQ(root["election"]["level_floor_percent"].value<int>(), 97);
  EXPECT_EQ(root["bootstrap"]["admins"][0].value<std::string>(), "admin@cluster.localhost");
  EXPECT_EQ(root["bootstrap"]["group"][0]["name"].value<std::string>(), "ledger");
  ASSERT_EQ(root["bootstrap"]["node"].as_array()->size(), 12u);
  EXPECT_EQ(root["bootstrap"]["node"][9]["jid"].value<std::string>(),
            "node10@nodes.cluster.localhost");
  EXPECT_EQ(root["bootstrap"]["node"][9]["group"].value<std::string>(), "ledger");
}

TEST_F(DaemonConfigTest, OfSeveralCoordinatorsEachHasAnAddressAndTheNodesKnowAll) {
  info_.coordinators = {{"coordinator1", "c1.muster.localhost", {}},
                        {"coordinator2", "c2.muster.localhost", {}}};
  info_.etcd = {{"etcd1", 20101, 20102, {}}, {"etcd2", 20103, 20104, {}}};
  const toml::table root = toml::parse(coordinatorToml(info_, info_.coordinators[1]));
  EXPECT_EQ(root["store"]["kind"].value<std::string>(), "etcd");
  EXPECT_EQ(root["store"]["etcd"]["endpoints"][1].value<std::string>(), "http://127.0.0.1:20103");
  EXPECT_EQ(root["store"]["path"].value<std::string>(),
            (info_.dir / "coordinator/coordinator2.sqlite").string());
  EXPECT_EQ(root["lease"]["jid"].value<std::string>(), "c2.muster.localhost");
  EXPECT_EQ(root["lease"]["name"].value<std::string>(), "coordinator2");
  const toml::table node = toml::parse(nodeToml(info_, "node2"));
  ASSERT_EQ(node["node"]["coordinators"].as_array()->size(), 2u);
  EXPECT_EQ(node["node"]["coordinators"][0].value<std::string>(), "c1.muster.localhost");
  EXPECT_THAT(serverConfig(info_, "secret", false),
              testing::HasSubstr("Component \"c2.muster.localhost\""));
}

TEST_F(DaemonConfigTest, NodeFileReadsBack) {
  const toml::table root = toml::parse(nodeToml(info_, "node2"));
  EXPECT_EQ(root["node"]["name"].value<std::string>(), "node2");
  EXPECT_EQ(root["node"]["jid"].value<std::string>(), "node2@nodes.cluster.localhost");
  EXPECT_EQ(root["node"]["coordinator_account"].value<std::string>(), "muster@cluster.localhost");
  EXPECT_EQ(root["node"]["state_dir"].value<std::string>(),
            (info_.dir / "nodes/node2/state").string());
  EXPECT_EQ(root["ledger"]["listen"].value<std::string>(), "127.0.0.1");
  EXPECT_EQ(root["ledger"]["port"].value<int>(), 0);
  EXPECT_EQ(root["ledger"]["window_s"].value<int>(), 45);
  EXPECT_EQ(root["ledger"]["port_file"].value<std::string>(),
            ledgerPortFile(info_.dir, "node2").string());
}

}  // namespace
}  // namespace muster::local
