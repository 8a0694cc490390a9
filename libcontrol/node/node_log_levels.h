// The loggers that the command log-level speaks of: this process's, and those of an application in
// another process where there is one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "commands/log_level.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/log/level_control.h"
#include "libcontrol/node/app_thread.h"
#include "libcontrol/node/application_levels.h"
#include "libcontrol/node/local_log_levels.h"
#include "libcontrol/xmpp/mailbox.h"

namespace muster {

// Lives on the event loop's thread; the application is asked on another. Whoever destroys it has
// ended that thread before.
class NodeLogLevels : public commands::LogLevels {
 public:
  struct Application {
    ApplicationLevels* levels = nullptr;  // null: none; used on `thread` alone
    AppThread* thread = nullptr;
  };
  explicit NodeLogLevels(Application application) : application_(application) {}

  // commands::LogLevels
  void list(std::function<void(Listing)> done) override;
  void find(const std::string& name, std::function<void(Found)> done) override;
  void set(const Change& change, ElapsedTime now, WallTime wall,
           std::function<void(Status)> done) override;
  void reset(const std::string& logger, std::function<void(Status)> done) override;

  // Of the application's as it was heard last.
  std::vector<std::string> names() const;
  bool isKnown(std::string_view name) const;
  std::vector<log::LoggerState> known() const;

  void applicationStarted();
  // To be called a few times a second.
  void housekeeping(ElapsedTime now);

 private:
  bool isOwn(std::string_view name) const;
  // Has it done on the application's thread, and then the other on this one.
  template <typename Outcome>
  void ask(std::function<Outcome(ApplicationLevels&)> job, std::function<void(Outcome)> then);
  Listing heard(const ApplicationLevels::Listing& listing);

  const Application application_;
  LocalLogLevels local_;
  std::vector<ApplicationLoggerState> heard_;
  ElapsedTime ticked_{};
  bool ticking_ = false;
  Mailbox answers_;
};

}  // namespace muster
