// What services did day by day, and their outages, for months: beside the histories, which forget.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::store {

struct LevelSubject {
  std::string group;  // empty: of a node that is in none
  std::string node;   // empty: the group's
  std::string service;
  int kind = 0;  // 1 to 3, as muster.v1.ServiceKind has it

  auto operator<=>(const LevelSubject&) const = default;
};

struct LevelDayRow {
  LevelSubject subject;
  int64_t day = 0;  // since 1970-01-01, UTC
  double objective_percent = 0;
  uint64_t good = 0;
  uint64_t bad = 0;
  Duration known{};
  uint32_t outages = 0;

  bool operator==(const LevelDayRow&) const = default;
};

struct LevelOutageRow {
  LevelSubject subject;
  WallTime begin;
  WallTime end;
  int state = 0;  // 1: over, 2: it went on at `end`, 3: what came after `end` nobody watched
  uint64_t bad = 0;

  bool operator==(const LevelOutageRow&) const = default;
};

// One thread at a time. Figures, not facts: as ServiceHistoryStore's, each call is whole or not at
// all, and after a power cut the last ones may be missing.
class LevelRecordStore {
 public:
  virtual ~LevelRecordStore() = default;
  // Amounts are added to what the day has; an outage takes the place of the one with that begin.
  // kInvalidArgument for a name that is empty (of a service) or over-long, or figures out of range.
  virtual Status add(const std::vector<LevelDayRow>& days,
                     const std::vector<LevelOutageRow>& outages) = 0;
  // All of which anything is recorded, in order.
  virtual Result<std::vector<LevelSubject>> subjects() = 0;
  // The first day that is recorded of it; nothing at all: kNotFound.
  virtual Result<int64_t> firstDay(const LevelSubject& subject) = 0;
  // From `first` up to, but not with, `end`; in order.
  virtual Result<std::vector<LevelDayRow>> days(const LevelSubject& subject, int64_t first,
                                                int64_t end) = 0;
  // Those that touch the time between the two; the oldest first.
  virtual Result<std::vector<LevelOutageRow>> outages(const LevelSubject& subject, WallTime from,
                                                      WallTime to) = 0;
  // What went on when the last process ended was not watched any further.
  virtual Status endOutages() = 0;
  // With what has nothing left.
  virtual Status forgetBefore(int64_t day) = 0;
};

class Database;
// In the tables of a history of services; `database` must outlive it.
std::unique_ptr<LevelRecordStore> levelRecordIn(Database& database);
// Gone with the object.
std::unique_ptr<LevelRecordStore> openMemoryLevelRecord();

}  // namespace muster::store
