#include "coordinator/moves.h"

#include <utility>
#include <vector>

#include "coordinator/cluster_view.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/convert/decision.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

namespace eg = election::group;

constexpr char kFailover[] = "failover";
constexpr char kDrain[] = "drain";

std::string oneLine(const std::string& reason) {
  return singleLine(reason, limits::kMaxDrainReasonBytes);
}

bool isSame(const eg::MoveRequested& a, const eg::MoveRequested& b) {
  return a.target == b.target && a.expect_epoch == b.expect_epoch && a.away_from == b.away_from &&
         a.force == b.force;
}

}  // namespace

// A line for each, in this order; none of them has a line break.
std::string MovePurpose::toText() const {
  std::string text;
  for (const std::string* part : {&verb, &by, &place, &call, &node, &reason}) {
    text += singleLine(*part, limits::kMaxAuditTextBytes) + "\n";
  }
  return text;
}

std::optional<MovePurpose> MovePurpose::fromText(const std::string& text) {
  MovePurpose out;
  size_t begin = 0;
  for (std::string* part : {&out.verb, &out.by, &out.place, &out.call, &out.node, &out.reason}) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) return std::nullopt;
    *part = text.substr(begin, end - begin);
    begin = end + 1;
  }
  if (begin != text.size()) return std::nullopt;
  return out;
}

Moves::Moves(Parts parts) : parts_(std::move(parts)) {
  Cluster::Listener listener;
  listener.move_started = [this](const GroupDriver&, const auto& event) { onStarted(event); };
  listener.move_finished = [this](const auto& group, const auto& e) { onFinished(group, e); };
  parts_.cluster.addListener(std::move(listener));
}

std::string Moves::nameOf(const Jid& bare) const {
  return bare.isEmpty() ? "" : parts_.cluster.nameOf(bare);
}

// A key is its caller's own.
std::string Moves::machineKey(const commands::Origin& origin) const {
  return origin.by + " " + (origin.key.empty() ? Id128::make(parts_.random).toHex() : origin.key);
}

// --- failover -----------------------------------------------------------------------------------

Result<eg::MoveRequested> Moves::requestFor(const commands::Move& move) const {
  if (parts_.cluster.find(move.group) == nullptr) {
    return Status(Code::kNotFound,
                  "there is no group '" + move.group + "'" +
                      suggestion(move.group, parts_.cluster.groupNames()),
                  "group");
  }
  eg::MoveRequested request;
  request.key = machineKey(move.origin);
  request.expect_epoch = move.expect_epoch;
  request.caller = move.origin.by;
  request.force = move.force;
  request.context =
      MovePurpose{kFailover, move.origin.by, move.origin.place, move.origin.call, "", ""}.toText();
  if (!move.to) return request;
  const Member* member = parts_.cluster.members().findName(*move.to);
  if (member == nullptr || member->group != move.group) {
    std::vector<std::string> names;
    for (const Member* other : parts_.cluster.members().ofGroup(move.group)) {
      names.push_back(other->name);
    }
    return Status(
        Code::kNotFound,
        "'" + *move.to + "' is not a node of group " + move.group + suggestion(*move.to, names),
        "to");
  }
  request.target = member->jid;
  return request;
}

commands::Mover::Plan Moves::planMove(const commands::Move& move) {
  Plan out;
  const auto request = requestFor(move);
  if (!request) {
    out.status = request.status();
    return out;
  }
  const GroupDriver& group = *parts_.cluster.find(move.group);
  eg::Plan plan = group.plan(*request);
  out.status = plan.status;
  out.reply.set_group(move.group);
  out.reply.set_epoch(group.view().epoch);
  if (plan.drained) out.reply.set_from(nameOf(*plan.drained));
  if (plan.offered) out.reply.set_to(nameOf(*plan.offered));
  for (std::string& step : plan.steps) out.reply.add_steps(std::move(step));
  convert::addCandidates(plan.decision, *out.reply.mutable_candidates());
  return out;
}

void Moves::move(const commands::Move& move, bool wait, Mover::Answer answer) {
  const auto request = requestFor(move);
  if (!request) return answer(request.status(), {});
  begin(*parts_.cluster.find(move.group), *request, wait, std::move(answer));
}

// The machine tells outcomes by their key alone: another request under the key of one that is under
// way would end that one's wait.
Status Moves::refuseKey(const GroupDriver& group, const eg::MoveRequested& request) const {
  const auto [begin, end] = waiting_.equal_range(request.key);
  for (auto it = begin; it != end; ++it) {
    if (it->second.group == group.name() && isSame(it->second.request, request)) continue;
    return {Code::kConflict,
            "the key '" + request.key.substr(request.caller.size() + 1) +
                "' is that of another request which is under way",
            "key"};
  }
  return Status::ok();
}

void Moves::begin(GroupDriver& group, const eg::MoveRequested& request, bool wait,
                  Mover::Answer answer) {
  if (Status s = refuseKey(group, request); !s) return answer(s, {});
  waiting_.emplace(request.key, Waiting{group.name(), request, wait, false, std::move(answer)});
  if (!parts_.gate) return carryOut(group, request);
  // A repeat of one that is being asked about hears what that one hears.
  if (!gated_.insert(request.key).second) return;
  parts_.gate(group, request, [this, name = group.name(), request](const Status& may) {
    gated_.erase(request.key);
    if (may) return carryOut(*parts_.cluster.find(name), request);
    for (const Waiting& waiting : takeWaiting(request.key)) waiting.answer(may, {});
  });
}

void Moves::carryOut(GroupDriver& group, const eg::MoveRequested& request) {
  asking_ = &request;
  group.step(request);
  asking_ = nullptr;
}

std::vector<Moves::Waiting> Moves::takeWaiting(const std::string& key) {
  std::vector<Waiting> out;
  const auto [begin, end] = waiting_.equal_range(key);
  for (auto it = begin; it != end; ++it) out.push_back(std::move(it->second));
  waiting_.erase(begin, end);
  return out;
}

void Moves::onStarted(const eg::MoveStarted& event) {
  commands::MoveState state;
  state.from = nameOf(event.from);
  if (event.to) state.to = nameOf(*event.to);
  state.epoch = event.epoch;
  const auto [begin, end] = waiting_.equal_range(event.key);
  for (auto it = begin; it != end; ++it) {
    Waiting& waiting = it->second;
    if (waiting.wait || waiting.answered) continue;
    waiting.answered = true;
    waiting.answer(Status::ok(), state);
  }
}

void Moves::onFinished(const GroupDriver& group, const eg::MoveFinished& event) {
  commands::MoveState state;
  state.from = nameOf(event.from);
  state.to = nameOf(event.to);
  state.epoch = event.epoch;
  state.took = event.duration;
  state.done = true;
  const bool again =
      asking_ != nullptr && asking_->key == event.key && asking_->context != event.context;
  const auto purpose = MovePurpose::fromText(event.context);
  Status status = event.status;
  if (purpose && status && !again) status = follow(*purpose);
  logger("muster.election")
      ->info("{}: move asked for by {}: {}", group.name(), event.caller, event.text);
  // Taken out first: an answer may lead to another request.
  const std::vector<Waiting> done = takeWaiting(event.key);
  // Whoever was answered that it is under way; or everybody, after a restart.
  bool tell = done.empty();
  for (const Waiting& waiting : done) {
    if (waiting.answered) {
      tell = true;
    } else {
      waiting.answer(status, state);
    }
  }
  if (!tell || !purpose || purpose->by.empty()) return;
  std::string sentence;
  if (!status) {
    sentence = "The " + purpose->verb + " of " +
               (purpose->node.empty() ? group.name() : purpose->node) +
               " has failed: " + status.text();
    if (!state.to.empty()) sentence += ". " + state.to + " is active";
  } else if (purpose->verb == kDrain) {
    sentence = purpose->node + " is drained; " + (state.to.empty() ? "no node" : state.to) +
               " of " + group.name() + " is active.";
  } else {
    sentence = commands::sentenceOf(group.name(), state);
  }
  parts_.ended_later(*purpose, group.name(), status, sentence);
}

// --- drain --------------------------------------------------------------------------------------

eg::MoveRequested Moves::requestFor(const commands::DrainNode& drain, const Member& member) const {
  eg::MoveRequested request;
  request.key = machineKey(drain.origin);
  request.caller = drain.origin.by;
  request.away_from = member.jid;
  request.force = drain.force;
  request.leave_vacant = drain.force;
  request.context =
      MovePurpose{kDrain,      drain.origin.by,      drain.origin.place, drain.origin.call,
                  member.name, oneLine(drain.reason)}
          .toText();
  return request;
}

// Once the role has gone the node is kept out of it.
Status Moves::follow(const MovePurpose& purpose) {
  if (purpose.verb != kDrain) return Status::ok();
  const Member* member = parts_.cluster.members().findName(purpose.node);
  if (member == nullptr) {
    return {Code::kNotFound, purpose.node + " is no longer a member", "node"};
  }
  const store::DrainRow mark{true, purpose.by, purpose.reason, {}};
  // Forced, it has its mark already.
  if (member->drain.drained && member->drain.by == mark.by && member->drain.reason == mark.reason) {
    return Status::ok();
  }
  return parts_.marks.set(*member, mark);
}

v1::DrainReply Moves::replyFor(const Member& member, v1::DrainState state) const {
  v1::DrainReply reply;
  reply.set_node(member.name);
  reply.set_group(member.group);
  reply.set_state(state);
  if (const GroupDriver* group = parts_.cluster.find(member)) {
    if (const Member* active = parts_.cluster.activeOf(*group)) reply.set_active(active->name);
  }
  *reply.mutable_drain() = toProto(member.drain);
  return reply;
}

std::string Moves::planDrain(const commands::DrainNode& drain) {
  const Member* member = parts_.cluster.members().findName(drain.node);
  if (member == nullptr) return {};
  const std::string kept = member->name + " is kept out of the active role until undrain.";
  const GroupDriver* group = parts_.cluster.find(*member);
  if (group == nullptr || !parts_.cluster.holdsRole(*member)) {
    return member->name + " is not active, so nothing moves. " + kept;
  }
  const eg::Plan plan = group->plan(requestFor(drain, *member));
  if (!plan.status) return "It would be refused: " + plan.status.text();
  std::string text;
  for (const std::string& step : plan.steps) text += step + "\n";
  return text + kept;
}

void Moves::drain(const commands::DrainNode& drain, bool wait, Drainer::Answer answer) {
  const Member* found = parts_.cluster.members().findName(drain.node);
  if (found == nullptr) {
    return answer({Code::kNotFound, "there is no node '" + drain.node + "'", "node"}, {}, "");
  }
  const Jid jid = found->jid;
  GroupDriver* group = parts_.cluster.find(*found);
  // What is forced must hold even if nobody takes the role: the mark comes first, or the node would
  // be chosen again.
  if (group == nullptr || drain.force) {
    const store::DrainRow mark{true, drain.origin.by, oneLine(drain.reason), {}};
    if (Status s = parts_.marks.set(*found, mark); !s) return answer(s, {}, "");
  }
  const auto drained = [this, jid, answer, name = drain.node](const Status& status,
                                                              const commands::MoveState& state) {
    const Member* member = parts_.cluster.members().find(jid);
    if (!status || member == nullptr) {
      return answer(
          status ? Status(Code::kNotFound, name + " is no longer a member", "node") : status, {},
          "");
    }
    const auto reply =
        replyFor(*member, state.done ? v1::DRAIN_STATE_DRAINED : v1::DRAIN_STATE_MOVING);
    answer(Status::ok(), reply,
           state.done ? name + " is drained: it is not active and won't be until undrain."
                      : "Moving the active role away from " + name + "; the outcome follows.");
  };
  if (group == nullptr) return drained(Status::ok(), {"", "", 0, {}, true});
  begin(*group, requestFor(drain, *found), wait, drained);
}

Result<v1::UndrainReply> Moves::undrain(const std::string& node, const commands::Origin& origin) {
  const Member* member = parts_.cluster.members().findName(node);
  if (member == nullptr) return Status(Code::kNotFound, "there is no node '" + node + "'", "node");
  if (member->drain.drained) {
    if (Status s = parts_.marks.set(*member, {false, origin.by, "", {}}); !s) return s;
  }
  v1::UndrainReply reply;
  reply.set_node(node);
  *reply.mutable_drain() = toProto(member->drain);
  return reply;
}

}  // namespace muster::coordinator
