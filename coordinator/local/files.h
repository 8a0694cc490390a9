// What a cluster's folder needs of files beyond libcontrol/base/file.h.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "libcontrol/base/file.h"
#include "libcontrol/base/status.h"

namespace muster::local {

// errno as a Status: "DOING PATH: reason".
Status fileError(const std::string& doing, const std::filesystem::path& path, int error_number);

// The secret in the file; made, random (128 bits in hex), if there is none. Mode 0600.
Result<std::string> keepSecret(const std::filesystem::path& path);

// Makes the folder with this mode if it is not there; one that is there stays as it is.
Status makeFolder(const std::filesystem::path& path, mode_t mode);
// Gives the folder and all in it to the user; follows no links.
Status giveTo(const std::filesystem::path& folder, uid_t uid, gid_t gid);

// The last lines from byte `from` on, fit to be shown; empty if there are none.
std::string tailOf(const std::filesystem::path& path, size_t from);
// The file's size; 0 if there is none.
size_t sizeOf(const std::filesystem::path& path);
// Before something appends to it anew: a log beyond 10 MiB makes room by becoming PATH.old.
void rotateLog(const std::filesystem::path& path);

// Holds DIR/lock, so that no two programs change one cluster at a time; kConflict if another does.
Result<FileLock> lockFolder(const std::filesystem::path& dir);

}  // namespace muster::local
