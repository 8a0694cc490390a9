#include "coordinator/cluster_view.h"

#include "coordinator/targets.h"
#include "coordinator/watchables.h"
#include "libcontrol/base/text.h"
#include "libcontrol/convert/decision.h"
#include "libcontrol/convert/levels.h"

namespace muster::coordinator {
namespace {

v1::Phase toProto(election::Phase phase) {
  switch (phase) {
    case election::Phase::kVacant:
      return v1::PHASE_VACANT;
    case election::Phase::kOffered:
      return v1::PHASE_OFFERED;
    case election::Phase::kActive:
      return v1::PHASE_ACTIVE;
    case election::Phase::kDraining:
      return v1::PHASE_DRAINING;
  }
  return v1::PHASE_UNSPECIFIED;
}

}  // namespace

v1::DrainMark toProto(const store::DrainRow& drain) {
  v1::DrainMark mark;
  mark.set_drained(drain.drained);
  mark.set_by(drain.by);
  mark.set_reason(drain.reason);
  mark.set_changed_at_ms(drain.changed_at.unix_ms);
  return mark;
}

v1::NodeRole ClusterView::roleOf(const Member& member) const {
  const GroupDriver* group = cluster_.find(member);
  if (group == nullptr) return v1::NODE_ROLE_NONE;
  if (cluster_.activeOf(*group) != &member) return v1::NODE_ROLE_STANDBY;
  const election::GroupView view = group->view();
  return view.phase == election::Phase::kDraining ? v1::NODE_ROLE_DRAINING : v1::NODE_ROLE_ACTIVE;
}

std::string ClusterView::noteOf(const GroupDriver& group) const {
  const std::string note = group.view().note;
  const std::string alarm = alarm_(group.name());
  return note.empty() || alarm.empty() ? note + alarm : note + "; " + alarm;
}

v1::StatusReply ClusterView::status(const std::optional<std::string>& group) {
  v1::StatusReply reply;
  std::vector<service::GroupLevel> levels;
  for (service::GroupLevel& level : cluster_.groupLevels()) {
    if (group && level.name != *group) continue;
    const GroupDriver& driver = *cluster_.find(level.name);
    const election::GroupView view = driver.view();
    v1::GroupStatus* out = reply.add_groups();
    out->set_name(level.name);
    if (const Member* active = cluster_.activeOf(driver)) out->set_active(active->name);
    out->set_epoch(view.epoch);
    out->set_phase(toProto(view.phase));
    *out->mutable_level() = convert::toProto(level.level);
    for (const Member* member : cluster_.members().ofGroup(level.name)) {
      out->set_members(out->members() + 1);
      if (member->isPresent()) out->set_present(out->present() + 1);
    }
    out->set_note(noteOf(driver));
    levels.push_back(std::move(level));
  }
  *reply.mutable_overall() = convert::toProto(service::overallLevel(levels));
  return reply;
}

v1::NodesReply ClusterView::nodes(const std::optional<std::string>& group) {
  v1::NodesReply reply;
  for (const Member* member : cluster_.members().all()) {
    if (group && member->group != *group) continue;
    v1::NodeState* out = reply.add_nodes();
    out->set_name(member->name);
    out->set_jid(member->jid.toString());
    out->set_group(member->group);
    out->set_role(roleOf(*member));
    out->set_present(member->isPresent());
    out->set_since(toRfc3339(member->changed));
    *out->mutable_drain() = toProto(member->drain);
    out->set_priority(member->priority);
    out->set_nofailover(member->nofailover);
    const Instance* latest = member->latest();
    if (latest == nullptr) {
      service::Level none;
      none.text = member->name + " is not there.";
      *out->mutable_level() = convert::toProto(none);
      continue;
    }
    out->set_jid(member->latestJid()->toString());
    out->set_epoch(latest->status.epoch());
    out->set_version(singleLine(latest->status.version(), 100));
    *out->mutable_level() = convert::toProto(service::worstOf(latest->services));
  }
  return reply;
}

// A crash, not a move: nobody is told to stop, and the lease has to run out.
std::vector<std::string> ClusterView::nextOf(const GroupDriver& group) const {
  const election::GroupView view = group.view();
  if (!view.active) return {};
  const election::GroupMachine& machine = group.machine();
  const election::GroupConfig& config = machine.config();
  const std::string holder = cluster_.nameOf(*view.active);
  const Duration wait =
      election::waitOut(machine.record().lease_ttl, config.clock_rate_bound, config.wait_margin);
  std::vector<std::string> next = {
      holder + "'s lease would be over for certain " +
      formatDuration(Duration::millis(wait.toMillis() + 1)) +
      " after its last renewal; at once if its library still said that it has stopped."};
  if (view.paused) {
    next.push_back(
        "Nobody would be offered the role as long as the group is paused, unless "
        "somebody asks for a move.");
    return next;
  }
  std::string nobody;
  for (const election::Verdict& verdict : group.candidates().verdicts) {
    if (verdict.candidate.jid == *view.active) continue;
    if (verdict.eligible) {
      next.push_back(verdict.candidate.name + " would be offered the role.");
      return next;
    }
    nobody += (nobody.empty() ? "" : "; ") + verdict.candidate.name + ": " + verdict.why;
  }
  next.push_back("No other node could take over" +
                 (nobody.empty() ? ": " + holder + " is the only member" : ": " + nobody) +
                 ". The group would be without an active node until " + holder +
                 " is back or another one can take over.");
  return next;
}

Result<v1::ExplainReply> ClusterView::explain(const std::string& group, bool last) {
  v1::ExplainReply reply;
  reply.set_group(group);
  const GroupDriver* driver = cluster_.find(group);
  if (driver == nullptr) return reply;
  const auto& latest = driver->machine().lastDecision();
  if (last && !latest) {
    return Status(Code::kNotFound,
                  "nobody has been offered the role of " + group +
                      " since the coordinator started; leave out 'last' for the choice now",
                  "last");
  }
  const election::GroupView view = driver->view();
  reply.set_phase(toProto(view.phase));
  if (const Member* active = cluster_.activeOf(*driver)) reply.set_active(active->name);
  reply.set_epoch(view.epoch);
  reply.set_note(noteOf(*driver));
  for (std::string& sentence : nextOf(*driver)) reply.add_next(std::move(sentence));
  const election::Decision decision = last ? *latest : driver->candidates();
  convert::addCandidates(decision, *reply.mutable_candidates());
  *reply.mutable_inputs() = convert::toProto(decision);
  return reply;
}

std::vector<std::string> ClusterView::names(const std::string& kind) const {
  if (kind == "groups") return cluster_.groupNames();
  if (kind == "targets") return targetNames(cluster_.groupNames(), cluster_.members());
  if (kind == "watchables") return Watchables(cluster_).names();
  std::vector<std::string> out;
  if (kind == "nodes") {
    for (const Member* member : cluster_.members().all()) out.push_back(member->name);
  }
  return out;
}

}  // namespace muster::coordinator
