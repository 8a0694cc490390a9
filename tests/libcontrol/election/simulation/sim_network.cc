// The way of a stanza, requests and their answers, connections.
#include "tests/libcontrol/election/simulation/sim_network.h"

#include <algorithm>

#include "tests/libcontrol/election/simulation/sim_coordinators.h"

namespace muster::election {
namespace {

constexpr size_t kOldStanzas = 24;
constexpr Duration kOrdinaryDelay = Duration::millis(21);

template <typename T>
void keep(std::deque<T>& old, T stanza) {
  if (old.size() >= kOldStanzas) old.pop_front();
  old.push_back(std::move(stanza));
}

}  // namespace

void Network::transmit(Fate& fate, bool cut, bool to_coordinator, Action deliver) {
  int copies = 1;
  if (run_.stormy) {
    if (cut) return;
    if (fate.mishap(run_.profile.loss)) return run_.note(Fault::kLoss);
    if (fate.mishap(run_.profile.duplicate)) {
      run_.note(Fault::kDuplicate);
      copies = 2;
    }
  }
  const uint64_t sequence = ++sent_;
  for (; copies > 0; --copies) {
    Duration delay{static_cast<int64_t>(500'000 + fate.below(20'000'000))};
    if (fate.mishap(run_.profile.long_delay)) {
      run_.note(Fault::kLongDelay);
      delay = fate.millis(300, 9000);
    }
    run_.agenda.after(delay, [this, deliver, sequence, to_coordinator, server = server_life_,
                              late = delay > kOrdinaryDelay] {
      if (server != server_life_ || (late && !run_.stormy)) return;
      uint64_t& latest = latest_delivered_[to_coordinator ? 1 : 0];
      if (sequence < latest) run_.note(Fault::kReorder);
      latest = std::max(latest, sequence);
      deliver();
    });
  }
}

const GroupRecord& Network::disk() const {
  return coordinators_->disk();
}

void Network::toCoordinator(SimNode& node, group::Event stanza, SimCoordinator* to) {
  if (!node.process.linked) return;
  if (fate_.mishap(0.2)) keep(old_stanzas_, stanza);
  transmit(node.wire, node.mute, true, [this, to, stanza = std::move(stanza)] {
    (to ? *to : coordinators_->leading()).receive(stanza);
  });
}

void Network::toNode(const SimCoordinator& from, const Jid& full,
                     std::function<void(SimNode&)> handle, Action bounced) {
  if (!from.process.linked) return;
  bool found = ghosts_.contains(full);
  for (const auto& entry : nodes_) {
    SimNode& node = *entry;
    const bool there = node.process.up && (node.process.linked || node.hibernating);
    if (!there || node.full() != full) continue;
    found = true;
    transmit(node.wire, node.deaf, false, [this, &node, handle, link = node.process.link] {
      if (node.hibernating && node.process.link == link) {
        node.held.push_back([this, &node, link, handle] { deliver(node, link, handle); });
      } else {
        deliver(node, link, handle);
      }
    });
  }
  if (!found && bounced) transmit(fate_, false, true, std::move(bounced));
}

void Network::deliver(SimNode& node, uint64_t link, const std::function<void(SimNode&)>& handle) {
  node.process.run([&node, link, handle] {
    if (node.process.link == link) handle(node);
  });
}

// --- requests and answers ---------------------------------------------------------------------

ReplyToken Network::remember(SimNode& node, uint64_t epoch, uint64_t nonce) {
  Asked asked;
  asked.node = &node;
  asked.full = node.full();
  asked.holder = node.holder();
  asked.sent = node.process.clock.at(run_.now());
  asked.epoch = epoch;
  asked.nonce = nonce;
  asked_.push_back(std::move(asked));
  return asked_.size();
}

void Network::ask(SimNode& node, const Acquire& message) {
  const ReplyToken token = remember(node, message.epoch, message.request_nonce);
  asked_.back().offer_nonce = message.offer_nonce;
  request(node, group::AcquireReceived{node.full(), token, message});
}

void Network::ask(SimNode& node, const Renew& message) {
  const ReplyToken token = remember(node, message.epoch, message.request_nonce);
  request(node, group::RenewReceived{node.full(), token, message});
}

void Network::request(SimNode& node, group::Event stanza) {
  const std::vector<Jid> to = node.addresses.ask();
  asked_.back().alone = to.size() == 1;
  asked_.back().stanza = stanza;
  for (const Jid& address : to) toCoordinator(node, stanza, &coordinators_->at(address));
}

// Then the others are asked the very same.
void Network::notLeading(SimCoordinator& from, ReplyToken token) {
  if (token == 0 || asked_.at(token - 1).node == nullptr) return;
  run_.note(Fault::kStandbyAsked);
  if (!std::exchange(asked_.at(token - 1).alone, false)) return;
  toNode(from, asked_.at(token - 1).full, [this, token, address = from.address](SimNode& node) {
    for (const Jid& other : node.addresses.askInstead(address)) {
      toCoordinator(node, *asked_.at(token - 1).stanza, &coordinators_->at(other));
    }
  });
}

void Network::coordinatorReplies(SimCoordinator& from, const group::Reply& reply) {
  if (reply.token == 0) return;
  const Asked& asked = asked_.at(reply.token - 1);
  if (asked.node == nullptr) return;
  if (const auto* message = std::get_if<Granted>(&reply.message)) granted(from, asked, *message);
  if (const auto* message = std::get_if<Denied>(&reply.message)) denied(from, asked, *message);
}

void Network::witness(const group::Reply& reply) {
  const auto* granted = std::get_if<Granted>(&reply.message);
  if (reply.token == 0 || granted == nullptr) return;
  const Granted& message = *granted;
  const Asked& asked = asked_.at(reply.token - 1);
  if (asked.node == nullptr) return run_.fail("a forged request was granted");
  if (message.request_nonce != asked.nonce) return run_.fail("a grant bears another's nonce");
  run_.invariants.justified(disk(), message, {asked.holder, asked.epoch, asked.offer_nonce});
  const bool lives = asked.node->process.up && asked.node->instance() == asked.holder.instance;
  const ElapsedTime until =
      lives ? asked.node->leaseUntil(message.epoch, asked.sent + message.lease_ttl) : run_.now();
  run_.invariants.granted(asked.holder, message.epoch, run_.now(), until);
  if (last_holder_ != asked.holder) {
    if (last_holder_) ++run_.result.failovers;
    last_holder_ = asked.holder;
  }
}

void Network::granted(const SimCoordinator& from, const Asked& asked, const Granted& message) {
  if (fate_.mishap(0.2)) keep(old_demands_, {asked.full, node::GrantedReceived{message}});
  toNode(from, asked.full, [message, address = from.address](SimNode& node) {
    node.addresses.leads(address);
    node.give(node::GrantedReceived{message});
  });
  run_.moment(fate_);
}

void Network::denied(const SimCoordinator& from, const Asked& asked, const Denied& message) {
  const GroupRecord& record = disk();
  if (record.phase == Phase::kDraining && record.epoch == asked.epoch &&
      record.instance == asked.holder.instance) {
    run_.note(Fault::kDrainOverdue);
  }
  if (run_.recording()) run_.say(from.name + " denies " + asked.node->name + ": " + message.reason);
  toNode(from, asked.full, [message, address = from.address](SimNode& node) {
    node.addresses.leads(address);
    node.denied(message);
  });
}

ReplyToken Network::demand(SimCoordinator& from, Id128 offer_nonce) {
  demands_.push_back({&from, from.process.link, offer_nonce});
  return demands_.size();
}

void Network::sendOffer(SimCoordinator& from, const group::SendOffer& offer) {
  const ReplyToken token = demand(from, offer.message.offer_nonce);
  const node::OfferReceived event{token, offer.message};
  keep(old_demands_, {offer.to, event});
  toNode(
      from, offer.to,
      [event, address = from.address](SimNode& node) {
        node.addresses.leads(address);
        node.give(event);
      },
      // Nobody there, says the server in the target's name.
      [this, &from, to = offer.to, nonce = offer.message.offer_nonce, link = from.process.link] {
        if (from.process.link != link) return;
        run_.note(Fault::kBounce);
        declined_.push_back(nonce);
        from.receive(group::OfferDeclined{to, nonce, {}});
      });
  run_.moment(fate_);
}

void Network::sendDrain(SimCoordinator& from, const group::SendDrain& drain) {
  last_demand_nonce_ = drain.message.demand_nonce;
  const node::DrainReceived event{demand(from, {}), drain.message};
  keep(old_demands_, {drain.to, event});
  toNode(from, drain.to, [event](SimNode& node) { node.give(event); });
  run_.moment(fate_);
}

void Network::sendQuery(SimCoordinator& from, const group::SendQuery& query) {
  toNode(from, query.to, [this, &from](SimNode& node) {
    toCoordinator(node, group::QueryAnswered{node.full()}, &from);
  });
}

void Network::askPromise(SimNode& node, const node::AskPromise& ask) {
  Demand demand;
  demand.asker = &node;
  demand.link = node.process.link;
  demands_.push_back(demand);
  const node::PromiseAsked event{demands_.size(), ask.message};
  for (const auto& entry : nodes_) {
    if (entry->process.up && entry->full() == ask.to) {
      betweenNodes(node, *entry, [event](SimNode& other) { other.give(event); });
    }
  }
}

void Network::betweenNodes(SimNode& from, SimNode& to, std::function<void(SimNode&)> handle) {
  if (!from.process.linked || !to.process.linked) return;
  const bool cut = from.alone || to.alone;
  transmit(from.wire, cut, false,
           [this, &to, link = to.process.link, handle] { deliver(to, link, handle); });
}

void Network::nodeReplies(SimNode& node, const node::Reply& reply) {
  const Demand& demand = demands_.at(reply.token - 1);
  if (demand.asker != nullptr) {
    const auto* promised = std::get_if<Promised>(&reply.message);
    run_.note(promised ? Fault::kPromiseGiven : Fault::kPromiseRefused);
    node::Event event = node::PromiseRefused{node.full(), {}};
    if (promised) event = node::PromiseGiven{node.full(), *promised};
    if (const auto* denied = std::get_if<Denied>(&reply.message)) {
      event = node::PromiseRefused{node.full(), *denied};
    }
    if (demand.asker->process.link != demand.link) return;
    return betweenNodes(node, *demand.asker, [event](SimNode& asker) { asker.give(event); });
  }
  group::Event event = group::OfferAccepted{node.full(), demand.offer_nonce};
  if (const auto* drained = std::get_if<Drained>(&reply.message)) {
    if (run_.recording()) run_.say(node.name + " has drained " + std::to_string(drained->epoch));
    given_up_.push_back({node.holder(), drained->epoch});
    event = group::DrainedReceived{node.full(), *drained};
  } else if (const auto* denied = std::get_if<Denied>(&reply.message)) {
    if (run_.recording()) run_.say(node.name + " declines: " + denied->reason);
    run_.note(Fault::kDeclined);
    if (denied->retry_after > Duration{}) run_.note(Fault::kPromiseStands);
    declined_.push_back(demand.offer_nonce);
    event = group::OfferDeclined{node.full(), demand.offer_nonce, *denied};
  }
  // Who has connected anew doesn't know the request that this answers.
  if (demand.from != nullptr && demand.from->process.link == demand.link) {
    toCoordinator(node, event, demand.from);
  }
}

void Network::release(SimNode& node, const Release& message) {
  given_up_.push_back({node.holder(), message.epoch});
  toCoordinator(node, group::ReleaseReceived{node.full(), 0, message},
                &coordinators_->at(node.addresses.leader()));
}

bool Network::gaveUp(const GroupRecord& record) const {
  const std::pair<Holder, uint64_t> lease{{record.jid, record.instance}, record.epoch};
  const auto among = [](const auto& all, const auto& one) {
    return std::find(all.rbegin(), all.rend(), one) != all.rend();
  };
  return among(given_up_, lease) ||
         (record.phase == Phase::kOffered && among(declined_, record.offer_nonce));
}

void Network::sendPresence(SimNode& node) {
  toCoordinator(node, node.presence());
}

// --- connections ------------------------------------------------------------------------------

void Network::login(SimNode& node) {
  if (!node.process.up || node.process.linked) return;
  if (run_.now() < server_up_at_) return reconnectAfter(node, server_up_at_ - run_.now());
  node.process.linked = true;
  node.give(node::LinkUp{});
  sendPresence(node);
}

void Network::reconnectAfter(SimNode& node, Duration down) {
  run_.agenda.after(down, [this, &node, life = node.process.life, link = node.process.link] {
    node.process.run([this, &node, life, link] {
      if (node.process.life == life && node.process.link == link) login(node);
    });
  });
}

void Network::cutLink(SimNode& node) {
  node.process.linked = node.hibernating = false;
  node.held.clear();
  ++node.process.link;
  node.give(node::LinkDown{});
}

void Network::dropLink(SimNode& node, Duration down) {
  run_.note(Fault::kLinkDrop);
  run_.say(node.name + " loses its connection");
  cutLink(node);
  if (fate_.chance(0.5)) {
    unavailable(node.full(), fate_.mishap(0.3) ? fate_.millis(500, 8000) : fate_.millis(5, 100));
  }
  reconnectAfter(node, down);
}

void Network::hibernate(SimNode& node, Duration down) {
  if (!node.process.linked) return;
  run_.say(node.name + "'s session hibernates");
  node.process.linked = false;
  node.hibernating = true;
  node.give(node::LinkDown{});
  run_.agenda.after(down, [this, &node, life = node.process.life, link = node.process.link] {
    node.process.run([this, &node, life, link] {
      if (node.process.life == life && node.process.link == link && node.hibernating) resume(node);
    });
  });
}

void Network::resume(SimNode& node) {
  if (!node.held.empty()) run_.note(Fault::kResumed);
  node.hibernating = false;
  node.process.linked = true;
  node.give(node::LinkUp{});
  for (const Action& deliver : std::exchange(node.held, {})) deliver();
  sendPresence(node);
}

void Network::restartServer(Duration down) {
  run_.note(Fault::kServerRestart);
  run_.say("the server restarts");
  ++server_life_;
  server_up_at_ = run_.now() + down;
  ghosts_.clear();
  for (const auto& node : nodes_) {
    if (!node->process.up || !(node->process.linked || node->hibernating)) continue;
    cutLink(*node);
    reconnectAfter(*node, down + fate_.millis(0, 3000));
  }
  for (const auto& coordinator : coordinators_->all) {
    coordinator->loseLink(down + fate_.millis(0, 2000));
  }
}

void Network::processGone(SimNode& node) {
  const bool there = node.process.linked || node.hibernating;
  node.hibernating = false;
  node.held.clear();
  // Of a session whose end nobody had noticed it is noticed at last.
  if (!there || !fate_.mishap(0.4)) return unavailable(node.full(), fate_.millis(5, 100));
  run_.note(Fault::kGhostPresence);
  ghosts_[node.full()] = node.presence();
  unavailable(node.full(), fate_.millis(1000, 10000));
}

// The server's word that a session ended, which may come late.
void Network::unavailable(const Jid& full, Duration delay) {
  run_.agenda.after(delay, [this, full, server = server_life_] {
    if (server != server_life_) return;
    ghosts_.erase(full);
    for (const auto& node : nodes_) {
      if (node->process.linked && node->full() == full) run_.note(Fault::kLateGone);
    }
    coordinators_->leading().receive(group::MemberGone{full});
  });
}

void Network::probe() {
  for (const auto& node : nodes_) {
    if (node->process.up && node->process.linked) sendPresence(*node);
  }
  for (const auto& [full, facts] : ghosts_) coordinators_->leading().receive(facts);
}

}  // namespace muster::election
