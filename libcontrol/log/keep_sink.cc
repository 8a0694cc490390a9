#include "libcontrol/log/keep_sink.h"

#include <mutex>
#include <utility>

namespace muster::log {

const std::shared_ptr<KeepSink>& KeepSink::instance() {
  static auto* const sink = new std::shared_ptr<KeepSink>(std::make_shared<KeepSink>());
  return *sink;
}

KeepSink::KeepSink() {
  set_level(spdlog::level::off);
}

void KeepSink::use(const void* owner, Keep keep) {
  const std::unique_lock lock(mutex_);
  if (owner_ != nullptr) return;
  owner_ = owner;
  keep_ = std::move(keep);
  set_level(spdlog::level::trace);
}

void KeepSink::stop(const void* owner) {
  const std::unique_lock lock(mutex_);
  if (owner_ != owner) return;
  set_level(spdlog::level::off);
  owner_ = nullptr;
  keep_ = nullptr;
}

void KeepSink::log(const spdlog::details::log_msg& msg) {
  const std::shared_lock lock(mutex_);
  if (keep_) keep_(msg);
}

}  // namespace muster::log
