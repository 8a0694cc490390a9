// Log levels that were set in an application in another process, kept so that they end in time
// however the process that set them ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::store {

// Levels are numbered as muster::LogLevel: 0 (trace) to 6 (off).
struct LevelOverrideRow {
  std::string logger;
  int level = 0;
  std::optional<int> had;         // the logger's own before; nothing: it had none
  std::optional<int> was;         // what applied before; nothing: not known
  std::optional<WallTime> until;  // nothing: until it is reset
  std::string by;                 // bare JID
  bool ending = false;            // over, and to be given back
  // As the application told right after it was set: what differs later was set by somebody else, or
  // the application has started anew.
  std::optional<int> seen_configured;
  std::optional<int> seen_effective;

  bool operator==(const LevelOverrideRow&) const = default;
};

// One thread.
class LevelOverrideStore {
 public:
  virtual ~LevelOverrideStore() = default;
  // What was saved last; none at a first start. kDataLoss if it can't be read.
  virtual Result<std::vector<LevelOverrideRow>> load() = 0;
  // Durable when it returns.
  virtual Status save(const std::vector<LevelOverrideRow>& rows) = 0;
};

// In a JSON file that is replaced as a whole.
class LevelOverrideFile : public LevelOverrideStore {
 public:
  explicit LevelOverrideFile(std::filesystem::path file) : file_(std::move(file)) {}
  Result<std::vector<LevelOverrideRow>> load() override;
  Status save(const std::vector<LevelOverrideRow>& rows) override;

 private:
  const std::filesystem::path file_;
};

class MemoryLevelOverrides : public LevelOverrideStore {
 public:
  Result<std::vector<LevelOverrideRow>> load() override { return rows; }
  Status save(const std::vector<LevelOverrideRow>& now) override {
    if (answer) rows = now;
    return answer;
  }

  std::vector<LevelOverrideRow> rows;
  Status answer;
};

}  // namespace muster::store
