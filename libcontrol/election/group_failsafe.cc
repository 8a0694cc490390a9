// What a coordinator has to know of holders that may go on without it: whom such a holder would ask
// for a promise, so that nobody else is offered the role. docs/election.md has the reasons.
#include <algorithm>

#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"
#include "libcontrol/election/wording.h"

namespace muster::election {
namespace {

bool contains(const std::vector<Jid>& all, const Jid& one) {
  return std::binary_search(all.begin(), all.end(), one);
}

void insert(std::vector<Jid>& all, const Jid& one) {
  all.insert(std::lower_bound(all.begin(), all.end(), one), one);
}

}  // namespace

// A holder from before may go on even if the configuration says by now that none does.
bool GroupMachine::tracksMembers() const {
  return config_.failsafe_limit > Duration{} || !record_.listed.empty();
}

// Somebody holds the role, or may, who could do without any word from here.
bool GroupMachine::mayGoOn() const {
  return isHeld() || record_.failsafe_limit > Duration{};
}

// Of a list that is not yet complete nothing follows.
void GroupMachine::listMember(const Jid& bare) {
  if (!members_listed_ || !tracksMembers() || contains(record_.listed, bare)) return;
  insert(record_.listed, bare);
  countUp();
  if (mayGoOn() && keeps(Rule::kNewMemberWaits)) insert(record_.untold, bare);
}

void GroupMachine::unlistMember(const Jid& bare) {
  if (std::erase(record_.listed, bare) == 0) return;
  std::erase(record_.untold, bare);
  countUp();
}

// By leaps: a coordinator whose store is an old copy must not give a number that a holder knows to
// another list.
void GroupMachine::countUp() {
  constexpr uint64_t kLongestLeap = 1 << 20;
  record_.members_version += 1 + random_->below(kLongestLeap);
}

// For how long whoever has just started takes up no offer: it may have promised just before, and
// not know it any more. By the lease that the promise was made for, not by what is offered now.
Duration GroupMachine::freshMembersWait() const {
  if (!tracksMembers()) return {};
  Duration lease = record_.lease_ttl;
  if (keeps(Rule::kLongestPromise)) lease = std::max(lease, record_.failsafe_lease);
  return waitOut(lease, config_.clock_rate_bound, config_.wait_margin);
}

// For what is granted now. Whoever holds the role under it knows all of the list.
std::optional<Failsafe> GroupMachine::failsafeFor(const Jid& holder) const {
  if (config_.failsafe_limit <= Duration{} || record_.listed.size() > limits::kMaxFailsafeMembers) {
    return std::nullopt;
  }
  Failsafe failsafe;
  failsafe.wait = waitOut(record_.lease_ttl, config_.clock_rate_bound, config_.wait_margin);
  failsafe.limit = config_.failsafe_limit;
  failsafe.members_version = record_.members_version;
  for (const Jid& bare : record_.listed) {
    if (bare == holder) continue;
    const auto member = members_.find(bare);
    const Presence* process = member == members_.end() ? nullptr : onlyLive(member->second, now_);
    failsafe.others.push_back(process ? process->facts.jid : bare);
  }
  return failsafe;
}

// The new holder is told of all; nobody else can go on, since one whom the one before would have
// had to ask has taken the role.
void GroupMachine::grantedAnew() {
  record_.untold.clear();
  record_.failsafe_limit = goingOnLimit();
  record_.failsafe_lease = promisesLease();
  if (config_.failsafe_limit <= Duration{}) record_.listed.clear();
}

// What a holder that renews knows by now, and what it may do from now on.
void GroupMachine::renewedWith(uint64_t members_version) {
  record_.failsafe_limit = std::max(record_.failsafe_limit, goingOnLimit());
  record_.failsafe_lease = promisesLease();
  if (members_version == record_.members_version) record_.untold.clear();
  if (config_.failsafe_limit > Duration{} || members_version != 0) return;
  endGoingOn();
  record_.listed.clear();
}

Duration GroupMachine::goingOnLimit() const {
  if (config_.failsafe_limit <= Duration{}) return {};
  return config_.failsafe_limit + record_.lease_ttl;
}

Duration GroupMachine::promisesLease() const {
  return record_.failsafe_limit > Duration{} ? record_.lease_ttl : Duration{};
}

// Somebody may hold a lease that isn't on record, and go on with it.
void GroupMachine::unknownHolder() {
  if (config_.failsafe_limit <= Duration{}) return;
  const Duration lease = longestLease();
  record_.failsafe_lease = std::max(record_.failsafe_lease, lease);
  record_.failsafe_limit = std::max(record_.failsafe_limit, config_.failsafe_limit + lease);
}

// Nobody can go on any more.
void GroupMachine::endGoingOn() {
  record_.failsafe_limit = {};
  record_.failsafe_lease = {};
  record_.untold.clear();
}

ElapsedTime GroupMachine::goesOnUntil() const {
  return last_grant_ +
         waitOut(record_.failsafe_limit, config_.clock_rate_bound, config_.wait_margin);
}

std::string GroupMachine::whyUntold(const Jid& bare, ElapsedTime now) const {
  if (!mayGoOn() || !contains(record_.untold, bare)) return {};
  const std::string text =
      "came while the role was held by somebody who may go on without a "
      "coordinator and does not know of it yet";
  if (isHeld()) return text;
  return text + "; for another " + shownTime(std::max(goesOnUntil() - now, Duration{}));
}

}  // namespace muster::election
