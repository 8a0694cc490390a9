#include "coordinator/local/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/local/listener.h"

namespace muster::local {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Lua, QuotesWhateverAPathHolds) {
  EXPECT_EQ(luaQuoted("/a b/\xc3\xa4"), "\"/a b/\xc3\xa4\"");
  EXPECT_EQ(luaQuoted("a\"b\\c\n1"), "\"a\\034b\\092c\\0101\"");
}

// The keys that Prosody's own util.hashes gives for password "pencil" and salt "abc".
TEST(Account, KeepsKeysAndNotThePassword) {
  const std::string data = accountData("pencil", "abc");
  EXPECT_THAT(data, HasSubstr("[\"stored_key\"] = \"b8b2bafea4c627c6cd53fd90f0e06f90d5cebcf9\";"));
  EXPECT_THAT(data, HasSubstr("[\"server_key\"] = \"2b0f9f9f6a933837b4bbc855c2186f3c93d8015c\";"));
  EXPECT_THAT(data, HasSubstr("[\"iteration_count\"] = 10000;"));
  EXPECT_THAT(data, Not(HasSubstr("pencil")));
}

TEST(Config, ServesLoopbackOnlyAndNodesWithoutStreamManagement) {
  ClusterInfo info;
  info.dir = "/d";
  info.host = kLoopback;
  info.domain = kDomain;
  info.coordinator = kComponentDomain;
  info.c2s_port = 20001;
  info.component_port = 20002;
  const std::string text = serverConfig(info, "secret", false);
  EXPECT_THAT(text, HasSubstr("interfaces = { \"127.0.0.1\" }"));
  EXPECT_THAT(text, HasSubstr("network_settings = { nagle = false }"));
  EXPECT_THAT(text, HasSubstr("c2s_require_encryption = true"));
  const size_t nodes = text.find("VirtualHost \"nodes.cluster.localhost\"");
  ASSERT_NE(nodes, std::string::npos);
  EXPECT_LT(text.find("smacks"), nodes);
  EXPECT_EQ(text.find("smacks", nodes), std::string::npos);
}

TEST(Config, TakesFilesOnLoopbackAlone) {
  ClusterInfo info;
  info.host = kLoopback;
  info.domain = kDomain;
  EXPECT_EQ(serverConfig(info, "secret", false).find("http"), std::string::npos);
  info.upload_port = 20003;
  const std::string text = serverConfig(info, "secret", false);
  EXPECT_THAT(text, HasSubstr("http_interfaces = { \"127.0.0.1\" }\nhttp_ports = { 20003 }\n"
                              "https_ports = {}\n"));
  EXPECT_THAT(text, HasSubstr("Component \"upload.cluster.localhost\" \"http_file_share\"\n"));
  EXPECT_THAT(text, HasSubstr("http_external_url = \"http://127.0.0.1:20003/\""));
  // Nodes find it, though it isn't under their own domain.
  EXPECT_THAT(text, HasSubstr("disco_items = { { \"upload.cluster.localhost\", \"files\" } }"));
}

TEST(Ports, TakenOnesAreSeen) {
  const Listener other(0);
  EXPECT_FALSE(isPortFree(other.port()));
  EXPECT_TRUE(accepts(other.port()));
  ClusterInfo info;
  ASSERT_TRUE(choosePorts(info).isOk());
  EXPECT_NE(info.c2s_port, info.component_port);
  EXPECT_NE(info.upload_port, 0);
  EXPECT_TRUE(isPortFree(info.upload_port));
  EXPECT_TRUE(isPortFree(info.c2s_port));
  EXPECT_FALSE(accepts(info.c2s_port));
}

}  // namespace
}  // namespace muster::local
