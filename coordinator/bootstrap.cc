#include "coordinator/bootstrap.h"

#include <algorithm>

#include "muster/cluster.pb.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

constexpr char kBootstrap[] = "bootstrap";

// A store is new until somebody has a role in it: without one nobody could have changed anything.
Result<bool> isNew(store::CoordinatorStore& store) {
  const auto grants = store.grants().list();
  if (!grants) return grants.status();
  return grants->empty();
}

// Grants come last, and what is there already is passed over, so that a crash or a full disk in
// between is mended by the next start.
Status fill(store::CoordinatorStore& store, const Bootstrap& from, WallTime now) {
  const auto groups = store.groups().loadAll();
  if (!groups) return groups.status();
  for (const std::string& name : from.groups) {
    const bool there = std::any_of(groups->begin(), groups->end(),
                                   [&](const store::GroupRow& row) { return row.name == name; });
    if (there) continue;
    store::GroupRow row;
    row.name = name;
    row.moved_at = now;
    if (Status s = store.groups().save(row); !s) return s;
  }
  const auto members = store.members().list();
  if (!members) return members.status();
  for (const Bootstrap::Node& node : from.nodes) {
    const bool there =
        std::any_of(members->begin(), members->end(),
                    [&](const store::MemberRow& row) { return row.name == node.name; });
    if (there) continue;
    store::MemberRow row{node.jid.toString(), node.name, node.group, now, kBootstrap};
    row.priority = node.priority;
    row.nofailover = node.nofailover;
    if (Status added = store.members().add(row); !added) return added;
  }
  for (const auto& [jid, role] : from.grants) {
    if (Status s = store.grants().set({jid.toString(), role, now, kBootstrap}); !s) return s;
  }
  logger("muster.store")
      ->info("filled the new store: {} groups, {} nodes, {} grants", from.groups.size(),
             from.nodes.size(), from.grants.size());
  return Status::ok();
}

}  // namespace

Status fillIfNew(store::CoordinatorStore& store, const Bootstrap& from, WallTime now) {
  const auto is_new = isNew(store);
  if (!is_new) return is_new.status();
  return *is_new ? fill(store, from, now) : Status::ok();
}

}  // namespace muster::coordinator
