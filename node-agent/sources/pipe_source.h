// What the program writes to its standard output or standard error.
#pragma once

#include <memory>

#include "libcontrol/records/joiner.h"
#include "node-agent/sources/line_cutter.h"
#include "node-agent/sources/source.h"

namespace muster::agent {

// The program never waits for the intake: what this finds no room for is given up, least severe
// records first. It waits only if this thread doesn't read for as long as it takes to fill the pipe
// (1 MiB where the machine allows it).
class PipeSource : public Source {
 public:
  // `copy_to`: the agent's own descriptor, or -1. What that doesn't take at once is not copied.
  static Result<std::unique_ptr<PipeSource>> make(const SourceConfig& config, LogIntake& intake,
                                                  Clock& clock, int copy_to);

  // What the program is to write to, every time that it is started. Belongs to this.
  int writeEnd() const { return write_end_.get(); }

  Status start(Poller& poller) override;
  ElapsedTime tick(ElapsedTime now) override;
  void finish() override;

 private:
  PipeSource(const SourceConfig& config, LogIntake& intake, Clock& clock, int copy_to,
             std::unique_ptr<records::Format> format);
  void readSome();
  void copy(std::string_view bytes);
  void add(std::string_view line);
  void give(std::optional<records::JoinedRecord> record);

  const SourceConfig config_;
  LogIntake& intake_;
  Clock& clock_;
  const int copy_to_;
  const std::unique_ptr<records::Format> format_;
  records::Joiner joiner_;
  LineCutter lines_;
  Fd read_end_;
  Fd write_end_;
};

}  // namespace muster::agent
