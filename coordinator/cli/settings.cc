#include "coordinator/cli/settings.h"

#include "coordinator/local/cluster_info.h"
#include "libcontrol/base/file.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

constexpr size_t kMaxPasswordBytes = 4096;

Result<Login> fromCluster(const Settings& settings) {
  const auto info = local::loadClusterInfo(settings.cluster);
  if (!info) return info.status();
  const local::Account* account = settings.as == "operator"   ? &info->operator_account
                                  : settings.as == "observer" ? &info->observer
                                  : settings.as == "admin"    ? &info->admin
                                  : settings.as == "stranger" ? &info->stranger
                                                              : nullptr;
  if (account == nullptr) {
    return Status(Code::kInvalidArgument,
                  "--as: there is no account '" + settings.as + "' in that cluster" +
                      suggestion(settings.as, {"operator", "observer", "admin", "stranger"}));
  }
  const auto jid = Jid::parse(account->jid);
  if (!jid) return jid.status();
  const auto coordinator = Jid::parse(info->coordinator);
  if (!coordinator) return coordinator.status();
  return Login{*jid,           account->password,      info->host,
               info->c2s_port, info->ca_file.string(), *coordinator};
}

}  // namespace

Result<Login> loginFrom(const Settings& settings) {
  if (!settings.cluster.empty()) return fromCluster(settings);
  if (settings.jid.empty()) {
    return Status(Code::kInvalidArgument,
                  "say which cluster is meant: --cluster DIR for one made by `muster up`, or --jid "
                  "with --password-file and --coordinator");
  }
  const auto jid = Jid::parse(settings.jid);
  if (!jid) return Status(Code::kInvalidArgument, "--jid: " + jid.status().text());
  if (settings.password_file.empty()) {
    return Status(Code::kInvalidArgument,
                  "--password-file is missing: a file whose first line is "
                  "the password of " +
                      settings.jid);
  }
  const auto password = readFile(settings.password_file, kMaxPasswordBytes);
  if (!password) {
    return Status(Code::kInvalidArgument, "--password-file: " + password.status().text());
  }
  if (settings.coordinator.empty()) {
    return Status(
        Code::kInvalidArgument,
        "--coordinator is missing: the component's address, such as muster." + jid->domain());
  }
  const auto coordinator = Jid::parse(settings.coordinator);
  if (!coordinator) {
    return Status(Code::kInvalidArgument, "--coordinator: " + coordinator.status().text());
  }
  Login login;
  login.jid = jid->bare();
  login.password = password->substr(0, password->find_first_of("\r\n"));
  login.host = settings.host;
  login.port = static_cast<uint16_t>(settings.port);
  login.ca_file = settings.ca_file;
  login.coordinator = *coordinator;
  return login;
}

Exit exitFor(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return Exit::kDone;
    case Code::kInvalidArgument:
    case Code::kNotFound:
      return Exit::kUsage;
    case Code::kForbidden:
    case Code::kStranger:
      return Exit::kNotAuthorised;
    case Code::kUnavailable:
    case Code::kTimeout:
      return Exit::kUnreachable;
    case Code::kRefusedUnsafe:
    case Code::kConflict:
      return Exit::kRefusedUnsafe;
    case Code::kResourceExhausted:
    case Code::kDataLoss:
    case Code::kInternal:
      return Exit::kFailed;
  }
  return Exit::kFailed;
}

}  // namespace muster::cli
