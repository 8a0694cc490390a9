// The rules of the lease protocol as switches that break one of them at a time, so that a test can
// show that the simulation notices. A library that is built to be used has no such switches: there
// every rule is kept, as a constant.
#pragma once

namespace muster::election {

// The text says what is done when it is broken.
#define MUSTER_ELECTION_RULES(X)                                                           \
  X(kLeaseFromSending, "a lease runs from the arrival of its grant")                       \
  X(kKnownNonce, "a grant that answers no outstanding request counts")                     \
  X(kStepDownVoids, "a grant that comes after the node has stopped brings the lease back") \
  X(kNoRenewalAfterStop, "a node that gave its lease up goes on renewing it")              \
  X(kGapDropsLink, "old input is handled after a gap in the event loop")                   \
  X(kGrantAnswersAcquire, "an offer counts as a grant")                                    \
  X(kDurableBeforeGrant, "what depends on a write is sent before it is durable")           \
  X(kWriteKnown, "a write that failed counts as done")                                     \
  X(kAcquireByNonce, "an acquire is granted whatever offer it answers")                    \
  X(kAcquireInPhase, "an acquire is granted while the group is draining")                  \
  X(kRenewByEpoch, "a renewal of another epoch is granted")                                \
  X(kRenewByInstance, "a renewal of another process is granted")                           \
  X(kRenewByJid, "a renewal from another address is granted")                              \
  X(kDrainDeadline, "a draining holder renews for ever")                                   \
  X(kDrainTold, "a draining holder is not told so with its renewals")                      \
  X(kDrainedMatches, "any word of having drained counts")                                  \
  X(kReleaseMatches, "any release counts")                                                 \
  X(kFenceMatches, "a fence of another process counts")                                    \
  X(kWaitOut, "the group counts as vacant when the lease ends on the coordinator's clock") \
  X(kWaitFromRenewal, "the wait runs from the first grant, not from the latest renewal")   \
  X(kVacantBeforeOffer, "the role goes to the next as soon as the holder is told to stop") \
  X(kPresenceEndsNoWait, "an unavailable presence ends the wait")                          \
  X(kEpochAboveAll, "an offer takes the same epoch again")                                 \
  X(kEpochAboveReported, "an offer takes an epoch above those on record only")             \
  X(kEpochJump, "any epoch that is reported is believed")                                  \
  X(kStaleRecordWaits, "a record older than the truth is filled at once")                  \
  X(kRestartCountsAsGrant, "a restart counts leases as granted when they first were")      \
  X(kRestartOfferWaits, "an offer from before a restart is taken back at once")            \
  X(kRecordedLength, "a lease is waited out by the configured length")                     \
  X(kEpochOnDisk, "a node asks for a lease before its epoch is on disk")                   \
  X(kLowerEpochRejected, "a node accepts offers of any epoch")                             \
  X(kEpochReported, "a node does not report the highest epoch that it has seen")           \
  X(kGuard, "a lease is used up to its very end")                                          \
  X(kStopBeforeEnd, "the application is not told to stop when its lease may not be used")  \
  X(kKillAtEnd, "an application that has not stopped lives on")                            \
  X(kCheckedAtUse, "the application does not look at the clock before it acts")            \
  X(kResourceChecks, "the resource lets every token pass")                                 \
  X(kEqualTokenRefused, "the resource lets an equal token of another process pass")        \
  X(kClaimFirst, "the new holder reads before it claims its token")                        \
  X(kIdempotencyKey, "a repeated request is another request")                              \
  X(kExpectedEpoch, "the epoch that a request expects is not looked at")                   \
  X(kTwinsGetNothing, "one of two live processes of a member is offered the role")         \
  X(kOfferToTheLiving, "presence alone says that a process is alive")                      \
  X(kMovesPerHour, "moves off a live holder come as often as there is a reason")           \
  X(kMinBetweenMoves, "moves off a live holder follow each other at once")                 \
  X(kFloorTime, "one look at a bad level moves the role")                                  \
  X(kCrashLoopHold, "a crash loop goes on")                                                \
  X(kHumanNotCounted, "what people ask for counts among the moves off a live holder")      \
  X(kBackoff, "whoever let an offer go by is offered the role again at once")              \
  X(kEligibleMember, "somebody who is no member takes up an old offer")                    \
  X(kEligibleDrained, "a drained member is offered the role")                              \
  X(kEligibleTagged, "a member tagged nofailover is offered the role")                     \
  X(kEligibleLevel, "a member under the floor is offered the role")                        \
  X(kPauseHolds, "a pause holds nothing")                                                  \
  X(kMovePromised, "a move that was promised is forgotten at a restart")                   \
  X(kWriteInTerm, "a coordinator that has been deposed goes on writing")                   \
  X(kWriteOnce, "a transaction whose answer was lost is done a second time")               \
  X(kRenewalConfirmed, "a renewal is granted without asking whether the term goes on")     \
  X(kConfirmedAfter, "a transaction that was on its way already confirms a renewal")       \
  X(kUnknownWrite, "a transaction without an answer counts as not done")                   \
  X(kReadAfterWinning, "a new leader goes on from what it read before it had won")         \
  X(kPromiseKept, "a member that has promised to take nothing takes up an offer")          \
  X(kPromiseOnDisk, "a promise is forgotten at a restart")                                 \
  X(kFreshStartWaits, "a member that has just started takes up an offer at once")          \
  X(kAllPromise, "the promise of one member counts for all")                               \
  X(kNewMemberWaits, "a member is offered the role whom the holder does not know")         \
  X(kLongestPromise, "a member that has just started waits by the new length of leases")

enum class Rule {
  kNone,
#define MUSTER_ELECTION_RULE(name, text) name,
  MUSTER_ELECTION_RULES(MUSTER_ELECTION_RULE)
#undef MUSTER_ELECTION_RULE
};

// One rule, or none, for the whole process; to be set between runs only.
#ifdef MUSTER_BREAKABLE_RULES
inline Rule broken_rule = Rule::kNone;
static inline bool keeps(Rule rule) {
  return rule != broken_rule;
}
#else
static constexpr bool keeps(Rule) {
  return true;
}
#endif

}  // namespace muster::election
