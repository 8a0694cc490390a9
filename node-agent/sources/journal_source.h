// systemd's journal, through sd-journal(3).
#pragma once

#include <memory>
#include <string>

#include "node-agent/sources/source.h"

struct sd_journal;

namespace muster::agent {

// Goes on behind the last entry that was kept, by its cursor. PRIORITY is the level;
// SYSLOG_IDENTIFIER, or else _SYSTEMD_UNIT or _COMM, the logger; MESSAGE the text.
class JournalSource : public Source {
 public:
  JournalSource(const SourceConfig& config, LogIntake& intake, Clock& clock);
  ~JournalSource() override;

  Status start(Poller& poller) override;
  ElapsedTime tick(ElapsedTime now) override;

 private:
  struct Closer {
    void operator()(sd_journal* journal) const;
  };

  Status open();
  Status seek();
  void seekBehind(const std::string& cursor);
  bool readSome(ElapsedTime now);
  records::Record entry();
  std::string cursorHere();
  std::string field(const char* name);

  const SourceConfig config_;
  LogIntake& intake_;
  Clock& clock_;
  std::unique_ptr<sd_journal, Closer> journal_;
  std::string cursor_;  // of the last entry that was taken; empty: none
  bool is_changed_ = true;
  ElapsedTime blocked_until_{};
  ElapsedTime next_look_{};
};

}  // namespace muster::agent
