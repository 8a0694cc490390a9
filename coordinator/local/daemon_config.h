// The configuration files of the daemons, as `muster up` writes them.
#pragma once

#include <filesystem>
#include <string>

#include "coordinator/local/cluster_info.h"

namespace muster::local {

std::filesystem::path coordinatorFolder(const std::filesystem::path& dir);
std::filesystem::path nodeFolder(const std::filesystem::path& dir, const std::string& node);

// Where the coordinator's secrets are.
std::filesystem::path componentSecretFile(const std::filesystem::path& dir);
std::filesystem::path coordinatorPasswordFile(const std::filesystem::path& dir);
std::filesystem::path nodePasswordFile(const std::filesystem::path& dir, const std::string& node);
// The node writes its ledger's TCP port here, in decimal.
std::filesystem::path ledgerPortFile(const std::filesystem::path& dir, const std::string& node);

// Bare JIDs of the accounts that are not people's.
std::string coordinatorAccount();
std::string nodeAccount(const std::string& node);

std::filesystem::path etcdFolder(const std::filesystem::path& dir, const std::string& member);

std::string coordinatorToml(const ClusterInfo& info, const CoordinatorInfo& coordinator);
std::string nodeToml(const ClusterInfo& info, const std::string& node);

}  // namespace muster::local
