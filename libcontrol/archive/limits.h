// Bounds of the log that a node keeps, with their reasons.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libcontrol/base/clock.h"

namespace muster::limits {

// --- what may be configured ---------------------------------------------------------------------
// Of a level; a segment and the head need some.
inline constexpr uint64_t kMinKeptLogBytes = uint64_t{1} << 20;
inline constexpr uint64_t kMaxKeptLogBytes = uint64_t{1} << 40;
inline constexpr Duration kMinKeptLogAge = Duration::seconds(60);
inline constexpr Duration kMaxKeptLogAge = Duration::seconds(10LL * 366 * 86400);

// --- how it is kept -----------------------------------------------------------------------------
// Texts of one level that are compressed and indexed together. Larger ones compress no better and
// make each hit dearer; smaller ones make the index larger.
inline constexpr size_t kArchiveBlockBytes = 256 * 1024;
// A block when unpacked, above which it is damage and not a block: a record of the largest size may
// be the last of one, and names of loggers come on top.
inline constexpr size_t kMaxArchiveBlockBytes = 64 * 1024 * 1024;
// One record's text; the rest is cut. A dump of more belongs into a file.
inline constexpr size_t kMaxKeptTextBytes = 1024 * 1024;
// Records that wait for the writer: a second at 50,000 lines a second.
inline constexpr size_t kArchiveQueueBytes = 8 * 1024 * 1024;
// A record is on the disk so long after it came, or sooner when so many bytes have come.
inline constexpr Duration kArchiveBatchEvery = Duration::millis(200);
inline constexpr size_t kArchiveBatchBytes = 1024 * 1024;
// While the disk is full or gone the writer tries again so often.
inline constexpr Duration kArchiveRetry = Duration::seconds(1);
// Whole segments are dropped, so one is a small part of what its level may keep. Above the upper
// bound they bring nothing, below the lower one they are mostly empty pages.
inline constexpr uint64_t kArchiveSegmentsALevel = 16;
inline constexpr uint64_t kMinArchiveSegmentBytes = 512 * 1024;
inline constexpr uint64_t kMaxArchiveSegmentBytes = 64 * 1024 * 1024;
// A ring smaller than this holds a handful of blocks of each level.
inline constexpr uint64_t kMinArchiveBytes = 8 * 1024 * 1024;
// As the public header says, and the sources of a node: files that rotate under names of their own.
inline constexpr size_t kMaxPlaceBytes = 4096;
inline constexpr size_t kMaxPlaces = 10'000;
// Connections to segments that are kept open for the next search, for so long.
inline constexpr size_t kMaxIdleSegmentReaders = 32;
inline constexpr Duration kIdleSegmentReaderLife = Duration::seconds(60);
// Blocks that a search keeps unpacked, for the context of its hits.
inline constexpr size_t kMaxUnpackedBlocks = 12;
inline constexpr size_t kMaxContextLines = 100;
// Problems that a state shows, the latest.
inline constexpr size_t kMaxArchiveProblems = 16;

}  // namespace muster::limits
