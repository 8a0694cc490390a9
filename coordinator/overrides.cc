#include "coordinator/overrides.h"

#include <algorithm>
#include <utility>

#include "commands/log_level.h"
#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

using store::OverrideTarget;

constexpr int kTickMs = 1000;
constexpr int kCallTimerMs = 20;
constexpr char kRootLogger[] = "root";

constexpr char kOwedToSilent[] = "did not answer (yet); it gets the setting when it is back";
constexpr char kLineIsFull[] = "too many orders are in line";
constexpr char kOwedToAbsent[] = "not present; it gets the setting when it comes";

std::string canonicalLogger(const std::string& name) {
  return name.empty() || name == "all" ? kRootLogger : name;
}

bool isReset(const store::OverrideRow& row) {
  return row.level == v1::LOG_LEVEL_RESET;
}

bool isOver(const store::OverrideRow& row, WallTime now) {
  return row.until && *row.until <= now;
}

Target targetOf(const store::OverrideRow& row) {
  return {row.kind, row.target};
}

// Nothing stands for "never".
std::optional<WallTime> laterOf(std::optional<WallTime> a, std::optional<WallTime> b) {
  if (!a || !b) return std::nullopt;
  return std::max(*a, *b);
}

std::string sentenceOf(const store::OverrideRow& row, size_t done, size_t all) {
  const std::string where = " on " + std::to_string(done) + " of " + std::to_string(all) +
                            (all == 1 ? " node" : " nodes");
  if (isReset(row)) return "Logger " + row.logger + " is reset" + where;
  return "Logger " + row.logger + " is at " +
         commands::levelLabel(static_cast<v1::LogLevel>(row.level)) + where +
         (row.until ? " until " + toRfc3339(*row.until) : " until it is reset");
}

void addResult(v1::ClusterLogLevelReply& reply, const std::string& node, const Status& status,
               const std::string& text) {
  v1::NodeResult& result = *reply.add_results();
  result.set_node(node);
  result.set_outcome(codeName(status.code()));
  result.set_text(text);
}

// Those with something to see to come first.
void sortResults(v1::ClusterLogLevelReply& reply) {
  const std::string ok = codeName(Code::kOk);
  std::stable_sort(reply.mutable_results()->begin(), reply.mutable_results()->end(),
                   [&](const v1::NodeResult& a, const v1::NodeResult& b) {
                     if ((a.outcome() == ok) != (b.outcome() == ok)) return b.outcome() == ok;
                     return a.node() < b.node();
                   });
}

}  // namespace

Overrides::Overrides(Parts parts) : parts_(std::move(parts)) {
  QObject::connect(&ticker_, &QTimer::timeout, &ticker_, [this] { tick(); });
  ticker_.start(kTickMs);
  call_timer_.setInterval(kCallTimerMs);
  QObject::connect(&call_timer_, &QTimer::timeout, &call_timer_, [this] { checkCalls(); });
}

Status Overrides::load() {
  auto rows = parts_.store.list();
  if (!rows) return rows.status();
  rows_ = std::move(rows).value();
  std::sort(rows_.begin(), rows_.end(),
            [](const Row& a, const Row& b) { return a.set_at < b.set_at; });
  return Status::ok();
}

// --- rows -------------------------------------------------------------------------------------

Status Overrides::save(const Row& row) {
  if (Status stored = parts_.store.set(row); !stored) return stored;
  std::erase_if(rows_, [&](const Row& other) {
    return targetOf(other) == targetOf(row) && other.logger == row.logger;
  });
  const auto at =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return row.set_at < r.set_at; });
  rows_.insert(at, row);
  return Status::ok();
}

void Overrides::forget(const Row& row) {
  const Row gone = row;
  if (Status removed = parts_.store.remove(gone.kind, gone.target, gone.logger); !removed) {
    // It goes on being handed out until a later tick can remove it.
    return logger("muster.store")
        ->error("could not remove an override of {}: {}", gone.logger, removed.text());
  }
  std::erase_if(rows_, [&](const Row& other) { return other.set_at == gone.set_at; });
}

const Overrides::Row* Overrides::find(Mark mark) const {
  const auto it = std::find_if(rows_.begin(), rows_.end(),
                               [&](const Row& row) { return row.set_at.unix_ms == mark; });
  return it == rows_.end() ? nullptr : &*it;
}

// The one set last.
const Overrides::Row* Overrides::winner(const Member& member, const std::string& logger) const {
  const auto it = std::find_if(rows_.rbegin(), rows_.rend(), [&](const Row& row) {
    return row.logger == logger && covers(targetOf(row), member);
  });
  return it == rows_.rend() ? nullptr : &*it;
}

bool Overrides::isWithin(const Row& inner, const Row& outer) const {
  if (outer.kind == OverrideTarget::kAll || targetOf(inner) == targetOf(outer)) return true;
  if (outer.kind != OverrideTarget::kGroup || inner.kind != OverrideTarget::kNode) return false;
  const Member* member = parts_.members.findName(inner.target);
  return member != nullptr && covers(targetOf(outer), *member);
}

std::optional<std::optional<WallTime>> Overrides::endOfWider(const Row& row, WallTime now) const {
  std::optional<std::optional<WallTime>> end;
  for (const Row& other : rows_) {
    const bool wider = other.logger == row.logger && other.set_at < row.set_at &&
                       !isOver(other, now) && isWithin(row, other);
    if (wider) end = end ? laterOf(*end, other.until) : other.until;
  }
  return end;
}

bool Overrides::isOwed(const Row& row) const {
  const auto members = membersOf(targetOf(row), parts_.members);
  return std::any_of(members.begin(), members.end(), [&](const Member* member) {
    const auto known = known_.find(member->jid);
    return known == known_.end() || !known->second.got.contains(row.set_at.unix_ms);
  });
}

// Its node or group is there no longer: a later one of that name is another.
bool Overrides::isForNobody(const Row& row) const {
  if (row.kind == OverrideTarget::kNode) return parts_.members.findName(row.target) == nullptr;
  if (row.kind == OverrideTarget::kAll) return false;
  const auto groups = parts_.groups();
  return std::find(groups.begin(), groups.end(), row.target) == groups.end();
}

void Overrides::endWhatIsOver(WallTime now) {
  const std::vector<Row> rows = rows_;
  for (const Row& row : rows) {
    const bool over = isOver(row, now);
    if (isForNobody(row)) {
      forget(row);
    } else if (over || (isReset(row) && !isOwed(row))) {
      const auto wider = endOfWider(row, now);
      if (!wider) {
        forget(row);
      } else if (over) {
        // The boot level applies, though a wider setting would be in force here.
        Row rest = row;
        rest.level = v1::LOG_LEVEL_RESET;
        rest.until = *wider;
        if (Status saved = save(rest); !saved) {
          logger("muster.store")->error("an override of {}: {}", row.logger, saved.text());
        }
      }
    }
  }
}

void Overrides::tick() {
  endWhatIsOver(parts_.clock.wall());
  if (calls_.empty()) {
    if (rows_.empty()) known_.clear();
    std::erase_if(known_,
                  [&](const auto& entry) { return parts_.members.find(entry.first) == nullptr; });
    for (auto& [jid, known] : known_) {
      std::erase_if(known.got, [&](Mark mark) { return find(mark) == nullptr; });
    }
  }
  if (rows_.empty()) return;
  for (const Member* member : parts_.members.all()) {
    if (const Jid* full = member->latestJid()) handOut(*member, *full);
  }
}

// --- nodes ------------------------------------------------------------------------------------

Overrides::Known& Overrides::knownOf(const Member& member, const Jid& full) {
  Known& known = known_[member.jid];
  const std::string& instance = member.present.at(full).status.instance();
  if (known.instance != instance) {
    known = {};
    known.instance = instance;
  }
  return known;
}

void Overrides::onAppeared(const Member& member, const Jid& full) {
  // With nothing in force nothing is owed, and nothing need be remembered of thousands of nodes.
  if (rows_.empty()) {
    known_.erase(member.jid);
    return;
  }
  Known& known = knownOf(member, full);
  known.asked.clear();
  known.again = {};
  handOut(member, full);
}

void Overrides::handOut(const Member& member, const Jid& full) {
  const Known& known = knownOf(member, full);
  if (parts_.clock.elapsed() < known.again) return;
  std::vector<Mark> owed;
  for (const Row& row : rows_) {
    const Mark mark = row.set_at.unix_ms;
    if (known.got.contains(mark) || known.asked.contains(mark)) continue;
    if (winner(member, row.logger) == &row) owed.push_back(mark);
  }
  // Somebody mistyped no name here: the setting has been taken before, so the logger may still
  // come.
  for (const Mark mark : owed) deliver(member, full, mark, /*ahead=*/true, nullptr);
}

void Overrides::deliver(const Member& member, const Jid& full, Mark mark, bool ahead,
                        const CallPtr& call) {
  Known& known = knownOf(member, full);
  known.asked.insert(mark);
  const auto make = [this, bare = member.jid, mark, ahead, call]() -> std::optional<v1::Order> {
    auto order = orderFor(bare, mark, ahead);
    const Member* now = parts_.members.find(bare);
    if (call == nullptr || now == nullptr) return order;
    if (order) {
      onSent(*call, now->name);
    } else {
      hear(call, *now, {Code::kConflict, "a later setting has taken its place"}, {});
    }
    return order;
  };
  const auto done = [this, full, instance = known.instance, mark, ahead, call](
                        const Status& status, const v1::OrderReply& reply) {
    onAnswer(full, instance, mark, ahead, status, !reply.code().empty());
    const Member* now = parts_.members.find(full.bare());
    if (call != nullptr && now != nullptr) hear(call, *now, status, reply);
  };
  if (parts_.fanout.add(full, make, done)) return;
  known.asked.erase(mark);
  if (call != nullptr) hear(call, member, {Code::kResourceExhausted, kLineIsFull}, {});
}

// With the time that is left at this moment; nothing if it is no longer this one's turn.
std::optional<v1::Order> Overrides::orderFor(const Jid& bare, Mark mark, bool ahead) {
  const Member* member = parts_.members.find(bare);
  const Row* row = find(mark);
  if (member == nullptr || row == nullptr || winner(*member, row->logger) != row) {
    known_[bare].asked.erase(mark);
    return std::nullopt;
  }
  v1::Order order;
  order.set_by(row->by);
  v1::LogLevelRequest& request = *order.mutable_log_level();
  request.set_logger(row->logger);
  request.set_level(static_cast<v1::LogLevel>(row->level));
  if (isReset(*row)) return order;
  request.set_ahead(ahead);
  const int64_t left = row->until ? row->until->unix_ms - parts_.clock.wall().unix_ms : 0;
  if (row->until && left < limits::kMinOverride.toMillis()) {
    known_[bare].asked.erase(mark);
    return std::nullopt;
  }
  request.set_for_ms(static_cast<uint64_t>(left));
  return order;
}

void Overrides::onAnswer(const Jid& full, const std::string& instance, Mark mark, bool ahead,
                         const Status& status, bool is_answer) {
  const auto it = known_.find(full.bare());
  if (it == known_.end() || it->second.instance != instance) return;
  Known& known = it->second;
  known.asked.erase(mark);
  if (!is_answer) {
    known.again = parts_.clock.elapsed() + limits::kOverrideRetry;
    return;
  }
  const Row* row = find(mark);
  // A node without such a logger is asked to keep the setting for it, once others have taken it.
  const bool may_come = status.code() == Code::kNotFound && !ahead && row && !isReset(*row);
  if (!may_come) known.got.insert(mark);
}

// --- calls ------------------------------------------------------------------------------------

size_t Overrides::Call::count(bool ok) const {
  return static_cast<size_t>(std::count_if(heard.begin(), heard.end(), [&](const Heard& each) {
    return each.is_answer && each.status.isOk() == ok;
  }));
}

Overrides::CallPtr Overrides::newCall(std::function<void(const Call&)> finish) {
  auto call = std::make_shared<Call>();
  call->deadline = parts_.clock.elapsed() + limits::kFanoutLimit;
  call->finish = std::move(finish);
  return call;
}

void Overrides::onSent(Call& call, const std::string& node) const {
  const auto it = call.awaited.find(node);
  if (it != call.awaited.end()) it->second = parts_.clock.elapsed() + limits::kFanoutWait;
}

void Overrides::hear(const CallPtr& call, const Member& member, const Status& status,
                     const v1::OrderReply& reply) {
  if (call->awaited.erase(member.name) == 0) return;
  call->heard.push_back({member.name, status, !reply.code().empty(), reply.log_level()});
  if (call->awaited.empty() && call->finish) end(call);
}

// To be called when every node has been asked: only now can the last answer be the last.
void Overrides::begin(const CallPtr& call) {
  calls_.push_back(call);
  if (call->awaited.empty()) return end(call);
  if (!call_timer_.isActive()) call_timer_.start();
}

void Overrides::end(const CallPtr& call) {
  if (std::erase(calls_, call) == 0) return;
  if (calls_.empty()) call_timer_.stop();
  const auto finish = std::exchange(call->finish, nullptr);
  finish(*call);
}

void Overrides::checkCalls() {
  const ElapsedTime now = parts_.clock.elapsed();
  const std::vector<CallPtr> calls = calls_;
  for (const CallPtr& call : calls) {
    const bool all_silent =
        std::all_of(call->awaited.begin(), call->awaited.end(),
                    [&](const auto& entry) { return entry.second && now >= *entry.second; });
    if (all_silent || now >= call->deadline) end(call);
  }
}

Overrides::Row Overrides::rowFor(const Change& change, const Target& target) const {
  const WallTime now = parts_.clock.wall();
  Row row;
  row.kind = target.kind;
  row.target = target.name;
  row.logger = canonicalLogger(change.logger);
  row.level = change.level;
  row.by = change.by;
  row.set_at = now;
  if (!rows_.empty()) row.set_at = std::max(now, WallTime{rows_.back().set_at.unix_ms + 1});
  const Duration lasts = change.duration.value_or(limits::kOverrideDefault);
  if (lasts != limits::kForever) row.until = WallTime{now.unix_ms + lasts.toMillis()};
  if (!isReset(row)) return row;
  // As long as anything that it ends could go on.
  for (const Row& other : rows_) {
    const bool ends = other.logger == row.logger && (isWithin(other, row) || isWithin(row, other));
    if (ends) row.until = laterOf(row.until, other.until);
  }
  return row;
}

void Overrides::change(const Change& change, Done done) {
  const auto target = resolveTarget(change.where, parts_.groups(), parts_.members);
  if (!target) return done(target.status(), "");
  Setting setting{rowFor(change, *target), std::nullopt, false};
  for (const Row& row : rows_) {
    if (row.logger != setting.row.logger) continue;
    if (targetOf(row) == *target) setting.before = row;
    setting.ended_something |= isWithin(row, setting.row) || isWithin(setting.row, row);
  }
  if (Status saved = save(setting.row); !saved) return done(saved, "");

  const CallPtr call = newCall(
      [this, setting, done = std::move(done)](const Call& heard) { settle(setting, heard, done); });
  for (const Member* member : membersOf(*target, parts_.members)) {
    if (member->isPresent()) {
      call->awaited.emplace(member->name, std::nullopt);
    } else {
      call->absent.push_back(member->name);
    }
  }
  for (const Member* member : membersOf(*target, parts_.members)) {
    const Jid* full = member->latestJid();
    if (full == nullptr) continue;
    deliver(*member, *full, setting.row.set_at.unix_ms, /*ahead=*/false, call);
  }
  begin(call);
}

void Overrides::settle(const Setting& setting, const Call& call, const Done& done) {
  const size_t took = call.count(true);
  const size_t refused = call.count(false);
  const bool reset_here = isReset(setting.row) && setting.ended_something;
  if (took == 0 && refused > 0 && !reset_here) {
    withdraw(setting);
    const auto first = std::find_if(call.heard.begin(), call.heard.end(),
                                    [](const Heard& each) { return each.is_answer; });
    return done(Status(first->status.code(), first->node + ": " + first->status.text(),
                       first->status.field()),
                "");
  }
  const std::vector<Row> rows = rows_;
  for (const Row& row : rows) {
    const bool replaced = row.logger == setting.row.logger && row.set_at < setting.row.set_at &&
                          isWithin(row, setting.row);
    if (replaced) forget(row);
  }
  v1::ClusterLogLevelReply reply;
  for (const Heard& each : call.heard) {
    const bool owed = !each.status.isOk() && !each.is_answer;
    addResult(
        reply, each.node, each.status,
        owed ? each.status.text() + "; it gets the setting when it is back" : each.status.text());
  }
  for (const auto& [name, due] : call.awaited) {
    addResult(reply, name, {Code::kTimeout, kOwedToSilent}, kOwedToSilent);
  }
  for (const std::string& name : call.absent) {
    addResult(reply, name, {Code::kUnavailable, kOwedToAbsent}, kOwedToAbsent);
  }
  sortResults(reply);
  const auto all = static_cast<size_t>(reply.results_size());
  std::string sentence = sentenceOf(setting.row, took, all);
  if (refused > 0) sentence += "; " + std::to_string(refused) + " refused";
  const size_t silent = call.awaited.size() + call.heard.size() - took - refused;
  if (silent > 0) sentence += "; " + std::to_string(silent) + " did not answer yet";
  if (!call.absent.empty()) sentence += "; " + std::to_string(call.absent.size()) + " not present";
  done(std::move(reply), sentence + ".");
}

// No node that answered would have it, most likely since the name is mistyped: then it must not lie
// in wait for those that come later.
void Overrides::withdraw(const Setting& setting) {
  const Row* row = find(setting.row.set_at.unix_ms);
  // Somebody has set anew meanwhile what this one had replaced.
  if (row == nullptr) return;
  if (!setting.before) return forget(*row);
  if (Status saved = save(*setting.before); !saved) {
    logger("muster.store")->error("an override of {}: {}", setting.row.logger, saved.text());
  }
}

void Overrides::list(const commands::Where& where, const std::optional<std::string>& logger,
                     const std::string& by, Done done) {
  const auto target = resolveTarget(where, parts_.groups(), parts_.members);
  if (!target) return done(target.status(), "");
  v1::Order order;
  order.set_by(by);
  order.mutable_log_level();
  if (logger) order.mutable_log_level()->set_logger(*logger);

  const CallPtr call = newCall([done = std::move(done)](const Call& heard) {
    v1::ClusterLogLevelReply reply;
    for (const Heard& each : heard.heard) {
      addResult(reply, each.node, each.status, each.status.text());
    }
    for (const auto& [name, due] : heard.awaited) {
      addResult(reply, name, {Code::kTimeout, ""}, "did not answer");
    }
    for (const std::string& name : heard.absent) {
      addResult(reply, name, {Code::kUnavailable, ""}, "not present");
    }
    sortResults(reply);
    if (heard.count(true) == 0 && heard.count(false) > 0) {
      const auto first = std::find_if(heard.heard.begin(), heard.heard.end(),
                                      [](const Heard& each) { return each.is_answer; });
      return done(first->status, "");
    }
    std::vector<Heard> by_name = heard.heard;
    std::sort(by_name.begin(), by_name.end(),
              [](const Heard& a, const Heard& b) { return a.node < b.node; });
    for (const Heard& each : by_name) {
      for (const v1::LoggerState& state : each.loggers.loggers()) {
        v1::NodeLogger& row = *reply.add_loggers();
        row.set_node(each.node);
        *row.mutable_logger() = state;
      }
    }
    done(std::move(reply), "");
  });
  for (const Member* member : membersOf(*target, parts_.members)) {
    const Jid* full = member->latestJid();
    if (full == nullptr) {
      call->absent.push_back(member->name);
      continue;
    }
    call->awaited.emplace(member->name, std::nullopt);
    const auto make = [this, order, call, name = member->name] {
      onSent(*call, name);
      return order;
    };
    const auto answered = [this, call, bare = member->jid](const Status& status,
                                                           const v1::OrderReply& reply) {
      const Member* now = parts_.members.find(bare);
      if (now != nullptr) hear(call, *now, status, reply);
    };
    if (!parts_.fanout.add(*full, make, answered)) {
      hear(call, *member, {Code::kResourceExhausted, kLineIsFull}, {});
    }
  }
  begin(call);
}

}  // namespace muster::coordinator
