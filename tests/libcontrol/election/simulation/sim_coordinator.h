// A simulated coordinator: a GroupMachine under its driver, its store and its connection.
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
#include "tests/libcontrol/election/simulation/sim_etcd.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

class Network;
class Operators;
class SimCoordinators;

// What coordinators keep: on the only one's disk, or in an etcd.
struct SimStore {
  struct Kept {
    GroupRecord record;
    std::deque<group::KnownMove> known;
  };
  SimDisk<Kept> disk;
  std::optional<Kept> copy;
  std::map<Jid, group::MemberEnrolled> members;
  std::optional<ElapsedTime> paused_until;  // in real time

  const GroupRecord& record() const { return disk.content().record; }
};

// Belongs to the Cluster, as all that it refers to. One of several waits while another leads, and
// begins with what is in etcd when it has won; when it has lost, all that it knew is dropped.
class SimCoordinator {
 public:
  SimCoordinator(Run& run, Network& network, SimCoordinators& all, uint32_t part, const char* name);
  SimCoordinator(const SimCoordinator&) = delete;
  SimCoordinator& operator=(const SimCoordinator&) = delete;
  void connect(Operators& operators) { operators_ = &operators; }

  void start();
  void crash();
  // It is away for that long at most.
  void restart(Duration longest = Duration::seconds(5));
  // The same, with leases that are as short as can be from then on.
  void restartShortened(Duration longest);
  // Its store is lost, or replaced by the copy that was made last.
  void backUp();
  void loseStore(bool restored, Duration longest);
  void pause(Duration length);
  // As a pause, but its clock (the smaller of two) stands still meanwhile.
  void suspend(Duration length);
  // Ends either before its time.
  void wake();
  void loseLink(Duration down);
  // The server has given it to another, who came later.
  void losePublicAddress();
  void slew(double rate);
  void fillDisk(Duration length) { disk_full_until_ = run_.now() + length; }
  void cutOffEtcd(Duration length);

  // A stanza has arrived.
  void receive(group::Event stanza);
  // Whatever a person or a supervisor tells it.
  void give(group::Event event);
  // The list of members is durable before the machine hears of a change.
  void enroll(const group::MemberEnrolled& member);
  void remove(const Jid& jid);
  // Durable as well; again after a start. Nothing: it is resumed.
  void pauseGroup(std::optional<Duration> length);
  bool isGroupPaused() const { return store_.paused_until && run_.now() < *store_.paused_until; }
  const group::MemberEnrolled* member(const Jid& jid) const;
  // Does what an operator's command does while it is answered.
  void run(Action action) { process.run(std::move(action)); }

  const std::string name;
  const Jid address;  // of its own, for the lease protocol
  Process process;
  // It leads, or doesn't know better.
  bool up() const { return process.up && leads_; }
  // It really does.
  bool isInOffice() const { return etcd_ == nullptr || etcd_->term() == term_; }
  const GroupMachine& machine() const { return *machine_; }
  const GroupRecord& disk() const { return store_.record(); }
  // In real time: until when a hold that was announced may last.
  ElapsedTime heldUntil() const { return held_until_; }
  ElapsedTime clock() const { return process.clock.at(run_.now()); }

 private:
  using Kept = SimStore::Kept;
  // Something to be done in etcd, one after the other.
  struct Commit {
    bool changes = false;  // else it only finds whether the term goes on
    Action at_etcd;        // once it does
    Action done;
  };
  using Commits = std::vector<Commit>;

  void lead(const Kept& kept);
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
  void writeToDisk(Kept kept, std::shared_ptr<GroupMachine> next,
                   std::shared_ptr<group::Effects> effects);
  void written(const GroupMachine& next, const group::Effects& effects);
  void writeFails(bool full);
  void finishWrite();
  void adopt(const GroupMachine& next, const group::Effects& effects, bool is_written);
  void carryOut(const group::Effects& effects, bool is_written);
  void carryOut(const group::Effect& effect, bool is_written);
  void reply(const group::Reply& reply, bool is_written);
  // What goes out may do so at this very moment: when it is decided and durable.
  void witness(const group::Effect& effect);
  void alarm(const group::Alarm& alarm);
  void phaseChanged(const group::PhaseChanged& change);
  void scheduleWake();
  void linkUp();
  void takePublicAddress();
  void switchFailsafe(double chance);
  void everybodyGone();
  void end();
  void know(const group::Event& event);
  void hear(const Jid& full);
  void givePause();
  void giveMembersListed();
  void tell(const Jid& full, std::optional<group::MemberPresent> facts);
  void change(const Jid& jid, std::optional<group::MemberEnrolled> member);
  void stall(Duration length, bool suspended);
  // sim_term.cc: one of several.
  void askEtcd(std::function<SimEtcd::Answer()> ask, std::function<void(SimEtcd::Answer)> answered);
  void stand();
  void keepTerm();
  void lose(const std::string& why);
  void writeToEtcd(Kept kept, std::shared_ptr<GroupMachine> next,
                   std::shared_ptr<group::Effects> effects);
  void confirm(Action at_etcd, Action done);
  void enqueue(Commit commit);
  void nextCommit();
  void send(std::shared_ptr<Commits> commits);
  void committed(const Commits& commits);
  void forget();
  void answerAsStandby(const group::Event& stanza);

  Run& run_;
  Fate fate_;
  Network& network_;
  SimCoordinators& all_;
  SimStore& store_;
  SimEtcd* const etcd_;  // none: the store is its own disk
  Operators* operators_ = nullptr;
  GroupConfig config_;  // the machine's
  ElapsedTime disk_full_until_{};

  bool leads_ = false;
  SimEtcd::Term term_ = 0;
  ElapsedTime term_lasts_until_{};  // for certain, on its own clock
  ElapsedTime cut_off_until_{};     // from etcd
  Kept read_before_;                // while it waited
  std::deque<Commit> commits_;
  std::shared_ptr<Commits> under_way_;
  uint64_t commit_number_ = 0;

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
