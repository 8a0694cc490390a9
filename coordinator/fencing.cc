#include "coordinator/fencing.h"

#include <QPointer>
#include <utility>

#include "coordinator/hook_process.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

constexpr Duration kAgain = Duration::seconds(10);

}  // namespace

Fencing::Fencing(Cluster& cluster, xmpp::Endpoint& component, store::GroupStore& store,
                 Chronicle& chronicle, Clock& clock, FenceConfig config)
    : cluster_(cluster),
      component_(component),
      store_(store),
      chronicle_(chronicle),
      clock_(clock),
      config_(std::move(config)) {
  Cluster::Listener listener;
  listener.tick = [this] { tick(); };
  cluster_.addListener(std::move(listener));
}

void Fencing::tick() {
  if (!component_.isUp()) {
    up_since_.reset();
    lost_.clear();
    return;
  }
  if (!up_since_) up_since_ = clock_.elapsed();
  for (const std::string& name : cluster_.groupNames()) look(name, *cluster_.find(name));
}

void Fencing::look(const std::string& name, GroupDriver& group) {
  const ElapsedTime now = clock_.elapsed();
  const election::GroupView view = group.view();
  const bool new_here = now - *up_since_ < group.machine().record().lease_ttl;
  if (!view.lost || new_here) {
    lost_.erase(name);
    return;
  }
  Lost& lost = lost_.try_emplace(name, Lost{view.instance, now, now, false}).first->second;
  if (lost.instance != view.instance) lost = {view.instance, now, now, false};
  if (lost.running || now < lost.not_before || now - lost.since < config_.after) return;
  if (group.candidates().best() == nullptr) return;
  lost.running = true;
  fence(name, view.instance);
}

// What is fenced stays so: a coordinator that stood still, and was deposed meanwhile, has not heard
// of anybody either. So the store has to confirm that it leads, and then the holder has to be lost
// still.
void Fencing::fence(const std::string& name, const InstanceId& instance) {
  store_.confirm([this, name, instance, alive = QPointer<Fencing>(this)](const Status& confirmed) {
    if (alive.isNull()) return;
    const GroupDriver* group = cluster_.find(name);
    const bool still = group != nullptr && group->view().lost && group->view().instance == instance;
    if (confirmed && still) return run(name, instance);
    const auto lost = lost_.find(name);
    if (lost != lost_.end() && lost->second.instance == instance) lost->second.running = false;
  });
}

void Fencing::run(const std::string& name, const InstanceId& instance) {
  const election::GroupRecord& record = cluster_.find(name)->machine().record();
  HookCall call;
  call.command = config_.command;
  call.timeout = config_.timeout;
  call.environment = {{"MUSTER_GROUP", name},
                      {"MUSTER_NODE", cluster_.nameOf(record.jid)},
                      {"MUSTER_JID", record.jid.toString()},
                      {"MUSTER_INSTANCE", record.instance.toHex()},
                      {"MUSTER_EPOCH", std::to_string(record.epoch)}};
  logger("muster.election")
      ->warn("{}: fencing {}, which is lost", name, call.environment["MUSTER_NODE"]);
  runHook(this, call,
          [this, name, instance](const Status& status) { fenced(name, instance, status); });
}

void Fencing::fenced(const std::string& name, const InstanceId& instance, const Status& status) {
  const auto lost = lost_.find(name);
  if (lost != lost_.end() && lost->second.instance == instance) {
    lost->second.running = false;
    lost->second.not_before = clock_.elapsed() + kAgain;
  }
  GroupDriver* group = cluster_.find(name);
  if (group == nullptr) return;
  // Of another process than the holder's the machine takes no notice.
  if (status) return group->step(election::group::HolderFenced{instance, "the fence command"});
  logger("muster.election")->error("{}: the fence command: {}", name, status.text());
  chronicle_.note(*group, "fence-failed", "", status.text());
}

}  // namespace muster::coordinator
