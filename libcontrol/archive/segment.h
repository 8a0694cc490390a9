// A segment: a file with blocks of records of one level, and an index of their words.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/archive/block.h"
#include "libcontrol/archive/index.h"
#include "libcontrol/archive/sqlite.h"

namespace muster::archive {

struct SegmentName {
  Severity level = Severity::kInfo;
  uint64_t number = 0;  // the higher, the newer
  // info-00000012.sqlite
  std::string file() const;
  static std::optional<SegmentName> parse(const std::string& file);
  auto operator<=>(const SegmentName&) const = default;
};

struct BlockEntry {
  int64_t row = 0;
  // Of the commit of the head that it belongs to: it counts once that is done.
  uint64_t commit = 0;
  Summary summary;
};

// The one writer of a segment. kDataLoss: the file is damaged.
class SegmentWriter {
 public:
  // Makes the file if need be.
  static Result<std::unique_ptr<SegmentWriter>> open(const std::filesystem::path& file);

  struct Packed {
    BlockEntry entry;  // without the row
    std::string_view words, grams, loggers, bytes;
  };
  // All that is appended between begin() and commit() is on the disk after commit(), or nothing of
  // it. Ended by abandon() otherwise.
  Status begin();
  Status append(const Packed& block);
  Status commit();
  void abandon();

  // Takes back blocks of later commits than that one.
  Status takeBack(uint64_t after_commit);
  // With the write-ahead log, now.
  uint64_t bytes() const;

 private:
  explicit SegmentWriter(std::unique_ptr<Connection> connection, std::filesystem::path file);
  Status makeTables();
  const std::filesystem::path file_;
  const std::unique_ptr<Connection> connection_;
  std::optional<Transaction> transaction_;
  Statement insert_block_;
  Statement insert_words_;
};

// Reads a segment while it is written or dropped. One thread at a time.
class SegmentReader {
 public:
  static Result<std::unique_ptr<SegmentReader>> open(const std::filesystem::path& file);

  // All that there are, in order; remembered, and only what is new is read the next time.
  Result<const std::vector<BlockEntry>*> entries();
  // The same for a damaged file: those that can be read.
  std::vector<BlockEntry> readableEntries();
  // Rows of the blocks that have all these words, in order; `match` is an expression of FTS5.
  Result<std::vector<int64_t>> rowsWith(const std::string& match);
  struct Filter {
    std::string loggers;  // one a line; empty: not known
    std::string grams;
  };
  Result<Filter> filter(int64_t row);
  Result<std::shared_ptr<const Block>> block(int64_t row);
  // Reads every page. kDataLoss: the file is damaged.
  Status check();

 private:
  explicit SegmentReader(std::unique_ptr<Connection> connection);
  const std::unique_ptr<Connection> connection_;
  std::vector<BlockEntry> entries_;
  Statement select_entries_;
  Statement select_rows_;
  Statement select_filter_;
  Statement select_block_;
};

}  // namespace muster::archive
