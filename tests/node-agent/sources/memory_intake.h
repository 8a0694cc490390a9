// An intake that keeps everything in memory, and can be full.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "muster/records.h"

namespace muster::agent {

class MemoryIntake : public LogIntake {
 public:
  Status offer(std::vector<LogRecord> records, std::optional<LogPosition> position,
               std::function<void(Status)> kept) override {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      return {Code::kResourceExhausted, "full"};
    }
    for (LogRecord& record : records) records_.push_back(std::move(record));
    if (position) places_[position->source] = position->place;
    if (kept) kept(Status::ok());
    return Status::ok();
  }
  void add(LogRecord record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
  }
  std::optional<std::string> place(const std::string& source) const override {
    const std::lock_guard lock(mutex_);
    const auto it = places_.find(source);
    if (it == places_.end()) return std::nullopt;
    return it->second;
  }

  bool isReady() const override {
    const std::lock_guard lock(mutex_);
    return ready_;
  }

  void setReady(bool ready) {
    const std::lock_guard lock(mutex_);
    ready_ = ready;
  }
  // So many offers are refused from now on.
  void refuse(int offers) {
    const std::lock_guard lock(mutex_);
    refusals_ = offers;
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }
  std::vector<LogRecord> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  // What came since the call before.
  std::vector<std::string> texts() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (; told_ < records_.size(); ++told_) out.push_back(records_[told_].text);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<LogRecord> records_;
  std::map<std::string, std::string> places_;
  size_t told_ = 0;
  int refusals_ = 0;
  bool ready_ = true;
};

}  // namespace muster::agent
