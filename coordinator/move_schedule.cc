#include "coordinator/move_schedule.h"

#include <utility>
#include <vector>

#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// So late a move is still what was asked for.
constexpr int64_t kLatestMs = 300'000;
constexpr Duration kAgain = Duration::seconds(10);

// What may be otherwise a moment later.
bool mayPass(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kConflict;
}

commands::ScheduledMove toMove(const store::ScheduledMoveRow& row) {
  commands::ScheduledMove out;
  out.at = row.at;
  out.move.group = row.group;
  if (!row.to.empty()) out.move.to = row.to;
  out.move.force = row.force;
  out.move.origin = {row.by, row.place, row.call, ""};
  return out;
}

// Attempts are numbered anew after a crash: one that had begun is then the same move again, and one
// that was refused is refused again at once.
std::string keyOf(const store::ScheduledMoveRow& row, int attempt) {
  return "at " + std::to_string(row.at.unix_ms) + " set " + std::to_string(row.set_at.unix_ms) +
         " no. " + std::to_string(attempt);
}

store::ScheduledMoveRow toRow(const commands::ScheduledMove& move, WallTime now) {
  const commands::Origin& origin = move.move.origin;
  return {move.move.group, move.at,   move.move.to.value_or(""),
          move.move.force, origin.by, origin.place,
          origin.call,     now};
}

std::string destinationOf(const store::ScheduledMoveRow& row) {
  return row.to.empty() ? "to the best candidate" : "to " + row.to;
}

}  // namespace

MoveSchedule::MoveSchedule(Parts parts) : parts_(std::move(parts)) {
  Cluster::Listener listener;
  listener.tick = [this] { tick(); };
  parts_.cluster.addListener(std::move(listener));
}

Status MoveSchedule::load() {
  auto rows = parts_.store.scheduled();
  if (!rows) return rows.status();
  for (store::ScheduledMoveRow& row : *rows) entries_[row.group].row = row;
  return Status::ok();
}

Status MoveSchedule::schedule(const commands::ScheduledMove& move) {
  if (move.move.expect_epoch) {
    return {Code::kInvalidArgument,
            "which epoch it will be then nobody knows; leave out one of expect-epoch and at",
            "expect_epoch"};
  }
  // How things stand may change until then; what there is not there won't be.
  const Status now = parts_.mover.planMove(move.move).status;
  if (now.code() == Code::kNotFound) return now;
  const store::ScheduledMoveRow row = toRow(move, parts_.clock.wall());
  if (Status kept = parts_.store.schedule(row); !kept) return kept;
  entries_[row.group] = Entry{row};
  parts_.chronicle.note(*parts_.cluster.find(row.group), "scheduled", row.by,
                        "a move " + destinationOf(row) + " at " + toRfc3339(row.at));
  return Status::ok();
}

Result<commands::ScheduledMove> MoveSchedule::unschedule(const std::string& name,
                                                         const commands::Origin& origin) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return Status(Code::kNotFound, "no move of " + name + " is scheduled", "group");
  }
  const store::ScheduledMoveRow row = found->second.row;
  if (Status gone = parts_.store.unschedule(name); !gone) return gone;
  entries_.erase(found);
  if (const GroupDriver* group = parts_.cluster.find(name)) {
    parts_.chronicle.note(*group, "unscheduled", origin.by,
                          "the move " + destinationOf(row) + " at " + toRfc3339(row.at));
  }
  return toMove(row);
}

std::string MoveSchedule::noteOf(const std::string& group) const {
  const auto found = entries_.find(group);
  if (found == entries_.end()) return {};
  const store::ScheduledMoveRow& row = found->second.row;
  const std::string& refusal = found->second.refusal;
  return "a move " + destinationOf(row) + " is due at " + toRfc3339(row.at) + ", asked for by " +
         row.by + (refusal.empty() ? "" : ", and can't begin yet: " + refusal);
}

void MoveSchedule::tick() {
  const WallTime now = parts_.clock.wall();
  std::vector<std::string> due;
  for (const auto& [group, entry] : entries_) {
    const bool may = !entry.asked && parts_.clock.elapsed() >= entry.not_before;
    if (entry.row.at <= now && may) due.push_back(group);
  }
  for (const std::string& group : due) {
    Entry& entry = entries_.at(group);
    if (now.unix_ms - entry.row.at.unix_ms <= kLatestMs) {
      attempt(entry);
      continue;
    }
    giveUp(entry.row,
           entry.refusal.empty() ? "nobody was there to do it at its time" : entry.refusal);
  }
}

void MoveSchedule::attempt(Entry& entry) {
  const store::ScheduledMoveRow row = entry.row;
  const auto by = Jid::parse(row.by);
  const auto role = by ? parts_.authority.roleOf(*by) : std::nullopt;
  if (!role || !catalogue::reaches(*role, v1::ROLE_OPERATOR)) {
    return giveUp(row, row.by + " may not ask for it any more");
  }
  commands::Move move = toMove(row).move;
  move.origin.key = keyOf(row, entry.attempts++);
  entry.asked = true;
  entry.not_before = parts_.clock.elapsed() + kAgain;
  parts_.mover.move(move, /*wait=*/false,
                    [this, row](const Status& status, const commands::MoveState& state) {
                      answered(row, status, state);
                    });
}

// Begun, done or refused. Who had it taken back meanwhile, or replaced, is not to lose theirs.
void MoveSchedule::answered(const store::ScheduledMoveRow& row, const Status& status,
                            const commands::MoveState& state) {
  const auto found = entries_.find(row.group);
  const bool in_force = found != entries_.end() && found->second.row == row;
  if (in_force && mayPass(status)) {
    found->second.asked = false;
    found->second.refusal = status.text();
    return;
  }
  if (!status) {
    if (in_force) giveUp(row, status.text());
    return;
  }
  if (in_force) forget(row.group);
  // Of one that goes on the outcome is told when it is there.
  if (state.done) parts_.say(toMove(row).move.origin, commands::sentenceOf(row.group, state));
}

// By value: the name may be the erased entry's own.
void MoveSchedule::forget(std::string group) {
  entries_.erase(group);
  if (const Status gone = parts_.store.unschedule(group); !gone) {
    logger("muster.store")->warn("the scheduled move of {} stays: {}", group, gone.text());
  }
}

void MoveSchedule::giveUp(const store::ScheduledMoveRow& row, const std::string& why) {
  const std::string what = "the move " + destinationOf(row) + " at " + toRfc3339(row.at) +
                           " was not carried out: " + why;
  if (const GroupDriver* group = parts_.cluster.find(row.group)) {
    parts_.chronicle.note(*group, "move-failed", row.by, what);
  }
  parts_.say(toMove(row).move.origin, row.group + ": " + what + ".");
  forget(row.group);
}

}  // namespace muster::coordinator
