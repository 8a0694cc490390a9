#include "node-agent/sidecar/sidecar_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libcontrol/base/text.h"
#include "muster/log.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

constexpr int kBacklog = 8;
constexpr size_t kReadAtOnce = 64 * 1024;
// What waits for room in the log's queue is offered so often again.
constexpr int kRoundMs = 100;
constexpr size_t kMaxPingBytes = 64;

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Status systemError(const std::string& what, const std::string& path) {
  return {Code::kUnavailable, what + " " + path + ": " + strerror(errno)};
}

// Left behind by one that was killed.
Status removeOld(const std::string& path) {
  const sockaddr_un address = addressOf(path);
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    return {Code::kConflict, "somebody listens at " + path + " already"};
  }
  if (errno == ECONNREFUSED && unlink(path.c_str()) != 0 && errno != ENOENT) {
    return systemError("can't remove", path);
  }
  return Status::ok();
}

wire::FromAgent errorOf(const SidecarHub::Refusal& refusal) {
  wire::FromAgent out;
  out.mutable_error()->set_code(refusal.code);
  out.mutable_error()->set_text(refusal.text);
  return out;
}

}  // namespace

SidecarServer::Connection::Connection(Fd socket, ElapsedTime now)
    : fd(std::move(socket)), since(now), in(limits::kMaxSidecarFrameBytes) {}

Result<std::unique_ptr<SidecarServer>> SidecarServer::open(const SidecarOptions& options,
                                                           SidecarHub& hub, Clock& clock) {
  if (Status removed = removeOld(options.path); !removed) return removed;
  Fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = addressOf(options.path);
  // No moment at which others could connect: the mode counts from bind() on.
  const mode_t before = umask(0177);
  const int bound =
      bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(before);
  if (bound != 0) return systemError("can't make the socket", options.path);
  if (listen(listening.get(), kBacklog) != 0) return systemError("can't listen at", options.path);
  // Others are let in by SO_PEERCRED alone, and they must be able to get that far.
  if (!options.users.empty()) (void)chmod(options.path.c_str(), 0666);
  return std::unique_ptr<SidecarServer>(
      new SidecarServer(options, hub, clock, std::move(listening)));
}

SidecarServer::SidecarServer(const SidecarOptions& options, SidecarHub& hub, Clock& clock,
                             Fd listening)
    : options_(options),
      hub_(hub),
      clock_(clock),
      listening_(std::move(listening)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

SidecarServer::~SidecarServer() {
  ending_ = true;
  wake();
  thread_.join();
  (void)unlink(options_.path.c_str());
}

void SidecarServer::wake() const {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void SidecarServer::run() {
  while (!ending_) round();
  for (const ConnectionPtr& connection : connections_) drop(connection);
}

void SidecarServer::round() {
  std::vector<pollfd> watched = {{wake_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
  for (const ConnectionPtr& each : connections_) {
    // Whoever has to wait is not read from, and so slowed down.
    const bool reads = !each->waiting && !each->closing && each->out.empty();
    const int events = (reads ? POLLIN : 0) | (each->out.empty() ? 0 : POLLOUT);
    watched.push_back({each->fd.get(), static_cast<short>(events), 0});
  }
  (void)poll(watched.data(), watched.size(), kRoundMs);
  uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  takePosted();
  const std::vector<ConnectionPtr> before = connections_;
  for (size_t i = 0; i < before.size(); ++i) {
    const ConnectionPtr& each = before[i];
    if (each->waiting && !each->gone) {
      const wire::Records records = *std::exchange(each->waiting, std::nullopt);
      offer(each, records);
      if (!each->waiting) handle(each);
    }
    const short got = watched[i + 2].revents;
    if ((got & POLLOUT) != 0) write(each);
    if ((got & (POLLIN | POLLHUP | POLLERR)) != 0 && !each->gone) read(each);
    const bool silent =
        each->name.empty() && clock_.elapsed() - each->since > limits::kSidecarHelloWait;
    if (silent && !each->gone) drop(each);
  }
  std::erase_if(connections_, [](const ConnectionPtr& each) { return each->gone; });
  if ((watched[1].revents & POLLIN) != 0) accept();
}

bool SidecarServer::mayConnect(int fd) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  const bool allowed =
      peer.uid == geteuid() ||
      std::find(options_.users.begin(), options_.users.end(), peer.uid) != options_.users.end();
  if (!allowed) {
    logger("agent.sidecar")->warn("process {} of user {} may not connect", peer.pid, peer.uid);
  }
  return allowed;
}

void SidecarServer::accept() {
  Fd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.isOpen() || !mayConnect(fd.get())) return;
  const auto connection = std::make_shared<Connection>(std::move(fd), clock_.elapsed());
  connections_.push_back(connection);
  if (connections_.size() > limits::kMaxSidecarConnections) {
    refuse(connection, {wire::Error::BUSY, "there are too many connections"});
  }
}

void SidecarServer::read(const ConnectionPtr& connection) {
  char buffer[kReadAtOnce];
  const ssize_t got = ::read(connection->fd.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop(connection);
  // What comes after a refusal is not looked at.
  if (connection->closing) return;
  connection->in.add({buffer, static_cast<size_t>(got)});
  handle(connection);
}

void SidecarServer::handle(const ConnectionPtr& connection) {
  while (!connection->gone && !connection->closing && !connection->waiting) {
    auto next = connection->in.next();
    if (!next) return refuse(connection, {wire::Error::MALFORMED, next.status().text()});
    if (!*next) return;
    wire::FromApplication message;
    if (!message.ParseFromString(**next)) {
      return refuse(connection, {wire::Error::MALFORMED, "a frame is no FromApplication"});
    }
    onMessage(connection, message);
  }
}

void SidecarServer::onMessage(const ConnectionPtr& connection,
                              const wire::FromApplication& message) {
  if (connection->name.empty() != message.has_hello()) {
    return refuse(connection,
                  {wire::Error::MALFORMED, "the first message, and no other, is Hello"});
  }
  switch (message.message_case()) {
    case wire::FromApplication::kHello:
      return onHello(connection, message.hello());
    case wire::FromApplication::kCounts: {
      if (const auto refused = hub_.count(connection->name, message.counts())) {
        return refuse(connection, *refused);
      }
      wire::FromAgent taken;
      taken.mutable_counts_taken()->set_sequence(message.counts().sequence());
      return send(connection, taken);
    }
    case wire::FromApplication::kRecords:
      return onRecords(connection, message.records());
    case wire::FromApplication::kLoggers:
      return hub_.loggersAre(message.loggers());
    case wire::FromApplication::kDone:
      return hub_.onDone(message.done());
    case wire::FromApplication::kPing: {
      if (message.ping().data().size() > kMaxPingBytes) {
        return refuse(connection, {wire::Error::MALFORMED, "a ping has at most 64 bytes"});
      }
      wire::FromAgent pong;
      pong.mutable_pong()->set_data(message.ping().data());
      return send(connection, pong);
    }
    case wire::FromApplication::MESSAGE_NOT_SET:
      return;  // of a later version
  }
}

void SidecarServer::onHello(const ConnectionPtr& connection, const wire::Hello& hello) {
  auto entered = hub_.enter(hello);
  if (const auto* refused = std::get_if<SidecarHub::Refusal>(&entered)) {
    return refuse(connection, *refused);
  }
  connection->name = hello.name();
  wire::FromAgent welcome;
  *welcome.mutable_welcome() = std::get<wire::Welcome>(std::move(entered));
  send(connection, welcome);
  if (connection->gone) return;
  logger("agent.sidecar")->info("'{}' has connected", connection->name);
  if (!hello.control()) return;
  hub_.takeControl(connection->name, [this, to = std::weak_ptr(connection)](
                                         const wire::FromAgent& message) { post(to, message); });
}

void SidecarServer::onRecords(const ConnectionPtr& connection, const wire::Records& records) {
  if (const auto refused = hub_.checkRecords(connection->name, records)) {
    return refuse(connection, *refused);
  }
  if (++connection->unanswered > limits::kSidecarWindow) {
    return refuse(connection, {wire::Error::BUSY, "more messages of records than the window has"});
  }
  offer(connection, records);
}

void SidecarServer::offer(const ConnectionPtr& connection, const wire::Records& records) {
  const auto kept = [this, to = std::weak_ptr(connection),
                     sequence = records.sequence()](const Status& status) {
    wire::FromAgent message;
    message.mutable_records_kept()->set_sequence(sequence);
    message.mutable_records_kept()->set_error(status.text());
    post(to, message);
  };
  const Status offered = hub_.offer(connection->name, records, kept);
  if (offered) return;
  if (offered.code() == Code::kResourceExhausted) {
    connection->waiting = records;
  } else {
    kept(offered);
  }
}

void SidecarServer::send(const ConnectionPtr& connection, const wire::FromAgent& message) {
  if (connection->gone || connection->closing) return;
  connection->out += frame(message.SerializeAsString());
  write(connection);
  if (connection->out.size() > limits::kMaxSidecarFrameBytes) {
    logger("agent.sidecar")->warn("'{}' does not read and is disconnected", connection->name);
    drop(connection);
  }
}

void SidecarServer::refuse(const ConnectionPtr& connection, const SidecarHub::Refusal& refusal) {
  logger("agent.sidecar")
      ->warn("'{}' is refused: {}", connection->name.empty() ? "a program" : connection->name,
             refusal.text);
  send(connection, errorOf(refusal));
  if (connection->gone) return;
  connection->closing = true;
  write(connection);
}

void SidecarServer::write(const ConnectionPtr& connection) {
  while (!connection->gone && !connection->out.empty()) {
    const ssize_t written =
        ::send(connection->fd.get(), connection->out.data(), connection->out.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written <= 0) return drop(connection);
    connection->out.erase(0, static_cast<size_t>(written));
  }
  if (connection->closing) drop(connection);
}

void SidecarServer::drop(const ConnectionPtr& connection) {
  if (std::exchange(connection->gone, true)) return;
  connection->fd.close();
  if (connection->name.empty()) return;
  logger("agent.sidecar")->info("'{}' has gone", connection->name);
  hub_.leave(connection->name);
}

void SidecarServer::post(const std::weak_ptr<Connection>& to, wire::FromAgent message) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.emplace_back(to, std::move(message));
  }
  wake();
}

void SidecarServer::takePosted() {
  std::deque<std::pair<std::weak_ptr<Connection>, wire::FromAgent>> posted;
  {
    const std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (const auto& [to, message] : posted) {
    const ConnectionPtr connection = to.lock();
    if (connection == nullptr) continue;
    if (message.has_records_kept()) --connection->unanswered;
    send(connection, message);
  }
}

}  // namespace muster::agent
