// A socket that syslog messages are sent to.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "node-agent/sources/source.h"
#include "node-agent/sources/syslog_framing.h"

namespace muster::agent {

// Senders can't be asked again, so records are added, not offered.
class SyslogSource : public Source {
 public:
  SyslogSource(const SourceConfig& config, LogIntake& intake, Clock& clock);
  ~SyslogSource() override;

  // A socket that a dead process left at a Unix path is replaced; a living one is a failure, as is
  // whatever else is there.
  Status start(Poller& poller) override;
  ElapsedTime tick(ElapsedTime now) override;
  void finish() override;

  // After start(): of UDP and TCP.
  int port() const { return port_; }

 private:
  struct Connection {
    Fd fd;
    SyslogFraming framing;
  };

  Status bindUnix();
  Status bindInternet();
  void receive();
  void accept();
  void readConnection(int fd);
  void add(std::string_view message);

  const SourceConfig config_;
  LogIntake& intake_;
  Clock& clock_;
  Poller* poller_ = nullptr;
  Fd socket_;
  bool is_bound_ = false;
  int port_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::string buffer_;
};

}  // namespace muster::agent
