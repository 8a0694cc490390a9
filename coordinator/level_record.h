// What the services of groups and nodes did by day, for reports on months: collected as levels
// come, and kept in the store for limits::kRecordMonths.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/members.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/service/day_book.h"
#include "libcontrol/service/month_report.h"
#include "libcontrol/store/level_record.h"

namespace muster::coordinator {

// One thread; the references must outlive it. A failure of the store is told in the log; what could
// not be written is tried again.
class LevelRecord {
 public:
  // `store` may be null: then all is gone with this object.
  LevelRecord(Clock& clock, store::LevelRecordStore* store);

  // What the last process left open; once, before anything is told.
  void recall();
  // A member has come, gone or told something, or belongs elsewhere; null: it is no member.
  void place(const Jid& bare, const Member* member);
  // Of a service of a group (`node` empty) or a node: how it is from now on, see DayBook::Told.
  void tell(const std::string& group, const std::string& node, const service::ServiceSnapshot& told,
            std::optional<bool> down);
  // Nothing is known of anybody.
  void pause();

  // To be called once a second: writes every limits::kHistorySaveEvery, and what has begun or ended
  // at once; a part of it each time if it is much.
  void saveIfDue();
  void save();

  struct Subject {
    service::RecordKey key;
    std::vector<service::DayRecord> days;            // of the month
    std::vector<service::RecordedOutage> outages{};  // that touch it
  };
  // All of which anything is recorded; up to a second ago.
  Result<std::vector<service::RecordKey>> subjects();
  // What subjects() had of it then.
  Result<Subject> month(const service::RecordKey& key, service::Month month);
  // The first day that is recorded of any of these.
  std::optional<service::Day> firstDay(const std::vector<service::RecordKey>& keys);

 private:
  void book();
  bool write(size_t most);
  void writeAll();
  void forgetOld();

  Clock& clock_;
  const std::unique_ptr<store::LevelRecordStore> own_;  // if there is no other
  store::LevelRecordStore& store_;
  service::DayBook book_;
  std::map<Jid, std::pair<std::string, std::string>> placed_;  // group and name, while present
  std::optional<ElapsedTime> booked_at_;
  bool due_ = false;
  service::Day forgotten_on_ = 0;
  bool failed_ = false;
  bool told_full_ = false;
};

}  // namespace muster::coordinator
