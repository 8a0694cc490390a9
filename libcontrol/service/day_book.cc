#include "libcontrol/service/day_book.h"

#include <algorithm>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

// Whatever a node tells: a sum of a few such is no overflow.
constexpr uint64_t kMaxOutageBad = limits::kMaxCountedAtOnce << 16;

// Calls `use(day, from, to)` for each day that the time between two instants touches, with what of
// it falls on that day in milliseconds since `begin`.
template <typename Use>
void byDay(WallTime begin, WallTime end, Use use) {
  for (Day day = dayOf(begin);; ++day) {
    const int64_t from = std::max(begin.unix_ms, beginOf(day).unix_ms);
    const int64_t to = std::min(end.unix_ms, beginOf(day + 1).unix_ms);
    use(day, from - begin.unix_ms, to - begin.unix_ms);
    if (to >= end.unix_ms) return;
  }
}

// amount * part / whole, without running over.
uint64_t partOf(uint64_t amount, int64_t part, int64_t whole) {
  if (whole <= 0) return amount;
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(amount) * static_cast<uint64_t>(part) /
                               static_cast<uint64_t>(whole));
}

// By the wall clock as it is now, whatever it was set to before.
WallTime wallAt(ElapsedTime then, ElapsedTime now, WallTime wall) {
  return {wall.unix_ms - std::max<int64_t>(0, (now - then).toMillis())};
}

}  // namespace

RecordKey DayBook::keyOf(const Owner& owner, const Entry& entry) {
  return {owner.first, owner.second, entry.service, entry.kind};
}

DayAmounts& DayBook::amounts(const RecordKey& key, const Entry& entry, Day day) {
  DayAmounts& out = days_[{key, day}];
  out.objective_percent = entry.told.objective_percent;
  return out;
}

// Whole milliseconds; what is left of one is put down the next time.
void DayBook::addTime(const RecordKey& key, Entry& entry, ElapsedTime now, WallTime wall) {
  const int64_t ms = (now - entry.booked).toMillis();
  if (ms <= 0) return;
  const WallTime begin = wallAt(entry.booked, now, wall);
  entry.booked = entry.booked + Duration::millis(ms);
  if (!entry.told.down) return;
  byDay(begin, {begin.unix_ms + ms}, [&](Day day, int64_t from, int64_t to) {
    DayAmounts& on = amounts(key, entry, day);
    on.known = on.known + Duration::millis(to - from);
    if (key.kind == Kind::kRequests) return;
    (*entry.told.down ? on.bad : on.good) += static_cast<uint64_t>(to - from);
  });
}

// Of totals that have fallen nobody knows how much was counted: they begin anew.
void DayBook::addRequests(const RecordKey& key, Entry& entry, const Told& told, ElapsedTime now,
                          WallTime wall) {
  const Told& before = entry.told;
  const bool goes_on = entry.totals_seen && told.good_total >= before.good_total &&
                       told.bad_total >= before.bad_total;
  const WallTime begin = wallAt(entry.counted, now, wall);
  entry.totals_seen = true;
  entry.counted = now;
  if (!goes_on) return;
  const uint64_t good = std::min(told.good_total - before.good_total, limits::kMaxCountedAtOnce);
  const uint64_t bad = std::min(told.bad_total - before.bad_total, limits::kMaxCountedAtOnce);
  if (good == 0 && bad == 0) return;
  const int64_t whole = wall.unix_ms - begin.unix_ms;
  byDay(begin, wall, [&](Day day, int64_t from, int64_t to) {
    DayAmounts& on = amounts(key, entry, day);
    on.good += partOf(good, to, whole) - (from == 0 ? 0 : partOf(good, from, whole));
    on.bad += partOf(bad, to, whole) - (from == 0 ? 0 : partOf(bad, from, whole));
  });
}

void DayBook::keep(const RecordKey& key, const Entry& entry) {
  const Trouble& trouble = *entry.trouble;
  if (trouble.outages > limits::kMaxMonthOutages) return;
  outages_[{key, trouble.outage->begin}] = *trouble.outage;
}

void DayBook::extend(const RecordKey& key, Entry& entry, WallTime wall) {
  RecordedOutage& outage = *entry.trouble->outage;
  // A wall clock that was set back makes nothing shorter.
  outage.end = std::max(outage.end, wall);
  if (key.kind == Kind::kRequests) {
    const uint64_t total = entry.told.bad_total;
    outage.bad = std::min(total - std::min(total, entry.trouble->bad_before), kMaxOutageBad);
  } else {
    outage.bad = static_cast<uint64_t>(outage.end.unix_ms - outage.begin.unix_ms);
  }
}

void DayBook::followOutage(const RecordKey& key, Entry& entry, std::optional<bool> down,
                           WallTime wall) {
  if (entry.isDown()) {
    extend(key, entry, wall);
    if (down.value_or(false)) return;
    entry.trouble->outage->state = down ? OutageEnd::kOver : OutageEnd::kUnseen;
    keep(key, entry);
    entry.trouble->outage.reset();
    news_ = true;
    return;
  }
  if (!down.value_or(false)) return;
  if (entry.trouble == nullptr) entry.trouble = std::make_unique<Trouble>();
  Trouble& trouble = *entry.trouble;
  if (const Month month = monthOf(wall); month != trouble.month) {
    trouble.month = month;
    trouble.outages = 0;
  }
  ++trouble.outages;
  ++amounts(key, entry, dayOf(wall)).outages;
  // What made it fall under its objective was counted before it did.
  const Told& told = entry.told;
  trouble.bad_before = told.bad_total - std::min(told.bad_total, told.bad_in_window);
  trouble.outage = RecordedOutage{wall, wall, OutageEnd::kOngoing, 0};
  extend(key, entry, wall);
  keep(key, entry);
  news_ = true;
}

// Begins to follow it if nobody has; null if there is no room.
DayBook::Entry* DayBook::find(const RecordKey& key, ElapsedTime now) {
  const auto owner = entries_.try_emplace({key.group, key.node}).first;
  std::vector<Entry>& entries = owner->second;
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& each) {
    return each.service == key.service && each.kind == key.kind;
  });
  if (found != entries.end()) return &*found;
  if (followed_ >= limits::kMaxRecordedServices) {
    if (entries.empty()) entries_.erase(owner);
    full_ = true;
    return nullptr;
  }
  ++followed_;
  Entry entry{key.service, key.kind};
  entry.booked = now;
  entry.counted = now;
  entries.push_back(std::move(entry));
  return &entries.back();
}

void DayBook::tell(const RecordKey& key, const Told& told, ElapsedTime now, WallTime wall) {
  Entry* const found = find(key, now);
  if (found == nullptr) return;
  Entry& entry = *found;
  addTime(key, entry, now, wall);
  if (key.kind == Kind::kRequests) addRequests(key, entry, told, now, wall);
  entry.told = told;
  followOutage(key, entry, told.down, wall);
}

void DayBook::lose(const RecordKey& key, Entry& entry, ElapsedTime now, WallTime wall) {
  addTime(key, entry, now, wall);
  followOutage(key, entry, std::nullopt, wall);
}

void DayBook::loseNode(const std::string& group, const std::string& node, ElapsedTime now,
                       WallTime wall) {
  const auto it = entries_.find({group, node});
  if (it == entries_.end()) return;
  for (Entry& entry : it->second) lose(keyOf(it->first, entry), entry, now, wall);
  followed_ -= it->second.size();
  entries_.erase(it);
}

void DayBook::loseAll(ElapsedTime now, WallTime wall) {
  for (auto& [owner, entries] : entries_) {
    for (Entry& entry : entries) lose(keyOf(owner, entry), entry, now, wall);
  }
  entries_.clear();
  followed_ = 0;
  full_ = false;
}

void DayBook::book(ElapsedTime now, WallTime wall) {
  for (auto& [owner, entries] : entries_) {
    for (Entry& entry : entries) {
      const RecordKey key = keyOf(owner, entry);
      addTime(key, entry, now, wall);
      if (!entry.isDown()) continue;
      extend(key, entry, wall);
      keep(key, entry);
    }
  }
}

DayBook::Changes DayBook::take(size_t most) {
  Changes out;
  while (!outages_.empty() && out.outages.size() < most) {
    const auto first = outages_.begin();
    out.outages.emplace_back(first->first.first, first->second);
    outages_.erase(first);
  }
  while (!days_.empty() && out.outages.size() + out.days.size() < most) {
    const auto first = days_.begin();
    out.days.emplace_back(first->first, first->second);
    days_.erase(first);
  }
  if (outages_.empty()) news_ = false;
  return out;
}

void DayBook::putBack(const Changes& changes) {
  for (const auto& [key, amounts] : changes.days) {
    DayAmounts& on = days_.try_emplace(key, DayAmounts{amounts.objective_percent}).first->second;
    on.good += amounts.good;
    on.bad += amounts.bad;
    on.known = on.known + amounts.known;
    on.outages += amounts.outages;
  }
  // What has been put down since is newer.
  for (const auto& [key, outage] : changes.outages) {
    outages_.try_emplace({key, outage.begin}, outage);
  }
}

}  // namespace muster::service
