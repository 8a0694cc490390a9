#include "bench/private_server.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "coordinator/local/certificates.h"
#include "coordinator/local/files.h"
#include "coordinator/local/server.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/text.h"

namespace muster::bench {
namespace {

constexpr Duration kStartLimit = Duration::seconds(20);
constexpr Duration kGrace = Duration::seconds(5);

std::filesystem::path logFile(const local::ClusterInfo& info) {
  return info.dir / "server.log";
}

Result<std::filesystem::path> makeTemporaryFolder() {
  std::string path = (std::filesystem::temp_directory_path() / "muster-bench-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return local::fileError("make the folder", path, errno);
  return std::filesystem::path(path);
}

}  // namespace

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(
    const std::vector<local::Account>& accounts) {
  const auto prosody = local::findExecutable("prosody");
  if (!prosody) return Status(Code::kNotFound, "prosody is not installed");
  std::unique_ptr<PrivateServer> server(new PrivateServer());
  Status done = server->prepare(accounts);
  if (done) done = server->spawn(*prosody);
  if (done) done = server->awaitPorts();
  if (!done) return done;
  return server;
}

PrivateServer::~PrivateServer() {
  if (info_.server_process.isSet()) local::endProcesses({info_.server_process}, kGrace);
  std::error_code ignored;
  if (!info_.dir.empty()) std::filesystem::remove_all(info_.dir, ignored);
}

std::string PrivateServer::caFile() const {
  return (info_.dir / "ca" / "ca.crt").string();
}

Status PrivateServer::prepare(const std::vector<local::Account>& accounts) {
  const auto openssl = local::findExecutable("openssl");
  if (!openssl) return {Code::kNotFound, "openssl is not installed"};
  auto folder = makeTemporaryFolder();
  if (!folder) return folder.status();
  info_.dir = std::move(folder).value();
  info_.domain = local::kDomain;
  info_.host = local::kLoopback;
  info_.coordinator = local::kComponentDomain;

  Status done = local::choosePorts(info_);
  if (done) done = local::ensureCertificates(info_.dir, *openssl).status();
  const auto server_folder = local::serverFolder(info_.dir);
  for (const local::Account& account : accounts) {
    if (done) done = local::writeAccount(server_folder, account.jid, account.password);
  }
  const auto secret = local::keepSecret(info_.dir / "component-secret");
  if (!secret) return secret.status();
  if (!done) return done;
  return replaceFile(server_folder / "prosody.cfg.lua",
                     local::serverConfig(info_, *secret, geteuid() == 0));
}

Status PrivateServer::spawn(const std::filesystem::path& prosody) {
  const auto folder = local::serverFolder(info_.dir);
  local::ProcessSpec spec;
  spec.name = "server";
  spec.argv = {prosody.string(), "--no-daemonize", "--config",
               (folder / "prosody.cfg.lua").string()};
  spec.log_file = logFile(info_);
  spec.working_dir = folder;
  spec.end_with_parent = true;
  return local::startProcess(spec,
                             [this](const local::ProcessId& id) {
                               info_.server_process = id;
                               return Status::ok();
                             })
      .status();
}

Status PrivateServer::awaitPorts() const {
  Clock& clock = SystemClock::forHolder();
  const ElapsedTime deadline = clock.elapsed() + kStartLimit;
  while (!local::accepts(info_.c2s_port)) {
    const std::string log = "; the end of its log:\n" + local::tailOf(logFile(info_), 0);
    if (!local::isRunning(info_.server_process)) {
      return {Code::kUnavailable,
              "the server " + local::reapAndDescribe(info_.server_process) + log};
    }
    if (clock.elapsed() >= deadline) {
      return {Code::kTimeout,
              "the server did not open its port within " + formatDuration(kStartLimit) + log};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Status::ok();
}

}  // namespace muster::bench
