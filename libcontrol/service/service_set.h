// The services of one node: the objects that the application counts with, and what they remember.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/include/muster/service.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// What a service is to remember across restarts; opaque.
struct KeptService {
  std::string name;
  WallTime saved_at;
  std::string state;

  bool operator==(const KeptService&) const = default;
};

// Owns the Availability, Requests and Gauge objects, whose addresses stay until the set ends and
// which any thread may use. The set itself is used by one thread at a time; the owner sees to that.
class ServiceSet {
 public:
  ServiceSet();
  ~ServiceSet();
  ServiceSet(const ServiceSet&) = delete;
  ServiceSet& operator=(const ServiceSet&) = delete;

  // The same name again gives the same service, whose options stay those it was made with; never
  // null. Errors: kInvalidArgument with the field ("name", "objective_percent", "window",
  // "bad_noun", "period", "min_events", "worse_for", "better_for", "burn_rules", "bounds",
  // "stale_after"), kConflict if the name is one of another kind, kResourceExhausted.
  Result<Availability*> addAvailability(std::string_view name, const ServiceOptions& options,
                                        ElapsedTime now);
  Result<Requests*> addRequests(std::string_view name, const ServiceOptions& options,
                                ElapsedTime now);
  Result<Gauge*> addGauge(std::string_view name, const GaugeBounds& bounds,
                          const ServiceOptions& options, ElapsedTime now);

  // Draws what the application has counted since the last call into the windows. What is counted
  // between two calls is booked at the second, so call it about once a second, and always before
  // snapshot(). `steady_now` is the same instant by the clock that outages are stamped with.
  void sample(ElapsedTime now, std::chrono::steady_clock::time_point steady_now);

  // With `wall`, the same instant, it is known since when each state is what it is.
  NodeSnapshot snapshot(ElapsedTime now, std::optional<WallTime> wall = std::nullopt) const;
  // The oldest first; none of a service that isn't there.
  std::vector<Outage> outages(std::string_view name, ElapsedTime now, WallTime wall) const;

  // For the next process, and from the last one: each of `kept` becomes the past of the service of
  // its name and kind when that is made. One that can't be read is left out and told by
  // takeProblems().
  std::vector<KeptService> keep(ElapsedTime now, WallTime wall) const;
  void expect(std::vector<KeptService> kept, ElapsedTime now, WallTime wall);
  std::vector<Status> takeProblems();

  bool isEmpty() const { return services_.empty(); }
  // In alphabetical order.
  std::vector<std::string> names() const;

 private:
  struct Service;
  struct Expected {
    ElapsedTime saved_at;
    std::string state;
  };
  Result<Service*> find(std::string_view name, Kind kind, const ServiceOptions& options);
  Service& adopt(std::string_view name, std::unique_ptr<Service> made, ElapsedTime now);

  std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;
  std::map<std::string, Expected, std::less<>> expected_;
  std::vector<Status> problems_;
};

// Status with the field at fault if a service can't be made like that.
Status checkService(std::string_view name, const ServiceOptions& options);
Status checkGauge(std::string_view name, const GaugeBounds& bounds);

}  // namespace muster::service
