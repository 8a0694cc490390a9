#include "commands/tail.h"

#include <algorithm>
#include <utility>

#include "commands/log_level.h"
#include "commands/logs.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

constexpr Duration kLength = Duration::seconds(300);

std::string counted(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// "12 error, 3 warn", the worst first.
std::string byLevel(const std::map<v1::LogLevel, uint64_t>& counts) {
  std::string out;
  for (auto it = counts.rbegin(); it != counts.rend(); ++it) {
    out += (out.empty() ? "" : ", ") + std::to_string(it->second) + " " + levelLabel(it->first);
  }
  return out;
}

template <typename Request>
Tails::Wish wishOf(const Request& request, const CallContext& context) {
  Tails::Wish wish;
  wish.who = context.caller();
  wish.place = context.place();
  if (request.has_query()) wish.filter.set_query(request.query());
  if (request.has_level()) wish.filter.set_level(request.level());
  if (request.has_logger()) wish.filter.set_logger(request.logger());
  wish.length =
      request.has_for_ms() ? Duration::millis(static_cast<int64_t>(request.for_ms())) : kLength;
  return wish;
}

void handleTail(Tails::Wish wish, CallContext& context, const Responder<v1::TailReply>& responder,
                Tails& tails) {
  // Judged as a search would be.
  v1::ClusterLogsRequest filter = wish.filter;
  if (Status complete = completeLogsRequest(filter, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  tails.start(std::move(wish), context.now(), context.wall(), [responder](Result<WallTime> until) {
    if (!until) return responder.fail(until.status());
    v1::TailReply reply;
    reply.set_until(toRfc3339(*until));
    responder.context().note("Lines come as messages; 'untail' ends it before that.");
    responder.reply(std::move(reply));
  });
}

void handleUntail(CallContext& context, const Responder<v1::UntailReply>& responder, Tails& tails) {
  v1::UntailReply reply;
  reply.set_ended(tails.stop(context.caller().bare(), context.place()));
  if (reply.ended() == 0) context.note("There was nothing to end.");
  responder.reply(std::move(reply));
}

void addUntail(catalogue::HandlerSet& handlers, Tails& tails) {
  handlers.add<v1::UntailRequest, v1::UntailReply>(
      "Untail", [&tails](const v1::UntailRequest&, CallContext& context,
                         const Responder<v1::UntailReply>& responder) {
        handleUntail(context, responder, tails);
      });
}

}  // namespace

std::string tailLine(const v1::NodeLogLine& line) {
  const v1::LogLine& record = line.line();
  // The day is known to whoever watches.
  const size_t t = record.at().find('T');
  std::string out = t == std::string::npos ? record.at() : record.at().substr(t + 1);
  if (!out.empty() && out.back() == 'Z') out.pop_back();
  if (!line.node().empty()) out += " " + line.node();
  std::string level = levelLabel(record.level());
  std::transform(level.begin(), level.end(), level.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  out += " " + level;
  if (!record.logger().empty()) out += " " + record.logger();
  return singleLine(out + ": " + record.text(), limits::kMaxTailLineBytes);
}

void Tails::start(Wish wish, ElapsedTime now, WallTime wall,
                  std::function<void(Result<WallTime>)> done) {
  const auto mine = std::count_if(tails_.begin(), tails_.end(), [&](const auto& entry) {
    return entry.second.wish.who.bare() == wish.who.bare();
  });
  if (tails_.size() >= limits::kMaxTails ||
      static_cast<size_t>(mine) >= limits::kMaxTailsPerPerson) {
    return done(Status(Code::kResourceExhausted,
                       counted(tails_.size(), "log") + " are followed already, " +
                           std::to_string(mine) + " by you; end yours with 'untail'"));
  }
  const WallTime until{wall.unix_ms + wish.length.toMillis()};
  const Id id = ++last_;
  v1::ClusterLogsRequest first = wish.filter;
  first.set_limit(1);
  const Where where = wish.where;
  const std::string by = wish.who.bare().toString();
  tails_.emplace(id, Tail{std::move(wish), now + limits::kMaxTail, {}, true, 0, 0, {}});
  const ElapsedTime end = now + tails_.at(id).wish.length;
  ports_.search(where, first, by,
                [this, alive = std::weak_ptr(alive_), id, end, until,
                 done = std::move(done)](Result<v1::ClusterLogsReply> reply) {
                  if (alive.expired()) return;
                  Tail* tail = find(id);
                  if (tail == nullptr) {
                    return done(Status(Code::kConflict, "it was ended before it began"));
                  }
                  if (!reply) {
                    tails_.erase(id);
                    return done(reply.status());
                  }
                  tail->after = reply->newer();
                  tail->end = end;
                  tail->is_asked = false;
                  for (const auto& result : reply->results()) tail->silent.insert(result.node());
                  done(until);
                });
}

size_t Tails::stop(const Jid& bare, const std::string& place) {
  return std::erase_if(tails_, [&](const auto& entry) {
    return entry.second.wish.who.bare() == bare && entry.second.wish.place == place;
  });
}

void Tails::forget(const Jid& full) {
  std::erase_if(tails_, [&](const auto& entry) { return entry.second.wish.who == full; });
}

void Tails::tick(ElapsedTime now) {
  std::vector<Id> due;
  for (auto it = tails_.begin(); it != tails_.end();) {
    Tail& tail = it->second;
    if (now < tail.end) {
      if (!tail.is_asked) due.push_back(it->first);
      ++it;
      continue;
    }
    std::string text = "The end of following the log, after " + formatDuration(tail.wish.length) +
                       ": " + counted(tail.seen, "line");
    if (tail.shown < tail.seen) text += ", of which " + std::to_string(tail.shown) + " were shown";
    say(tail, text + ".");
    it = tails_.erase(it);
  }
  for (const Id id : due) ask(id);
}

Tails::Tail* Tails::find(Id id) {
  const auto it = tails_.find(id);
  return it == tails_.end() ? nullptr : &it->second;
}

void Tails::ask(Id id) {
  Tail& tail = tails_.at(id);
  v1::ClusterLogsRequest request = tail.wish.filter;
  request.set_limit(limits::kTailFetch);
  request.set_after(tail.after);
  tail.is_asked = true;
  ports_.search(tail.wish.where, request, tail.wish.who.bare().toString(),
                [this, alive = std::weak_ptr(alive_), id](const auto& reply) {
                  if (!alive.expired()) take(id, reply);
                });
}

void Tails::take(Id id, const Result<v1::ClusterLogsReply>& reply) {
  Tail* tail = find(id);
  if (tail == nullptr) return;
  tail->is_asked = false;
  if (!reply) {
    say(*tail, "Following the log has ended: " + reply.status().text());
    tails_.erase(id);
    return;
  }
  if (!reply->newer().empty()) tail->after = reply->newer();
  if (const std::string text = digest(*tail, *reply); !text.empty()) say(*tail, text);
  // Rather news than all of what is old: too many come for anybody to read.
  if (static_cast<uint32_t>(reply->lines_size()) >= limits::kTailFetch) jump(id);
}

void Tails::jump(Id id) {
  Tail& tail = tails_.at(id);
  v1::ClusterLogsRequest request = tail.wish.filter;
  request.set_limit(1);
  tail.is_asked = true;
  ports_.search(tail.wish.where, request, tail.wish.who.bare().toString(),
                [this, alive = std::weak_ptr(alive_), id](const auto& reply) {
                  Tail* now = alive.expired() ? nullptr : find(id);
                  if (now == nullptr) return;
                  now->is_asked = false;
                  if (reply && !reply->newer().empty()) now->after = reply->newer();
                });
}

std::string Tails::digest(Tail& tail, const v1::ClusterLogsReply& reply) {
  std::string text;
  std::map<v1::LogLevel, uint64_t> rest;
  uint64_t left = 0;
  for (const v1::NodeLogLine& line : reply.lines()) {
    ++tail.seen;
    std::string shown = tailLine(line);
    if (left == 0 && text.size() + shown.size() < limits::kMaxTailMessageBytes) {
      text += (text.empty() ? "" : "\n") + shown;
      ++tail.shown;
    } else {
      ++left;
      ++rest[line.line().level()];
    }
  }
  if (left > 0) {
    const bool capped = static_cast<uint32_t>(reply.lines_size()) >= limits::kTailFetch;
    text += "\n… and " + std::string(capped ? "at least " : "") + std::to_string(left) + " more (" +
            byLevel(rest) + "); a word or level>=error narrows it down";
  }
  std::set<std::string> silent;
  for (const auto& result : reply.results()) silent.insert(result.node());
  for (const std::string& node : silent) {
    if (tail.silent.contains(node)) continue;
    text += std::string(text.empty() ? "" : "\n") + "(no answer from " + node + ")";
  }
  tail.silent = std::move(silent);
  return text;
}

void Tails::say(const Tail& tail, const std::string& text) {
  ports_.say(tail.wish.place, tail.wish.who, text);
}

void addTail(catalogue::HandlerSet& handlers, Tails& tails) {
  handlers.add<v1::TailRequest, v1::TailReply>(
      "Tail", [&tails](const v1::TailRequest& request, CallContext& context,
                       const Responder<v1::TailReply>& responder) {
        handleTail(wishOf(request, context), context, responder, tails);
      });
  addUntail(handlers, tails);
}

void addClusterTail(catalogue::HandlerSet& handlers, Tails& tails) {
  handlers.add<v1::ClusterTailRequest, v1::TailReply>(
      "Tail", [&tails](const v1::ClusterTailRequest& request, CallContext& context,
                       const Responder<v1::TailReply>& responder) {
        Tails::Wish wish = wishOf(request, context);
        wish.where = whereIn(request, context);
        handleTail(std::move(wish), context, responder, tails);
      });
  addUntail(handlers, tails);
}

}  // namespace muster::commands
