// Stanzas that are old or not what they claim to be. The server stamps who sent them, so a forger
// can use any content but never somebody else's address.
#include "tests/libcontrol/election/simulation/sim_coordinators.h"
#include "tests/libcontrol/election/simulation/sim_network.h"

namespace muster::election {
namespace {

constexpr uint64_t kPlausibleJump = 1000;

}  // namespace

void Network::falseGone(SimNode& node) {
  if (!node.process.linked) return;
  run_.note(Fault::kFalseGone);
  if (run_.recording()) run_.say("the server calls " + node.name + " unavailable");
  coordinators_->leading().receive(group::MemberGone{node.full()});
}

void Network::replay() {
  if (!old_stanzas_.empty()) {
    run_.note(Fault::kReplay);
    coordinators_->leading().receive(run_.dice.pick(old_stanzas_));
  }
  if (old_demands_.empty()) return;
  auto [full, event] = run_.dice.pick(old_demands_);
  // The coordinator has forgotten that it ever asked this.
  demands_.push_back({});
  if (auto* offer = std::get_if<node::OfferReceived>(&event)) offer->token = demands_.size();
  if (auto* drain = std::get_if<node::DrainReceived>(&event)) drain->token = demands_.size();
  toNode(coordinators_->leading(), full, [event = event](SimNode& node) { node.give(event); });
}

void Network::forgeToCoordinator() {
  const GroupRecord& record = disk();
  GroupRecord claims = record;
  asked_.emplace_back();
  const ReplyToken token = asked_.size();
  if (record.phase == Phase::kVacant) claims.instance = Id128::make(run_.nonces);
  const uint64_t who = run_.dice.below(4);
  Jid from = Jid::parse("mallory@example.org/home").value();
  if (who == 0) {
    run_.note(Fault::kForgedStranger);
    return coordinators_->leading().receive(forgery(from, claims, token));
  }
  run_.note(Fault::kForgedMember);
  SimNode& other = *run_.dice.pick(nodes_);
  from = other.bare.withResource("node-00000000");
  if (other.bare == record.jid || record.phase == Phase::kVacant) {
    // The holder's own account, so something else must be wrong.
    if (who == 1) claims.instance = Id128::make(run_.nonces);
    if (who == 2) claims.epoch -= claims.epoch > 0 ? 1 : 0;
    // The nonce may have been overheard, but not by the right process.
    const bool overheard = who == 1 && run_.dice.chance(0.5);
    if (!overheard) claims.offer_nonce = Id128::make(run_.nonces);
    if (overheard || who == 3) {
      const Acquire acquire{claims.group, claims.epoch, claims.offer_nonce, claims.instance, 1};
      return coordinators_->leading().receive(group::AcquireReceived{from, token, acquire});
    }
  }
  coordinators_->leading().receive(forgery(from, claims, token));
}

group::Event Network::forgery(const Jid& from, const GroupRecord& claims, ReplyToken token) {
  const uint64_t nonce = run_.nonces.next();
  switch (run_.dice.below(8)) {
    case 0:
      return group::AcquireReceived{
          from, token,
          Acquire{claims.group, claims.epoch, claims.offer_nonce, claims.instance, nonce}};
    case 1:
      return group::RenewReceived{from, token,
                                  Renew{claims.group, claims.epoch, claims.instance, nonce}};
    case 2:
    case 3:
      return group::ReleaseReceived{from, token,
                                    Release{claims.group, claims.epoch, claims.instance}};
    case 4:
    case 5:
      return group::DrainedReceived{from,
                                    Drained{claims.epoch, claims.instance, last_demand_nonce_}};
    case 6:
      return group::OfferDeclined{from, claims.offer_nonce, Denied{0, "no, thanks", 0}};
    default:
      return group::QueryAnswered{from};
  }
}

// What only the coordinator's address can send, but late, or for somebody else. Nobody gives a
// lease up for that.
void Network::forgeToNode(SimNode& node) {
  if (!node.process.up) return;
  run_.note(Fault::kForgedToNode);
  const uint64_t held = node.usableEpoch();
  const uint64_t life = node.process.life;
  const bool at_once = !node.process.paused && !node.process.busy;
  node.give(demandForgery(node));
  if (!at_once || held == 0 || node.process.life != life || node.usableEpoch() == held) return;
  run_.fail(node.name + " gives its lease up for a forged demand");
}

node::Event Network::demandForgery(const SimNode& node) {
  const GroupRecord& record = disk();
  demands_.push_back({});
  const ReplyToken token = demands_.size();
  const uint64_t nonce = run_.nonces.next();
  const Duration ttl = run_.config.lease_ttl;
  const Id128 id = Id128::make(run_.nonces);
  switch (run_.dice.below(5)) {
    case 0:
      return node::DrainReceived{token, Drain{record.group, record.epoch, id, nonce}};
    case 1:
      return node::DrainReceived{token, Drain{"another", record.epoch, node.instance(), nonce}};
    case 2:
      return node::GrantedReceived{Granted{record.epoch, ttl, nonce, false}};
    case 3:
      return node::DeniedReceived{Denied{nonce, "no", record.epoch}};
    default:
      return node::OfferReceived{token, Offer{record.group, node.diskEpoch(), ttl, id}};
  }
}

// A node whose disk was damaged says that it has seen an epoch that never was.
void Network::reportEpoch(SimNode& node, bool plausible) {
  if (!node.process.linked) return;
  run_.note(plausible ? Fault::kFalseEpoch : Fault::kPoisonedEpoch);
  group::MemberPresent presence = node.presence();
  presence.highest_epoch =
      disk().highest_epoch + (plausible ? 1 + run_.dice.below(kPlausibleJump)
                                        : limits::kMaxEpochJump + 1 + run_.dice.below(1 << 20));
  coordinators_->leading().receive(presence);
}

}  // namespace muster::election
