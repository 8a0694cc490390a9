#include "node-agent/side_runs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "node-agent/limits.h"

namespace muster::agent {

void SideRuns::begin(HookSpec spec, std::function<void(Status)> done) {
  if (sides_.size() >= limits::kMaxSideRuns) {
    return done({Code::kUnavailable, std::to_string(sides_.size()) +
                                         " other executables are running beside the program"});
  }
  auto run = HookRun::start(std::move(spec));
  if (!run) return done({Code::kUnavailable, run.status().text()});
  sides_.push_back({std::move(run).value(), std::move(done)});
}

void SideRuns::watch(std::vector<pollfd>& watched, bool ends) const {
  for (const Side& side : sides_) {
    if (ends) watched.push_back({side.run->handle(), POLLIN, 0});
    if (side.run->output() >= 0) watched.push_back({side.run->output(), POLLIN, 0});
  }
}

void SideRuns::check(ElapsedTime now, bool ends) {
  std::vector<std::pair<Side, Status>> over;
  for (auto it = sides_.begin(); it != sides_.end();) {
    it->run->readOutput();
    const auto status = ends ? it->run->check(now) : std::nullopt;
    if (!status) {
      ++it;
      continue;
    }
    over.emplace_back(std::move(*it), *status);
    it = sides_.erase(it);
  }
  // They may begin others.
  for (const auto& [side, status] : over) side.done(status);
}

ElapsedTime SideRuns::nextDue(ElapsedTime now) const {
  ElapsedTime due = ElapsedTime::max();
  for (const Side& side : sides_) due = std::min(due, side.run->nextDue(now));
  return due;
}

bool SideRuns::hasProcess(pid_t pid) const {
  return std::any_of(sides_.begin(), sides_.end(),
                     [pid](const Side& side) { return side.run->isProcess(pid); });
}

void SideRuns::abandon() {
  for (const Side& side : std::exchange(sides_, {})) side.done(side.run->abandon());
}

}  // namespace muster::agent
