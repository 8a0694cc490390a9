#include "coordinator/hook_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

constexpr char kActive[] = "active";
constexpr char kUnseen[] = "nobody saw why: no coordinator ran, or this one had just started";

// Nobody's promotion, and yet not ended: of a group that nobody follows.
store::HookHolderRow unwatched(const std::string& group) {
  return {group, "", 0, /*ended=*/false};
}

bool isUnwatched(const store::HookHolderRow& row) {
  return row == unwatched(row.group);
}

store::HookRunRow runOf(const std::string& group, const HookQueue::Role& was,
                        const HookQueue::Role& now, const HookQueue::Why& why) {
  store::HookRunRow row;
  row.group = group;
  row.old_node = was.node;
  row.old_epoch = was.epoch;
  row.new_node = now.node;
  row.epoch = now.epoch;
  row.cause = why.cause;
  row.by = why.by;
  return row;
}

}  // namespace

Status HookQueue::load() {
  const auto holders = parts_.store.holders();
  if (!holders) return holders.status();
  for (const store::HookHolderRow& row : *holders) {
    if (isUnwatched(row)) continue;
    // Without hooks nobody follows who has the role; the first that are configured begin anew.
    if (parts_.wanted.empty()) {
      changes_.holders.push_back(unwatched(row.group));
    } else {
      holders_[row.group] = row;
    }
  }
  const auto runs = parts_.store.runs();
  if (!runs) return runs.status();
  for (const store::HookRunRow& row : *runs) {
    next_seq_ = std::max(next_seq_, row.seq + 1);
    if (row.begun) {
      changes_.done.push_back(row.seq);
      parts_.failed(row,
                    "the coordinator ended while it ran, so it is not known to have finished; "
                    "it is not run again");
    } else if (!parts_.wanted.contains(row.hook)) {
      changes_.done.push_back(row.seq);
      parts_.failed(row, "it was not run: it is not configured any more");
    } else {
      waiting_[row.group].push_back(row);
    }
  }
  return Status::ok();
}

void HookQueue::keep(const store::HookHolderRow& row) {
  holders_[row.group] = row;
  std::erase_if(changes_.holders, [&](const auto& other) { return other.group == row.group; });
  changes_.holders.push_back(row);
}

void HookQueue::add(store::HookRunRow row, const char* hook) {
  if (!parts_.wanted.contains(hook)) return;
  row.hook = hook;
  row.seq = next_seq_++;
  row.at = parts_.clock.wall();
  Waiting& waiting = waiting_[row.group];
  if (waiting.size() >= limits::kMaxHookRuns) drop(waiting);
  changes_.runs.push_back(row);
  waiting.push_back(std::move(row));
}

// The oldest that has not begun.
void HookQueue::drop(Waiting& waiting) {
  const auto oldest = waiting.begin() + (running_.contains(waiting.front().group) ? 1 : 0);
  const store::HookRunRow row = *oldest;
  waiting.erase(oldest);
  std::erase_if(changes_.runs, [&](const auto& other) { return other.seq == row.seq; });
  changes_.done.push_back(row.seq);
  parts_.failed(row, "it was not run: " + std::to_string(limits::kMaxHookRuns) +
                         " hooks of the group wait already");
}

void HookQueue::demoted(const std::string& group, uint64_t epoch, const Why& why) {
  const auto found = holders_.find(group);
  // Of who never took the role up nothing was told.
  if (found == holders_.end() || found->second.ended || found->second.epoch != epoch) return;
  store::HookHolderRow was = found->second;
  add(runOf(group, {was.node, was.epoch}, {}, why), kOnDemote);
  was.ended = true;
  keep(was);
}

void HookQueue::promoted(const std::string& group, const Role& role, const Why& why) {
  if (parts_.wanted.empty()) return;
  const store::HookHolderRow was = holders_[group];
  if (was.epoch == role.epoch && !was.ended) return;
  if (!was.ended) demoted(group, was.epoch, why);
  store::HookRunRow row = runOf(group, {was.node, was.epoch}, role, why);
  add(row, kOnPromote);
  row.outcome = kActive;
  add(row, kPostFailover);
  keep({group, role.node, role.epoch, /*ended=*/false});
}

void HookQueue::moveEnded(const std::string& group, const Role& was, const Role& now,
                          const std::string& outcome, const Why& why) {
  store::HookRunRow row = runOf(group, was, now, why);
  row.outcome = outcome;
  add(row, kPostFailover);
}

void HookQueue::look(const std::string& group, const Role& now) {
  if (parts_.wanted.empty()) return;
  const auto found = holders_.find(group);
  if (found == holders_.end()) {
    return keep({group, now.held ? now.node : "", now.held ? now.epoch : 0, !now.held});
  }
  const bool same = now.held && now.epoch == found->second.epoch;
  if (!found->second.ended && !same) demoted(group, found->second.epoch, {kUnseen, ""});
  if (now.held && now.confirmed && (!same || found->second.ended)) {
    promoted(group, now, {kUnseen, ""});
  }
}

void HookQueue::advance() {
  store::HookCommit commit = changes_;
  std::vector<store::HookRunRow> starting;
  for (const auto& [group, waiting] : waiting_) {
    if (waiting.empty() || running_.contains(group)) continue;
    starting.push_back(waiting.front());
    starting.back().begun = true;
    commit.runs.push_back(starting.back());
  }
  if (commit.isEmpty()) return;
  if (const Status written = parts_.store.commit(commit); !written) {
    if (std::exchange(wrote_, false)) {
      logger("muster.store")
          ->error("no hook is run, since what is to be run can't be written: {}", written.text());
    }
    return;
  }
  wrote_ = true;
  changes_ = {};
  for (const store::HookRunRow& row : starting) {
    running_.insert(row.group);
    parts_.start(row, [this, group = row.group, seq = row.seq](const Status& status) {
      ended(group, seq, status);
    });
  }
}

size_t HookQueue::waiting() const {
  size_t all = 0;
  for (const auto& [group, runs] : waiting_) all += runs.size();
  return all;
}

void HookQueue::ended(const std::string& group, uint64_t seq, const Status& status) {
  Waiting& waiting = waiting_[group];
  if (waiting.empty() || waiting.front().seq != seq) return;
  const store::HookRunRow row = waiting.front();
  waiting.pop_front();
  running_.erase(group);
  changes_.done.push_back(seq);
  if (!status) parts_.failed(row, status.text());
  advance();
}

}  // namespace muster::coordinator
