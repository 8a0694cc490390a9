// All sources of log records of an agent, composed.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node-agent/sources/source.h"

namespace muster::agent {

class PipeSource;

// One thread reads them all: it waits for files, pipes, sockets and the journal at once, and none
// of them keeps the others waiting for more than a tenth of a second. The configuration has been
// read by readSources(). start() and stop() are for one thread.
class Sources {
 public:
  // The intake and the clock must outlive this.
  Sources(std::vector<SourceConfig> configs, LogIntake& intake, Clock& clock);
  ~Sources();

  // Makes pipes for the program's output where they are asked for; kResourceExhausted if that
  // fails. To be called before the program is started. Another source that can't begin is told in
  // the log, and is missing.
  Status start();
  // What has been written until now is read as far as it goes at once, and given out. Call it when
  // the program has ended: afterwards nobody reads its output any more.
  void stop();

  // What the program is to be given as its standard output and standard error, every time that it
  // is started; -1: the agent's own. After start().
  int programOutput() const { return programEnd(SourceKind::kStdout); }
  int programError() const { return programEnd(SourceKind::kStderr); }

 private:
  struct Named {
    std::string name;
    std::unique_ptr<Source> source;
    bool keeps_place = false;  // is read again from where it was kept
  };
  Status make(const SourceConfig& config);
  void begin(const Named& named, std::vector<Source*>& running);
  int programEnd(SourceKind kind) const;
  void run();

  const std::vector<SourceConfig> configs_;
  LogIntake& intake_;
  Clock& clock_;
  std::vector<Named> sources_;
  PipeSource* output_ = nullptr;
  PipeSource* error_ = nullptr;
  Poller poller_;
  Fd wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace muster::agent
