// The promises of muster/node.h: calls from any thread, none waits for the network, a clean end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "libcontrol/base/limits.h"
#include "muster/node.h"
#include "tests/support/prosody_server.h"

namespace muster {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

// A login takes up to 15 s to be given up, an end has to take far less.
constexpr std::chrono::seconds kSoon(5);

size_t threadsNow() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

class NodeThreadsTest : public ::testing::Test {
 protected:
  NodeThreadsTest() {
    char name[] = "/tmp/muster-node-XXXXXX";
    dir_ = ::mkdtemp(name);
  }
  ~NodeThreadsTest() override { std::filesystem::remove_all(dir_); }

  NodeOptions options(const std::string& name) {
    NodeOptions out;
    out.jid = name + "@nodes.test";
    out.password = "secret";
    out.host = "127.0.0.1";
    out.port = 1;  // nobody listens there
    out.coordinator = "muster.test";
    out.coordinator_account = "muster@people.test";
    out.group = "storage";
    out.state_dir = dir_ / name;
    return out;
  }
  NodeOptions options(const std::string& name, const testing::ProsodyServer& server) {
    NodeOptions out = options(name);
    out.port = server.clientPort();
    out.ca_file = server.caFile();
    return out;
  }
  std::unique_ptr<Node> make(const NodeOptions& options) {
    auto node = Node::create(options);
    EXPECT_TRUE(node) << node.status().text();
    return std::move(node).value();
  }
  static testing::ProsodyConfig config() {
    testing::ProsodyConfig out;
    for (const char* name : {"node1", "node2"})
      out.accounts.push_back({out.nodes_host, name, "secret"});
    return out;
  }
  static ::testing::AssertionResult logs(const testing::ProsodyServer& server,
                                         const std::string& text) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(30);
    while (server.log().find(text) == std::string::npos) {
      if (steady_clock::now() > deadline) return ::testing::AssertionFailure() << server.log();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionSuccess();
  }
  static steady_clock::duration stopTook(Node& node) {
    const auto began = steady_clock::now();
    node.stop();
    return steady_clock::now() - began;
  }

  std::filesystem::path dir_;
};

TEST_F(NodeThreadsTest, FiftyNodesComeAndGoAndLeaveNothing) {
  const size_t before = threadsNow();
  for (int i = 0; i < 50; ++i) {
    const auto node = make(options("node1"));
    if (i % 2 == 0) {
      ASSERT_TRUE(node->start());
    }
    if (i % 4 == 0) node->stop();
  }
  // Qt's threads are detached: one that has been waited for still has its last steps before it.
  const auto limit = std::chrono::steady_clock::now() + kSoon;
  while (threadsNow() > before && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(threadsNow(), before);
}

TEST_F(NodeThreadsTest, ANodeCanBeStartedAgain) {
  const auto node = make(options("node1"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(node->start());
    EXPECT_EQ(node->start().code(), Code::kConflict);
    node->stop();
    node->stop();
  }
}

TEST_F(NodeThreadsTest, OneStateFolderServesOneNodeAtATime) {
  const auto node = make(options("node1"));
  const Status refused = Node::create(options("node1")).status();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_THAT(refused.text(), HasSubstr((dir_ / "node1").string()));
}

TEST_F(NodeThreadsTest, StopsWhileItConnects) {
  ASSERT_TRUE(testing::ProsodyServer::isInstalled()) << "scripts/install-packages --test";
  testing::ProsodyServer server(config());
  ASSERT_TRUE(server.start()) << server.error();
  // It takes the connection and says nothing.
  server.freeze();
  for (const int wait_ms : {0, 20, 300}) {
    const auto node = make(options("node1", server));
    ASSERT_TRUE(node->start());
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    EXPECT_LT(stopTook(*node), kSoon) << "after " << wait_ms << " ms";
  }
  server.thaw();
  // And in every phase of a login.
  for (int wait_ms = 0; wait_ms <= 120; wait_ms += 15) {
    const auto node = make(options("node1", server));
    ASSERT_TRUE(node->start());
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    EXPECT_LT(stopTook(*node), kSoon) << "after " << wait_ms << " ms";
  }
}

TEST_F(NodeThreadsTest, TwoNodesInOneProcess) {
  ASSERT_TRUE(testing::ProsodyServer::isInstalled()) << "scripts/install-packages --test";
  testing::ProsodyServer server(config());
  ASSERT_TRUE(server.start()) << server.error();
  const auto first = make(options("node1", server));
  const auto second = make(options("node2", server));
  ASSERT_TRUE(first->start());
  ASSERT_TRUE(second->start());
  EXPECT_TRUE(logs(server, "node1@nodes.test"));
  EXPECT_TRUE(logs(server, "node2@nodes.test"));
  first->stop();
  EXPECT_NE(first->fullJid(), second->fullJid());
}

// Every call of a running node from several threads, while it starts, loses its server, and stops.
TEST_F(NodeThreadsTest, EveryThreadMayCallAllTheWhile) {
  ASSERT_TRUE(testing::ProsodyServer::isInstalled()) << "scripts/install-packages --test";
  testing::ProsodyServer server(config());
  ASSERT_TRUE(server.start()) << server.error();
  const auto node = make(options("node1", server));
  Requests& user = node->requests("user");
  Availability& storage = node->availability("storage");
  std::atomic<bool> ending{false};
  std::atomic<int64_t> longest_ns{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; !ending; ++n) {
        const auto began = steady_clock::now();
        user.good();
        (n + i) % 2 == 0 ? storage.outageBegin() : storage.outageEnd();
        (void)node->lease();
        (void)node->fullJid();
        if (n % 50 == i) node->resign("tried");
        if (n % 50 == 10 + i) node->applicationGone("tried");
        const int64_t took_ns = (steady_clock::now() - began).count();
        if (took_ns > longest_ns) longest_ns = took_ns;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(node->start());
    EXPECT_TRUE(logs(server, "node1@nodes.test"));
    server.kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(server.start()) << server.error();
    // Two threads stop it at once.
    std::thread other([&] { node->stop(); });
    node->stop();
    other.join();
  }
  ending = true;
  for (std::thread& thread : threads) thread.join();
  // Far above any scheduling delay, far below any wait for the network.
  EXPECT_LT(std::chrono::nanoseconds(longest_ns), kSoon);
}

}  // namespace
}  // namespace muster
