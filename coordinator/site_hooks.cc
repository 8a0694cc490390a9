#include "coordinator/site_hooks.h"

#include <QPointer>
#include <algorithm>
#include <utility>

#include "coordinator/hook_process.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

namespace eg = election::group;

// So that no failover waits for what is told of it.
constexpr int kSoonMs = 50;
constexpr char kVacant[] = "vacant";
constexpr char kFailed[] = "failed";

// Who asked, if it was a person; a part that acts by itself has no address.
std::string person(const std::string& caller) {
  return caller.find('@') == std::string::npos || caller.find(' ') != std::string::npos ? ""
                                                                                        : caller;
}

std::string number(uint64_t epoch) {
  return epoch == 0 ? "" : std::to_string(epoch);
}

std::map<std::string, std::string> environmentOf(const store::HookRunRow& row) {
  return {{"MUSTER_HOOK", row.hook},
          {"MUSTER_GROUP", row.group},
          {"MUSTER_OLD", row.old_node},
          {"MUSTER_OLD_EPOCH", number(row.old_epoch)},
          {"MUSTER_NEW", row.new_node},
          {"MUSTER_EPOCH", number(row.epoch)},
          {"MUSTER_CAUSE", singleLine(row.cause, limits::kMaxAuditTextBytes)},
          {"MUSTER_REQUESTED_BY", row.by},
          {"MUSTER_OUTCOME", row.outcome}};
}

std::set<std::string> wantedBy(const HookConfig& config) {
  std::set<std::string> out;
  if (!config.on_demote.empty()) out.insert(kOnDemote);
  if (!config.on_promote.empty()) out.insert(kOnPromote);
  if (!config.post_failover.empty()) out.insert(kPostFailover);
  return out;
}

}  // namespace

SiteHooks::SiteHooks(Cluster& cluster, store::CoordinatorStore& store, Chronicle& chronicle,
                     Clock& clock, HookConfig config)
    : cluster_(cluster),
      store_(store),
      chronicle_(chronicle),
      clock_(clock),
      config_(std::move(config)),
      queue_({store.hooks(), clock, wantedBy(config_),
              [this](const auto& row, auto ended) { start(row, std::move(ended)); },
              [this](const auto& row, const auto& why) { failed(row, why); }}) {
  for (const std::string& hook : wantedBy(config_)) outcomes_[hook];
  if (!config_.pre_failover.empty()) outcomes_[kPreFailover];
  Cluster::Listener listener;
  listener.tick = [this] { tick(); };
  listener.phase_changed = [this](const GroupDriver& group, const eg::PhaseChanged& event) {
    const bool was_held =
        event.from == election::Phase::kActive || event.from == election::Phase::kDraining;
    if (event.to != election::Phase::kVacant || !was_held) return;
    queue_.demoted(group.name(), event.epoch, {event.cause, person(event.asked_by)});
    soon();
  };
  listener.took_over = [this](const GroupDriver& group, const eg::TookOver& event) {
    queue_.promoted(group.name(), {cluster_.nameOf(event.to), event.epoch, true, true},
                    {event.cause, person(event.asked_by)});
    soon();
  };
  listener.move_started = [this](const GroupDriver& group, const auto&) {
    moving_.insert(group.name());
  };
  listener.move_finished = [this](const auto& group, const auto& e) { onMoveFinished(group, e); };
  cluster_.addListener(std::move(listener));
  soon_.setSingleShot(true);
  QObject::connect(&soon_, &QTimer::timeout, this, [this] { queue_.advance(); });
}

Status SiteHooks::load() {
  for (const std::string& name : cluster_.groupNames()) {
    if (cluster_.find(name)->machine().record().move) moving_.insert(name);
  }
  return queue_.load();
}

void SiteHooks::soon() {
  if (!soon_.isActive()) soon_.start(kSoonMs);
}

HookQueue::Role SiteHooks::roleOf(const GroupDriver& group) const {
  const election::GroupView view = group.view();
  if (!view.active) return {"", view.epoch, false, false};
  return {cluster_.nameOf(*view.active), view.epoch, true, view.confirmed};
}

void SiteHooks::tick() {
  for (const std::string& name : cluster_.groupNames()) {
    GroupDriver& group = *cluster_.find(name);
    queue_.look(name, roleOf(group));
    const election::GroupView view = group.view();
    if (view.due && !view.lost) askForItself(group, *view.due);
  }
  queue_.advance();
}

// --- after the fact -----------------------------------------------------------------------------

// Of a move that arrived the promotion has told.
void SiteHooks::onMoveFinished(const GroupDriver& group, const eg::MoveFinished& event) {
  if (moving_.erase(group.name()) == 0 || (event.status && !event.to.isEmpty())) return;
  const std::string from = event.from.isEmpty() ? "" : cluster_.nameOf(event.from);
  const std::string to = event.to.isEmpty() ? "" : cluster_.nameOf(event.to);
  queue_.moveEnded(group.name(), {from, event.from_epoch, false, false},
                   {to, to.empty() ? 0 : event.epoch, !to.empty(), false},
                   event.status ? kVacant : kFailed, {event.text, person(event.caller)});
  soon();
}

void SiteHooks::start(const store::HookRunRow& row, HookQueue::Ended ended) {
  HookCall call;
  call.command = row.hook == kOnDemote    ? config_.on_demote
                 : row.hook == kOnPromote ? config_.on_promote
                                          : config_.post_failover;
  call.environment = environmentOf(row);
  call.timeout = config_.timeout;
  logger("muster.election")->info("{}: running the hook {}", row.group, row.hook);
  runHook(this, call, [this, hook = row.hook, ended = std::move(ended)](const Status& status) {
    count(hook, status);
    ended(status);
  });
}

void SiteHooks::count(const std::string& hook, const Status& status) {
  ++(status ? outcomes_[hook].ok : outcomes_[hook].failed);
}

void SiteHooks::describe(metrics::Families& out) const {
  if (outcomes_.empty()) return;
  out.gauge("muster_hooks_waiting", "Runs of hooks that have not ended.", {},
            static_cast<double>(queue_.waiting()));
  const char* help = "Runs of hooks since the start; a veto counts as failed.";
  for (const auto& [hook, outcomes] : outcomes_) {
    out.counter("muster_hook_runs_total", help, {{"hook", hook}, {"result", "ok"}},
                static_cast<double>(outcomes.ok));
    out.counter("muster_hook_runs_total", help, {{"hook", hook}, {"result", "failed"}},
                static_cast<double>(outcomes.failed));
  }
}

void SiteHooks::failed(const store::HookRunRow& row, const std::string& why) {
  const GroupDriver* group = cluster_.find(row.group);
  if (group == nullptr) return;
  chronicle_.raise(*group, "hook-failed",
                   "the hook " + row.hook + " (" +
                       (row.new_node.empty() ? row.old_node + ", epoch " + number(row.old_epoch)
                                             : row.new_node + ", epoch " + number(row.epoch)) +
                       "): " + why);
}

// --- before it ----------------------------------------------------------------------------------

bool SiteHooks::isAsked(const GroupDriver& group, const eg::MoveRequested& request) const {
  if (config_.pre_failover.empty() || group.machine().knowsMove(request.key)) return false;
  const election::GroupView view = group.view();
  if (view.phase != election::Phase::kActive || view.lost) return false;
  const eg::Plan plan = group.plan(request);
  return plan.status && plan.drained.has_value();
}

bool SiteHooks::isHeldBack(const std::string& group, uint64_t epoch) const {
  const auto veto = vetoes_.find(group);
  return veto != vetoes_.end() && veto->second.epoch == epoch &&
         clock_.elapsed() < veto->second.again;
}

void SiteHooks::ask(const GroupDriver& group, const eg::MoveRequested& request, Answer answer) {
  if (!isAsked(group, request)) return answer(Status::ok());
  const std::string& name = group.name();
  const std::string by = person(request.caller);
  if (request.force) {
    chronicle_.note(group, "unasked", by, "the move was forced: pre_failover was not asked");
    return answer(Status::ok());
  }
  if (const auto other = asking_.find(name); other != asking_.end()) {
    const std::string& whose = other->second.by;
    return answer({Code::kConflict, "the hook pre_failover is being asked about a move of " + name +
                                        (whose.empty() ? "" : " that " + whose + " asked for") +
                                        "; wait for its outcome"});
  }
  const eg::Plan plan = group.plan(request);
  const Question question{name,
                          cluster_.nameOf(*plan.drained),
                          plan.offered ? cluster_.nameOf(*plan.offered) : "",
                          group.view().epoch,
                          by.empty() ? request.caller : "a move was asked for by " + by,
                          by};
  if (!request.key.empty()) return run(question, std::move(answer));
  if (isHeldBack(name, question.old_epoch)) {
    return answer({Code::kRefusedUnsafe, vetoes_.at(name).text});
  }
  run(question, [this, question, answer = std::move(answer)](const Status& status) {
    if (status.code() == Code::kRefusedUnsafe) (void)remember(question, status.text());
    answer(status);
  });
}

// Nobody waits for it, so a veto holds it for a while, and longer each time.
const SiteHooks::Veto& SiteHooks::remember(const Question& question, const std::string& text) {
  Veto& veto = vetoes_[question.group];
  const bool again = veto.epoch == question.old_epoch;
  veto.wait =
      again ? std::min(veto.wait + veto.wait, limits::kVetoLastWait) : limits::kVetoFirstWait;
  veto.epoch = question.old_epoch;
  veto.again = clock_.elapsed() + veto.wait;
  veto.text = text;
  return veto;
}

void SiteHooks::askForItself(GroupDriver& group, const election::DueMove& due) {
  const std::string name = group.name();
  const uint64_t epoch = group.view().epoch;
  if (asking_.contains(name) || isHeldBack(name, epoch)) return;
  const Question question{name,
                          cluster_.nameOf(group.machine().record().jid),
                          cluster_.nameOf(due.to),
                          epoch,
                          due.cause,
                          ""};
  run(question, [this, name, question](const Status& status) {
    GroupDriver* mover = cluster_.find(name);
    if (status) {
      vetoes_.erase(name);
      return mover->step(eg::MoveAllowed{question.old_epoch});
    }
    const Veto& veto = remember(question, status.text());
    mover->step(eg::MoveVetoed{question.old_epoch, veto.again, veto.text});
  });
}

void SiteHooks::run(const Question& question, Answer answer) {
  asking_[question.group] = question;
  store_.groups().confirm([this, question, answer = std::move(answer),
                           alive = QPointer<SiteHooks>(this)](const Status& confirmed) {
    if (alive.isNull()) return;
    if (!confirmed) {
      asking_.erase(question.group);
      return answer({Code::kUnavailable, confirmed.text()});
    }
    store::HookRunRow row;
    row.hook = kPreFailover;
    row.group = question.group;
    row.old_node = question.old_node;
    row.old_epoch = question.old_epoch;
    row.new_node = question.new_node;
    row.cause = question.cause;
    row.by = question.by;
    const HookCall call{config_.pre_failover, environmentOf(row), {}, config_.pre_failover_timeout};
    runHook(this, call,
            [this, question, answer](const Status& status) { judged(question, status, answer); });
  });
}

void SiteHooks::judged(const Question& question, const Status& status, const Answer& answer) {
  count(kPreFailover, status);
  asking_.erase(question.group);
  const bool same = cluster_.find(question.group)->view().epoch == question.old_epoch;
  if (status && !same) {
    return answer({Code::kConflict, question.group +
                                        " changed hands while the hook pre_failover was asked; "
                                        "nothing was moved"});
  }
  if (status) return answer(Status::ok());
  const Status veto(Code::kRefusedUnsafe, "the hook pre_failover vetoed it: " + status.text());
  logger("muster.election")->warn("{}: {}", question.group, veto.text());
  chronicle_.note(*cluster_.find(question.group), "vetoed", question.by,
                  question.cause + "; " + veto.text());
  answer(veto);
}

std::string SiteHooks::noteOf(const std::string& group) const {
  if (asking_.contains(group)) return "the hook pre_failover is being asked if the role may move";
  const GroupDriver* driver = cluster_.find(group);
  // What the machine holds by itself it says itself.
  if (driver == nullptr || !isHeldBack(group, driver->view().epoch)) return {};
  if (!driver->view().hold.empty()) return {};
  const Veto& veto = vetoes_.at(group);
  return veto.text + "; it is asked again in " +
         formatDuration(Duration::millis((veto.again - clock_.elapsed()).toMillis()));
}

}  // namespace muster::coordinator
