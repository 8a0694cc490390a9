#include "coordinator/move_schedule.h"

#include <utility>
#include <vector>

#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// So late a move is still what was asked for.
constexpr int64_t kLatestMs = 300'000;

commands::ScheduledMove toMove(const store::ScheduledMoveRow& row) {
  commands::ScheduledMove out;
  out.at = row.at;
  out.move.group = row.group;
  if (!row.to.empty()) out.move.to = row.to;
  out.move.force = row.force;
  // The same again is the same move, should a crash come between it and the end of its entry.
  out.move.origin = {row.by, row.place, row.call, "at " + std::to_string(row.at.unix_ms)};
  return out;
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
  for (store::ScheduledMoveRow& row : *rows) rows_[row.group] = std::move(row);
  return Status::ok();
}

Status MoveSchedule::schedule(const commands::ScheduledMove& move) {
  if (move.move.expect_epoch) {
    return {Code::kInvalidArgument,
            "which epoch it will be then nobody knows; leave out one of expect-epoch and at",
            "expect_epoch"};
  }
  const GroupDriver* group = parts_.cluster.find(move.move.group);
  if (group == nullptr) {
    return {Code::kNotFound,
            "there is no group '" + move.move.group + "'" +
                suggestion(move.move.group, parts_.cluster.groupNames()),
            "group"};
  }
  const Member* to = move.move.to ? parts_.cluster.members().findName(*move.move.to) : nullptr;
  if (move.move.to && (to == nullptr || to->group != move.move.group)) {
    return {Code::kNotFound, "'" + *move.move.to + "' is not a node of group " + move.move.group,
            "to"};
  }
  const store::ScheduledMoveRow row = toRow(move, parts_.clock.wall());
  if (Status kept = parts_.store.schedule(row); !kept) return kept;
  rows_[row.group] = row;
  parts_.chronicle.note(*group, "scheduled", row.by,
                        "a move " + destinationOf(row) + " at " + toRfc3339(row.at));
  return Status::ok();
}

Result<commands::ScheduledMove> MoveSchedule::unschedule(const std::string& name,
                                                         const commands::Origin& origin) {
  const auto found = rows_.find(name);
  if (found == rows_.end()) {
    return Status(Code::kNotFound, "no move of " + name + " is scheduled", "group");
  }
  const store::ScheduledMoveRow row = found->second;
  if (Status gone = parts_.store.unschedule(name); !gone) return gone;
  rows_.erase(found);
  if (const GroupDriver* group = parts_.cluster.find(name)) {
    parts_.chronicle.note(*group, "unscheduled", origin.by,
                          "the move " + destinationOf(row) + " at " + toRfc3339(row.at));
  }
  return toMove(row);
}

std::string MoveSchedule::noteOf(const std::string& group) const {
  const auto found = rows_.find(group);
  if (found == rows_.end()) return {};
  const store::ScheduledMoveRow& row = found->second;
  return "a move " + destinationOf(row) + " is due at " + toRfc3339(row.at) + ", asked for by " +
         row.by;
}

void MoveSchedule::tick() {
  const WallTime now = parts_.clock.wall();
  std::vector<store::ScheduledMoveRow> due;
  for (const auto& [name, row] : rows_) {
    if (row.at <= now) due.push_back(row);
  }
  for (const store::ScheduledMoveRow& row : due) {
    rows_.erase(row.group);
    if (now.unix_ms - row.at.unix_ms > kLatestMs) {
      giveUp(row, "nobody was there to do it at its time");
    } else {
      carryOut(row);
    }
    // After the move is on its way: its key says that it is the same, should this fail.
    if (const Status gone = parts_.store.unschedule(row.group); !gone) {
      logger("muster.store")->warn("the scheduled move of {} stays: {}", row.group, gone.text());
    }
  }
}

void MoveSchedule::carryOut(const store::ScheduledMoveRow& row) {
  const auto by = Jid::parse(row.by);
  const auto role = by ? parts_.authority.roleOf(*by) : std::nullopt;
  if (!role || !catalogue::reaches(*role, v1::ROLE_OPERATOR)) {
    return giveUp(row, row.by + " may not ask for it any more");
  }
  // Whoever asked is answered as if they did so now; only a refusal is left to say.
  parts_.mover.move(toMove(row).move, /*wait=*/false,
                    [this, row](const Status& status, const commands::MoveState& state) {
                      if (!status) return giveUp(row, status.text());
                      if (state.done) {
                        parts_.say(toMove(row).move.origin, commands::sentenceOf(row.group, state));
                      }
                    });
}

void MoveSchedule::giveUp(const store::ScheduledMoveRow& row, const std::string& why) {
  const std::string what = "the move " + destinationOf(row) + " at " + toRfc3339(row.at) +
                           " was not carried out: " + why;
  if (const GroupDriver* group = parts_.cluster.find(row.group)) {
    parts_.chronicle.note(*group, "move-failed", row.by, what);
  }
  parts_.say(toMove(row).move.origin, row.group + ": " + what + ".");
}

}  // namespace muster::coordinator
