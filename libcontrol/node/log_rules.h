// The log rules of a node: their file, and the services that they report on.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/log/level_control.h"
#include "libcontrol/log/rule_sink.h"
#include "libcontrol/node/bad_lines.h"
#include "libcontrol/records/mask.h"
#include "libcontrol/service/service_set.h"
#include "muster/node.pb.h"

namespace muster {

// Any thread; loading blocks, for some 100 ms if the file is large. The sink is the process's, so
// that only one node of a process may have rules.
class LogRules {
 public:
  // The service that is down while records are lost to a full queue.
  static constexpr char kOwnService[] = "log-rules";

  struct Parts {
    std::filesystem::path file;
    size_t queue_bytes;  // as in NodeOptions::log_rules_queue
    service::ServiceSet& services;
    std::mutex& services_mutex;
    Clock& clock;
    // What lines are told without; null: they are told as they are.
    std::shared_ptr<const records::Masker> masker = nullptr;
  };
  // Reads the file, so that a mistake in it is known early, and attaches the loggers that are
  // registered by now. Errors: those of RuleSet::load; kConflict if another node has them.
  static Result<std::unique_ptr<LogRules>> make(Parts parts);
  ~LogRules();
  LogRules(const LogRules&) = delete;
  LogRules& operator=(const LogRules&) = delete;

  // From now on records count. Services that the application has made by now are taken as they are,
  // the others are made. Errors: those of ServiceSet; then nothing counts.
  Status start();
  void stop();
  // Reads the file again; on an error everything stays as it is. A service that no rule names any
  // more stays without new counts.
  Status reload();

  v1::LogRulesReply report() const;
  // The same with other loggers than this process's, for what levels hide.
  v1::LogRulesReply report(const std::vector<log::LoggerState>& loggers) const;
  // What counted as bad last.
  std::vector<v1::BadLines> badLines(const std::vector<std::string>& services) const;

  // What is said of a node that has none.
  static Status noFile();

 private:
  explicit LogRules(Parts parts) : parts_(std::move(parts)) {}
  Status use(std::shared_ptr<const rules::RuleSet> set);
  Status checkServices(const rules::RuleSet& set, ElapsedTime now);

  const Parts parts_;
  // Shared with the rules in force.
  const std::shared_ptr<BadLines> bad_lines_ = std::make_shared<BadLines>();
  std::mutex load_mutex_;     // one load at a time
  mutable std::mutex mutex_;  // guards the rest
  std::shared_ptr<const rules::RuleSet> loaded_;
  WallTime loaded_at_;
  bool running_ = false;
};

}  // namespace muster
