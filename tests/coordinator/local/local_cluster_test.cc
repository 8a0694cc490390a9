// With a real Prosody and a real openssl; the daemons are small scripts.
#include "coordinator/local/local_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "coordinator/local/daemon_config.h"
#include "coordinator/local/files.h"
#include "coordinator/local/server.h"
#include "tests/coordinator/local/listener.h"
#include "tests/coordinator/local/scratch_folder.h"

namespace muster::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kCoordinatorScript = "#!/bin/sh\necho coordinator \"$2\"\nexec sleep 300\n";
constexpr const char* kNodeScript =
    "#!/bin/sh\necho node \"$2\"\necho 4711 > \"$(dirname \"$2\")/ledger.port\"\nexec sleep 300\n";

// Logs in and waits for the session; exits with 0, 2 (refused) or 3 (no TLS or no connection).
constexpr const char* kLoginScript = R"(
import asyncio, sys, slixmpp
jid, password, port, ca = sys.argv[1:5]
outcome = [3]
client = slixmpp.ClientXMPP(jid, password)
client.ca_certs = ca
def done(code):
    outcome[0] = code
    client.disconnect()
client.add_event_handler('session_start', lambda e: done(0))
client.add_event_handler('failed_auth', lambda e: done(2))
client.connect(('127.0.0.1', int(port)), force_starttls=True, disable_starttls=False)
client.loop.run_until_complete(asyncio.wait([client.disconnected], timeout=20))
sys.exit(outcome[0])
)";

Readiness allReady(const ClusterInfo& info) {
  Readiness readiness;
  for (const NodeInfo& node : info.nodes) {
    readiness.nodes.push_back({node.name, nodeAccount(node.name) + "/node-0123abcd", true});
  }
  readiness.active[kGroup] = "node1";
  return readiness;
}

class LocalClusterTest : public ::testing::Test {
 protected:
  LocalClusterTest() {
    script("coordinator", kCoordinatorScript);
    script("node", kNodeScript);
    options_.dir = dir_;
    options_.detach = true;
    options_.coordinator_program = scripts_.path() / "coordinator";
    options_.node_program = scripts_.path() / "node";
    options_.ready_limit = Duration::seconds(20);
    options_.probe = [](const ClusterInfo& info) -> Result<Readiness> { return allReady(info); };
  }
  ~LocalClusterTest() override {
    const auto ended = down(dir_, Duration::seconds(2));
    EXPECT_TRUE(ended.isOk() || ended.status().code() == Code::kNotFound) << ended.status().text();
  }

  void script(const std::string& name, const std::string& text) {
    ASSERT_TRUE(replaceFile(scripts_.path() / name, text).isOk());
    ASSERT_EQ(chmod((scripts_.path() / name).c_str(), 0700), 0);
  }
  UpReport mustUp() {
    auto report = up(options_);
    EXPECT_TRUE(report.isOk()) << report.status().text();
    return report ? *report : UpReport{};
  }
  nlohmann::json json() const {
    return nlohmann::json::parse(readFile(clusterFile(dir_), 65536).value());
  }
  mode_t modeOf(const std::filesystem::path& path) const {
    struct stat entry {};
    EXPECT_EQ(stat(path.c_str(), &entry), 0) << path;
    return entry.st_mode & 07777;
  }
  Status run(std::vector<std::string> argv) const {
    ProcessSpec spec;
    spec.name = argv[0];
    spec.argv = std::move(argv);
    spec.log_file = scripts_.path() / "run.log";
    spec.working_dir = scripts_.path();
    return runToEnd(spec, Duration::seconds(30));
  }
  Status login(const ClusterInfo& info, const std::string& jid, const std::string& password) {
    return run({"/usr/bin/python3", "-c", kLoginScript, jid, password,
                std::to_string(info.c2s_port), info.ca_file.string()});
  }

  ScratchFolder base_;
  ScratchFolder scripts_;
  // The server's account has to get there.
  const std::filesystem::path dir_ =
      (chmod(base_.path().c_str(), 0711), base_.path() / "clu\"ster \xc3\xa4");
  UpOptions options_;
};

TEST_F(LocalClusterTest, StartsEverythingAndSaysSo) {
  options_.nodes = 2;
  const UpReport report = mustUp();
  EXPECT_FALSE(report.resumed);
  EXPECT_THAT(report.started, ElementsAre("server", "coordinator", "node1", "node2"));
  const auto root = json();
  EXPECT_EQ(root["ca_file"], (std::filesystem::canonical(dir_) / "ca/ca.crt").string());
  EXPECT_EQ(root["nodes"].size(), 2u);
  EXPECT_EQ(root["nodes"][1]["jid"], "node2@nodes.cluster.localhost/node-0123abcd");
  EXPECT_EQ(root["nodes"][1]["port"], 4711);
  EXPECT_EQ(root["lease_ttl"], "5s");
  EXPECT_TRUE(isRunning(report.info.server_process));
  EXPECT_TRUE(isRunning(report.info.coordinators[0].process));
  EXPECT_TRUE(isRunning(report.info.nodes[1].process));
  EXPECT_EQ(getsid(report.info.nodes[1].process.pid), report.info.nodes[1].process.pid);
  EXPECT_THAT(endedProcesses(report.info), IsEmpty());
}

TEST_F(LocalClusterTest, KeepsSecretsToItself) {
  const UpReport report = mustUp();
  EXPECT_EQ(modeOf(clusterFile(dir_)), 0600u);
  EXPECT_EQ(modeOf(dir_) & 0066, 0u);
  for (const char* folder : {"ca", "server", "coordinator", "nodes", "journal", "log"}) {
    EXPECT_EQ(modeOf(dir_ / folder), 0700u) << folder;
  }
  for (const auto& file : {componentSecretFile(dir_), coordinatorPasswordFile(dir_),
                           nodePasswordFile(dir_, "node1"), dir_ / "server/prosody.cfg.lua",
                           dir_ / "server/certs/server.key", dir_ / "log/server.log"}) {
    EXPECT_EQ(modeOf(file), 0600u) << file;
  }
  EXPECT_FALSE(std::filesystem::exists(dir_ / "ca/work"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "server")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(readFile(entry.path(), 1 << 20).value(),
                Not(HasSubstr(report.info.operator_account.password)))
        << entry.path();
  }
}

TEST_F(LocalClusterTest, AccountsLogInOverVerifiedTls) {
  if (!run({"/usr/bin/python3", "-c", "import slixmpp"}))
    FAIL() << "python3-slixmpp is needed; scripts/install-packages --test installs it";
  options_.nodes = 1;
  const ClusterInfo info = mustUp().info;
  const auto password = [](const std::filesystem::path& file) { return keepSecret(file).value(); };
  for (const Account& account :
       {info.operator_account, info.stranger,
        Account{coordinatorAccount(), password(coordinatorPasswordFile(dir_))},
        Account{nodeAccount("node1"), password(nodePasswordFile(dir_, "node1"))}}) {
    const Status done = login(info, account.jid, account.password);
    EXPECT_TRUE(done.isOk()) << account.jid << ": " << done.text() << "\n"
                             << tailOf(dir_ / "log/server.log", 0);
  }
  EXPECT_THAT(login(info, info.admin.jid, "wrong").text(), HasSubstr("exited with status 2"));
  for (const char* domain : {kDomain, kNodeDomain}) {
    const Status verified =
        run({"/bin/sh", "-c",
             "exec openssl s_client -connect 127.0.0.1:$0 -starttls xmpp -xmpphost $1 "
             "-CAfile \"$2\" -verify_hostname $1 -verify_return_error </dev/null",
             std::to_string(info.c2s_port), domain, info.ca_file.string()});
    EXPECT_TRUE(verified.isOk()) << domain << ": " << verified.text();
  }
}

TEST_F(LocalClusterTest, ServerRunsUnprivilegedWhereItCan) {
  if (geteuid() != 0 || !findUser("prosody")) GTEST_SKIP() << "needs root and a user prosody";
  const ClusterInfo info = mustUp().info;
  struct stat entry {};
  ASSERT_EQ(stat(("/proc/" + std::to_string(info.server_process.pid)).c_str(), &entry), 0);
  EXPECT_EQ(entry.st_uid, findUser("prosody")->uid);
  EXPECT_EQ(modeOf(dir_), 0711u);
}

TEST_F(LocalClusterTest, ServerRunsAsRootWhereItMust) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(chmod(base_.path().c_str(), 0700), 0);
  const ClusterInfo info = mustUp().info;
  EXPECT_TRUE(isRunning(info.server_process));
  EXPECT_EQ(modeOf(dir_), 0700u);
  EXPECT_THAT(readFile(dir_ / "server/prosody.cfg.lua", 65536).value(),
              HasSubstr("run_as_root = true"));
}

TEST_F(LocalClusterTest, SecondUpStartsOnlyWhatIsMissing) {
  const UpReport first = mustUp();
  ASSERT_EQ(kill(first.info.nodes[1].process.pid, SIGKILL), 0);
  while (isRunning(first.info.nodes[1].process)) usleep(1000);
  EXPECT_THAT(endedProcesses(first.info), ElementsAre("node2"));
  const UpReport second = mustUp();
  EXPECT_TRUE(second.resumed);
  EXPECT_THAT(second.started, ElementsAre("node2"));
  EXPECT_THAT(second.already_running, ElementsAre("server", "coordinator", "node1", "node3"));
  EXPECT_EQ(second.info.nodes[0].process, first.info.nodes[0].process);
  EXPECT_NE(second.info.nodes[1].process, first.info.nodes[1].process);
}

TEST_F(LocalClusterTest, ResumesAfterDownWithTheSameSecretsAndPorts) {
  options_.lease_ttl = Duration::seconds(2);
  const UpReport first = mustUp();
  const std::string ca = readFile(first.info.ca_file, 65536).value();
  const std::string secret = readFile(componentSecretFile(dir_), 100).value();
  const auto ended = down(dir_);
  ASSERT_TRUE(ended.isOk()) << ended.status().text();
  options_.lease_ttl.reset();
  const UpReport second = mustUp();
  EXPECT_EQ(second.info.admin.password, first.info.admin.password);
  EXPECT_EQ(second.info.c2s_port, first.info.c2s_port);
  EXPECT_EQ(second.info.component_port, first.info.component_port);
  EXPECT_EQ(second.info.lease_ttl, Duration::seconds(2));
  EXPECT_EQ(readFile(second.info.ca_file, 65536).value(), ca);
  EXPECT_EQ(readFile(componentSecretFile(dir_), 100).value(), secret);
}

TEST_F(LocalClusterTest, DownEndsAllInOrderAndTheSecondFindsNothing) {
  options_.nodes = 2;
  const UpReport report = mustUp();
  const auto ended = down(dir_);
  ASSERT_TRUE(ended.isOk()) << ended.status().text();
  std::vector<std::string> names;
  for (const auto& each : ended->ended) {
    names.push_back(each.name);
    EXPECT_FALSE(each.killed) << each.name;
  }
  EXPECT_THAT(names, ElementsAre("node1", "node2", "coordinator", "server"));
  EXPECT_FALSE(isRunning(report.info.server_process));
  EXPECT_FALSE(isRunning(report.info.nodes[0].process));
  EXPECT_TRUE(json()["nodes"][0]["pid"].is_null());
  const auto again = down(dir_);
  ASSERT_TRUE(again.isOk());
  EXPECT_THAT(again->ended, IsEmpty());
  EXPECT_EQ(again->were_not_running.size(), 4u);
}

TEST_F(LocalClusterTest, DownLeavesAProcessWithAReusedPidAlone) {
  const UpReport report = mustUp();
  auto root = json();
  root["nodes"][0]["start_ticks"] = report.info.nodes[0].process.start_ticks - 1;
  ASSERT_TRUE(replaceFile(clusterFile(dir_), root.dump()).isOk());
  const auto ended = down(dir_);
  ASSERT_TRUE(ended.isOk());
  EXPECT_THAT(ended->were_not_running, ElementsAre("node1"));
  EXPECT_TRUE(isRunning(report.info.nodes[0].process));
  endProcesses({report.info.nodes[0].process}, Duration::seconds(5));
}

TEST_F(LocalClusterTest, OtherOptionsThanTheFoldersAreRefused) {
  const UpReport report = mustUp();
  options_.nodes = 5;
  const auto nodes = up(options_);
  ASSERT_FALSE(nodes.isOk());
  EXPECT_EQ(nodes.status().code(), Code::kConflict);
  EXPECT_EQ(nodes.status().field(), "nodes");
  EXPECT_THAT(nodes.status().text(), HasSubstr("--nodes 3, and --nodes 5 was asked for"));
  EXPECT_THAT(nodes.status().text(), HasSubstr("leave out --nodes"));
  options_.nodes = 3;
  options_.lease_ttl = Duration::seconds(9);
  EXPECT_EQ(up(options_).status().field(), "lease_ttl");
  EXPECT_TRUE(isRunning(report.info.nodes[0].process));
}

TEST_F(LocalClusterTest, TakenPortIsReplacedAndAllIsRestarted) {
  const UpReport first = mustUp();
  ASSERT_EQ(endProcesses({first.info.server_process}, Duration::seconds(5)).front(),
            Ending::kTerminated);
  const Listener other(first.info.c2s_port);
  const UpReport second = mustUp();
  EXPECT_NE(second.info.c2s_port, first.info.c2s_port);
  EXPECT_EQ(second.started.size(), 5u);
  EXPECT_FALSE(isRunning(first.info.coordinators[0].process));
  EXPECT_THAT(readFile(dir_ / "coordinator/coordinator.toml", 65536).value(),
              HasSubstr("port = " + std::to_string(second.info.c2s_port)));
}

TEST_F(LocalClusterTest, SpoiltCertificatesAreMadeAnew) {
  options_.nodes = 1;
  const UpReport first = mustUp();
  ASSERT_TRUE(down(dir_).isOk());
  const std::string before = readFile(first.info.ca_file, 65536).value();
  std::filesystem::remove(dir_ / "server/certs/server.crt");
  const UpReport second = mustUp();
  EXPECT_NE(readFile(second.info.ca_file, 65536).value(), before);
}

TEST_F(LocalClusterTest, ExpiringCertificatesAreMadeAnewAndAllIsRestarted) {
  options_.nodes = 1;
  script("openssl",
         "#!/bin/sh\nfor a; do shift; [ \"$a\" = 3650 ] && a=1; set -- \"$@\" \"$a\"; done\n"
         "exec openssl \"$@\"\n");
  options_.openssl_program = scripts_.path() / "openssl";
  const UpReport first = mustUp();
  const std::string before = readFile(first.info.ca_file, 65536).value();
  options_.openssl_program.clear();
  const UpReport second = mustUp();
  EXPECT_NE(readFile(second.info.ca_file, 65536).value(), before);
  EXPECT_THAT(second.started, ElementsAre("server", "coordinator", "node1"));
  EXPECT_THAT(mustUp().started, IsEmpty());
}

TEST_F(LocalClusterTest, FailingDaemonShowsTheEndOfItsLogAndNothingStays) {
  script("node",
         "#!/bin/sh\ncase $2 in *node2*) echo the disc is full >&2; exit 7;; esac\n"
         "echo 1 > \"$(dirname \"$2\")/ledger.port\"; exec sleep 300\n");
  std::vector<ProcessId> seen;
  options_.probe = [&](const ClusterInfo& info) -> Result<Readiness> {
    seen = {info.server_process, info.coordinators[0].process, info.nodes[0].process};
    return Status(Code::kUnavailable, "no answer yet");
  };
  const auto failed = up(options_);
  ASSERT_FALSE(failed.isOk());
  EXPECT_EQ(failed.status().code(), Code::kUnavailable);
  EXPECT_THAT(failed.status().text(), HasSubstr("node2 exited with status 7"));
  EXPECT_THAT(failed.status().text(), HasSubstr("log/node2.log:\nthe disc is full"));
  for (const ProcessId& process : seen) EXPECT_FALSE(isRunning(process));
  EXPECT_TRUE(json()["processes"]["server"].is_null());
}

TEST_F(LocalClusterTest, NotReadyInTimeNamesWhoIsAbsent) {
  options_.ready_limit = Duration::millis(300);
  options_.probe = [](const ClusterInfo& info) -> Result<Readiness> {
    Readiness readiness = allReady(info);
    readiness.nodes[2].present = false;
    readiness.active.clear();
    return readiness;
  };
  const auto failed = up(options_);
  ASSERT_FALSE(failed.isOk());
  EXPECT_EQ(failed.status().code(), Code::kTimeout);
  EXPECT_THAT(failed.status().text(),
              HasSubstr("node3 is not present and group ledger has no active node"));
  EXPECT_THAT(failed.status().text(), HasSubstr("log/node3.log"));
}

TEST_F(LocalClusterTest, FailedResumptionLeavesWhatRanBefore) {
  const UpReport first = mustUp();
  ASSERT_EQ(endProcesses({first.info.nodes[2].process}, Duration::seconds(5)).front(),
            Ending::kTerminated);
  script("node", "#!/bin/sh\nexit 1\n");
  options_.probe = [](const ClusterInfo&) -> Result<Readiness> { return Readiness{}; };
  EXPECT_FALSE(up(options_).isOk());
  EXPECT_TRUE(isRunning(first.info.server_process));
  EXPECT_TRUE(isRunning(first.info.nodes[0].process));
  EXPECT_TRUE(json()["nodes"][2]["pid"].is_null());
}

TEST_F(LocalClusterTest, OneAtATime) {
  Status up_meanwhile;
  Status down_meanwhile;
  options_.nodes = 1;
  options_.probe = [&](const ClusterInfo& info) -> Result<Readiness> {
    up_meanwhile = up(options_).status();
    down_meanwhile = down(dir_).status();
    return allReady(info);
  };
  mustUp();
  EXPECT_EQ(up_meanwhile.code(), Code::kConflict);
  EXPECT_EQ(down_meanwhile.code(), Code::kConflict);
  EXPECT_THAT(down_meanwhile.text(), HasSubstr("at work in"));
}

TEST_F(LocalClusterTest, InterruptionEndsWhatWasStarted) {
  options_.probe = nullptr;
  ProcessId server;
  options_.interrupted = [&] {
    server = loadClusterInfo(dir_)->server_process;
    return server.isSet();
  };
  EXPECT_EQ(up(options_).status().code(), Code::kUnavailable);
  EXPECT_TRUE(server.isSet());
  EXPECT_FALSE(isRunning(server));
}

TEST_F(LocalClusterTest, BadOptionsAndMissingProgramsTouchNothing) {
  options_.nodes = 21;
  EXPECT_EQ(up(options_).status().field(), "nodes");
  options_.nodes = 1;
  options_.lease_ttl = Duration::millis(1);
  EXPECT_EQ(up(options_).status().field(), "lease_ttl");
  options_.lease_ttl.reset();
  options_.window = Duration::seconds(9);
  EXPECT_EQ(up(options_).status().field(), "window");
  options_.window.reset();
  options_.level_floor = 101;
  EXPECT_EQ(up(options_).status().field(), "level_floor");
  options_.level_floor.reset();
  options_.node_program = "/no/such/ledger";
  EXPECT_EQ(up(options_).status().code(), Code::kNotFound);
  options_.node_program.clear();
  EXPECT_THAT(up(options_).status().text(), HasSubstr("ledger is missing"));
  EXPECT_FALSE(std::filesystem::exists(dir_));
  EXPECT_EQ(down(dir_).status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir_));
}

TEST_F(LocalClusterTest, FolderWithOtherThingsInItIsLeftAlone) {
  std::filesystem::create_directories(dir_ / "server");
  const auto refused = up(options_);
  EXPECT_EQ(refused.status().field(), "dir");
  EXPECT_THAT(refused.status().text(), HasSubstr("already has 'server'"));
}

}  // namespace
}  // namespace muster::local
