#include "libcontrol/service/service_set.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"
#include "libcontrol/service/recorder.h"

namespace muster::service {
namespace {

// ASCII only, whatever the locale.
bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::kAvailability:
      return "availability";
    case Kind::kRequests:
      return "requests";
    case Kind::kGauge:
      return "gauge";
  }
  return "";
}

using SteadyTime = std::chrono::steady_clock::time_point;

// Both clocks at one instant.
struct Now {
  ElapsedTime elapsed;
  SteadyTime steady;

  // An event may have come in between the caller's reading of the clocks and this.
  ElapsedTime of(SteadyTime at) const {
    const auto age = std::max(steady - at, std::chrono::steady_clock::duration::zero());
    return elapsed - Duration{std::chrono::duration_cast<std::chrono::nanoseconds>(age).count()};
  }
};

void tell(const std::vector<OutageEvent>& events, const Now& now, Recorder& recorder) {
  for (const OutageEvent& event : events) {
    event.begin ? recorder.outageBegin(now.of(event.at)) : recorder.outageEnd(now.of(event.at));
  }
}

struct AvailabilityPart {
  Availability object;

  void sample(const Now& now, Recorder& recorder) { tell(object.take(), now, recorder); }
};

struct RequestsPart {
  Requests object;
  uint64_t good_seen = 0;
  uint64_t bad_seen = 0;

  void sample(const Now& now, Recorder& recorder) {
    const uint64_t good = object.goodTotal();
    const uint64_t bad = object.badTotal();
    // Unsigned differences are right even where a total has wrapped.
    recorder.count(now.elapsed, good - std::exchange(good_seen, good),
                   bad - std::exchange(bad_seen, bad));
  }
};

struct GaugePart {
  explicit GaugePart(const GaugeBounds& bounds) : object(bounds) {}
  Gauge object;
  ElapsedTime fresh_at{};

  // Not watched before the first value, and after one that has become too old.
  void sample(const Now& now, Recorder& recorder) {
    const Gauge::Taken taken = object.take();
    if (taken.fresh) {
      fresh_at = now.elapsed;
      // When the value that ended a pause came is known only where it crossed a bound.
      recorder.resume(taken.events.empty() ? now.elapsed : now.of(taken.events.front().at));
    }
    tell(taken.events, now, recorder);
    const Duration stale_after = Duration::seconds(object.bounds().stale_after.count());
    if (stale_after.ns > 0 && now.elapsed - fresh_at >= stale_after) recorder.pause(now.elapsed);
  }
};

}  // namespace

struct ServiceSet::Service {
  using Part = std::variant<std::monostate, AvailabilityPart, RequestsPart, GaugePart>;

  Service(std::string_view name, Kind kind, const ServiceOptions& options, ElapsedTime now)
      : recorder(std::string(name), kind, options, now) {}

  void sample(const Now& now) {
    std::visit(
        [&](auto& one) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(one)>, std::monostate>) {
            one.sample(now, recorder);
          }
        },
        part);
    recorder.settle(now.elapsed);
  }

  Recorder recorder;
  Part part;
};

ServiceSet::ServiceSet() = default;
ServiceSet::~ServiceSet() = default;

namespace {

bool isWithin(std::chrono::seconds length, Duration min, Duration max) {
  return length.count() >= min.toMillis() / 1000 && length.count() <= max.toMillis() / 1000;
}

// `shown` begins each text.
Status checkPeriod(const std::string& shown, const ServiceOptions& options) {
  if (!isWithin(options.period, limits::kMinPeriod, limits::kMaxPeriod)) {
    return {Code::kInvalidArgument,
            shown + "the period is " + std::to_string(options.period.count()) +
                " s; it must be from 1 hour to 31 days",
            "period"};
  }
  if (options.min_events < 1 || options.min_events > limits::kMaxMinEvents) {
    return {Code::kInvalidArgument,
            shown + "the least number of events must be from 1 to 1000000000", "min_events"};
  }
  if (!isWithin(options.worse_for, Duration{}, limits::kMaxStateFor)) {
    return {Code::kInvalidArgument, shown + "a worse state may be held back for 0 s to 1 hour",
            "worse_for"};
  }
  if (!isWithin(options.better_for, Duration{}, limits::kMaxStateFor)) {
    return {Code::kInvalidArgument, shown + "a better state may be held back for 0 s to 1 hour",
            "better_for"};
  }
  std::vector<BurnRule> rules;
  for (const BurnRateRule& rule : options.burn_rates) {
    // Seconds of any number, so that the product fits: what is cut is out of limits anyway.
    const auto length = [](std::chrono::seconds s) {
      const int64_t most = limits::kMaxPeriod.toMillis() / 1000 + 1;
      return Duration::seconds(std::clamp<int64_t>(s.count(), -1, most));
    };
    rules.push_back({rule.page ? Severity::kPage : Severity::kTicket, length(rule.long_window),
                     length(rule.short_window), rule.factor});
  }
  const Status checked = checkBurnRules(rules, Duration::seconds(options.period.count()));
  if (checked) return checked;
  return {checked.code(), shown + checked.text(), checked.field()};
}

}  // namespace

Status checkService(std::string_view name, const ServiceOptions& options) {
  const std::string shown = "service '" + singleLine(name, limits::kMaxNameBytes) + "': ";
  if (name.empty() || name.size() > limits::kMaxNameBytes ||
      !std::all_of(name.begin(), name.end(), isNameCharacter)) {
    return {Code::kInvalidArgument,
            shown + "a name has 1 to 64 letters, digits, '-', '_' and '.', none outside ASCII",
            "name"};
  }
  // Written so that not-a-number fails.
  if (!(options.objective_percent > 0 && options.objective_percent < 100)) {
    return {Code::kInvalidArgument,
            shown + "the objective must be above 0 and below 100 percent, such as 99.9",
            "objective_percent"};
  }
  if (!isWithin(options.window, limits::kMinServiceWindow, limits::kMaxServiceWindow)) {
    return {Code::kInvalidArgument,
            shown + "the window is " + std::to_string(options.window.count()) +
                " s; it must be from 10 s to 24 hours",
            "window"};
  }
  const std::string& noun = options.bad_noun;
  if (noun.empty() || noun.size() > limits::kMaxBadNounBytes ||
      singleLine(noun, noun.size()) != noun) {
    return {Code::kInvalidArgument,
            shown + "what a bad request is called must be 1 to 32 bytes of text, such as 'dropped'",
            "bad_noun"};
  }
  return checkPeriod(shown, options);
}

Status checkGauge(std::string_view name, const GaugeBounds& bounds) {
  const std::string shown = "service '" + singleLine(name, limits::kMaxNameBytes) + "': ";
  // Written so that not-a-number fails.
  if (!(bounds.min <= bounds.max)) {
    return {Code::kInvalidArgument,
            shown + "the bounds of a gauge are two numbers, the lower one first", "bounds"};
  }
  if (std::isinf(bounds.min) && std::isinf(bounds.max)) {
    return {Code::kInvalidArgument,
            shown + "a gauge needs a lower or an upper bound that a value can cross", "bounds"};
  }
  if (!isWithin(bounds.stale_after, Duration{}, limits::kMaxServiceWindow)) {
    return {Code::kInvalidArgument, shown + "a value may hold for 0 s (for ever) to 24 hours",
            "stale_after"};
  }
  return Status::ok();
}

Result<ServiceSet::Service*> ServiceSet::find(std::string_view name, Kind kind,
                                              const ServiceOptions& options) {
  if (const auto it = services_.find(name); it != services_.end()) {
    if (it->second->recorder.kind() == kind) return it->second.get();
    return Status(Code::kConflict,
                  "service '" + std::string(name) + "' is one of " +
                      kindName(it->second->recorder.kind()) + " already, so it can't be one of " +
                      kindName(kind) + " too",
                  "name");
  }
  if (Status status = checkService(name, options); !status) return status;
  if (services_.size() >= limits::kMaxServices) {
    return Status(Code::kResourceExhausted,
                  "service '" + std::string(name) + "': a node has at most " +
                      std::to_string(limits::kMaxServices) + " services",
                  "name");
  }
  return static_cast<Service*>(nullptr);
}

ServiceSet::Service& ServiceSet::adopt(std::string_view name, std::unique_ptr<Service> made,
                                       ElapsedTime now) {
  if (const auto kept = expected_.find(name); kept != expected_.end()) {
    const Status restored = made->recorder.restore(
        kept->second.state, now, std::max(Duration{}, now - kept->second.saved_at));
    if (!restored) problems_.push_back(restored);
    expected_.erase(kept);
  }
  return *services_.emplace(name, std::move(made)).first->second;
}

Result<Availability*> ServiceSet::addAvailability(std::string_view name,
                                                  const ServiceOptions& options, ElapsedTime now) {
  const Result<Service*> found = find(name, Kind::kAvailability, options);
  if (!found) return found.status();
  Service* service = *found;
  if (service == nullptr) {
    auto made = std::make_unique<Service>(name, Kind::kAvailability, options, now);
    made->part.emplace<AvailabilityPart>();
    service = &adopt(name, std::move(made), now);
  }
  return &std::get<AvailabilityPart>(service->part).object;
}

Result<Requests*> ServiceSet::addRequests(std::string_view name, const ServiceOptions& options,
                                          ElapsedTime now) {
  const Result<Service*> found = find(name, Kind::kRequests, options);
  if (!found) return found.status();
  Service* service = *found;
  if (service == nullptr) {
    auto made = std::make_unique<Service>(name, Kind::kRequests, options, now);
    made->part.emplace<RequestsPart>();
    service = &adopt(name, std::move(made), now);
  }
  return &std::get<RequestsPart>(service->part).object;
}

Result<Gauge*> ServiceSet::addGauge(std::string_view name, const GaugeBounds& bounds,
                                    const ServiceOptions& options, ElapsedTime now) {
  if (Status status = checkGauge(name, bounds); !status) return status;
  const Result<Service*> found = find(name, Kind::kGauge, options);
  if (!found) return found.status();
  Service* service = *found;
  if (service == nullptr) {
    auto made = std::make_unique<Service>(name, Kind::kGauge, options, now);
    made->part.emplace<GaugePart>(bounds);
    service = &adopt(name, std::move(made), now);
    service->recorder.pause(now);
  }
  return &std::get<GaugePart>(service->part).object;
}

void ServiceSet::sample(ElapsedTime now, std::chrono::steady_clock::time_point steady_now) {
  for (auto& [name, service] : services_) service->sample({now, steady_now});
}

NodeSnapshot ServiceSet::snapshot(ElapsedTime now, std::optional<WallTime> wall) const {
  NodeSnapshot node;
  for (const auto& [name, service] : services_) {
    node.services.push_back(service->recorder.snapshot(now, wall));
  }
  sortWorstFirst(node.services);
  node.level = worstOf(node.services);
  return node;
}

std::vector<Outage> ServiceSet::outages(std::string_view name, ElapsedTime now,
                                        WallTime wall) const {
  const auto it = services_.find(name);
  if (it == services_.end()) return {};
  return it->second->recorder.outages(now, wall);
}

std::vector<KeptService> ServiceSet::keep(ElapsedTime now, WallTime wall) const {
  std::vector<KeptService> out;
  for (const auto& [name, service] : services_) {
    out.push_back({name, wall, service->recorder.encode(now)});
  }
  return out;
}

void ServiceSet::expect(std::vector<KeptService> kept, ElapsedTime now, WallTime wall) {
  for (KeptService& each : kept) {
    // A wall clock that was set back, or far ahead, says nothing of the time that passed.
    const int64_t gap_ms = std::clamp<int64_t>(wall.unix_ms - each.saved_at.unix_ms, 0,
                                               2 * limits::kMaxPeriod.toMillis());
    expected_[each.name] = {now - Duration::millis(gap_ms), std::move(each.state)};
  }
}

std::vector<Status> ServiceSet::takeProblems() {
  return std::exchange(problems_, {});
}

std::vector<std::string> ServiceSet::names() const {
  std::vector<std::string> names;
  for (const auto& [name, service] : services_) names.push_back(name);
  return names;
}

}  // namespace muster::service
