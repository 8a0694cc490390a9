// Bounds of muster-agent, with their reasons.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"

namespace muster::limits {

// --- sources of log records ---------------------------------------------------------------------
// Sources of an agent, their names, and how long more lines of a record may be waited for.
inline constexpr size_t kMaxSources = 64;
inline constexpr size_t kMaxSourceNameBytes = 64;
inline constexpr Duration kMinRecordWait = Duration::millis(10);
inline constexpr Duration kMaxRecordWait = Duration::seconds(60);
// Read of a file in one go, for all files in turn: more than one line.
inline constexpr size_t kFileChunkBytes = 2 * kMaxLogLineBytes;
// Files of one source that are followed; rotated files of one log that are looked at; and files in
// one kept place, which has 4096 bytes.
inline constexpr size_t kMaxFollowedFiles = 1000;
inline constexpr size_t kMaxRotatedFiles = 1000;
inline constexpr size_t kMaxPlaceFiles = 30;
// Senders connected to one syslog socket.
inline constexpr size_t kMaxSyslogConnections = 256;

// --- the program and what runs beside it --------------------------------------------------------
// Shorter waits would spend the machine on starting a program that doesn't run; after longer ones
// nobody remembers that it is to be started again.
inline constexpr Duration kMinAgentWait = Duration::millis(10);
inline constexpr Duration kMaxAgentWait = Duration::seconds(3600);
// Restarts in a row; beyond this a limit is none (which 0 says more clearly).
inline constexpr int64_t kMaxAgentRestarts = 1000;
// One question to the program over HTTP for its log levels, or one run of an executable for them;
// a command that sets one takes three of them and is given up after 30 s.
inline constexpr Duration kLevelTimeout = Duration::seconds(5);
// Answers of the program: ten thousand loggers of an actuator, written at length, are 2 MB.
inline constexpr size_t kMaxLevelAnswerBytes = 4 * 1024 * 1024;
// A file whose levels are rewritten, and a template of one.
inline constexpr size_t kMaxLevelFileBytes = 1024 * 1024;
// Executables that run beside the program at once, such as those for probes.
inline constexpr size_t kMaxSideRuns = 16;
// The sidecar socket. A frame of a thousand log records of 1 KiB fits; what is not yet read by the
// other side is bounded by the same.
inline constexpr size_t kMaxSidecarFrameBytes = 1024 * 1024;
inline constexpr size_t kMaxSidecarRecords = 1000;
inline constexpr size_t kMaxSidecarConnections = 8;
inline constexpr size_t kMaxSidecarServices = 32;
// Names of connections whose last numbers are known.
inline constexpr size_t kMaxSidecarNames = 64;
// A connection that has not said who it is by then is a mistake.
inline constexpr Duration kSidecarHelloWait = Duration::seconds(5);
// Messages of records on their way to the disk, for each connection.
inline constexpr uint32_t kSidecarWindow = 16;
// Probes of a program. More say nothing more; a shorter interval is a load of its own.
inline constexpr size_t kMaxProbes = 32;
inline constexpr Duration kMinProbeInterval = Duration::millis(100);
inline constexpr Duration kMaxProbeInterval = Duration::seconds(3600);
inline constexpr int64_t kMaxProbeRow = 100;
// An agent that ends waits for what is under way.
inline constexpr Duration kMaxProbeTimeout = Duration::seconds(30);
// Answers that are awaited at once over the network; others have to wait.
inline constexpr size_t kProbesAtOnce = 4;
// Looked at of an answer, and a pattern's memory as RE2 counts it.
inline constexpr size_t kMaxProbeBytes = 256 * 1024;
inline constexpr size_t kMaxProbeExpectBytes = 4096;
inline constexpr int64_t kMaxProbePatternBytes = 1024 * 1024;
// Headers of a request, each a line.
inline constexpr size_t kMaxHttpHeaders = 32;
// What one run of an executable may write into the log: a page of text, not a flood.
inline constexpr size_t kMaxHookLines = 200;
inline constexpr size_t kMaxHookLineBytes = 1024;
// Between two questions after health: more often than this costs more than it tells.
inline constexpr Duration kMinHealthInterval = Duration::millis(100);
// Answers in a row before a verdict changes; with more an outage is over before it is noticed.
inline constexpr int64_t kMaxHealthCount = 100;
// The largest that Linux gives a process (PID_MAX_LIMIT).
inline constexpr int64_t kMaxPid = 4'194'304;
// A pid file may be older than its process by that much: times of files have the kernel's ticks.
inline constexpr Duration kPidFileSlack = Duration::millis(100);
// Looks at an application that others run. The end of its main process is noticed at once.
inline constexpr Duration kPidFileLook = Duration::millis(100);
// So many of them go by between two readings of all of /proc for what belongs to it.
inline constexpr int kPidFileFamilyLooks = 10;
inline constexpr Duration kUnitLook = Duration::seconds(1);
// An answer of systemd's other than a job's end.
inline constexpr Duration kUnitCall = Duration::seconds(5);
// A unit that did not stop is killed, and asked to stop again, so often.
inline constexpr Duration kUnitStopRetry = Duration::seconds(1);
// A unit's name (unit_name_is_valid() of systemd).
inline constexpr size_t kMaxUnitName = 255;

}  // namespace muster::limits
