// The private XMPP server: Prosody's configuration, accounts and ports.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "coordinator/local/cluster_info.h"
#include "libcontrol/base/status.h"

namespace muster::local {

std::filesystem::path serverFolder(const std::filesystem::path& dir);

// prosody.cfg.lua for the cluster. It holds the component's secret.
std::string serverConfig(const ClusterInfo& info, const std::string& component_secret,
                         bool run_as_root);
// A Lua string literal of any bytes.
std::string luaQuoted(std::string_view text);

// What Prosody's internal_hashed keeps of a password: SCRAM-SHA-1 keys (RFC 5802) and no way back.
// The salt is Lua- and SASLprep-neutral text.
std::string accountData(const std::string& password, const std::string& salt);
// Writes it, with a fresh salt, where Prosody looks for the account of this bare JID.
Status writeAccount(const std::filesystem::path& server_folder, const std::string& jid,
                    const std::string& password);

// Whether nobody listens there, on loopback.
bool isPortFree(uint16_t port);
// Chooses free ports for clients, for the component and for files; below the range that the kernel
// hands out by itself, so that they are likely still free when the cluster is resumed.
Status choosePorts(ClusterInfo& info);
// The same for etcd, whose members keep theirs for ever.
Status chooseEtcdPorts(ClusterInfo& info);
// Whether a connection to it, on loopback, is accepted.
bool accepts(uint16_t port);

}  // namespace muster::local
