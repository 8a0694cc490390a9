// What a group's services have done, as whoever watches the group has seen it: not lost when a node
// goes for good, nor when the role moves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/service/history.h"
#include "libcontrol/service/recorder.h"

namespace muster::service {

// Of one group. A service that is judged by time is down while the active node says so, and while
// no node is active, which somebody who uses it can't tell apart. Before a node was seen active,
// and while nobody watches, nothing is known. Of requests it counts what the group's nodes told
// beyond what they had told before. One thread; times run forward.
class GroupMemory {
 public:
  // The group is like that from now on, until the next call.
  void feed(const GroupLevel& level, ElapsedTime now);
  // Nothing is known from now on, until feed() has seen an active node again.
  void pause(ElapsedTime now);
  // Puts in the period's total and the budget that is left where more is known here than the nodes
  // that are present know.
  void fill(GroupLevel& level, ElapsedTime now) const;

  // Of what is judged by time; nullopt: not known.
  std::optional<bool> isDown(std::string_view service) const;
  // All that it ever had within memory, in alphabetical order.
  std::vector<std::string> services() const;
  // The oldest first; none of an unknown service.
  std::vector<Outage> outages(std::string_view service, ElapsedTime now, WallTime wall) const;

  // By service: what another process encoded `gap` ago becomes the past. kDataLoss, and nothing has
  // changed, if it can't be read.
  std::map<std::string, std::string> encode(ElapsedTime now) const;
  Status restore(const std::string& service, std::string_view bytes, ElapsedTime now, Duration gap);

 private:
  struct Service {
    explicit Service(ElapsedTime now) : history(now), booked(now) {}
    History history;
    OutageLog log;
    ElapsedTime booked;
    std::optional<bool> down;  // nullopt: not known; judged by time only
    std::optional<uint64_t> good_seen;
    std::optional<uint64_t> bad_seen;
  };
  static void book(Service& service, ElapsedTime now);
  static void feedTimed(Service& service, std::optional<bool> down, ElapsedTime now);
  static void feedRequests(Service& service, const ServiceSnapshot& told, ElapsedTime now);

  std::map<std::string, Service, std::less<>> services_;
  bool seen_active_ = false;
};

}  // namespace muster::service
