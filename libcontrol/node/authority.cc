#include "libcontrol/node/authority.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster {
namespace {

Result<std::map<Jid, v1::Role>> readGrants(const v1::Grants& grants) {
  std::map<Jid, v1::Role> out;
  for (const v1::Grant& grant : grants.grants()) {
    const auto jid = Jid::parse(grant.jid());
    if (!jid) return jid.status();
    if (!jid->isBare() || jid->toString() != grant.jid()) {
      return Status(Code::kInvalidArgument,
                    "'" + singleLine(grant.jid(), 80) + "' is not an exact bare JID");
    }
    if (grant.role() < v1::ROLE_OBSERVER || grant.role() > v1::ROLE_ADMIN) {
      return Status(Code::kInvalidArgument,
                    grant.jid() + " is given a role that can't be granted here");
    }
    out[*jid] = grant.role();
  }
  return out;
}

Result<std::set<Jid>> readPeers(const v1::Grants& grants) {
  if (grants.peers_size() > static_cast<int>(limits::kMaxFailsafeMembers)) {
    return Status(Code::kInvalidArgument,
                  "more than " + std::to_string(limits::kMaxFailsafeMembers) + " peers");
  }
  std::set<Jid> peers;
  for (const std::string& text : grants.peers()) {
    const auto jid = Jid::parse(text);
    if (!jid) return jid.status();
    if (!jid->isBare()) {
      return Status(Code::kInvalidArgument, "'" + singleLine(text, 80) + "' is not a bare JID");
    }
    peers.insert(*jid);
  }
  return peers;
}

}  // namespace

Result<v1::Role> roleFromName(const std::string& name) {
  std::vector<std::string> names;
  for (const v1::Role role : {v1::ROLE_OBSERVER, v1::ROLE_OPERATOR, v1::ROLE_ADMIN}) {
    if (catalogue::roleName(role) == name) return role;
    names.push_back(catalogue::roleName(role));
  }
  return Status(Code::kInvalidArgument,
                "'" + singleLine(name, 40) + "' is not a role" + suggestion(name, names));
}

NodeAuthority::NodeAuthority(store::NodeStateStore& store, std::set<Jid> coordinators,
                             std::map<Jid, v1::Role> configured)
    : store_(store), coordinators_(std::move(coordinators)), configured_(std::move(configured)) {
  v1::Grants grants;
  if (!grants.ParseFromString(store_.state().grants)) return;
  if (auto told = readGrants(grants)) told_ = std::move(told).value();
  if (auto peers = readPeers(grants)) peers_ = std::move(peers).value();
}

std::optional<v1::Role> NodeAuthority::roleOf(const Jid& bare) const {
  if (coordinators_.contains(bare)) return v1::ROLE_COORDINATOR;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  for (const auto* source : {&configured_, &told_}) {
    if (const auto it = source->find(bare); it != source->end()) role = std::max(role, it->second);
  }
  return role == v1::ROLE_UNSPECIFIED ? std::nullopt : std::optional(role);
}

Status NodeAuthority::accept(const v1::Grants& grants) {
  store::NodeState state = store_.state();
  auto told = readGrants(grants);
  if (!told) return told.status();
  auto peers = readPeers(grants);
  if (!peers) return peers.status();
  std::string serialised = grants.SerializeAsString();
  if (serialised == state.grants) return Status::ok();
  state.grants_version = grants.version();
  state.grants = std::move(serialised);
  if (Status saved = store_.save(state); !saved) return saved;
  told_ = std::move(told).value();
  peers_ = std::move(peers).value();
  return Status::ok();
}

}  // namespace muster
