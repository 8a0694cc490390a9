#include "libcontrol/election/invariants.h"

#include <algorithm>

namespace muster::election {
namespace {

std::string named(const Holder& holder) {
  return holder.jid.toString() + "/" + nodeResource(holder.instance);
}

// Empty if `after` may follow `before` on disk. A write may skip phases in between, as long as
// nothing was sent in them.
std::string wrongTransition(const GroupRecord& before, const GroupRecord& after) {
  if (after.epoch < before.epoch) return "the durable epoch decreased";
  if (after.highest_epoch < before.highest_epoch) return "the durable highest epoch decreased";
  if (after.highest_epoch < after.epoch) return "the highest epoch is below the epoch";
  if (after.phase == Phase::kVacant) {
    return after.jid.isEmpty() ? "" : "a vacant record names a holder";
  }
  if (after.jid.isEmpty() || after.instance.isNull() || after.offer_nonce.isNull() ||
      after.lease_ttl <= Duration{}) {
    return "a record that is not vacant lacks holder, instance, nonce or length";
  }
  const bool same = after.epoch == before.epoch && after.jid == before.jid &&
                    after.instance == before.instance && after.offer_nonce == before.offer_nonce;
  switch (after.phase) {
    case Phase::kOffered:
      if (same && before.phase == Phase::kOffered) return "";
      return after.epoch > before.highest_epoch ? "" : "an offer reuses an epoch";
    case Phase::kActive:
      return same && before.phase != Phase::kVacant && before.phase != Phase::kDraining
                 ? ""
                 : "a record became ACTIVE that was not offered to that holder";
    case Phase::kDraining:
      return same && before.phase != Phase::kVacant
                 ? ""
                 : "a record became DRAINING that was not that holder's";
    case Phase::kVacant:
      break;
  }
  return "";
}

}  // namespace

void Invariants::fail(std::string text) {
  if (violation_.empty()) violation_ = std::move(text);
}

void Invariants::overlap(std::string text) {
  if (clocks_broken_) {
    ++overlaps_;
  } else {
    fail(std::move(text));
  }
}

void Invariants::recordWritten(const GroupRecord& before, const GroupRecord& after) {
  const std::string wrong = wrongTransition(before, after);
  if (wrong.empty()) return;
  fail(wrong + ": " + phaseName(before.phase) + " at epoch " + std::to_string(before.epoch) +
       " (highest " + std::to_string(before.highest_epoch) + ") to " + phaseName(after.phase) +
       " at epoch " + std::to_string(after.epoch));
}

void Invariants::storeReplaced() {
  store_replaced_ = true;
  holder_of_.clear();
}

void Invariants::nodeEpochWritten(const std::string& node, uint64_t before, uint64_t after) {
  if (after >= before) return;
  fail("the epoch on the disk of " + node + " decreased from " + std::to_string(before) + " to " +
       std::to_string(after));
}

void Invariants::acquiring(const std::string& node, uint64_t epoch, uint64_t on_disk) {
  if (on_disk >= epoch) return;
  fail(node + " asks for epoch " + std::to_string(epoch) + ", but its disk knows only " +
       std::to_string(on_disk));
}

const Holder* Invariants::otherInForce(const Holder& holder, ElapsedTime now,
                                       bool by_promises) const {
  for (const auto& [key, lease] : leases_) {
    if (key.first == holder || lease.given_up) continue;
    if (now < lease.until || (by_promises && now < lease.promised_until)) return &key.first;
  }
  return nullptr;
}

void Invariants::offered(const Holder& target, uint64_t epoch, ElapsedTime now) {
  if (const Holder* other = otherInForce(target, now, false)) {
    overlap("epoch " + std::to_string(epoch) + " is offered to " + named(target) +
            " while a lease of " + named(*other) + " can be in force");
  }
}

void Invariants::granted(const Holder& holder, uint64_t epoch, ElapsedTime now, ElapsedTime until) {
  const auto [owner, first] = holder_of_.emplace(epoch, holder);
  if (!first && owner->second != holder) {
    fail("epoch " + std::to_string(epoch) + " has two holders: " + named(owner->second) + " and " +
         named(holder));
  }
  const bool over = store_replaced_ && until <= now;
  if (const Holder* other = over ? nullptr : otherInForce(holder, now, true)) {
    overlap("epoch " + std::to_string(epoch) + " is granted to " + named(holder) +
            " while a lease of " + named(*other) + " can be in force");
  }
  Lease& lease = leases_[{holder, epoch}];
  if (until > lease.until) lease.until = until;
  if (gone_.contains(holder)) lease.given_up = true;  // the request outlived its process
}

void Invariants::promised(const Holder& holder, uint64_t epoch, ElapsedTime until) {
  Lease& lease = leases_[{holder, epoch}];
  lease.promised_until = std::max(lease.promised_until, until);
}

void Invariants::givenUp(const Holder& holder, uint64_t epoch, bool still_runs) {
  if (still_runs) {
    fail(named(holder) + " gives epoch " + std::to_string(epoch) + " up and its application runs");
  }
  leases_[{holder, epoch}].given_up = true;
}

void Invariants::processGone(const Holder& holder) {
  gone_.insert(holder);
  for (auto& [key, lease] : leases_) {
    if (key.first == holder) lease.given_up = true;
  }
}

void Invariants::leaseEndMoved(const Holder& holder, uint64_t epoch, ElapsedTime until,
                               ElapsedTime promised_until) {
  const auto lease = leases_.find({holder, epoch});
  if (lease == leases_.end()) return;
  lease->second.until = until;
  lease->second.promised_until = promised_until;
}

void Invariants::justified(const GroupRecord& on_disk, const Granted& grant,
                           const SentRequest& request) {
  const std::string what =
      "epoch " + std::to_string(grant.epoch) + " is granted to " + named(request.holder);
  const bool held = on_disk.phase == Phase::kActive || on_disk.phase == Phase::kDraining;
  if (!held || on_disk.epoch != grant.epoch || on_disk.jid != request.holder.jid ||
      on_disk.instance != request.holder.instance || on_disk.lease_ttl != grant.lease_ttl) {
    fail(what + ", but the record is " + phaseName(on_disk.phase) + " at epoch " +
         std::to_string(on_disk.epoch));
  }
  if (request.epoch != grant.epoch) fail(what + ", which asked for another");
  if (request.offer_nonce && *request.offer_nonce != on_disk.offer_nonce) {
    fail(what + " under the nonce of another offer");
  }
  if (grant.draining && on_disk.phase != Phase::kDraining) {
    fail(what + " and is told to stop without a reason");
  }
}

void Invariants::offerJustified(const GroupRecord& on_disk, const Offer& offer, const Jid& to) {
  if (on_disk.phase == Phase::kOffered && on_disk.epoch == offer.epoch &&
      on_disk.offer_nonce == offer.offer_nonce && on_disk.lease_ttl == offer.lease_ttl &&
      on_disk.jid == to.bare()) {
    return;
  }
  fail("epoch " + std::to_string(offer.epoch) + " is offered to " + to.toString() +
       " and that is not on the disk");
}

void Invariants::drainJustified(const GroupRecord& on_disk, const Drain& drain, const Jid& to) {
  if (on_disk.phase == Phase::kDraining && on_disk.epoch == drain.epoch &&
      on_disk.instance == drain.instance && on_disk.jid == to.bare()) {
    return;
  }
  fail(to.toString() + " is told to stop under epoch " + std::to_string(drain.epoch) +
       " and that is not on the disk");
}

void Invariants::vacated(const GroupRecord& before, const Grounds& grounds, ElapsedTime now) {
  const Holder holder{before.jid, before.instance};
  const std::string what = "epoch " + std::to_string(before.epoch) + " of " + named(holder);
  const auto lease = leases_.find({holder, before.epoch});
  const bool granted = lease != leases_.end();
  if (granted && !lease->second.given_up && now < lease->second.until) {
    overlap(what + " counts as vacant while its lease can be in force");
  }
  const bool lapsed =
      before.phase == Phase::kOffered && (grounds.offer_lapsed || grounds.offer_withdrawn);
  if (!grounds.said_so && !grounds.fenced && !grounds.waited && !lapsed) {
    fail(what + " counts as vacant without a reason");
  }
}

void Invariants::asking(const Holder& holder, uint64_t epoch) {
  const auto lease = leases_.find({holder, epoch});
  if (lease == leases_.end() || !lease->second.given_up) return;
  fail(named(holder) + " asks for epoch " + std::to_string(epoch) + ", which it has given up");
}

void Invariants::published(const Holder& holder, ElapsedTime use_until, ElapsedTime end,
                           Duration ttl) {
  const Duration guard = std::max(ttl / 10, Duration::millis(100));
  if (end - use_until >= guard) return;
  fail(named(holder) + " uses its lease to less than the guard before its end");
}

void Invariants::used(const Holder& holder, uint64_t epoch, ElapsedTime now) {
  const std::string what = named(holder) + " acts under epoch " + std::to_string(epoch);
  const auto lease = leases_.find({holder, epoch});
  if (lease == leases_.end()) {
    fail(what + ", which it was never granted");
  } else if (lease->second.given_up) {
    fail(what + ", which it has given up");
  } else if (now >= std::max(lease->second.until, lease->second.promised_until)) {
    fail(what + ", which is over");
  }
}

void Invariants::accepted(const Holder& holder, uint64_t epoch) {
  const std::string what =
      "the resource let " + named(holder) + " pass with epoch " + std::to_string(epoch);
  if (epoch < resource_epoch_) {
    fail(what + " after epoch " + std::to_string(resource_epoch_));
  } else if (epoch == resource_epoch_ && holder.instance != resource_instance_) {
    fail(what + " although another process came with it first");
  }
  resource_epoch_ = epoch;
  resource_instance_ = holder.instance;
}

}  // namespace muster::election
