#include "libcontrol/election/invariants.h"

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

void Invariants::recordWritten(const GroupRecord& before, const GroupRecord& after) {
  const std::string wrong = wrongTransition(before, after);
  if (wrong.empty()) return;
  fail(wrong + ": " + phaseName(before.phase) + " at epoch " + std::to_string(before.epoch) +
       " (highest " + std::to_string(before.highest_epoch) + ") to " + phaseName(after.phase) +
       " at epoch " + std::to_string(after.epoch));
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

const Holder* Invariants::otherInForce(const Holder& holder, ElapsedTime now) const {
  for (const auto& [key, lease] : leases_) {
    if (key.first != holder && !lease.given_up && now < lease.until) return &key.first;
  }
  return nullptr;
}

void Invariants::offered(const Holder& target, uint64_t epoch, ElapsedTime now) {
  if (const Holder* other = otherInForce(target, now)) {
    fail("epoch " + std::to_string(epoch) + " is offered to " + named(target) +
         " while a lease of " + named(*other) + " can be in force");
  }
}

void Invariants::granted(const Holder& holder, uint64_t epoch, ElapsedTime now, ElapsedTime until) {
  const auto [owner, first] = holder_of_.emplace(epoch, holder);
  if (!first && owner->second != holder) {
    fail("epoch " + std::to_string(epoch) + " has two holders: " + named(owner->second) + " and " +
         named(holder));
  }
  if (const Holder* other = otherInForce(holder, now)) {
    fail("epoch " + std::to_string(epoch) + " is granted to " + named(holder) +
         " while a lease of " + named(*other) + " can be in force");
  }
  Lease& lease = leases_[{holder, epoch}];
  if (until > lease.until) lease.until = until;
  if (gone_.contains(holder)) lease.given_up = true;  // the request outlived its process
}

void Invariants::givenUp(const Holder& holder, uint64_t epoch) {
  leases_[{holder, epoch}].given_up = true;
}

void Invariants::processGone(const Holder& holder) {
  gone_.insert(holder);
  for (auto& [key, lease] : leases_) {
    if (key.first == holder) lease.given_up = true;
  }
}

void Invariants::used(const Holder& holder, uint64_t epoch, ElapsedTime now) {
  const std::string what = named(holder) + " acts under epoch " + std::to_string(epoch);
  const auto lease = leases_.find({holder, epoch});
  if (lease == leases_.end()) {
    fail(what + ", which it was never granted");
  } else if (lease->second.given_up) {
    fail(what + ", which it has given up");
  } else if (now >= lease->second.until) {
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
