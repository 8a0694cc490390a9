// Asks the site's own executable to see to it that a lost holder is dead, so that nobody has to
// wait for the end of its lease.
#pragma once

#include <QObject>
#include <map>
#include <optional>
#include <string>

#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"
#include "coordinator/fence_config.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// A holder is lost while its process isn't present or doesn't renew its lease. It is fenced only if
// somebody else could take the role, and not before the coordinator has been connected for as long
// as a lease lasts: after a restart of its own or the server's it has merely not heard of anybody
// yet. Lives on the event loop's thread; all references must outlive it.
class Fencing : public QObject {
 public:
  Fencing(Cluster& cluster, xmpp::Endpoint& component, store::GroupStore& store,
          Chronicle& chronicle, Clock& clock, FenceConfig config);

  // Once a second, by the cluster.
  void tick();

 private:
  struct Lost {
    InstanceId instance;
    ElapsedTime since;
    ElapsedTime not_before;  // the next attempt
    bool running = false;
  };
  void look(const std::string& name, GroupDriver& group);
  void fence(const std::string& name, const InstanceId& instance);
  void run(const std::string& name, const InstanceId& instance);
  void fenced(const std::string& name, const InstanceId& instance, const Status& status);

  Cluster& cluster_;
  xmpp::Endpoint& component_;
  store::GroupStore& store_;
  Chronicle& chronicle_;
  Clock& clock_;
  const FenceConfig config_;
  std::optional<ElapsedTime> up_since_;
  std::map<std::string, Lost> lost_;  // by group
};

}  // namespace muster::coordinator
