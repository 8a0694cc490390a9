// One of several coordinators: it stands for the leadership, keeps it, and has etcd confirm
// whatever it grants.
#include <utility>

#include "tests/libcontrol/election/simulation/sim_coordinators.h"
#include "tests/libcontrol/election/simulation/sim_network.h"

namespace muster::election {
namespace {

using Answer = SimEtcd::Answer;

constexpr Duration kEtcdTimeout = Duration::millis(500);

}  // namespace

void SimCoordinator::cutOffEtcd(Duration length) {
  if (etcd_ == nullptr) return;
  if (length > Duration{}) {
    run_.note(Fault::kEtcdCut);
    run_.say(name + " is cut off from etcd");
  }
  cut_off_until_ = run_.now() + length;
}

// What got no answer in time may still arrive.
void SimCoordinator::askEtcd(std::function<Answer()> ask, std::function<void(Answer)> answered) {
  const double share = run_.profile.etcd_loses;
  const bool never = fate_.mishap(share);
  const bool late = !never && fate_.mishap(share);
  const bool unanswered = fate_.mishap(share) || late;
  const Duration there = late ? fate_.millis(300, 4000) : run_.diskDelay(fate_);
  const uint64_t life = process.life;
  const auto tell = [this, life, answered](Answer answer) {
    if (!process.up || process.life != life) return;
    process.answered([this, life, answered, answer] {
      if (process.life == life) answered(answer);
    });
  };
  const ElapsedTime timeout = run_.now() + kEtcdTimeout;
  const bool in_vain = never || unanswered;
  if (in_vain) run_.agenda.at(timeout, [tell] { tell(Answer::kNone); });
  if (never) return;
  run_.agenda.after(there, [this, timeout, in_vain, ask, tell] {
    const Answer answer = run_.now() < cut_off_until_ ? Answer::kNone : ask();
    if (in_vain) return;
    if (answer == Answer::kNone) return run_.agenda.at(timeout, [tell] { tell(Answer::kNone); });
    run_.agenda.after(fate_.millis(0, 4), [tell, answer] { tell(answer); });
  });
}

// --- leadership -------------------------------------------------------------------------------

void SimCoordinator::stand() {
  run_.agenda.after(fate_.millis(100, 400), [this, life = process.life] {
    if (!process.up || process.life != life) return;
    process.answered([this] {
      const ElapsedTime asked = clock();
      const auto won = std::make_shared<SimEtcd::Term>(0);
      askEtcd(
          [this, won] {
            if (!etcd_->answers()) return Answer::kNone;
            const auto term = etcd_->stand();
            if (!term) return Answer::kTermOver;
            *won = *term;
            return Answer::kDone;
          },
          [this, won, asked](Answer answer) {
            if (answer != Answer::kDone) {
              read_before_ = store_.disk.content();
              return stand();
            }
            run_.note(Fault::kLeaderElected);
            term_ = *won;
            term_lasts_until_ = asked + kLeaderTtl;
            commit_number_ = etcd_->commits();
            lead(run_.keeps(Rule::kReadAfterWinning) ? store_.disk.content() : read_before_);
            keepTerm();
          });
    });
  });
}

void SimCoordinator::keepTerm() {
  run_.agenda.after(kLeaderTtl / 3, [this, life = process.life] {
    if (!process.up || process.life != life) return;
    process.answered([this] {
      const ElapsedTime asked = clock();
      if (asked >= term_lasts_until_) return lose("its term can have ended");
      askEtcd(
          [this, term = term_] {
            if (!etcd_->answers()) return Answer::kNone;
            return etcd_->keep(term) ? Answer::kDone : Answer::kTermOver;
          },
          [this, asked](Answer answer) {
            if (answer == Answer::kTermOver) return lose("its term is over");
            if (answer == Answer::kDone) term_lasts_until_ = asked + kLeaderTtl;
          });
      keepTerm();
    });
  });
}

void SimCoordinator::lose(const std::string& why) {
  if (!leads_) return;
  run_.note(Fault::kLeadershipLost);
  run_.say(name + " does not lead any more: " + why);
  if (under_way_ != nullptr && under_way_->front().changes) run_.note(Fault::kCommitUnknown);
  end();
  run_.agenda.after(fate_.millis(20, 300), [this] { start(); });
}

// --- transactions -----------------------------------------------------------------------------

void SimCoordinator::writeToEtcd(Kept kept, std::shared_ptr<GroupMachine> next,
                                 std::shared_ptr<group::Effects> effects) {
  if (fate_.mishap(run_.profile.crash_in_write)) {
    run_.agenda.after(fate_.millis(0, 8), [this, life = process.life] {
      if (process.life == life) restart();
    });
  }
  const auto at_etcd = [this, kept = std::move(kept), effects] {
    run_.invariants.recordWritten(disk(), kept.record);
    store_.disk.replace(kept);
    for (const group::Effect& effect : *effects) {
      witness(effect);
      if (const auto* reply = std::get_if<group::Reply>(&effect)) network_.witness(*reply);
    }
  };
  enqueue({true, at_etcd, [this, next, effects] {
             process.busy = false;
             adopt(*next, *effects, /*is_written=*/true);
             process.drainLoop();
           }});
}

// By a transaction that was begun after this.
void SimCoordinator::confirm(Action at_etcd, Action done) {
  if (!run_.keeps(Rule::kConfirmedAfter) && under_way_ != nullptr) {
    under_way_->push_back({false, {}, [at_etcd, done] {
                             if (at_etcd) at_etcd();
                             done();
                           }});
    return;
  }
  enqueue({false, std::move(at_etcd), std::move(done)});
}

void SimCoordinator::enqueue(Commit commit) {
  commits_.push_back(std::move(commit));
  nextCommit();
}

// A change by itself, or all that only has to be confirmed before it.
void SimCoordinator::nextCommit() {
  if (under_way_ != nullptr || commits_.empty()) return;
  under_way_ = std::make_shared<Commits>();
  do {
    under_way_->push_back(std::move(commits_.front()));
    commits_.pop_front();
  } while (!under_way_->back().changes && !commits_.empty() && !commits_.front().changes);
  send(under_way_);
}

void SimCoordinator::send(std::shared_ptr<Commits> commits) {
  if (clock() >= term_lasts_until_) return lose("nobody can say what became of a transaction");
  const bool changes = commits->front().changes;
  askEtcd(
      [this, commits, changes, term = term_, number = commit_number_ + 1] {
        if (changes) return etcd_->commit(term, number, commits->front().at_etcd);
        const Answer answer = etcd_->confirm(term);
        if (answer != Answer::kDone) return answer;
        // A copy that comes late confirms nothing any more.
        for (Commit& commit : *commits) {
          if (commit.at_etcd) std::exchange(commit.at_etcd, nullptr)();
        }
        return answer;
      },
      [this, commits, changes](Answer answer) {
        if (answer == Answer::kTermOver) {
          run_.note(changes ? Fault::kCommitRefused : Fault::kConfirmRefused);
          return lose("its term is over");
        }
        const bool guessed = changes && !run_.keeps(Rule::kUnknownWrite);
        if (answer == Answer::kDone) return committed(*commits);
        if (guessed) return forget();
        run_.note(Fault::kCommitAgain);
        run_.agenda.after(fate_.millis(10, 200), [this, commits, life = process.life] {
          if (!process.up || process.life != life) return;
          process.answered([this, commits] { send(commits); });
        });
      });
}

void SimCoordinator::committed(const Commits& commits) {
  if (commits.front().changes) ++commit_number_;
  under_way_.reset();
  for (const Commit& commit : commits) {
    if (up()) commit.done();
  }
  if (up()) nextCommit();
}

// As if the event had been lost, although nobody can say so.
void SimCoordinator::forget() {
  under_way_.reset();
  process.busy = false;
  commit_number_ = etcd_->commits();
  judged_ = judged_before_;
  if (undo_) std::exchange(undo_, nullptr)();
  nextCommit();
  process.drainLoop();
}

void SimCoordinator::answerAsStandby(const group::Event& stanza) {
  std::visit(Overloaded{
                 [](const auto&) {},
                 [this](const group::AcquireReceived& e) { network_.notLeading(*this, e.token); },
                 [this](const group::RenewReceived& e) { network_.notLeading(*this, e.token); },
             },
             stanza);
}

}  // namespace muster::election
