// The coordinator's half of the simulated group: its driver, its disk, and the operators.
#include <type_traits>

#include "tests/libcontrol/election/sim_cluster.h"

namespace muster::election {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

void Cluster::startCoordinator() {
  coordinator_.start(dice);
  if (recording()) say("coordinator starts from " + std::string(phaseName(disk_record_.phase)));
  group_.emplace(config, disk_record_, nonces_, coordinator_.local(agenda.now()));
  group_wake_.reset();
  for (const auto& node : nodes) {
    if (node->is_twin) continue;
    group::MemberEnrolled member;
    member.jid = node->bare;
    member.name = node->name;
    member.priority = node->name == "n1" ? 1 : 0;
    giveGroup(member);
  }
  for (const auto& node : nodes) {
    if (node->process.up && node->process.linked && node->machine) sendPresence(*node);
  }
  for (const auto& [full, facts] : ghosts_) giveGroup(facts);
}

void Cluster::crashCoordinator() {
  say("coordinator crashes");
  note(Fault::kCoordinatorCrash);
  if (writing_) {
    const bool kept = dice.chance(0.5);
    note(kept ? Fault::kWriteKept : Fault::kWriteLost);
    if (kept) {
      invariants.recordWritten(disk_record_, *writing_);
      disk_record_ = *writing_;
    }
    writing_.reset();
  }
  coordinator_.crash();
  outcomes_.clear();
  moves_running_.clear();
  tokens_.clear();
}

void Cluster::restartAfterCrash() {
  crashCoordinator();
  agenda.after(dice.millis(50, 5000), [this] {
    if (!coordinator_.up) startCoordinator();
  });
}

void Cluster::giveGroup(group::Event event) {
  coordinator_.run([this, event = std::move(event)] { stepGroup(event); });
}

void Cluster::stepGroup(const group::Event& event) {
  ++result.steps;
  GroupMachine next = *group_;
  group::Effects effects = next.step(event, coordinator_.local(agenda.now()));
  if (!effects.empty() && std::holds_alternative<group::Persist>(effects.front())) {
    persistGroup(std::move(next), std::move(effects));
    return;
  }
  group_ = std::move(next);
  carryOut(effects);
  scheduleGroupWake();
}

void Cluster::persistGroup(GroupMachine next, group::Effects effects) {
  coordinator_.busy = true;
  writing_ = std::get<group::Persist>(effects.front()).record;
  const Duration delay = diskDelay();
  if (stormy && dice.chance(0.03)) {
    agenda.after(delay / 2, [this, life = coordinator_.life] {
      if (coordinator_.up && coordinator_.life == life) restartAfterCrash();
    });
  }
  agenda.after(delay, [this, life = coordinator_.life,
                       machine = std::make_shared<GroupMachine>(std::move(next)),
                       effects = std::move(effects)] {
    if (!coordinator_.up || coordinator_.life != life) return;
    coordinator_.diskDone([this, machine, effects] {
      coordinator_.busy = false;
      const GroupRecord record = *writing_;
      writing_.reset();
      if (stormy && dice.chance(0.03)) {
        note(Fault::kWriteFailed);
        say("coordinator's write failed");
        agenda.after(Duration::millis(50), [this, life = coordinator_.life] {
          if (coordinator_.life == life) giveGroup(group::Tick{});
        });
      } else {
        invariants.recordWritten(disk_record_, record);
        disk_record_ = record;
        group_ = *machine;
        carryOut(effects);
        scheduleGroupWake();
      }
      coordinator_.drainWaiting();
    });
  });
}

void Cluster::scheduleGroupWake() {
  const std::optional<ElapsedTime> wake = group_->nextWake();
  if (!wake || wake == group_wake_) return;
  group_wake_ = wake;
  agenda.at(coordinator_.real(*wake), [this, wake, life = coordinator_.life] {
    if (!coordinator_.up || coordinator_.life != life || group_wake_ != wake) return;
    group_wake_.reset();
    giveGroup(group::Tick{});
  });
}

void Cluster::carryOut(const group::Effects& effects) {
  for (const group::Effect& effect : effects) {
    std::visit(
        Overloaded{
            [](const group::Persist&) {},
            [this](const group::Reply& e) { reply(e); },
            [this](const group::SendOffer& e) {
              const GroupRecord& record = group_->record();
              invariants.offered({record.jid, record.instance}, e.message.epoch, agenda.now());
              toNode(e.to, [this, e, life = coordinator_.life](SimNode& node) {
                const ReplyToken token = next_token_++;
                node_tokens_[token] = {life, e.message.offer_nonce};
                giveNode(node, node::OfferReceived{token, e.message});
              });
            },
            [this](const group::SendDrain& e) {
              toNode(e.to, [this, e, life = coordinator_.life](SimNode& node) {
                const ReplyToken token = next_token_++;
                node_tokens_[token] = {life, {}};
                giveNode(node, node::DrainReceived{token, e.message});
              });
            },
            [this](const group::SendQuery& e) {
              toNode(e.to, [this](SimNode& node) {
                toCoordinator(node, group::QueryAnswered{node.full()});
              });
            },
            [this](const group::Alarm& e) { say("ALARM " + e.text); },
            [this](const group::PhaseChanged& e) {
              if (!recording()) return;
              say(std::string("coordinator: ") + phaseName(e.from) + " -> " + phaseName(e.to) +
                  " epoch " + std::to_string(e.epoch) + " " + e.jid.local() + ": " + e.cause);
            },
            [this](const group::MoveStarted& e) {
              moves_running_.emplace(e.key, agenda.now());
              say("move " + e.key + " started");
            },
            [this](const group::MoveFinished& e) { moveFinished(e); },
        },
        effect);
  }
}

void Cluster::reply(const group::Reply& effect) {
  const auto found = tokens_.find(effect.token);
  if (found == tokens_.end()) return;
  const Token token = found->second;
  tokens_.erase(found);
  if (const auto* granted = std::get_if<Granted>(&effect.message)) {
    const Sent& sent = requests_.at(granted->request_nonce);
    invariants.granted(sent.holder, granted->epoch, agenda.now(),
                       sent.at + sent.process->realLength(granted->lease_ttl));
    if (last_holder_ != sent.holder) {
      if (last_holder_) ++result.failovers;
      last_holder_ = sent.holder;
    }
    toNode(token.full,
           [this, m = *granted](SimNode& node) { giveNode(node, node::GrantedReceived{m}); });
  } else if (const auto* denied = std::get_if<Denied>(&effect.message)) {
    if (recording()) say("coordinator denies " + token.node->name + ": " + denied->reason);
    toNode(token.full,
           [this, m = *denied](SimNode& node) { giveNode(node, node::DeniedReceived{m}); });
  }
}

void Cluster::moveFinished(const group::MoveFinished& outcome) {
  moves_running_.erase(outcome.key);
  note(outcome.status ? Fault::kMoveDone
       : outcome.status.code() == Code::kUnavailable && outcome.duration > Duration{}
           ? Fault::kMoveFailed
           : Fault::kMoveRefused);
  if (recording()) say("move " + outcome.key + " finished: " + outcome.text);
  const auto [known, first] = outcomes_.emplace(outcome.key, outcome.status.code());
  if (!first && known->second != outcome.status.code() && result.violation.empty()) {
    result.violation = "the move " + outcome.key + " had two outcomes";
  }
}

void Cluster::requestMove() {
  group::MoveRequested request;
  if (!asked_.empty() && dice.chance(0.3)) {
    request = asked_[dice.below(asked_.size())];
    note(Fault::kMoveRepeated);
  } else {
    request.key = "k" + std::to_string(next_key_++);
    request.caller = "ann";
    if (dice.chance(0.6)) request.target = nodes[dice.below(3)]->bare;
    if (dice.chance(0.3)) request.expect_epoch = disk_record_.epoch + dice.below(2);
    asked_.push_back(request);
  }
  note(Fault::kMove);
  if (recording()) {
    say("operator asks for move " + request.key + " to " +
        (request.target ? request.target->local() : "anyone"));
  }
  giveGroup(request);
}

void Cluster::falseGone(SimNode& node) {
  if (!node.process.up) return;
  note(Fault::kFalseGone);
  say("the server calls " + node.name + " unavailable");
  giveGroup(group::MemberGone{node.full()});
}

void Cluster::fence(SimNode& node) {
  const InstanceId instance = node.instance;
  crashNode(node, "fenced");
  note(Fault::kFenced);
  giveGroup(group::HolderFenced{instance, "the host's supervisor"});
}

void Cluster::toNode(const Jid& full, std::function<void(SimNode&)> deliver) {
  for (const auto& entry : nodes) {
    SimNode& node = *entry;
    if (!node.process.up || !node.process.linked || node.full() != full) continue;
    transmit(node, false, [this, &node, deliver, link = node.process.link] {
      node.process.run([this, &node, deliver, link] {
        if (node.process.link == link) deliver(node);
      });
    });
  }
}

SimNode* Cluster::activeNode() {
  if (!coordinator_.up || group_->record().phase != Phase::kActive) return nullptr;
  for (const auto& node : nodes) {
    if (node->process.up && node->instance == group_->record().instance && node->app_active &&
        node->lease_epoch == group_->record().epoch) {
      return node.get();
    }
  }
  return nullptr;
}

}  // namespace muster::election
