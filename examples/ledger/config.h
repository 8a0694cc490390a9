// The [ledger] table of the configuration; the [node] table beside it is the library's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "muster/status.h"

namespace ledger {

struct Config {
  std::string listen = "127.0.0.1";  // an IPv4 address
  uint16_t port = 0;                 // 0: any
  std::filesystem::path port_file;   // gets the port in decimal; empty: none
  std::filesystem::path journal;     // shared by the nodes of the group; required
  // The longest that one append may take. The lease must last at least that long when it begins.
  // 10 to 5000; well below the lease's length.
  std::chrono::milliseconds max_append{250};
  // Of its service levels; 10 s to a day.
  std::chrono::seconds window = std::chrono::minutes(10);
};

// Errors name the file, the line and what would have been right. Relative paths are taken from the
// file's folder.
muster::Result<Config> loadConfig(const std::filesystem::path& file);

}  // namespace ledger
