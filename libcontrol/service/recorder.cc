#include "libcontrol/service/recorder.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

// Of the encoding.
constexpr uint64_t kFormat = 1;
constexpr uint64_t kMaxAgeMs = 3'153'600'000'000;

Duration lengthOf(std::chrono::seconds seconds) {
  // Within limits, so the product fits.
  return Duration::seconds(seconds.count());
}

ServiceSnapshot fixedFigures(std::string name, Kind kind, const ServiceOptions& options) {
  ServiceSnapshot out;
  out.name = std::move(name);
  out.kind = kind;
  out.objective_percent = options.objective_percent;
  out.window = lengthOf(options.window);
  out.bad_noun = options.bad_noun;
  out.min_events = options.min_events;
  out.period = lengthOf(options.period);
  out.worse_for = lengthOf(options.worse_for);
  out.better_for = lengthOf(options.better_for);
  for (const BurnRateRule& rule : options.burn_rates) {
    out.custom_burn_rules.push_back({rule.page ? Severity::kPage : Severity::kTicket,
                                     lengthOf(rule.long_window), lengthOf(rule.short_window),
                                     rule.factor});
  }
  return out;
}

uint64_t ageMs(ElapsedTime at, ElapsedTime now) {
  return static_cast<uint64_t>(std::max<int64_t>(0, (now - at).toMillis()));
}

std::optional<ElapsedTime> readAge(ByteReader& in, ElapsedTime now) {
  const uint64_t ms = in.number();
  if (!in.isGood() || ms > kMaxAgeMs) return std::nullopt;
  return now - Duration::millis(static_cast<int64_t>(ms));
}

}  // namespace

// --- outages ----------------------------------------------------------------------------------

void OutageLog::begin(ElapsedTime at, uint64_t bad) {
  if (!open_) open_ = Open{at, bad};
}

void OutageLog::end(ElapsedTime at, uint64_t bad) {
  if (!open_) return;
  keep({open_->begin, std::max(open_->begin, at), bad - open_->bad_before});
  open_.reset();
}

void OutageLog::keep(const Ended& ended) {
  ended_.push_back(ended);
  if (ended_.size() > limits::kMaxRecentOutages) ended_.erase(ended_.begin());
}

std::vector<Outage> OutageLog::list(ElapsedTime now, WallTime wall, uint64_t bad) const {
  std::vector<Outage> out;
  const auto wallAt = [&](ElapsedTime at) {
    return WallTime{wall.unix_ms - (now - at).toMillis()};
  };
  for (const Ended& each : ended_) {
    out.push_back({wallAt(each.begin), each.end - each.begin, each.bad, false});
  }
  if (open_) {
    const Duration length = std::max(Duration{}, now - open_->begin);
    out.push_back({wallAt(open_->begin), length, bad - open_->bad_before, true});
  }
  return out;
}

void OutageLog::write(ByteWriter& out, ElapsedTime now, uint64_t bad) const {
  out.number(ended_.size() + (open_ ? 1 : 0));
  const auto one = [&](ElapsedTime begin, ElapsedTime end, uint64_t amount) {
    out.number(ageMs(begin, now));
    out.number(ageMs(end, now));
    out.number(amount);
  };
  for (const Ended& each : ended_) one(each.begin, each.end, each.bad);
  if (open_) one(open_->begin, now, bad - open_->bad_before);
}

bool OutageLog::read(ByteReader& in, ElapsedTime now) {
  const uint64_t count = in.number();
  if (!in.isGood() || count > limits::kMaxRecentOutages + 1) return false;
  for (uint64_t i = 0; i < count; ++i) {
    const auto begin = readAge(in, now);
    const auto end = readAge(in, now);
    const uint64_t bad = in.number();
    if (!begin || !end || *end < *begin || !in.isGood()) return false;
    keep({*begin, *end, bad});
  }
  return true;
}

// --- the service ------------------------------------------------------------------------------

Recorder::Recorder(std::string name, Kind kind, const ServiceOptions& options, ElapsedTime now)
    : figures_(fixedFigures(std::move(name), kind, options)),
      lengths_(windowLengths(burnRulesOf(figures_), figures_.period)),
      history_(now),
      window_(figures_.window, now),
      tracker_(figures_.worse_for, figures_.better_for),
      booked_(now) {}

void Recorder::count(ElapsedTime now, uint64_t good, uint64_t bad) {
  history_.add(now, std::min(good, limits::kMaxCountedAtOnce),
               std::min(bad, limits::kMaxCountedAtOnce));
}

void Recorder::book(ElapsedTime to) {
  if (to <= booked_) return;
  // By the history's own milliseconds, so that no fraction is lost or counted twice.
  const int64_t ms = (history_.age(to) - history_.age(booked_)).toMillis();
  booked_ = to;
  const auto amount = static_cast<uint64_t>(ms);
  if (paused_) return history_.spread(to, 0, 0);
  down_ ? history_.spread(to, 0, amount) : history_.spread(to, amount, 0);
}

void Recorder::outageBegin(ElapsedTime at) {
  book(at);
  window_.begin(at);
  log_.begin(booked_, history_.badTotal());
  down_ = true;
}

void Recorder::outageEnd(ElapsedTime at) {
  book(at);
  window_.end(at);
  log_.end(booked_, history_.badTotal());
  down_ = false;
}

void Recorder::pause(ElapsedTime at) {
  if (paused_) return;
  book(at);
  log_.end(booked_, history_.badTotal());
  window_.pause(at);
  paused_ = true;
}

void Recorder::resume(ElapsedTime at) {
  if (!paused_) return;
  book(at);
  window_.resume(at);
  paused_ = false;
  if (!down_) return;
  window_.begin(at);
  log_.begin(booked_, history_.badTotal());
}

void Recorder::settle(ElapsedTime now) {
  if (isTimed()) {
    book(now);
  } else {
    history_.spread(now, 0, 0);
  }
  ServiceSnapshot judged = figures_;
  readFigures(now, judged);
  const LevelState before = tracker_.held();
  tracker_.step(judgeState(judged, before), now);
  if (!isTimed()) logBreach(now, before, judged);
}

// What made it breach was counted before it did.
void Recorder::logBreach(ElapsedTime now, LevelState before, const ServiceSnapshot& judged) {
  const LevelState held = tracker_.held();
  if (held == before) return;
  if (held == LevelState::kBreached) {
    log_.begin(now, history_.badTotal() - judged.bad);
  } else {
    log_.end(now, history_.badTotal());
  }
}

WindowTotal Recorder::windowTotal(Duration window, ElapsedTime now) const {
  WindowTotal total = history_.total(window, now);
  // Of time, what was watched is what was counted.
  if (isTimed()) {
    total.observed = Duration::millis(static_cast<int64_t>(total.good + total.bad));
  }
  return total;
}

void Recorder::readFigures(ElapsedTime now, ServiceSnapshot& out) const {
  if (isTimed()) {
    const AvailabilityWindow::Totals totals = window_.totals(now);
    // A value that nobody sets any more says nothing of now.
    if (!totals.paused) {
      out.observed = totals.observed;
      out.outage = totals.outage;
      out.outages = totals.outages;
      out.ongoing_outage = totals.ongoing;
    }
  } else {
    const WindowTotal total = history_.total(out.window, now);
    out.good = total.good;
    out.bad = total.bad;
  }
  out.good_total = history_.goodTotal();
  out.bad_total = history_.badTotal();
  out.down = isTimed() && down_ && !paused_;
  for (const Duration length : lengths_) out.windows.push_back(windowTotal(length, now));
}

ServiceSnapshot Recorder::snapshot(ElapsedTime now, std::optional<WallTime> wall) const {
  ServiceSnapshot out = figures_;
  readFigures(now, out);
  judgeAll(out);
  // What the state will be if nothing else comes.
  StateTracker tracker = tracker_;
  out.level.state = tracker.step(judgeState(out, tracker.held()), now);
  out.flaps = tracker.flaps(now);
  out.damped = tracker.isDamped(now);
  if (wall && tracker.since()) {
    out.state_since = WallTime{wall->unix_ms - (now - *tracker.since()).toMillis()};
  }
  return out;
}

std::vector<Outage> Recorder::outages(ElapsedTime now, WallTime wall) const {
  uint64_t bad = history_.badTotal();
  // One that goes on has been bad since what was booked last.
  if (isTimed() && down_ && !paused_ && now > booked_) {
    bad += static_cast<uint64_t>((now - booked_).toMillis());
  }
  return log_.list(now, wall, bad);
}

size_t Recorder::bytes() const {
  // The two logs at their full size.
  return sizeof(*this) + history_.bytes() + limits::kMaxRecentOutages * 3 * sizeof(uint64_t) +
         (limits::kMaxOutageIntervals + limits::kMaxPauses) * 4 * sizeof(uint64_t) +
         lengths_.size() * sizeof(Duration) + figures_.custom_burn_rules.size() * sizeof(BurnRule);
}

// --- across restarts --------------------------------------------------------------------------

std::string Recorder::encode(ElapsedTime now) const {
  ByteWriter out;
  out.number(kFormat);
  out.number(static_cast<uint64_t>(figures_.kind));
  out.bytes(history_.encode());
  window_.write(out, now);
  log_.write(out, now, history_.badTotal());
  out.number(static_cast<uint64_t>(tracker_.held()));
  out.number(ageMs(tracker_.since().value_or(now), now));
  out.number(tracker_.flaps(now));
  return out.take();
}

Status Recorder::restore(std::string_view bytes, ElapsedTime now, Duration gap) {
  const Status torn(Code::kDataLoss, "the kept history of service '" + figures_.name +
                                         "' is not one of its kind, or damaged");
  gap = std::max(gap, Duration{});
  ByteReader in(bytes);
  if (in.number() != kFormat || in.number() != static_cast<uint64_t>(figures_.kind)) return torn;
  auto history = History::decode(in.bytes(), now, gap);
  if (!history) return torn;
  AvailabilityWindow window = window_;
  if (!window.read(in, now, gap)) return torn;
  OutageLog log;
  if (!log.read(in, now - gap)) return torn;
  const uint64_t held = in.number();
  const auto since = readAge(in, now - gap);
  const uint64_t flaps = in.number();
  if (!since || held < 1 || held > 4 || !in.isGood() || !in.isAtEnd()) return torn;
  history_ = std::move(history).value();
  window_ = std::move(window);
  log_ = std::move(log);
  tracker_.restore(static_cast<LevelState>(held), *since,
                   static_cast<uint32_t>(std::min<uint64_t>(flaps, UINT32_MAX)), now);
  booked_ = now;
  // A breach that went on is one still, until it is told otherwise.
  if (!isTimed() && tracker_.held() == LevelState::kBreached) {
    log_.begin(now, history_.badTotal());
  }
  return Status::ok();
}

}  // namespace muster::service
