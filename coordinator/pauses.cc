#include "coordinator/pauses.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

v1::PauseRecord toProto(const store::PauseRow& row) {
  v1::PauseRecord out;
  out.set_group(row.group);
  out.set_by(row.by);
  out.set_until(toRfc3339(row.until));
  out.set_reason(row.reason);
  return out;
}

std::string withReason(std::string text, const std::string& reason) {
  return reason.empty() ? text : std::move(text) + ": " + reason;
}

}  // namespace

Pauses::Pauses(Cluster& cluster, store::GroupStore& store, Chronicle& chronicle, Clock& clock)
    : cluster_(cluster), store_(store), chronicle_(chronicle), clock_(clock) {
  Cluster::Listener listener;
  listener.tick = [this] { tick(); };
  cluster_.addListener(std::move(listener));
}

Status Pauses::load() {
  const auto rows = store_.pauses();
  if (!rows) return rows.status();
  const WallTime now = clock_.wall();
  for (const store::PauseRow& row : *rows) {
    GroupDriver* group = cluster_.find(row.group);
    // No pause was asked for that is longer than this: a wall clock that was set back makes none.
    const Duration left = std::min(Duration::millis(row.until.unix_ms - now.unix_ms),
                                   Duration::millis(row.until.unix_ms - row.set_at.unix_ms));
    if (group != nullptr && left > Duration{}) {
      tell(*group, row, left);
    } else if (Status cleared = clear(row.group); !cleared) {
      return cleared;
    }
  }
  return Status::ok();
}

void Pauses::tell(GroupDriver& group, const store::PauseRow& row, Duration left) {
  const ElapsedTime ends = clock_.elapsed() + left;
  running_[row.group] = {row, ends};
  group.step(election::group::Paused{
      ends, withReason("by " + row.by + " until " + toRfc3339(row.until), row.reason)});
}

Status Pauses::clear(const std::string& group) {
  running_.erase(group);
  return store_.clearPause(group);
}

Result<v1::PauseRecord> Pauses::pause(const std::string& name, Duration time,
                                      const std::string& reason, const commands::Origin& origin) {
  GroupDriver* group = cluster_.find(name);
  if (group == nullptr) return Status(Code::kNotFound, "there is no group " + name, "group");
  store::PauseRow row;
  row.group = name;
  row.set_at = clock_.wall();
  row.until = WallTime{row.set_at.unix_ms + time.toMillis()};
  row.by = origin.by;
  row.reason = singleLine(reason, limits::kMaxDrainReasonBytes);
  if (Status kept = store_.setPause(row); !kept) return kept;
  tell(*group, row, time);
  chronicle_.note(*group, "paused", row.by,
                  withReason("until " + toRfc3339(row.until), row.reason));
  return toProto(row);
}

Result<v1::PauseRecord> Pauses::resume(const std::string& name, const commands::Origin& origin) {
  GroupDriver* group = cluster_.find(name);
  if (group == nullptr) return Status(Code::kNotFound, "there is no group " + name, "group");
  const auto running = running_.find(name);
  if (running == running_.end()) {
    return Status(Code::kNotFound, name + " is not paused", "group");
  }
  const store::PauseRow row = running->second.row;
  if (Status cleared = clear(name); !cleared) return cleared;
  group->step(election::group::Resumed{});
  chronicle_.note(*group, "resumed", origin.by, "");
  return toProto(row);
}

// The machines end theirs themselves.
void Pauses::tick() {
  std::vector<std::string> over;
  for (const auto& [name, pause] : running_) {
    if (clock_.elapsed() >= pause.ends) over.push_back(name);
  }
  for (const std::string& name : over) {
    if (const Status cleared = clear(name); !cleared) {
      logger("muster.store")->warn("the pause of {} is over and stays: {}", name, cleared.text());
    }
    if (const GroupDriver* group = cluster_.find(name)) {
      chronicle_.note(*group, "resumed", "", "its pause is over");
    }
  }
}

}  // namespace muster::coordinator
