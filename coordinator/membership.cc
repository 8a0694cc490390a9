#include "coordinator/membership.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

v1::Role toRole(v1::GrantedRole role) {
  switch (role) {
    case v1::GRANTED_ROLE_OBSERVER:
      return v1::ROLE_OBSERVER;
    case v1::GRANTED_ROLE_OPERATOR:
      return v1::ROLE_OPERATOR;
    case v1::GRANTED_ROLE_ADMIN:
      return v1::ROLE_ADMIN;
    default:
      return v1::ROLE_UNSPECIFIED;
  }
}

v1::GrantedRole toGranted(std::optional<v1::Role> role) {
  if (!role) return v1::GRANTED_ROLE_NONE;
  switch (*role) {
    case v1::ROLE_OBSERVER:
      return v1::GRANTED_ROLE_OBSERVER;
    case v1::ROLE_OPERATOR:
      return v1::GRANTED_ROLE_OPERATOR;
    case v1::ROLE_ADMIN:
      return v1::GRANTED_ROLE_ADMIN;
    default:
      return v1::GRANTED_ROLE_NONE;
  }
}

// The store speaks of its own fields; people are shown their arguments.
Status inArguments(const Status& status) {
  return {status.code(), status.text(), status.field() == "jid" ? "node" : status.field()};
}

}  // namespace

Status checkName(const std::string& name, const std::string& what, const std::string& field) {
  const bool good =
      !name.empty() && name.size() <= limits::kMaxNameBytes &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
  if (good) return Status::ok();
  return {Code::kInvalidArgument,
          "'" + singleLine(name, limits::kMaxNameBytes) + "' can't be " + what + ": it has 1 to " +
              std::to_string(limits::kMaxNameBytes) +
              " lower-case letters, digits, '-', '_' and '.'",
          field};
}

Result<Jid> Membership::readAccount(const std::string& typed, const std::string& field) const {
  const auto jid = Jid::parse(typed);
  const std::string shown = "'" + singleLine(typed, 200) + "' ";
  if (!jid) return Status(Code::kInvalidArgument, shown + jid.status().text(), field);
  if (!jid->isBare()) {
    return Status(Code::kInvalidArgument,
                  shown + "has a resource; the account is " + jid->bare().toString(), field);
  }
  if (jid->local().empty()) {
    return Status(Code::kInvalidArgument,
                  shown + "names a server, not an account, such as name@" + jid->domain(), field);
  }
  const bool own = jid->domain() == parts_.cluster.address().domain() ||
                   std::find(parts_.own.begin(), parts_.own.end(), *jid) != parts_.own.end();
  if (own) {
    return Status(Code::kInvalidArgument, shown + "is an address of the coordinator itself", field);
  }
  return *jid;
}

// --- enroll and remove --------------------------------------------------------------------------

Status Membership::checkGroup(const v1::EnrollRequest& request) const {
  if (!request.has_group() || parts_.cluster.find(request.group()) != nullptr) return Status::ok();
  if (Status s = checkName(request.group(), "a group's name", "group"); !s) return s;
  if (request.create()) return Status::ok();
  return {Code::kNotFound,
          "there is no group '" + request.group() + "'" +
              suggestion(request.group(), parts_.cluster.groupNames()) + "; create=yes makes it",
          "group"};
}

Result<store::MemberRow> Membership::rowFor(const v1::EnrollRequest& request, const Jid& jid,
                                            const std::string& by) const {
  const Member* before = parts_.cluster.members().find(jid);
  store::MemberRow row;
  if (before != nullptr) {
    row = before->row();
  } else {
    row.jid = jid.toString();
    row.name = jid.local();
    row.enrolled_at = parts_.clock.wall();
    row.enrolled_by = by;
  }
  if (request.has_name()) row.name = request.name();
  if (request.has_group()) row.group = request.group();
  if (request.has_priority()) row.priority = request.priority();
  if (request.has_nofailover()) row.nofailover = request.nofailover();
  const std::string what =
      request.has_name() ? "a node's name" : "a node's name, and name=... is not given";
  if (Status s = checkName(row.name, what, "name"); !s) return s;
  if (before != nullptr && before->group != row.group && parts_.cluster.holdsRole(*before)) {
    return Status(Code::kRefusedUnsafe,
                  before->name + " has the active role of " + before->group +
                      ", so its group can't change now; drain it first: drain " + before->name,
                  "group");
  }
  return row;
}

Result<v1::EnrollReply> Membership::enroll(const v1::EnrollRequest& request,
                                           const std::string& by) {
  const auto jid = readAccount(request.node(), "node");
  if (!jid) return jid.status();
  if (const auto role = parts_.authority.roleOf(*jid)) {
    return Status(Code::kConflict,
                  jid->toString() + " has the role " + catalogue::roleName(*role) +
                      ", as a person; take it away first: grant none " + jid->toString(),
                  "node");
  }
  if (Status s = checkGroup(request); !s) return s;
  const Member* before = parts_.cluster.members().find(*jid);
  const bool is_new = before == nullptr;
  const auto row = rowFor(request, *jid, by);
  if (!row) return row.status();
  const bool changed = !is_new && !(*row == before->row());
  // A name that is taken must not leave a new group behind.
  const Member* namesake = parts_.cluster.members().findName(row->name);
  if (namesake != nullptr && namesake->jid != *jid) {
    return Status(Code::kConflict,
                  "the name " + row->name + " is taken by " + namesake->jid.toString() +
                      "; choose another one with name=...",
                  "name");
  }
  if (!row->group.empty() && parts_.cluster.find(row->group) == nullptr) {
    if (Status s = parts_.cluster.createGroup(row->group); !s) return inArguments(s);
  }
  if (is_new || changed) {
    if (Status s = parts_.cluster.putMember(*row, is_new); !s) return inArguments(s);
    logger("muster.cluster")
        ->info("{} enrolled {} as {} in '{}'", by, row->jid, row->name, row->group);
  }
  v1::EnrollReply reply;
  reply.set_node(row->name);
  reply.set_jid(row->jid);
  reply.set_group(row->group);
  reply.set_priority(row->priority);
  reply.set_nofailover(row->nofailover);
  reply.set_changed(changed);
  return reply;
}

Status Membership::refuseRemoval(const Member& member, bool force) const {
  if (force || !parts_.cluster.holdsRole(member)) return Status::ok();
  return {Code::kRefusedUnsafe,
          member.name + " has the active role of " + member.group + "; drain it first (drain " +
              member.name + "), or add force=yes to have it told to stop",
          "node"};
}

std::string Membership::planRemove(const v1::RemoveRequest& request) {
  const Member* member = parts_.cluster.members().findName(request.node());
  if (member == nullptr) return {};
  if (const Status s = refuseRemoval(*member, request.force()); !s) {
    return "It would be refused: " + s.text() + ".";
  }
  std::string out = member->name + " (" + member->jid.toString() + ") is no longer a member";
  out += member->group.empty() ? "" : " of group " + member->group;
  if (!parts_.cluster.holdsRole(*member)) return out + ". It is not active; nothing moves.";
  out += ". It is active: it is told to stop";
  for (const election::Verdict& verdict : parts_.cluster.find(*member)->candidates().verdicts) {
    if (verdict.eligible && verdict.candidate.jid != member->jid) {
      return out + ", then " + verdict.candidate.name + " is offered the role.";
    }
  }
  return out + ", and no other node can take over.";
}

Result<v1::RemoveReply> Membership::remove(const v1::RemoveRequest& request,
                                           const std::string& by) {
  const Member* member = parts_.cluster.members().findName(request.node());
  if (member == nullptr) {
    return Status(Code::kNotFound, "there is no node '" + request.node() + "'", "node");
  }
  if (Status s = refuseRemoval(*member, request.force()); !s) return s;
  v1::RemoveReply reply;
  reply.set_node(member->name);
  reply.set_jid(member->jid.toString());
  reply.set_group(member->group);
  const Jid jid = member->jid;
  if (Status s = parts_.cluster.removeMember(jid); !s) return inArguments(s);
  logger("muster.cluster")->info("{} removed {} ({})", by, reply.node(), reply.jid());
  return reply;
}

// --- grant and roles ----------------------------------------------------------------------------

Status Membership::checkGrant(const Jid& jid, v1::Role role) const {
  if (const Member* member = parts_.cluster.members().find(jid)) {
    return {Code::kInvalidArgument,
            jid.toString() + " is the member node " + member->name + ", not a person", "jid"};
  }
  const auto before = parts_.authority.roleOf(jid);
  if (before != v1::ROLE_ADMIN || role == v1::ROLE_ADMIN) return Status::ok();
  const auto& grants = parts_.authority.grants().grants();
  const auto admins = std::count_if(grants.begin(), grants.end(),
                                    [](const v1::Grant& g) { return g.role() == v1::ROLE_ADMIN; });
  if (admins > 1) return Status::ok();
  return {Code::kRefusedUnsafe,
          jid.toString() +
              " is the last admin; nobody could grant a role any more. Make somebody "
              "else admin first",
          "role"};
}

Result<v1::GrantReply> Membership::grant(const v1::GrantRequest& request, const std::string& by) {
  const auto jid = readAccount(request.jid(), "jid");
  if (!jid) return jid.status();
  const v1::Role role = toRole(request.role());
  if (Status s = checkGrant(*jid, role); !s) return s;
  const auto before = parts_.authority.roleOf(*jid);
  v1::GrantReply reply;
  reply.set_jid(jid->toString());
  reply.set_role(request.role());
  reply.set_before(toGranted(before));
  if (reply.role() == reply.before()) return reply;

  Status changed = role == v1::ROLE_UNSPECIFIED
                       ? parts_.grants.remove(jid->toString())
                       : parts_.grants.set({jid->toString(), role, parts_.clock.wall(), by});
  if (changed) changed = parts_.authority.load();
  if (!changed) {
    if (!isRefusal(changed)) parts_.store_failed(changed);
    return changed;
  }
  logger("muster.cluster")
      ->info("{} gave {} the role '{}'", by, jid->toString(), catalogue::roleName(role));
  if (role == v1::ROLE_UNSPECIFIED) parts_.contacts.dismiss(*jid);
  parts_.cluster.pushGrants();
  parts_.roles_changed();
  return reply;
}

Result<v1::RolesReply> Membership::roles() {
  const auto rows = parts_.grants.list();
  if (!rows) return rows.status();
  v1::RolesReply reply;
  for (const store::GrantRow& row : *rows) {
    v1::RoleRecord* out = reply.add_roles();
    out->set_jid(row.jid);
    out->set_role(toGranted(static_cast<v1::Role>(row.role)));
    out->set_by(row.granted_by);
    out->set_at(toRfc3339(row.granted_at));
  }
  return reply;
}

}  // namespace muster::coordinator
