// The member nodes: who they are, from the store, and which of their processes are there, from
// their presence.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/subscriptions.h"
#include "muster/wire.pb.h"

namespace muster::coordinator {

// What a process told of its services, judged anew; kept once, whoever looks at it.
class ToldServices {
 public:
  ToldServices() = default;
  explicit ToldServices(std::vector<service::ServiceSnapshot> services)
      : services_(
            std::make_shared<const std::vector<service::ServiceSnapshot>>(std::move(services))) {}

  const service::NodeServices& shared() const { return services_; }
  operator const std::vector<service::ServiceSnapshot>&() const { return *services_; }
  size_t size() const { return services_->size(); }
  const service::ServiceSnapshot& operator[](size_t i) const { return (*services_)[i]; }
  auto begin() const { return services_->begin(); }
  auto end() const { return services_->end(); }

 private:
  service::NodeServices services_ = std::make_shared<const std::vector<service::ServiceSnapshot>>();
};

// One process of a member, as its latest presence shows it.
struct Instance {
  v1::NodeStatus status;  // without the services
  WallTime since;
  ToldServices services;  // the worst first
};

struct Member {
  Jid jid;  // bare
  std::string name;
  std::string group;  // empty: a node without failover
  int priority = 0;
  bool nofailover = false;
  store::DrainRow drain;
  WallTime enrolled_at;
  std::string enrolled_by;
  std::map<Jid, Instance> present;  // by full JID
  WallTime changed;                 // when it last came or went

  bool isPresent() const { return !present.empty(); }
  // The instance that came last; null if none is there.
  const Instance* latest() const;
  const Jid* latestJid() const;
  // As it is kept.
  store::MemberRow row() const;
};

// One thread.
class Members {
 public:
  Status load(store::MemberStore& store, WallTime now);
  // After the store has it: a new member, or one of that JID as it is from now on.
  Status put(const store::MemberRow& row, WallTime now);
  void remove(const Jid& bare);

  const Member* find(const Jid& bare) const;
  const Member* findName(const std::string& name) const;
  // By name.
  std::vector<const Member*> all() const;
  std::vector<const Member*> ofGroup(const std::string& group) const;

  // Whether the presence is a member's and said something new: `appeared` tells a full JID that was
  // not there before.
  struct Change {
    const Member* member = nullptr;  // null: not a member's, or nothing to learn
    bool available = false;
    bool appeared = false;
    std::vector<Jid> gone;  // full JIDs that are there no longer
  };
  Change apply(const xmpp::PresenceInfo& presence, WallTime now);
  // Nothing is known of anybody any more: the link to the server is down. Those that were there.
  std::vector<Jid> forgetAll(WallTime now);

 private:
  Status adopt(const store::MemberRow& row, WallTime now);
  void listByGroup();

  std::map<Jid, Member> members_;
  std::map<std::string, std::vector<Jid>> by_group_;  // each by name
};

}  // namespace muster::coordinator
