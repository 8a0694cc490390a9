// A whole group in virtual time: one coordinator with a disk or two that share an etcd, three nodes
// and a twin, an XMPP server, disks, an application on each node, operators, forgers, and a
// resource that checks fencing tokens. Both production machines run in it under drivers that behave
// as the real ones must. Everything follows from the seed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/election/rules.h"

namespace muster::election {

// What is done to the group, and what comes of it. Each must occur in some runs of every set of
// seeds, or the simulation no longer tests what it says.
#define MUSTER_SIM_FAULTS(X)                                            \
  X(kLoss, "message lost")                                              \
  X(kDuplicate, "message duplicated")                                   \
  X(kReorder, "messages reordered")                                     \
  X(kLongDelay, "message delayed long")                                 \
  X(kPartition, "cut off both ways")                                    \
  X(kDeafNode, "cut off from the coordinator's messages")               \
  X(kMuteNode, "cut off towards the coordinator")                       \
  X(kLinkDrop, "connection dropped")                                    \
  X(kResumed, "session resumed with what was held for it")              \
  X(kCoordinatorLinkDrop, "coordinator's connection dropped")           \
  X(kServerRestart, "server restarted")                                 \
  X(kBounce, "offer answered by an error of the server")                \
  X(kReplay, "old stanza delivered again")                              \
  X(kNodeCrash, "node crash")                                           \
  X(kCoordinatorCrash, "coordinator crash")                             \
  X(kPause, "node paused")                                              \
  X(kLoopGap, "node paused for longer than an event loop may")          \
  X(kApplicationWokeFirst, "application woke before its node")          \
  X(kSuspend, "node's machine suspended")                               \
  X(kCoordinatorPause, "coordinator paused")                            \
  X(kCoordinatorGap, "coordinator paused for long")                     \
  X(kCoordinatorSuspend, "coordinator's machine suspended")             \
  X(kShutdown, "shutdown in order")                                     \
  X(kWriteLost, "unsynced write lost")                                  \
  X(kWriteKept, "unsynced write kept")                                  \
  X(kWriteTorn, "write torn")                                           \
  X(kNodeStateTorn, "node's state torn until a person came")            \
  X(kWriteFailed, "write failed")                                       \
  X(kWriteUnknown, "write of unknown outcome")                          \
  X(kDiskFull, "disk full")                                             \
  X(kLengthChanged, "length of leases changed at a restart")            \
  X(kStoreLost, "coordinator's store lost")                             \
  X(kStoreRestored, "coordinator's store restored from an old copy")    \
  X(kSlew, "clock slewed within its bound")                             \
  X(kSlewBeyond, "clock slewed beyond its bound")                       \
  X(kOverlap, "leases overlapped by a broken clock")                    \
  X(kPromoteFailed, "promotion failed")                                 \
  X(kSlowPromote, "slow promotion")                                     \
  X(kHungPromote, "hung promotion")                                     \
  X(kSlowDemote, "slow demotion")                                       \
  X(kHungDemote, "hung demotion")                                       \
  X(kApplicationGone, "supervisor's word that the application is gone") \
  X(kResign, "role given up by the node itself")                        \
  X(kDrainSelf, "node drained at the node")                             \
  X(kUndrainSelf, "node undrained at the node")                         \
  X(kKill, "kill at the lease's end")                                   \
  X(kTokenRefused, "token refused by the resource")                     \
  X(kGhostPresence, "presence of a dead process")                       \
  X(kFalseGone, "live process called unavailable")                      \
  X(kLateGone, "unavailable after the next login")                      \
  X(kTwin, "second process under one account")                          \
  X(kDeclined, "offer declined")                                        \
  X(kOfferTimeout, "offer not taken up")                                \
  X(kLeaseRanOut, "lease ran out")                                      \
  X(kDrainOverdue, "renewal denied after the drain's deadline")         \
  X(kFenced, "holder fenced")                                           \
  X(kWrongFence, "another process fenced")                              \
  X(kForgedStranger, "stanza of a stranger")                            \
  X(kForgedMember, "stanza of another member or process")               \
  X(kForgedToNode, "stale demand to a node")                            \
  X(kPoisonedEpoch, "epoch reported that can't be true")                \
  X(kFalseEpoch, "higher epoch reported than on record")                \
  X(kLevelFall, "level fell")                                           \
  X(kLevelRise, "level rose")                                           \
  X(kAutomaticMove, "automatic move")                                   \
  X(kFlapHold, "automatic move held")                                   \
  X(kCrashLoop, "crash loop held")                                      \
  X(kMove, "move asked for")                                            \
  X(kMoveForced, "move forced")                                         \
  X(kMoveRepeated, "move repeated")                                     \
  X(kMoveKeyReused, "key used for another move")                        \
  X(kMoveWrongEpoch, "move with a wrong epoch")                         \
  X(kMoveDuringMove, "move asked for while one runs")                   \
  X(kMoveWhileDraining, "move asked for while draining")                \
  X(kMoveResumed, "move resumed after a restart")                       \
  X(kMoveRefused, "move refused")                                       \
  X(kMoveFailed, "move failed")                                         \
  X(kMoveDone, "move done")                                             \
  X(kPlan, "dry run")                                                   \
  X(kDrainMember, "member drained")                                     \
  X(kDrainHolder, "holder drained")                                     \
  X(kGroupPaused, "group paused")                                       \
  X(kPausedVacant, "group paused and vacant")                           \
  X(kTagMember, "member tagged nofailover")                             \
  X(kUndrainMember, "member undrained")                                 \
  X(kRemoveMember, "member removed")                                    \
  X(kRemoveHolder, "holder removed")                                    \
  X(kEnrollMember, "member enrolled")                                   \
  X(kLeaderElected, "another coordinator leads")                        \
  X(kLeadershipLost, "leadership lost")                                 \
  X(kLeaderDeposed, "leader deposed")                                   \
  X(kLeaderPaused, "leader paused")                                     \
  X(kEtcdCut, "coordinator cut off from etcd")                          \
  X(kEtcdRestart, "etcd restarted")                                     \
  X(kCommitAgain, "transaction sent again")                             \
  X(kCommitUnknown, "transaction of unknown outcome")                   \
  X(kCommitRefused, "transaction refused since the term is over")       \
  X(kConfirmRefused, "grant held back since the term is over")          \
  X(kStandbyAsked, "coordinator that does not lead asked for a lease")  \
  X(kNodeDiskLost, "node's disk lost")                                  \
  X(kCoordinatorsAway, "no coordinator for long")                       \
  X(kFailsafeBegun, "lease goes on by promises")                        \
  X(kFailsafeEnded, "coordinator answers again during a failsafe")      \
  X(kPromiseGiven, "promise given")                                     \
  X(kPromiseRefused, "promise refused")                                 \
  X(kPromiseStands, "offer put off because of a promise")               \
  X(kFailsafeSwitched, "failsafe switched on or off at a restart")      \
  X(kUntoldMember, "member enrolled whom the holder does not know")     \
  X(kWorstMoment, "fault at a chosen moment")

enum class Fault {
#define MUSTER_SIM_ENUM(name, text) name,
  MUSTER_SIM_FAULTS(MUSTER_SIM_ENUM)
#undef MUSTER_SIM_ENUM
      kCount
};
inline constexpr size_t kFaults = static_cast<size_t>(Fault::kCount);
const char* faultName(Fault fault);

// What is left out of a run, by the order in which it would come: things that are done to the
// group, and mishaps that come by chance. Whatever comes after may be different for it.
using Mishap = std::pair<uint32_t, uint32_t>;  // in which part of the world, the how manieth
struct Omitted {
  std::set<size_t> acts;
  std::set<Mishap> mishaps;
  size_t size() const { return acts.size() + mishaps.size(); }
};

// All that a run follows from.
struct Scenario {
  uint64_t seed = 0;
  bool with_timeline = false;
  // The rules that drivers and applications keep; those of the machines are broken by broken_rule.
  Rule broken = Rule::kNone;
  Omitted omitted{};
};

struct RunResult {
  uint64_t seed = 0;
  std::string violation;  // empty if all held
  std::array<int64_t, kFaults> faults{};
  size_t acts = 0;                    // with those left out
  std::vector<Mishap> mishaps;        // likewise
  int failovers = 0;                  // grants to another process than the one before
  int64_t steps = 0;                  // of both machines
  double seconds = 0;                 // of virtual time
  std::vector<std::string> timeline;  // only if asked for
};

RunResult simulate(const Scenario& scenario);

}  // namespace muster::election
