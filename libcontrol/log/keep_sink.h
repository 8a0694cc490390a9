// What this process's loggers write, on its way to the log that is kept.
#pragma once

#include <spdlog/sinks/sink.h>

#include <functional>
#include <memory>
#include <shared_mutex>

namespace muster::log {

// An spdlog sink for any number of loggers. It calls whoever keeps records on the thread that logs,
// so that must be quick, must not log and must not wait. A logger's own level comes first: what it
// rules out reaches no sink at all.
class KeepSink final : public spdlog::sinks::sink {
 public:
  using Keep = std::function<void(const spdlog::details::log_msg& msg)>;

  // The one of all loggers of this process. Never destroyed, so that loggers work until the very
  // end; until somebody keeps records it rules every one out by level.
  static const std::shared_ptr<KeepSink>& instance();

  KeepSink();

  // From now on. The first one counts: while somebody keeps records others are passed over.
  void use(const void* owner, Keep keep);
  // After this returns `keep` is not called any more. Nothing happens if it is another's.
  void stop(const void* owner);

  void log(const spdlog::details::log_msg& msg) override;
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  // Shared by those that log, exclusive for those that change it.
  std::shared_mutex mutex_;
  const void* owner_ = nullptr;
  Keep keep_;
};

}  // namespace muster::log
