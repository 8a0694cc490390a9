// The application of a simulated node, and its supervisor.
#include "tests/libcontrol/election/simulation/sim_network.h"
#include "tests/libcontrol/election/simulation/sim_node.h"

namespace muster::election {

void SimNode::promote(const node::Promote& effect) {
  if (callback_runs_ || application_active_) run_.fail(name + " promotes what runs already");
  if (usableEpoch() != effect.epoch) run_.fail(name + " promotes under a lease that is over");
  callback_runs_ = true;
  application_epoch_ = effect.epoch;
  application_gone_ = false;
  run_.moment(fate_);
  Duration takes = fate_.millis(1, 100);
  if (fate_.mishap(run_.profile.promote_slow)) {
    run_.note(Fault::kSlowPromote);
    takes = fate_.millis(500, 7000);
  }
  const bool fails = fate_.mishap(run_.profile.promote_fails);
  run_.agenda.after(fate_.millis(0, 15),
                    [this, life = application_life_, epoch = effect.epoch, takes, fails] {
                      process.runApplication([this, life, epoch, takes, fails] {
                        if (application_life_ == life) claim(epoch, takes, fails);
                      });
                    });
}

// First of all, before anything is read: a predecessor who wakes late is refused from here on.
void SimNode::claim(uint64_t epoch, Duration takes, bool fails) {
  if (run_.keeps(Rule::kClaimFirst) && !resource_.claim(epoch, instance_)) {
    run_.note(Fault::kTokenRefused);
    return promoted(epoch, {Code::kConflict, "a higher token was here before"});
  }
  run_.invariants.accepted(holder(), epoch);
  const auto done = [this, epoch, fails, life = application_life_] {
    process.runApplication([this, epoch, fails, life] {
      if (application_life_ != life) return;
      if (fails) run_.note(Fault::kPromoteFailed);
      promoted(epoch, fails ? Status(Code::kInternal, "it does not start") : Status::ok());
    });
  };
  if (fate_.mishap(run_.profile.promote_hangs)) {
    run_.note(Fault::kHungPromote);
    run_.say(name + "'s application hangs in on_promote");
    return;  // until it is killed
  }
  run_.agenda.after(takes, done);
}

void SimNode::promoted(uint64_t epoch, Status status) {
  callback_runs_ = false;
  application_active_ = status.isOk();
  if (run_.recording() && !status) run_.say(name + " could not be promoted: " + status.text());
  if (status) scheduleWrite();
  process.run([this, epoch, status, life = application_life_] {
    if (application_life_ == life) step(node::PromoteFinished{epoch, status});
  });
}

void SimNode::demote(const node::Demote& effect) {
  if (callback_runs_) run_.fail(name + " demotes while another callback runs");
  if (application_gone_) return;  // the word of it is still on its way
  callback_runs_ = true;
  run_.moment(fate_);
  Duration takes = fate_.millis(1, 80);
  if (fate_.mishap(run_.profile.demote_hangs)) {
    run_.note(Fault::kHungDemote);
    run_.say(name + "'s application hangs in on_demote");
    return;
  }
  if (fate_.mishap(run_.profile.demote_slow)) {
    run_.note(Fault::kSlowDemote);
    takes = fate_.millis(300, 5000);
  }
  run_.agenda.after(takes, [this, life = application_life_, epoch = effect.epoch] {
    process.runApplication([this, life, epoch] {
      if (application_life_ != life) return;
      callback_runs_ = application_active_ = false;
      process.run([this, life, epoch] {
        if (application_life_ == life) step(node::DemoteFinished{epoch});
      });
    });
  });
}

void SimNode::scheduleWrite() {
  run_.agenda.after(fate_.millis(300, 900), [this, life = application_life_] {
    process.runApplication([this, life] {
      if (application_life_ != life || !application_active_) return;
      tryWrite();
      scheduleWrite();
    });
  });
}

// The application asks its Lease, then writes a little later: what stands between is why the
// resource checks the token too.
void SimNode::tryWrite() {
  const uint64_t epoch = lease_epoch_;
  const bool in_time = process.clock.at(run_.now()) < lease_deadline_;
  if (epoch == 0 || (!in_time && run_.keeps(Rule::kCheckedAtUse))) return;
  run_.invariants.used(holder(), epoch, run_.now());
  if (fate_.mishap(run_.profile.late_write)) pause(fate_.millis(1000, 12000));
  run_.agenda.after(fate_.millis(0, 30), [this, epoch, life = application_life_] {
    process.runApplication([this, epoch, life] {
      if (application_life_ != life) return;
      if (resource_.check(epoch, instance_)) {
        run_.invariants.accepted(holder(), epoch);
      } else {
        run_.note(Fault::kTokenRefused);
      }
    });
  });
}

// What was under way in the application is gone with its processes.
void SimNode::applicationEnds() {
  ++application_life_;
  application_active_ = callback_runs_ = false;
  lease_epoch_ = 0;
}

// The supervisor has seen all its processes end; the agent itself goes on.
void SimNode::applicationGone() {
  if (!process.up || !applicationRuns()) return;
  run_.note(Fault::kApplicationGone);
  run_.say(name + "'s application is gone, says its supervisor");
  const uint64_t epoch = lease_epoch_;
  applicationEnds();
  application_gone_ = true;
  // Lease handles are this process's and stay valid until its loop hears of it.
  lease_epoch_ = epoch;
  give(node::ApplicationGone{"ended by signal 9"});
}

void SimNode::resign() {
  if (!process.up || machine_->heldEpoch() == 0) return;
  run_.note(Fault::kResign);
  run_.say(name + " is asked to give its role up");
  give(node::ResignRequested{"asked to"});
}

void SimNode::setLevel(std::optional<double> percent) {
  if (percent != level_) run_.note(percent < level_ ? Fault::kLevelFall : Fault::kLevelRise);
  level_ = percent;
  if (process.up && !process.paused) network_.sendPresence(*this);
}

void SimNode::drain(bool drained) {
  if (drained == drained_) return;
  run_.note(drained ? Fault::kDrainSelf : Fault::kUndrainSelf);
  run_.say(name + (drained ? " is drained" : " is undrained") + " by its own operator");
  drained_ = drained;
  if (!process.up) return;
  give(node::OffersDeclined{drained ? "drained" : ""});
  if (drained) give(node::ResignRequested{"drained"});
  if (!process.paused) network_.sendPresence(*this);
}

}  // namespace muster::election
