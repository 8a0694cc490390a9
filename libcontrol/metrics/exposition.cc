#include "libcontrol/metrics/exposition.h"

#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/metrics/handover.h"

namespace muster::metrics {
namespace {

// Why the server could not: it says that it could not, and no more.
std::string bindError(const std::string& listen) {
  const auto address = readAddress(listen);
  if (!address) return "not an address";
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::strerror(errno);
  const int one = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  std::string error = "the HTTP server could not be started";
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address->socket), sizeof address->socket) != 0 ||
      ::listen(fd, 1) != 0) {
    error = std::strerror(errno);
  }
  close(fd);
  return error;
}

// While it lives, threads are started that no signal reaches, and the process's own way with
// SIGPIPE, which the HTTP server changes, comes back at the end.
class SignalShelter {
 public:
  SignalShelter() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask_);
    sigaction(SIGPIPE, nullptr, &pipe_);
  }
  ~SignalShelter() {
    sigaction(SIGPIPE, &pipe_, nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  SignalShelter(const SignalShelter&) = delete;
  SignalShelter& operator=(const SignalShelter&) = delete;

 private:
  sigset_t mask_{};
  struct sigaction pipe_ {};
};

std::unique_ptr<prometheus::Exposer> serve(const std::string& listen) {
  const SignalShelter shelter;
  return std::make_unique<prometheus::Exposer>(std::vector<std::string>{
      "listening_ports", listen,                                                //
      "num_threads", std::to_string(limits::kMetricsThreads),                   //
      "request_timeout_ms", std::to_string(limits::kMetricsRequest.toMillis())  //
  });
}

}  // namespace

Result<std::unique_ptr<Exposition>> Exposition::open(const MetricsConfig& config,
                                                     std::function<void()> ask, Clock& clock) {
  if (const Status fits = checkListen(config.listen, config.allow_remote); !fits) {
    return Status(fits.code(), "metrics: listen " + fits.text(), "listen");
  }
  auto handover = std::make_shared<Handover>(std::move(ask), clock, limits::kMetricsWait);
  try {
    auto server = serve(config.listen);
    server->RegisterCollectable(handover);
    return std::unique_ptr<Exposition>(new Exposition(std::move(handover), std::move(server)));
  } catch (const std::exception&) {
    return Status(Code::kUnavailable,
                  "metrics: listening on " + config.listen + ": " + bindError(config.listen),
                  "listen");
  }
}

Exposition::Exposition(std::shared_ptr<Handover> handover,
                       std::unique_ptr<prometheus::Exposer> server)
    : handover_(std::move(handover)), server_(std::move(server)) {}

Exposition::~Exposition() {
  handover_->close();
  server_.reset();
}

void Exposition::publish(Families families) {
  handover_->publish(std::move(families));
}

uint16_t Exposition::port() const {
  const std::vector<int> ports = server_->GetListeningPorts();
  return ports.empty() ? 0 : static_cast<uint16_t>(ports.front());
}

}  // namespace muster::metrics
