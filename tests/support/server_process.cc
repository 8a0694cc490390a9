#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace muster::testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// ejabberd takes three seconds on an idle machine, and ten times as long beside a build.
constexpr milliseconds kPatience{100'000};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Free at this moment; nothing but luck keeps it so until the server binds it.
uint16_t freePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

bool isListening(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return ok;
}

bool run(const std::string& command) {
  const int rc = system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(rc) && WEXITSTATUS(rc) == 0;
}

}  // namespace

ServerProcess::ServerProcess(std::string program, std::vector<std::string> hosts,
                             bool has_component)
    : program_(std::move(program)), hosts_(std::move(hosts)), has_component_(has_component) {}

ServerProcess::~ServerProcess() {
  kill();
  std::error_code ignored;
  if (!dir_.empty()) std::filesystem::remove_all(dir_, ignored);
}

bool ServerProcess::start() {
  if (pid_ > 0) return true;
  return prepare() && spawn() && waitForPorts();
}

void ServerProcess::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + kPatience;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) return kill();
    std::this_thread::sleep_for(milliseconds(10));
  }
  ::kill(-pid_, SIGKILL);
  pid_ = 0;
}

void ServerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

// Returns once it stands still: until then it goes on answering.
void ServerProcess::freeze() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGSTOP);
  int status = 0;
  const bool ended = waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status);
  if (ended) pid_ = 0;
}

void ServerProcess::thaw() {
  if (pid_ > 0) ::kill(-pid_, SIGCONT);
}

std::string ServerProcess::log() const {
  return read(dir_ + "/" + program_ + ".log") + read(dir_ + "/output.log");
}

bool ServerProcess::prepare() {
  if (prepared_) return true;
  std::string dir =
      (std::filesystem::temp_directory_path() / ("muster-" + program_ + "-XXXXXX")).string();
  if (mkdtemp(dir.data()) == nullptr) return fail("no temporary folder");
  dir_ = dir;
  client_port_ = freePort();
  component_port_ = freePort();
  if (client_port_ == 0 || component_port_ == 0) return fail("no free port");
  prepared_ = makeCertificates() && configure();
  return prepared_;
}

bool ServerProcess::makeCertificates() {
  for (const char* name : {"ca", "other-ca"}) {
    const std::string file = dir_ + "/" + name;
    if (!run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj '/CN=Muster test " +
             std::string(name) + "' -keyout " + file + ".key -out " + file + ".pem"))
      return fail("openssl could not make an authority");
  }
  return std::all_of(hosts_.begin(), hosts_.end(),
                     [this](const std::string& host) { return makeCertificate(host); });
}

bool ServerProcess::makeCertificate(const std::string& host) {
  const std::string file = dir_ + "/" + host;
  write(file + ".ext", "subjectAltName=DNS:" + host + "\n");
  return (run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=" +
              host + "' -keyout " + file + ".key -out " + file + ".csr") &&
          run("openssl x509 -req -days 2 -in " + file + ".csr -CA " + dir_ + "/ca.pem -CAkey " +
              dir_ + "/ca.key -CAcreateserial -extfile " + file + ".ext -out " + file + ".crt")) ||
         fail("openssl could not make a certificate for " + host);
}

bool ServerProcess::isOnPath(const std::string& program) {
  return run("command -v " + program);
}

void ServerProcess::write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string ServerProcess::read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool ServerProcess::spawn() {
  const std::vector<std::string> words = command();
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const std::string output = dir_ + "/output.log";
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) return fail("fork failed");
  if (pid_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    closefrom(3);
    if (chdir(dir_.c_str()) == 0) execvp(argv[0], argv.data());
    _exit(127);
  }
  setpgid(pid_, pid_);
  return true;
}

bool ServerProcess::waitForPorts() {
  const auto deadline = steady_clock::now() + kPatience;
  while (steady_clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return fail(program_ + " ended at once:\n" + log());
    }
    if (isListening(client_port_) && (!has_component_ || isListening(component_port_)) && isReady())
      return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  kill();
  return fail(program_ + " does not listen:\n" + log());
}

bool ServerProcess::fail(std::string error) {
  error_ = std::move(error);
  return false;
}

}  // namespace muster::testing
