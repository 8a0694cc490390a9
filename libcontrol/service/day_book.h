// What services did on each day, and their outages, as whoever watches them is told: for reports on
// months, long after no window reaches back any more.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/level.h"
#include "libcontrol/service/month.h"

namespace muster::service {

// A service of a group as a whole, or of one of its nodes.
struct RecordKey {
  std::string group;  // empty: of a node that is in none
  std::string node;   // empty: the group's
  std::string service;
  Kind kind = Kind::kRequests;

  auto operator<=>(const RecordKey&) const = default;
};

// Of one day, or of a part of it: such parts add up.
struct DayAmounts {
  double objective_percent = 99.9;  // that of the latest part
  uint64_t good = 0;                // requests, or milliseconds of the other kinds
  uint64_t bad = 0;
  Duration known{};      // for how long somebody watched
  uint32_t outages = 0;  // that began then

  bool operator==(const DayAmounts&) const = default;
};

enum class OutageEnd {
  kOver = 1,
  kOngoing = 2,  // as of `end`
  kUnseen = 3,   // it was last seen at `end`; what came then nobody watched
};

struct RecordedOutage {
  WallTime begin;
  WallTime end;
  OutageEnd state = OutageEnd::kOngoing;
  uint64_t bad = 0;  // requests, or milliseconds

  bool operator==(const RecordedOutage&) const = default;
};

// Collects what is to be added to the record. Nothing is known of a service but between what was
// told of it and lose(). Pure; one thread; elapsed times run forward, and the wall clock says which
// day it is.
class DayBook {
 public:
  // In force until the next.
  struct Told {
    double objective_percent = 99.9;
    // Judged by time: down or out of bounds, nullopt if that is not known. Requests: under the
    // objective, nullopt if nobody serves any.
    std::optional<bool> down{};
    // Requests: since the history began, and in the window that made it fall under its objective.
    uint64_t good_total = 0;
    uint64_t bad_total = 0;
    uint64_t bad_in_window = 0;
  };

  void tell(const RecordKey& key, const Told& told, ElapsedTime now, WallTime wall);
  // Nothing is known from now on: of a node, or of anything.
  void loseNode(const std::string& group, const std::string& node, ElapsedTime now, WallTime wall);
  void loseAll(ElapsedTime now, WallTime wall);
  // Puts down what has gone on up to now.
  void book(ElapsedTime now, WallTime wall);

  struct Changes {
    std::vector<std::pair<std::pair<RecordKey, Day>, DayAmounts>> days;  // to be added
    std::vector<std::pair<RecordKey, RecordedOutage>> outages;  // in place of an earlier one
    bool isEmpty() const { return days.empty() && outages.empty(); }
  };
  // At most so many lines of what has not been taken yet.
  Changes take(size_t most);
  // They could not be written.
  void putBack(const Changes& changes);
  bool isEmpty() const { return days_.empty() && outages_.empty(); }
  // An outage has begun or ended since the last take().
  bool hasNews() const { return news_; }
  // Whether something was told of more services than limits::kMaxRecordedServices.
  bool isFull() const { return full_; }

 private:
  // Of a service that has been down since it is followed.
  struct Trouble {
    std::optional<RecordedOutage> outage{};
    uint64_t bad_before = 0;  // requests: the total before the outage
    Month month{};
    uint32_t outages = 0;  // that began in that month
  };
  struct Entry {
    std::string service;
    Kind kind = Kind::kRequests;
    bool totals_seen = false;
    Told told{};
    ElapsedTime booked{};                // time is put down up to here
    ElapsedTime counted{};               // requests told next came since then
    std::unique_ptr<Trouble> trouble{};  // few have any, and thousands are kept

    bool isDown() const { return trouble != nullptr && trouble->outage.has_value(); }
  };
  using Owner = std::pair<std::string, std::string>;  // group and node

  static RecordKey keyOf(const Owner& owner, const Entry& entry);
  Entry* find(const RecordKey& key, ElapsedTime now);
  DayAmounts& amounts(const RecordKey& key, const Entry& entry, Day day);
  void addTime(const RecordKey& key, Entry& entry, ElapsedTime now, WallTime wall);
  void addRequests(const RecordKey& key, Entry& entry, const Told& told, ElapsedTime now,
                   WallTime wall);
  void followOutage(const RecordKey& key, Entry& entry, std::optional<bool> down, WallTime wall);
  static void extend(const RecordKey& key, Entry& entry, WallTime wall);
  void keep(const RecordKey& key, const Entry& entry);
  void lose(const RecordKey& key, Entry& entry, ElapsedTime now, WallTime wall);

  std::map<Owner, std::vector<Entry>> entries_;
  size_t followed_ = 0;  // all of them
  std::map<std::pair<RecordKey, Day>, DayAmounts> days_;
  std::map<std::pair<RecordKey, WallTime>, RecordedOutage> outages_;
  bool news_ = false;
  bool full_ = false;
};

}  // namespace muster::service
