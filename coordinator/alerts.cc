#include "coordinator/alerts.h"

#include <algorithm>
#include <utility>

#include "coordinator/alert_records.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

namespace ib = incident::outbox;

// How long the presence of those who are there takes to come after a login, at the most.
constexpr Duration kPresenceSettle = Duration::seconds(3);
// Ended incidents that are kept in memory, for notes and for texts about them.
constexpr size_t kLatest = 200;

template <typename To, typename Rows>
Result<std::vector<To>> allFrom(const Rows& rows) {
  std::vector<To> out;
  for (const auto& row : rows) {
    auto one = fromRow(row);
    if (!one) return one.status();
    out.push_back(std::move(one).value());
  }
  return out;
}

}  // namespace

Alerts::Alerts(Parts parts) : parts_(std::move(parts)) {}

Status Alerts::load() {
  store::AlertStore& store = parts_.store;
  incident::Records records;
  const auto wishes = store.subscriptions();
  if (!wishes) return wishes.status();
  auto subscriptions = allFrom<incident::Subscription>(*wishes);
  if (!subscriptions) return subscriptions.status();
  records.subscriptions = std::move(subscriptions).value();
  for (const bool open_only : {true, false}) {
    store::IncidentQuery query;
    query.open_only = open_only;
    query.limit = open_only ? limits::kMaxAuditPage : kLatest;
    const auto rows = store.incidents(query);
    if (!rows) return rows.status();
    auto incidents = allFrom<incident::Incident>(*rows);
    if (!incidents) return incidents.status();
    for (incident::Incident& one : *incidents) {
      if (one.isOpen() == open_only) records.incidents.push_back(std::move(one));
    }
  }
  const auto silences = store.silences();
  if (!silences) return silences.status();
  for (const store::SilenceRow& row : *silences) records.silences.push_back(fromRow(row));
  const auto last = store.lastIncident();
  if (!last) return last.status();
  records.last_id = *last;
  const auto rows = store.outbox();
  if (!rows) return rows.status();
  auto messages = allFrom<incident::Message>(*rows);
  if (!messages) return messages.status();
  machine_ = std::make_unique<incident::IncidentMachine>(parts_.policy, people_, std::move(records),
                                                         now());
  outbox_ =
      std::make_unique<incident::Outbox>(parts_.policy, people_, parts_.random, *messages, now());
  // Until we are in it.
  if (!parts_.policy.room.isEmpty()) people_.absent(parts_.policy.room);
  dropUndeliverable(*messages);
  return Status::ok();
}

void Alerts::dropUndeliverable(const std::vector<incident::Message>& messages) {
  const auto& channels = parts_.policy.channels;
  std::set<std::string> gone;
  std::set<Jid> nobody;
  for (const incident::Message& message : messages) {
    const std::string& channel = message.notice.channel;
    if (channel.empty()) {
      if (!mayHear(message.notice.to)) nobody.insert(message.notice.to);
    } else if (std::find(channels.begin(), channels.end(), channel) == channels.end()) {
      gone.insert(channel);
    }
  }
  for (const Jid& who : nobody) post(ib::Dismissed{who});
  for (const std::string& channel : gone) post(ib::ChannelGone{channel});
}

// --- carrying out -------------------------------------------------------------------------------

bool Alerts::mayHear(const Jid& person) const {
  if (!person.isEmpty() && person == parts_.policy.room) return true;
  const auto role = parts_.authority.roleOf(person);
  return role && catalogue::reaches(*role, v1::ROLE_OBSERVER);
}

void Alerts::reach(Checkpoint at) const {
  if (parts_.checkpoint) parts_.checkpoint(at);
}

void Alerts::collect(ib::Effects effects, store::AlertCommit& commit,
                     std::vector<incident::Message>& send) {
  for (const incident::Message& message : effects.saved) commit.outbox.push_back(toRow(message));
  for (const ib::Done& done : effects.done) {
    commit.done.push_back(toRow(done, parts_.clock.wall()));
  }
  for (incident::Message& message : effects.send) send.push_back(std::move(message));
}

Status Alerts::apply(const incident::Event& event) {
  incident::Effects effects = machine_->step(event, now());
  if (!effects.status) return effects.status;
  for (const auto& [target, group] : effects.fell) {
    if (parts_.fell) parts_.fell(target, group);
  }
  if (effects.isEmpty()) return Status::ok();
  store::AlertCommit commit;
  for (const auto& each : effects.subscribed) commit.subscribed.push_back(toRow(each));
  for (const auto& [who, target] : effects.unsubscribed) {
    commit.unsubscribed.emplace_back(who.toString(), target);
  }
  for (const auto& each : effects.incidents) commit.incidents.push_back(toRow(each));
  for (const auto& each : effects.notes) commit.notes.push_back(toRow(each));
  for (const auto& each : effects.silences) commit.silences.push_back(toRow(each));
  commit.silences_over = effects.silences_over;
  // Who has no role is told nothing, whatever the policy says.
  std::erase_if(effects.notices, [this](const incident::Notice& notice) {
    return notice.channel.empty() && !mayHear(notice.to);
  });
  std::vector<incident::Message> send;
  collect(outbox_->step(ib::Post{std::move(effects.notices)}, now()), commit, send);
  for (const uint64_t id : effects.settled) {
    collect(outbox_->step(ib::Settled{id}, now()), commit, send);
  }
  carryOut(commit, send);
  return Status::ok();
}

void Alerts::post(const ib::Event& event) {
  store::AlertCommit commit;
  std::vector<incident::Message> send;
  collect(outbox_->step(event, now()), commit, send);
  carryOut(commit, send);
}

void Alerts::carryOut(const store::AlertCommit& commit,
                      const std::vector<incident::Message>& send) {
  if (commit.isEmpty()) return;
  reach(Checkpoint::kDecided);
  if (const Status written = parts_.store.commit(commit); !written) {
    return parts_.store_failed(written);
  }
  reach(Checkpoint::kCommitted);
  for (const incident::Message& message : send) {
    if (!parts_.send(message)) {
      post(ib::NotSent{message.id});
      continue;
    }
    reach(Checkpoint::kSent);
  }
}

// --- what happens -------------------------------------------------------------------------------

void Alerts::tick() {
  const ElapsedTime time = parts_.clock.elapsed();
  if (up_since_ && !outbox_up_ && time - *up_since_ >= kPresenceSettle) {
    outbox_up_ = true;
    post(ib::LinkUp{});
  }
  const std::set<std::string> targets = machine_->interest();
  // Before the nodes have been heard of, and while nobody can be, levels mean nothing.
  const bool settled = up_since_ && time - *up_since_ >= limits::kAlertSettle;
  if (settled && !targets.empty()) {
    (void)apply(incident::LevelsSeen{parts_.levels(targets)});
  } else {
    (void)apply(incident::Tick{});
  }
  post(ib::Tick{});
}

void Alerts::linkUp() {
  up_since_ = parts_.clock.elapsed();
  for (const Jid& person : people()) parts_.follow(person);
}

void Alerts::linkDown() {
  up_since_.reset();
  outbox_up_ = false;
  post(ib::LinkDown{});
}

void Alerts::personCame(const Jid& full, bool away) {
  if (!mayHear(full.bare())) return;
  if (people_.came(full, away)) post(ib::PersonCame{full.bare()});
}

void Alerts::personGone(const Jid& full) {
  if (mayHear(full.bare())) people_.gone(full);
}

void Alerts::personAbsent(const Jid& bare) {
  if (people_.of(bare) == incident::Availability::kUnknown) people_.absent(bare);
}

// In the room we are by a connection of our own.
void Alerts::blind() {
  people_.forgetAll();
  if (in_room_) people_.came(parts_.policy.room, /*away=*/false);
}

void Alerts::roomEntered() {
  in_room_ = true;
  personCame(parts_.policy.room, /*away=*/false);
}

void Alerts::roomLeft() {
  in_room_ = false;
  people_.absent(parts_.policy.room);
}

void Alerts::personWrote(const Jid& bare) {
  post(ib::PersonWrote{bare});
}

void Alerts::delivered(const std::string& id, const Jid& by) {
  post(ib::Delivered{id, by});
}

void Alerts::failed(const std::string& id, const std::string& why) {
  post(ib::Failed{id, why});
}

void Alerts::rolesChanged() {
  for (const Jid& person : machine_->subscribers()) {
    if (mayHear(person)) continue;
    logger("muster.alerts")->info("{} has no role any more and is told nothing", person.toString());
    (void)apply(incident::Dismissed{person});
    post(ib::Dismissed{person});
  }
}

void Alerts::acted(const Jid& who, const std::string& target, const std::string& sentence,
                   bool room_knows) {
  (void)apply(incident::Acted{who, target, parts_.group_of(target), sentence, room_knows});
}

std::string Alerts::namesOfOpen(const std::string& group) const {
  std::vector<std::string> names;
  for (const incident::Incident& each : machine_->open()) {
    if (each.group == group) names.push_back("incident " + std::to_string(each.id));
  }
  return joinWithAnd(names);
}

std::set<Jid> Alerts::people() const {
  std::set<Jid> out = machine_->subscribers();
  out.insert(parts_.policy.on_call.begin(), parts_.policy.on_call.end());
  for (const incident::EscalationStep& step : parts_.policy.steps) {
    out.insert(step.who.begin(), step.who.end());
  }
  return out;
}

}  // namespace muster::coordinator
