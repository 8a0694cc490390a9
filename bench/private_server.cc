#include "bench/private_server.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
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

// Where the server keeps an account, which is called after it.
std::filesystem::path fileOf(const std::filesystem::path& data, const local::Account& account) {
  const std::string name = account.jid.substr(0, account.jid.find('@')) + ".dat";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().filename() == name) return entry.path();
  }
  return {};
}

// Keys take long to derive: accounts of one password that follow each other share them. The names
// of those must be letters and digits.
Status writeAccounts(const std::filesystem::path& server_folder,
                     const std::vector<local::Account>& accounts) {
  const local::Account* model = nullptr;
  std::filesystem::path model_file;
  for (const local::Account& account : accounts) {
    const auto domain = [](const std::string& jid) { return jid.substr(jid.find('@')); };
    if (model != nullptr && account.password == model->password &&
        domain(account.jid) == domain(model->jid)) {
      std::error_code error;
      const std::string name = account.jid.substr(0, account.jid.find('@')) + ".dat";
      std::filesystem::copy_file(model_file, model_file.parent_path() / name, error);
      if (error) return {Code::kInternal, "could not write an account: " + error.message()};
      continue;
    }
    Status written = local::writeAccount(server_folder, account.jid, account.password);
    if (!written) return written;
    model = &account;
    model_file = fileOf(server_folder / "data", account);
  }
  return Status::ok();
}

std::string textOf(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What ejabberd needs to carry Muster; its shipped configuration would hold clients to 3,000 bytes
// a second.
std::string ejabberdConfig(const local::ClusterInfo& info, const std::string& component_secret) {
  std::ostringstream out;
  out << "hosts:\n  - " << info.domain << "\n  - " << local::kNodeDomain << "\n"
      << "loglevel: warning\n"
      << "certfiles:\n  - \"" << (local::serverFolder(info.dir) / "certs/server.pem").string()
      << "\"\n"
      << "listen:\n"
      << "  -\n    port: " << info.c2s_port << "\n    ip: \"" << info.host << "\"\n"
      << "    module: ejabberd_c2s\n    starttls_required: true\n"
      << "    max_stanza_size: 524288\n    access: all\n    shaper: none\n"
      << "  -\n    port: " << info.component_port << "\n    ip: \"" << info.host << "\"\n"
      << "    module: ejabberd_service\n    access: all\n    max_stanza_size: 524288\n"
      << "    shaper: none\n    hosts:\n      \"" << info.coordinator << "\":\n"
      << "        password: \"" << component_secret << "\"\n"
      << "auth_method: internal\nauth_password_format: scram\n"
      << "modules:\n  mod_caps: {}\n  mod_disco: {}\n  mod_ping: {}\n  mod_roster: {}\n";
  return out.str();
}

// A descriptor a client, which the server inherits leave for.
void allowManyConnections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::filesystem::path> makeTemporaryFolder() {
  std::string path = (std::filesystem::temp_directory_path() / "muster-bench-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return local::fileError("make the folder", path, errno);
  return std::filesystem::path(path);
}

}  // namespace

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(
    const std::vector<local::Account>& accounts, ServerKind kind) {
  const bool prosody = kind == ServerKind::kProsody;
  const auto program = local::findExecutable(prosody ? "prosody" : "erl");
  if (!program) {
    return Status(Code::kNotFound, prosody ? "prosody is not installed"
                                           : "erl is not installed, which ejabberd runs in");
  }
  std::unique_ptr<PrivateServer> server(new PrivateServer());
  Status done = server->prepare();
  if (done) {
    done = prosody ? server->configureProsody(accounts) : server->configureEjabberd(accounts);
  }
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

Status PrivateServer::prepare() {
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
  if (!done) return done;
  const auto secret = local::keepSecret(info_.dir / "component-secret");
  if (!secret) return secret.status();
  secret_ = *secret;
  return Status::ok();
}

Status PrivateServer::configureProsody(const std::vector<local::Account>& accounts) {
  const auto folder = local::serverFolder(info_.dir);
  Status done = writeAccounts(folder, accounts);
  if (done) {
    done = replaceFile(folder / "prosody.cfg.lua",
                       local::serverConfig(info_, secret_, geteuid() == 0));
  }
  if (!done) return done;
  return spawn({"prosody", "--no-daemonize", "--config", (folder / "prosody.cfg.lua").string()});
}

// By erl itself and without distribution: ejabberdctl would leave a daemon of Erlang's behind.
Status PrivateServer::configureEjabberd(const std::vector<local::Account>& accounts) {
  const auto folder = local::serverFolder(info_.dir);
  const auto certificates = folder / "certs";
  const std::string pair =
      textOf(certificates / "server.crt") + textOf(certificates / "server.key");
  Status done = replaceFile(certificates / "server.pem", pair);
  if (done) done = replaceFile(folder / "ejabberd.yml", ejabberdConfig(info_, secret_));
  if (!done) return done;
  // Its port opens before the accounts are there.
  ready_file_ = folder / "ready";
  std::string made;
  for (const local::Account& account : accounts) {
    const size_t at = account.jid.find('@');
    made += "ejabberd_auth:try_register(<<\"" + account.jid.substr(0, at) + "\">>,<<\"" +
            account.jid.substr(at + 1) + "\">>,<<\"" + account.password + "\">>),";
  }
  return spawn({"env", "EJABBERD_CONFIG_PATH=" + (folder / "ejabberd.yml").string(),
                "EJABBERD_LOG_PATH=" + (folder / "ejabberd.log").string(),
                "HOME=" + folder.string(), "ERL_LIBS=/usr/lib/x86_64-linux-gnu",
                "ERL_CRASH_DUMP=/dev/null", "erl", "-noinput", "-mnesia", "dir",
                "\"" + (folder / "mnesia").string() + "\"", "-s", "ejabberd", "-eval",
                made + "file:write_file(\"ready\",<<>>)."});
}

Status PrivateServer::spawn(std::vector<std::string> argv) {
  allowManyConnections();
  const auto program = local::findExecutable(argv.front());
  if (!program) return {Code::kNotFound, argv.front() + " is not installed"};
  argv.front() = program->string();
  local::ProcessSpec spec;
  spec.name = "server";
  spec.argv = std::move(argv);
  spec.log_file = logFile(info_);
  spec.working_dir = local::serverFolder(info_.dir);
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
  const auto is_ready = [this] {
    return local::accepts(info_.c2s_port) &&
           (ready_file_.empty() || std::filesystem::exists(ready_file_));
  };
  while (!is_ready()) {
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
