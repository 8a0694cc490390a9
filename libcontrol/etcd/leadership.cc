#include "libcontrol/etcd/leadership.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace muster::etcd {
namespace {

constexpr Duration kCallTimeout = Duration::seconds(1);
// How often whoever doesn't lead looks whether anybody does.
constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr Duration kCountEvery = Duration::seconds(1);
constexpr char kLeader[] = "leader";
constexpr char kParticipants[] = "coordinators/";

}  // namespace

Leadership::Leadership(Parts parts)
    : parts_(std::move(parts)), leader_key_(parts_.prefix + kLeader), thread_([this] { run(); }) {}

Leadership::~Leadership() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

ElapsedTime Leadership::lastsUntil() const {
  return {lasts_until_ns_.load()};
}

void Leadership::giveUp(const std::string& why, Duration pause) {
  lasts_until_ns_ = 0;
  {
    const std::lock_guard lock(mutex_);
    given_up_ = why;
    stand_at_ = parts_.clock.elapsed() + pause;
  }
  wake_.notify_all();
}

void Leadership::depose() {
  {
    const std::lock_guard lock(mutex_);
    depose_ = true;
  }
  wake_.notify_all();
}

void Leadership::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    step();
    lock.lock();
    if (!ending_ && !given_up_ && !depose_) wake_.wait_for(lock, kLookEvery);
  }
  lock.unlock();
  lasts_until_ns_ = 0;
  dropLease();
}

void Leadership::dropLease() {
  if (lease_) old_lease_ = std::exchange(lease_, std::nullopt);
  if (!old_lease_) return;
  const Status gone = parts_.client.revoke(*old_lease_, kCallTimeout);
  if (gone || gone.code() == Code::kNotFound) old_lease_.reset();
}

void Leadership::step() {
  std::optional<std::string> given_up;
  bool depose = false;
  {
    const std::lock_guard lock(mutex_);
    given_up = std::exchange(given_up_, std::nullopt);
    depose = std::exchange(depose_, false);
  }
  if (given_up && term_) lose(*given_up);
  if (lease_ && parts_.clock.elapsed() >= lease_until_) {
    lose("etcd has not answered for as long as the lease lasts");
  }
  lease_ ? keepLease() : takeLease();
  if (!lease_) return;
  if (depose && !term_) removeLeader();
  term_ ? look() : stand();
}

void Leadership::takeLease() {
  dropLease();
  const ElapsedTime asked = parts_.clock.elapsed();
  const auto lease = parts_.client.grant(parts_.ttl, kCallTimeout);
  if (!lease) return tellHealth(lease.status());
  lease_ = lease->id;
  lease_until_ = asked + lease->ttl;
  renew_at_ = asked + lease->ttl / 3;
  Transaction enter;
  enter.then = {Op::put(parts_.prefix + kParticipants + parts_.name, parts_.about, *lease_)};
  const auto entered = parts_.client.transact(enter, kCallTimeout);
  if (entered) return;
  tellHealth(entered.status());
  dropLease();
}

void Leadership::keepLease() {
  const ElapsedTime asked = parts_.clock.elapsed();
  if (asked < renew_at_) return;
  const auto kept = parts_.client.keepAlive(*lease_, std::min(kCallTimeout, lease_until_ - asked));
  if (kept) {
    lease_until_ = asked + *kept;
    renew_at_ = asked + *kept / 3;
    if (term_) lasts_until_ns_ = lease_until_.ns;
    return;
  }
  tellHealth(kept.status());
  if (kept.status().code() == Code::kNotFound) lose("etcd has ended the lease");
}

// Makes the key if there is none, and learns whose it is if there is.
void Leadership::stand() {
  bool may = false;
  {
    const std::lock_guard lock(mutex_);
    may = parts_.clock.elapsed() >= stand_at_;
  }
  Transaction claim;
  // Where it may not stand, an expectation that no key meets.
  claim.expects = {{leader_key_, may ? 0 : -1, std::nullopt}};
  claim.then = {Op::put(leader_key_, parts_.about, *lease_), Op::get(leader_key_)};
  claim.otherwise = {Op::get(leader_key_)};
  const auto outcome = parts_.client.transact(claim, kCallTimeout);
  if (!outcome) return tellHealth(outcome.status());  // if it was made after all, look() finds it
  tellHealth(Status::ok());
  const KeyValue* key = outcome->found.empty() ? nullptr : &outcome->found.front();
  tellLeader(key == nullptr ? "" : key->value);
  others_term_.reset();
  if (key == nullptr) return;
  if (!outcome->held && key->lease != *lease_) {
    others_term_ = Term{leader_key_, key->create_revision};
    // Of a lease that is given up, or of a process that has ended: its address answers for this one
    // now, so nobody else would find that nobody leads before that lease runs out.
    if (parts_.own(key->value)) removeLeader();
    return;
  }
  if (!may) return;
  term_ = Term{leader_key_, key->create_revision};
  lasts_until_ns_ = lease_until_.ns;
  post([this, term = *term_] { parts_.won(term); });
}

// Of the term that was seen: one that began since has a chance of its own.
void Leadership::removeLeader() {
  if (!others_term_) return;
  Transaction remove;
  remove.expects = {{leader_key_, others_term_->create_revision, std::nullopt}};
  remove.then = {Op::erase(leader_key_)};
  const auto outcome = parts_.client.transact(remove, kCallTimeout);
  if (!outcome) tellHealth(outcome.status());
}

// Whether the key is still there.
void Leadership::look() {
  Transaction look;
  look.expects = {{leader_key_, term_->create_revision, std::nullopt}};
  look.then = look.otherwise = {Op::get(leader_key_)};
  const auto outcome = parts_.client.transact(look, kCallTimeout);
  if (!outcome) return tellHealth(outcome.status());
  tellHealth(Status::ok());
  if (!outcome->held) return lose("the leader's key in etcd is gone");
  if (parts_.clock.elapsed() >= count_at_) countParticipants();
}

void Leadership::countParticipants() {
  count_at_ = parts_.clock.elapsed() + kCountEvery;
  const std::string folder = parts_.prefix + kParticipants;
  auto found = parts_.client.list(folder, kCallTimeout);
  if (!found) return tellHealth(found.status());
  std::map<std::string, std::string> now;
  for (KeyValue& kv : *found) now[kv.key.substr(folder.size())] = std::move(kv.value);
  if (now == told_participants_) return;
  told_participants_ = now;
  post([this, now] { parts_.participants(now); });
}

void Leadership::lose(const std::string& why) {
  lasts_until_ns_ = 0;
  dropLease();
  told_leader_.reset();
  told_participants_.clear();
  if (!term_) return;
  term_.reset();
  post([this, why] { parts_.lost(why); });
}

void Leadership::tellLeader(const std::string& about) {
  if (told_leader_ == about) return;
  told_leader_ = about;
  post([this, about] { parts_.leader(about); });
}

void Leadership::tellHealth(const Status& status) {
  if (told_health_ == status.text()) return;
  told_health_ = status.text();
  post([this, status] { parts_.health(status); });
}

void Leadership::post(std::function<void()> what) {
  parts_.post([what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

}  // namespace muster::etcd
