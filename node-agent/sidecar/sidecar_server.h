// The sidecar socket: who may connect, and what each connection says.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/fd.h"
#include "node-agent/sidecar/framing.h"
#include "node-agent/sidecar/sidecar_hub.h"

namespace muster::agent {

// A thread of its own. Nothing that a connection sends, or doesn't, keeps it from the others: each
// has bounded buffers, and is closed when it breaks the protocol or doesn't read.
class SidecarServer {
 public:
  // Makes the socket, in place of one that nobody listens at any more. kConflict if somebody does.
  static Result<std::unique_ptr<SidecarServer>> open(const SidecarOptions& options, SidecarHub& hub,
                                                     Clock& clock);
  // Closes all connections, and the socket goes.
  ~SidecarServer();

 private:
  struct Connection {
    explicit Connection(Fd socket, ElapsedTime now);
    Fd fd;
    ElapsedTime since;
    FrameReader in;
    std::string name;      // empty before the welcome
    std::string out;       // not written yet
    bool closing = false;  // once that is written
    bool gone = false;
    std::optional<wire::Records> waiting;  // for room in the queue; nothing is read meanwhile
    size_t unanswered = 0;                 // messages of records
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  SidecarServer(const SidecarOptions& options, SidecarHub& hub, Clock& clock, Fd listening);
  void run();
  void round();
  void accept();
  bool mayConnect(int fd) const;
  void read(const ConnectionPtr& connection);
  void handle(const ConnectionPtr& connection);
  void onMessage(const ConnectionPtr& connection, const wire::FromApplication& message);
  void onHello(const ConnectionPtr& connection, const wire::Hello& hello);
  void onRecords(const ConnectionPtr& connection, const wire::Records& records);
  void offer(const ConnectionPtr& connection, const wire::Records& records);
  void send(const ConnectionPtr& connection, const wire::FromAgent& message);
  void refuse(const ConnectionPtr& connection, const SidecarHub::Refusal& refusal);
  void write(const ConnectionPtr& connection);
  void drop(const ConnectionPtr& connection);
  // From any thread, to whom it may be gone.
  void post(const std::weak_ptr<Connection>& to, wire::FromAgent message);
  void takePosted();
  void wake() const;

  const SidecarOptions options_;
  SidecarHub& hub_;
  Clock& clock_;
  Fd listening_;
  Fd wake_;
  std::vector<ConnectionPtr> connections_;
  std::mutex posted_mutex_;
  std::deque<std::pair<std::weak_ptr<Connection>, wire::FromAgent>> posted_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace muster::agent
