// What reads log records from one place, and the thread that all of them share.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/records/record.h"
#include "muster/records.h"
#include "node-agent/fd.h"
#include "node-agent/sources/source_config.h"

namespace muster::agent {

// Descriptors that are waited for. For the one thread that calls wait().
class Poller {
 public:
  Poller();
  // `ready` is called when there is something to be read, or the other side is gone.
  Status add(int fd, std::function<void()> ready);
  void remove(int fd);
  void wait(Duration at_most);

 private:
  Fd epoll_;
  std::unordered_map<int, std::function<void()>> ready_;
};

// Figures of a source since its start.
struct SourceCounts {
  uint64_t records = 0;  // that were taken by the intake, or given to it
  uint64_t refused = 0;  // offers that were refused, and made again later
  uint64_t cut = 0;      // what did not fit: lines' ends, copies of output
  uint64_t lost = 0;     // rotated files, or datagrams, that could not be found or read any more
};

// Made on one thread, and then all calls on another one, but for the destructor.
class Source {
 public:
  virtual ~Source() = default;
  // Called once. A failure is told, and the other sources go on without this one.
  virtual Status start(Poller& poller) = 0;
  // Does what is due, and says when it wants to be called again at the latest.
  virtual ElapsedTime tick(ElapsedTime now) = 0;
  // Gives out what is held back.
  virtual void finish() {}
  const SourceCounts& counts() const { return counts_; }

 protected:
  SourceCounts counts_;
};

// For the intake, with the logger by the source's rules.
LogRecord toLogRecord(records::Record record, const SourceConfig& config);

}  // namespace muster::agent
