#include "coordinator/local/cluster_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "coordinator/local/files.h"
#include "tests/coordinator/local/scratch_folder.h"

namespace muster::local {
namespace {

using ::testing::HasSubstr;

class ClusterInfoTest : public ::testing::Test {
 protected:
  ClusterInfoTest() {
    info_.dir = std::filesystem::canonical(folder_.path());
    info_.domain = kDomain;
    info_.host = kLoopback;
    info_.c2s_port = 20001;
    info_.component_port = 20002;
    info_.ca_file = info_.dir / "ca" / "ca.crt";
    info_.coordinator = kComponentDomain;
    info_.groups = {{"ledger", "ledger@muster.cluster.localhost"}};
    info_.operator_account = {"operator@cluster.localhost", "p1"};
    info_.observer = {"observer@cluster.localhost", "p2"};
    info_.admin = {"admin@cluster.localhost", "p3"};
    info_.stranger = {"stranger@cluster.localhost", "p4"};
    info_.nodes = {{"node1", "node1@nodes.cluster.localhost/node-0123abcd", {1234, 99}, 4711},
                   {"node2", "node2@nodes.cluster.localhost", {}, 0}};
    info_.server_process = {1232, 97};
    info_.coordinators = {{"coordinator", "", {}}};
    info_.lease_ttl = Duration::millis(1500);
    info_.window = Duration::seconds(45);
    info_.level_floor = 97;
  }

  nlohmann::json saved() {
    EXPECT_TRUE(saveClusterInfo(info_).isOk());
    return nlohmann::json::parse(readFile(clusterFile(info_.dir), 65536).value());
  }
  Status loadWith(const std::string& pointer, const nlohmann::json& value) {
    auto root = saved();
    root[nlohmann::json::json_pointer(pointer)] = value;
    EXPECT_TRUE(replaceFile(clusterFile(info_.dir), root.dump()).isOk());
    return loadClusterInfo(info_.dir).status();
  }

  ScratchFolder folder_;
  ClusterInfo info_;
};

TEST_F(ClusterInfoTest, ComesBackAsItWasSaved) {
  ASSERT_TRUE(saveClusterInfo(info_).isOk());
  const auto loaded = loadClusterInfo(info_.dir);
  ASSERT_TRUE(loaded.isOk()) << loaded.status().text();
  EXPECT_EQ(loaded->dir, info_.dir);
  EXPECT_EQ(loaded->c2s_port, 20001);
  EXPECT_EQ(loaded->component_port, 20002);
  EXPECT_EQ(loaded->admin.password, "p3");
  EXPECT_EQ(loaded->lease_ttl, info_.lease_ttl);
  EXPECT_EQ(loaded->window, info_.window);
  EXPECT_EQ(loaded->level_floor, 97);
  ASSERT_EQ(loaded->nodes.size(), 2u);
  EXPECT_EQ(loaded->nodes[0].jid, info_.nodes[0].jid);
  EXPECT_EQ(loaded->nodes[0].process, info_.nodes[0].process);
  EXPECT_EQ(loaded->nodes[0].port, 4711);
  EXPECT_FALSE(loaded->nodes[1].process.isSet());
  EXPECT_EQ(loaded->server_process, info_.server_process);
}

TEST_F(ClusterInfoTest, SeveralCoordinatorsAndTheirEtcdComeBack) {
  info_.coordinators = {{"coordinator1", "c1.localhost", {1240, 98}},
                        {"coordinator2", "c2.localhost", {}}};
  info_.etcd = {{"etcd1", 20101, 20102, {1241, 99}}};
  const auto root = saved();
  EXPECT_EQ(root["processes"]["coordinator1"], 1240);
  EXPECT_EQ(root["processes"]["etcd1"], 1241);
  const auto loaded = loadClusterInfo(info_.dir);
  ASSERT_TRUE(loaded.isOk()) << loaded.status().text();
  ASSERT_EQ(loaded->coordinators.size(), 2u);
  EXPECT_EQ(loaded->coordinators[0].process, info_.coordinators[0].process);
  EXPECT_EQ(loaded->coordinators[1].lease_address, "c2.localhost");
  ASSERT_EQ(loaded->etcd.size(), 1u);
  EXPECT_EQ(loaded->etcd[0].peer_port, 20102);
  EXPECT_EQ(loadWith("/etcd/0/peer_port", 0).field(), "etcd.0.peer_port");
  EXPECT_EQ(loadWith("/coordinators/1/lease_address", "a b").field(),
            "coordinators.1.lease_address");
}

TEST_F(ClusterInfoTest, HasTheKeysThatScriptsRead) {
  const auto root = saved();
  EXPECT_EQ(root["domain"], "cluster.localhost");
  EXPECT_EQ(root["c2s"]["host"], "127.0.0.1");
  EXPECT_EQ(root["c2s"]["port"], 20001);
  EXPECT_EQ(root["coordinator"], "muster.cluster.localhost");
  EXPECT_EQ(root["groups"][0]["jid"], "ledger@muster.cluster.localhost");
  EXPECT_EQ(root["accounts"]["stranger"]["jid"], "stranger@cluster.localhost");
  EXPECT_EQ(root["nodes"][0]["pid"], 1234);
  EXPECT_EQ(root["nodes"][0]["port"], 4711);
  EXPECT_TRUE(root["nodes"][1]["pid"].is_null());
  EXPECT_EQ(root["processes"]["server"], 1232);
  EXPECT_TRUE(root["processes"]["coordinator"].is_null());
  EXPECT_EQ(root["lease_ttl"], "1s500ms");
  struct stat entry;
  ASSERT_EQ(stat(clusterFile(info_.dir).c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 07777, 0600u);
}

TEST_F(ClusterInfoTest, ErrorsNameFileAndKey) {
  const struct {
    const char* pointer;
    nlohmann::json value;
    const char* key;
  } cases[] = {
      {"/c2s/port", 70000, "c2s.port"},
      {"/c2s/port", "5222", "c2s.port"},
      {"/coordinator", "a b@c", "coordinator"},
      {"/nodes/1/name", 7, "nodes.1.name"},
      {"/nodes", nullptr, "nodes"},
      {"/accounts/admin", {}, "accounts.admin.jid"},
      {"/lease_ttl", "5", "lease_ttl"},
      {"/window", "5", "window"},
      {"/level_floor_percent", "101", "level_floor_percent"},
      {"/nodes/0/start_ticks", nullptr, "nodes.0.pid"},
      {"/format", 2, "format"},
      {"/processes/server", -1, "processes.server"},
  };
  for (const auto& each : cases) {
    const Status status = loadWith(each.pointer, each.value);
    EXPECT_EQ(status.code(), Code::kDataLoss) << each.pointer;
    EXPECT_EQ(status.field(), each.key);
    EXPECT_THAT(status.text(), HasSubstr(clusterFile(info_.dir).string()));
    EXPECT_THAT(status.text(), HasSubstr(each.key));
  }
}

TEST_F(ClusterInfoTest, MissingAndMangledFilesAreTold) {
  const auto missing = loadClusterInfo(info_.dir);
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(missing.status().text(), HasSubstr("muster up --dir"));
  ASSERT_TRUE(replaceFile(clusterFile(info_.dir), "{\"domain\":").isOk());
  EXPECT_EQ(loadClusterInfo(info_.dir).status().code(), Code::kDataLoss);
}

TEST_F(ClusterInfoTest, PidsOfAnotherBootMeanNothing) {
  ASSERT_TRUE(loadWith("/boot_id", "of-yesterday").isOk());
  const auto loaded = loadClusterInfo(info_.dir);
  ASSERT_TRUE(loaded.isOk());
  EXPECT_FALSE(loaded->server_process.isSet());
  EXPECT_FALSE(loaded->nodes[0].process.isSet());
}

}  // namespace
}  // namespace muster::local
