// The simulated coordinator: a GroupMachine under its driver, its store and its connection.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/election/group.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

class Network;
class Operators;

// Belongs to the Cluster; `run` and `network` outlive it.
class SimCoordinator {
 public:
  SimCoordinator(Run& run, Network& network)
      : run_(run), fate_(run, kOfCoordinator), network_(network) {
    disk_.replace({});
  }
  void connect(Operators& operators) { operators_ = &operators; }

  void start();
  void crash();
  void restart();
  // Its store is lost, or replaced by the copy that was made last.
  void backUp();
  void loseStore(bool restored);
  void pause(Duration length);
  // As a pause, but its clock (the smaller of two) stands still meanwhile.
  void suspend(Duration length);
  // Ends either before its time.
  void wake();
  void loseLink(Duration down);
  void slew(double rate);
  void fillDisk(Duration length) { disk_full_until_ = run_.now() + length; }

  // A stanza has arrived.
  void receive(group::Event stanza);
  // Whatever a person or a supervisor tells it.
  void give(group::Event event);
  // The list of members is durable before the machine hears of a change.
  void enroll(const group::MemberEnrolled& member);
  void remove(const Jid& jid);
  // Durable as well; again after a start. Nothing: it is resumed.
  void pauseGroup(std::optional<Duration> length);
  bool isGroupPaused() const { return paused_until_ && run_.now() < *paused_until_; }
  const group::MemberEnrolled* member(const Jid& jid) const;
  // Does what an operator's command does while it is answered.
  void run(Action action) { process.run(std::move(action)); }

  Process process;
  bool up() const { return process.up; }
  const GroupMachine& machine() const { return *machine_; }
  const GroupRecord& disk() const { return disk_.content().record; }
  // In real time: until when a hold that was announced may last.
  ElapsedTime heldUntil() const { return held_until_; }
  ElapsedTime clock() const { return process.clock.at(run_.now()); }

 private:
  struct Store {
    GroupRecord record;
    std::deque<group::KnownMove> known;
  };

  void step(const group::Event& event);
  // sim_judge.cc: is there a reason for what the machine wants?
  void judge(const GroupRecord& before, const GroupRecord& after, const group::Event& event);
  void judgeOffer(const GroupRecord& after);
  void judgeTarget(const GroupRecord& after, const group::MemberPresent& facts);
  void judgeMove(const MoveRecord& move);
  void judgePause(const GroupRecord& after);
  void judgeAutomatic(const GroupRecord& before);
  void judgeHold();
  bool hasHeard(const Jid& full, Duration within) const;
  Grounds groundsToVacate(const GroupRecord& before, const GroupRecord& after) const;
  bool isDrainDue(const GroupRecord& before, const GroupRecord& after) const;
  void judgeWrite(const group::Persist& write);
  void judgeRenewal(const Granted& granted) const;
  void watchLevel();
  void watchMembership(const GroupRecord& record);
  void persist(GroupMachine next, group::Effects effects);
  void written(const GroupMachine& next, const group::Effects& effects);
  void writeFails(bool full);
  void finishWrite();
  void carryOut(const group::Effects& effects);
  void carryOut(const group::Effect& effect);
  void reply(const group::Reply& reply);
  void alarm(const group::Alarm& alarm);
  void phaseChanged(const group::PhaseChanged& change);
  void scheduleWake();
  void linkUp();
  void know(const group::Event& event);
  void hear(const Jid& full);
  void givePause();
  void tell(const Jid& full, std::optional<group::MemberPresent> facts);
  void change(const Jid& jid, std::optional<group::MemberEnrolled> member);
  void stall(Duration length, bool suspended);

  Run& run_;
  Fate fate_;
  Network& network_;
  Operators* operators_ = nullptr;
  SimDisk<Store> disk_;
  std::optional<Store> copy_;
  ElapsedTime disk_full_until_{};
  std::map<Jid, group::MemberEnrolled> members_;  // durable as well
  std::optional<ElapsedTime> paused_until_;       // likewise; in real time

  std::optional<GroupMachine> machine_;
  std::optional<ElapsedTime> wake_;
  std::map<Jid, group::MemberPresent> present_;  // as the machine was told, by full JID
  Action undo_;  // makes what the step under way was told untold, if its write fails

  bool suspended_ = false;
  ElapsedTime stalled_at_{};
  ElapsedTime stalled_clock_{};

  // Kept beside the machine, on its clock, to judge what it does. Since a restart at the latest.
  struct Judgement {
    ElapsedTime offered;
    ElapsedTime active;
    ElapsedTime draining;
    std::optional<uint64_t> offered_epoch;         // by this process
    std::optional<ElapsedTime> under_floor_since;  // the holder's level
    std::optional<ElapsedTime> move_due;           // when it last had been for long enough
    std::optional<ElapsedTime> stranger_since;     // the holder is no member
    int automatic_moves = 0;
    std::optional<ElapsedTime> paused_until;  // as the machine was told
    bool owes_active = false;                 // a move that was asked for has left the group vacant
  };
  Judgement judged_;
  std::map<Jid, ElapsedTime> heard_;   // when somebody surely lived, by full JID
  std::map<Jid, ElapsedTime> let_go_;  // when somebody last let an offer go by, by bare JID
  std::optional<ElapsedTime> crash_hold_until_;
  Judgement judged_before_;     // the step under way
  ElapsedTime decided_{};       // that step
  bool somebody_asks_ = false;  // in that step
  ElapsedTime last_grant_{};
  ElapsedTime held_until_{};
  std::set<InstanceId> fenced_;
};

}  // namespace muster::election
