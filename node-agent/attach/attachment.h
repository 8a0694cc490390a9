// Watches an application that others run, and, where it is a unit that runs only while the node is
// active, starts and stops it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "libcontrol/base/clock.h"
#include "muster/service.h"
#include "node-agent/application.h"
#include "node-agent/attach/sighting.h"
#include "node-agent/attach/unit.h"

namespace muster::agent {

struct AttachmentOptions {
  // Whether it runs only while the node is active, and the agent has it started and stopped.
  bool follows_role = false;
  Duration start_limit = Duration::seconds(20);
  // Gets the role's variables before a start, for EnvironmentFile=; empty: none.
  std::string environment_file;
};

class Attachment : public Application {
 public:
  // As the supervisor's of the same names; called by tick().
  struct Callbacks {
    std::function<void(const std::string& why)> gone = [](const std::string&) {};
    std::function<void(const std::string& why)> unfit = [](const std::string&) {};
    // It was down and is up again without ever having been surely gone. Only of one that doesn't
    // follow the role: nobody knows then whether it is still active.
    std::function<void(const std::string& why)> restarted = [](const std::string&) {};
  };

  // All references must outlive it. `unit` and `manager` are needed where it follows the role.
  Attachment(AttachmentOptions options, Watched& watched, const Unit* unit, UnitManager* manager,
             Availability& availability, Clock& clock);
  ~Attachment() override;
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  void setCallbacks(Callbacks callbacks) { callbacks_ = std::move(callbacks); }
  // Looks for the first time, and on a thread of its own from then on.
  void begin();
  // On the supervisor's thread: judges what was seen since the last time, and tells.
  void tick();
  // For people: "runs as process 4711", or why it doesn't.
  std::string describe();

  pid_t program() override;
  Status startProgram(Environment environment, const std::function<bool()>& allowed) override;
  void stopProgram(ElapsedTime kill_at) override;
  void killProgram(const std::string& why) override;

 private:
  void watch();
  Sighting lookNow();
  void keep(const Sighting& sighting);
  bool awaitEnd(pid_t pid);
  std::string unfitness(const Sighting& sighting, bool wanted) const;
  void judgeAvailability(const Sighting& sighting, bool wanted);

  const AttachmentOptions options_;
  Watched& watched_;
  const Unit* const unit_;
  UnitManager* const manager_;
  Availability& availability_;
  Clock& clock_;
  Callbacks callbacks_;

  std::mutex look_mutex_;  // one look at a time
  std::mutex mutex_;       // guards what follows
  Sighting last_;
  bool seen_up_ = false;  // since it was last gone
  std::string down_why_;  // since it was last up
  // For tick() to tell.
  std::string gone_why_;
  std::string restarted_why_;
  bool wanted_ = false;  // of one that follows the role: whether it should run

  std::string unfit_;  // tick()'s own: as it was told
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace muster::agent
