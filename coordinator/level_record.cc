#include "coordinator/level_record.h"

#include <algorithm>
#include <limits>

#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

using service::Day;
using service::RecordKey;

// Figures of a report may be so old: whoever asks again and again costs no more than once a second.
constexpr Duration kBookEvery = Duration::seconds(1);

store::LevelSubject toRow(const RecordKey& key) {
  return {key.group, key.node, key.service, static_cast<int>(key.kind)};
}

RecordKey fromRow(const store::LevelSubject& row) {
  return {row.group, row.node, row.service, static_cast<service::Kind>(row.kind)};
}

// The first day that is kept.
Day oldestDay(WallTime now) {
  service::Month month = service::monthOf(now);
  const int months = month.year * 12 + static_cast<int>(month.month) - 1 - limits::kRecordMonths;
  month = {months / 12, static_cast<unsigned>(months % 12) + 1};
  return service::firstDay(month);
}

}  // namespace

LevelRecord::LevelRecord(Clock& clock, store::LevelRecordStore* store)
    : clock_(clock),
      own_(store == nullptr ? store::openMemoryLevelRecord() : nullptr),
      store_(store == nullptr ? *own_ : *store) {}

void LevelRecord::recall() {
  forgetOld();
  if (const Status ended = store_.endOutages(); !ended) {
    logger("muster.levels")->warn("outages look as if they went on: {}", ended.text());
  }
}

void LevelRecord::forgetOld() {
  const WallTime wall = clock_.wall();
  forgotten_on_ = service::dayOf(wall);
  if (const Status forgot = store_.forgetBefore(oldestDay(wall)); !forgot) {
    logger("muster.levels")->warn("the record of old months stays: {}", forgot.text());
  }
}

void LevelRecord::place(const Jid& bare, const Member* member) {
  const Instance* latest = member == nullptr ? nullptr : member->latest();
  const auto before = placed_.find(bare);
  const auto now = member == nullptr ? std::pair<std::string, std::string>()
                                     : std::pair(member->group, member->name);
  if (before != placed_.end() && (latest == nullptr || before->second != now)) {
    book_.loseNode(before->second.first, before->second.second, clock_.elapsed(), clock_.wall());
    placed_.erase(before);
  }
  if (latest == nullptr) return;
  placed_[bare] = now;
  for (const service::ServiceSnapshot& told : latest->services) {
    std::optional<bool> down = told.down;
    if (told.kind == service::Kind::kRequests) {
      down = told.level.state == service::LevelState::kBreached;
    } else if (!told.level.percent) {
      down.reset();
    }
    tell(member->group, member->name, told, down);
  }
}

void LevelRecord::tell(const std::string& group, const std::string& node,
                       const service::ServiceSnapshot& told, std::optional<bool> down) {
  if (told.name.empty()) return;  // what a node tells is not checked for it
  service::DayBook::Told out;
  out.objective_percent = told.objective_percent;
  out.down = down;
  out.good_total = told.good_total;
  out.bad_total = told.bad_total;
  out.bad_in_window = told.bad;
  book_.tell({group, node, told.name, told.kind}, out, clock_.elapsed(), clock_.wall());
  if (!book_.isFull() || told_full_) return;
  told_full_ = true;
  logger("muster.levels")
      ->warn("more than {} services: reports leave out the others", limits::kMaxRecordedServices);
}

void LevelRecord::pause() {
  placed_.clear();
  book_.loseAll(clock_.elapsed(), clock_.wall());
}

void LevelRecord::book() {
  booked_at_ = clock_.elapsed();
  book_.book(*booked_at_, clock_.wall());
}

void LevelRecord::saveIfDue() {
  if (!booked_at_) booked_at_ = clock_.elapsed();
  if (service::dayOf(clock_.wall()) != forgotten_on_) forgetOld();
  if (clock_.elapsed() - *booked_at_ >= limits::kHistorySaveEvery) {
    book();
    due_ = true;
  }
  if (!due_ && !book_.hasNews()) return;
  due_ = write(limits::kRecordLinesAtOnce) && !book_.isEmpty();
}

void LevelRecord::save() {
  book();
  writeAll();
}

void LevelRecord::writeAll() {
  while (!book_.isEmpty()) {
    if (!write(limits::kRecordLinesAtOnce)) return;
  }
}

// False: it can't be written at present.
bool LevelRecord::write(size_t most) {
  const service::DayBook::Changes changes = book_.take(most);
  std::vector<store::LevelDayRow> days;
  for (const auto& [at, amounts] : changes.days) {
    days.push_back({toRow(at.first), at.second, amounts.objective_percent, amounts.good,
                    amounts.bad, amounts.known, amounts.outages});
  }
  std::vector<store::LevelOutageRow> outages;
  for (const auto& [key, outage] : changes.outages) {
    outages.push_back(
        {toRow(key), outage.begin, outage.end, static_cast<int>(outage.state), outage.bad});
  }
  const Status added = store_.add(days, outages);
  if (!added) {
    book_.putBack(changes);
    // Once, not every half minute until somebody has made room.
    if (!failed_) {
      logger("muster.levels")->error("what the services did can't be recorded: {}", added.text());
    }
  }
  failed_ = !added;
  return added.isOk();
}

Result<std::vector<RecordKey>> LevelRecord::subjects() {
  if (!booked_at_ || clock_.elapsed() - *booked_at_ >= kBookEvery) book();
  writeAll();
  const auto rows = store_.subjects();
  if (!rows) return rows.status();
  std::vector<RecordKey> out;
  for (const store::LevelSubject& row : *rows) out.push_back(fromRow(row));
  return out;
}

Result<LevelRecord::Subject> LevelRecord::month(const RecordKey& key, service::Month month) {
  Subject out{key, {}};
  const Day first = service::firstDay(month);
  const Day end = service::firstDay(service::next(month));
  const auto days = store_.days(toRow(key), first, end);
  if (!days) return days.status();
  for (const store::LevelDayRow& row : *days) {
    out.days.emplace_back(row.day, service::DayAmounts{row.objective_percent, row.good, row.bad,
                                                       row.known, row.outages});
  }
  const auto outages = store_.outages(toRow(key), service::beginOf(first), service::beginOf(end));
  if (!outages) return outages.status();
  for (const store::LevelOutageRow& row : *outages) {
    out.outages.push_back(
        {row.begin, row.end, static_cast<service::OutageEnd>(row.state), row.bad});
  }
  return out;
}

std::optional<Day> LevelRecord::firstDay(const std::vector<RecordKey>& keys) {
  std::optional<Day> out;
  for (const RecordKey& key : keys) {
    const auto day = store_.firstDay(toRow(key));
    if (day && (!out || *day < *out)) out = *day;
  }
  return out;
}

}  // namespace muster::coordinator
