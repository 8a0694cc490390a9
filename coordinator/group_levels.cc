#include "coordinator/group_levels.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster::coordinator {

GroupLevels::GroupLevels(Clock& clock, store::ServiceHistoryStore* history,
                         std::map<std::string, double> weights)
    : clock_(clock),
      history_(history),
      weights_(std::move(weights)),
      record_(clock, history == nullptr ? nullptr : history->record()) {}

void GroupLevels::recall() {
  record_.recall();
  if (history_ == nullptr) return;
  // What is older is in no period any more.
  const WallTime then{clock_.wall().unix_ms - limits::kMaxPeriod.toMillis()};
  if (const Status forgot = history_->forgetBefore(then); !forgot) {
    logger("muster.levels")->warn("old histories of groups stay: {}", forgot.text());
  }
  auto rows = history_->load();
  if (!rows) {
    logger("muster.levels")
        ->error("what the groups did before this start is not known: {}", rows.status().text());
    return;
  }
  for (store::ServiceHistoryRow& row : *rows) recalled_[row.group].push_back(std::move(row));
}

void GroupLevels::add(const std::string& group) {
  groups_.try_emplace(group, Group{service::GroupAggregate(group), {}});
  const auto recalled = recalled_.find(group);
  if (recalled == recalled_.end()) return;
  for (const store::ServiceHistoryRow& row : recalled->second) restore(row, clock_.wall());
  recalled_.erase(recalled);
}

void GroupLevels::restore(const store::ServiceHistoryRow& row, WallTime wall) {
  // A wall clock that was set back, or far ahead, says nothing of the time that passed.
  const int64_t gap_ms = std::clamp<int64_t>(wall.unix_ms - row.saved_at.unix_ms, 0,
                                             2 * limits::kMaxPeriod.toMillis());
  const Status restored = groups_.at(row.group).memory.restore(
      row.service, row.state, clock_.elapsed(), Duration::millis(gap_ms));
  if (!restored) {
    logger("muster.levels")->warn("group {}: {}; it begins anew", row.group, restored.text());
  }
}

void GroupLevels::place(const Jid& bare, const Member* member) {
  record_.place(bare, member);
  const std::string node = bare.toString();
  const auto found = member == nullptr ? groups_.end() : groups_.find(member->group);
  Group* const group = found == groups_.end() ? nullptr : &found->second;
  const auto before = placed_.find(bare);
  if (before != placed_.end() && before->second != group) {
    before->second->aggregate.forgetNode(node);
    placed_.erase(before);
  }
  if (group == nullptr) return;
  if (const Instance* latest = member->latest()) {
    placed_[bare] = group;
    group->aggregate.setNode(node, latest->services.shared());
  } else {
    group->aggregate.removeNode(node);
  }
}

void GroupLevels::setActive(const std::string& group, const Member* active) {
  const auto it = groups_.find(group);
  if (it == groups_.end()) return;
  it->second.aggregate.setActive(active == nullptr ? std::nullopt
                                                   : std::optional(active->jid.toString()));
}

void GroupLevels::pause() {
  record_.pause();
  for (auto& [name, group] : groups_) group.memory.pause(clock_.elapsed());
}

std::vector<service::GroupLevel> GroupLevels::step() {
  const ElapsedTime now = clock_.elapsed();
  const WallTime wall = clock_.wall();
  std::vector<service::GroupLevel> out;
  for (auto& [name, group] : groups_) {
    service::GroupLevel level = group.aggregate.step(now, wall);
    group.memory.feed(level, now);
    group.memory.fill(level, now);
    recordGroup(level, group.memory);
    if (const auto weight = weights_.find(name); weight != weights_.end()) {
      level.weight = weight->second;
    }
    out.push_back(std::move(level));
  }
  return out;
}

// Requests that nobody serves are not known, unless somebody still tells of some.
void GroupLevels::recordGroup(const service::GroupLevel& level,
                              const service::GroupMemory& memory) {
  for (const service::ServiceSnapshot& told : level.services) {
    std::optional<bool> down;
    if (told.kind != service::Kind::kRequests) {
      down = memory.isDown(told.name);
    } else if (level.has_active || told.good > 0 || told.bad > 0) {
      down = told.level.state == service::LevelState::kBreached;
    }
    record_.tell(level.name, "", told, down);
  }
}

std::vector<std::string> GroupLevels::services(const std::string& group) const {
  const auto it = groups_.find(group);
  if (it == groups_.end()) return {};
  return it->second.memory.services();
}

std::vector<service::Outage> GroupLevels::outages(const std::string& group,
                                                  const std::string& service) const {
  const auto it = groups_.find(group);
  if (it == groups_.end()) return {};
  return it->second.memory.outages(service, clock_.elapsed(), clock_.wall());
}

void GroupLevels::saveIfDue() {
  const ElapsedTime now = clock_.elapsed();
  if (!saved_at_) saved_at_ = now;
  if (now - *saved_at_ >= limits::kHistorySaveEvery) saveHistories();
  record_.saveIfDue();
}

void GroupLevels::save() {
  saveHistories();
  record_.save();
}

void GroupLevels::saveHistories() {
  saved_at_ = clock_.elapsed();
  if (history_ == nullptr) return;
  const WallTime wall = clock_.wall();
  std::vector<store::ServiceHistoryRow> rows;
  for (const auto& [name, group] : groups_) {
    for (auto& [service, state] : group.memory.encode(*saved_at_)) {
      rows.push_back({name, service, wall, std::move(state)});
    }
  }
  const Status saved = history_->save(rows);
  // Once, not every half minute until somebody has made room.
  if (!saved && !failed_) {
    logger("muster.levels")
        ->error("what the groups' services did would be lost at a restart: {}", saved.text());
  }
  failed_ = !saved;
}

}  // namespace muster::coordinator
