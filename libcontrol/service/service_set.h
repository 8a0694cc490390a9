// The services of one node: the objects that the application counts with, and their windows.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/include/muster/service.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// Owns the Availability and Requests objects, whose addresses stay until the set ends and which any
// thread may use. The set itself is used by one thread at a time; the owner sees to that.
class ServiceSet {
 public:
  ServiceSet();
  ~ServiceSet();
  ServiceSet(const ServiceSet&) = delete;
  ServiceSet& operator=(const ServiceSet&) = delete;

  // The same name again gives the same service, whose options stay those it was made with; never
  // null. Errors: kInvalidArgument with the field ("name", "objective_percent", "window",
  // "bad_noun"), kConflict if the name is one of the other kind, kResourceExhausted.
  Result<Availability*> addAvailability(std::string_view name, const ServiceOptions& options,
                                        ElapsedTime now);
  Result<Requests*> addRequests(std::string_view name, const ServiceOptions& options,
                                ElapsedTime now);

  // Draws what the application has counted since the last call into the windows. What is counted
  // between two calls is booked at the second, so call it about once a second, and always before
  // snapshot(). `steady_now` is the same instant by the clock that outages are stamped with.
  void sample(ElapsedTime now, std::chrono::steady_clock::time_point steady_now);

  NodeSnapshot snapshot(ElapsedTime now) const;

  bool isEmpty() const { return services_.empty(); }
  // In alphabetical order.
  std::vector<std::string> names() const;

 private:
  struct Service;
  Result<Service*> find(std::string_view name, Kind kind, const ServiceOptions& options);

  std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;
};

// Status with the field at fault if a service can't be made like that.
Status checkService(std::string_view name, const ServiceOptions& options);

}  // namespace muster::service
