#include "libcontrol/metrics/exposition.h"

#include <CivetServer.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <exception>
#include <mutex>
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

// Each thread of the server sets SIGPIPE to be ignored when it begins, which may be after the
// server has been made. It tells of a thread's begin by a plain function, so what counts them is
// static.
class Beginners {
 public:
  static void* onBegin(const mg_context*, int) {
    const std::lock_guard lock(mutex_);
    ++begun_;
    changed_.notify_all();
    return nullptr;
  }
  static void reset() {
    const std::lock_guard lock(mutex_);
    begun_ = 0;
  }
  // Not for ever: with too few threads to be had, the server makes do with less.
  static void await(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [count] { return begun_ >= count; });
  }

 private:
  static constexpr std::chrono::seconds kPatience{5};
  static inline std::mutex mutex_;
  static inline std::condition_variable changed_;
  static inline int begun_ = 0;
};

std::unique_ptr<prometheus::Exposer> serve(const std::string& listen) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const SignalShelter shelter;
  CivetCallbacks callbacks;
  callbacks.init_thread = Beginners::onBegin;
  Beginners::reset();
  auto server = std::make_unique<prometheus::Exposer>(
      std::vector<std::string>{
          "listening_ports", listen,                                                //
          "num_threads", std::to_string(limits::kMetricsThreads),                   //
          "request_timeout_ms", std::to_string(limits::kMetricsRequest.toMillis())  //
      },
      &callbacks);
  // The workers and the one that accepts.
  Beginners::await(limits::kMetricsThreads + 1);
  return server;
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
