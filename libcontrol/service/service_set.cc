#include "libcontrol/service/service_set.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/window.h"

namespace muster::service {
namespace {

// ASCII only, whatever the locale.
bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

const char* kindName(Kind kind) {
  return kind == Kind::kRequests ? "requests" : "availability";
}

Duration windowOf(const ServiceOptions& options) {
  // Within limits by now, so the product fits.
  return Duration::seconds(options.window.count());
}

struct AvailabilityPart {
  AvailabilityPart(Duration window, ElapsedTime since) : window(window, since) {}
  Availability object;
  AvailabilityWindow window;
};

struct RequestsPart {
  RequestsPart(Duration window, ElapsedTime since) : window(window, since) {}
  Requests object;
  RequestWindow window;
  uint64_t good_seen = 0;
  uint64_t bad_seen = 0;
};

void samplePart(AvailabilityPart& part, ElapsedTime now,
                std::chrono::steady_clock::time_point steady_now) {
  for (const Availability::Event& event : part.object.take()) {
    // An event may have come in between the caller's reading of the clock and this.
    const auto age = std::max(steady_now - event.at, std::chrono::steady_clock::duration::zero());
    const ElapsedTime at =
        now - Duration{std::chrono::duration_cast<std::chrono::nanoseconds>(age).count()};
    event.begin ? part.window.begin(at) : part.window.end(at);
  }
}

void samplePart(RequestsPart& part, ElapsedTime now, std::chrono::steady_clock::time_point) {
  const uint64_t good = part.object.goodTotal();
  const uint64_t bad = part.object.badTotal();
  // Unsigned differences are right even where a total has wrapped.
  part.window.add(now, good - std::exchange(part.good_seen, good),
                  bad - std::exchange(part.bad_seen, bad));
}

void readPart(const AvailabilityPart& part, ElapsedTime now, ServiceSnapshot& out) {
  const AvailabilityWindow::Totals totals = part.window.totals(now);
  out.observed = totals.observed;
  out.outage = totals.outage;
  out.outages = totals.outages;
  out.ongoing_outage = totals.ongoing;
}

void readPart(const RequestsPart& part, ElapsedTime now, ServiceSnapshot& out) {
  const RequestWindow::Counts counts = part.window.counts(now);
  out.good = counts.good;
  out.bad = counts.bad;
}

}  // namespace

struct ServiceSet::Service {
  Service(Kind kind, const ServiceOptions& options, ElapsedTime now)
      : kind(kind), options(options) {
    if (kind == Kind::kAvailability) {
      part.emplace<AvailabilityPart>(windowOf(options), now);
    } else {
      part.emplace<RequestsPart>(windowOf(options), now);
    }
  }

  const Kind kind;
  const ServiceOptions options;
  std::variant<std::monostate, AvailabilityPart, RequestsPart> part;
};

ServiceSet::ServiceSet() = default;
ServiceSet::~ServiceSet() = default;

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
  if (options.window.count() < limits::kMinServiceWindow.toMillis() / 1000 ||
      options.window.count() > limits::kMaxServiceWindow.toMillis() / 1000) {
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
  return Status::ok();
}

Result<ServiceSet::Service*> ServiceSet::find(std::string_view name, Kind kind,
                                              const ServiceOptions& options) {
  if (const auto it = services_.find(name); it != services_.end()) {
    if (it->second->kind == kind) return it->second.get();
    return Status(Code::kConflict,
                  "service '" + std::string(name) + "' is one of " + kindName(it->second->kind) +
                      " already, so it can't be one of " + kindName(kind) + " too",
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

Result<Availability*> ServiceSet::addAvailability(std::string_view name,
                                                  const ServiceOptions& options, ElapsedTime now) {
  const Result<Service*> found = find(name, Kind::kAvailability, options);
  if (!found) return found.status();
  Service* service = *found;
  if (service == nullptr) {
    auto made = std::make_unique<Service>(Kind::kAvailability, options, now);
    service = services_.emplace(name, std::move(made)).first->second.get();
  }
  return &std::get<AvailabilityPart>(service->part).object;
}

Result<Requests*> ServiceSet::addRequests(std::string_view name, const ServiceOptions& options,
                                          ElapsedTime now) {
  const Result<Service*> found = find(name, Kind::kRequests, options);
  if (!found) return found.status();
  Service* service = *found;
  if (service == nullptr) {
    auto made = std::make_unique<Service>(Kind::kRequests, options, now);
    service = services_.emplace(name, std::move(made)).first->second.get();
  }
  return &std::get<RequestsPart>(service->part).object;
}

void ServiceSet::sample(ElapsedTime now, std::chrono::steady_clock::time_point steady_now) {
  for (auto& [name, service] : services_) {
    if (auto* availability = std::get_if<AvailabilityPart>(&service->part)) {
      samplePart(*availability, now, steady_now);
    } else {
      samplePart(std::get<RequestsPart>(service->part), now, steady_now);
    }
  }
}

NodeSnapshot ServiceSet::snapshot(ElapsedTime now) const {
  NodeSnapshot node;
  for (const auto& [name, service] : services_) {
    ServiceSnapshot out;
    out.name = name;
    out.kind = service->kind;
    out.objective_percent = service->options.objective_percent;
    out.window = windowOf(service->options);
    out.bad_noun = service->options.bad_noun;
    if (const auto* availability = std::get_if<AvailabilityPart>(&service->part)) {
      readPart(*availability, now, out);
    } else {
      readPart(std::get<RequestsPart>(service->part), now, out);
    }
    out.level = judge(out);
    node.services.push_back(std::move(out));
  }
  sortWorstFirst(node.services);
  node.level = worstOf(node.services);
  return node;
}

std::vector<std::string> ServiceSet::names() const {
  std::vector<std::string> names;
  for (const auto& [name, service] : services_) names.push_back(name);
  return names;
}

}  // namespace muster::service
