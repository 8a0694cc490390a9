#include "node-agent/attach/unit.h"

#include <utility>

namespace muster::agent {

Sighting Unit::look() {
  const std::lock_guard lock(mutex_);
  const auto state = manager_.state(unit_);
  if (!state) return {Sighting::What::kUnknown, 0, state.status().text()};
  if (!state->control_group.empty()) control_group_ = state->control_group;
  follow(state->main_pid);
  if (state->active == "active" || state->active == "reloading") {
    return {Sighting::What::kUp, state->main_pid, ""};
  }
  std::string why = unit_ + " is " + state->active;
  if (!state->sub.empty() && state->sub != state->active) why += " (" + state->sub + ")";
  if (state->load == "not-found") why = "systemd has no " + unit_;
  if (!state->result.empty() && state->result != "success") why += ": " + state->result;
  const bool over = state->active == "inactive" || state->active == "failed";
  if (!over) return {Sighting::What::kDown, state->main_pid, why};
  if (isControlGroupEmpty(control_group_, control_groups_)) {
    return {Sighting::What::kGone, 0, why, state->load != "not-found"};
  }
  return {Sighting::What::kDown, 0, why + ", but processes of it are left"};
}

void Unit::follow(pid_t pid) {
  if (main_ && (main_->entry.pid != pid || main_->hasEnded())) main_.reset();
  if (!main_ && pid > 1) main_ = markProcess(pid);
}

}  // namespace muster::agent
