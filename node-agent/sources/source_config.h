// The tables [[agent.source]] of the configuration file: where log records come from. docs/agent.md
// has every key.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/config/config_file.h"
#include "libcontrol/records/format.h"

namespace muster::agent {

enum class SourceKind { kStdout, kStderr, kFile, kJournal, kSyslog };

// Where a syslog socket listens.
struct SyslogAddress {
  enum class Kind { kUnix, kUdp, kTcp };
  Kind kind = Kind::kUnix;
  std::string host;  // an IP address without brackets; of kUnix the socket's path
  int port = 0;      // 0, which only tests use: any that is free
};

struct SourceConfig {
  std::string name;  // unique; part of the names of positions, so a renamed source begins anew
  SourceKind kind = SourceKind::kFile;
  records::FormatOptions format;         // of lines: stdout, stderr and file
  Duration wait = Duration::seconds(1);  // for more lines of a record
  std::string logger;                    // where a record says none; empty: the source's name
  std::string prefix;                    // before the logger that a record says, with a dot
  bool copy = true;                      // stdout, stderr: to the agent's own as well
  std::string path;                      // file: a glob, absolute
  std::vector<std::string> exclude;      // file: globs of names that are not logs
  std::vector<std::string> rotated;      // file: globs of where else rotated files are
  bool from_beginning = false;           // file, journal: of what is there at the first start
  std::string unit;                      // journal
  std::string directory;                 // journal: of its files; empty: the machine's own
  std::string space;                     // journal: its namespace
  SyslogAddress listen;                  // syslog
};

// All tables [[source]] of [agent]. Mistakes are told to them, each with its line and key.
std::vector<SourceConfig> readSources(ConfigTable& agent);

}  // namespace muster::agent
