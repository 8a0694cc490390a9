// Records in one piece: as columns, compressed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/records/record.h"

struct ZSTD_CCtx_s;

namespace muster::archive {

using records::Record;
using records::Severity;

// Of records that are kept: in the order in which they came, beginning with 1, each higher than the
// one before. Never given twice by one archive.
using RecordId = uint64_t;

struct KeptRecord {
  RecordId id = 0;
  Record record;
};

// The same, of texts that lie elsewhere.
struct KeptView {
  KeptView(RecordId number, WallTime time, Severity severity, std::string_view name,
           std::string_view words)
      : id(number), at(time), level(severity), logger(name), text(words) {}
  KeptView(const KeptRecord& kept)
      : KeptView(kept.id, kept.record.at, kept.record.level, kept.record.logger, kept.record.text) {
  }

  RecordId id;
  WallTime at;
  Severity level;
  std::string_view logger;
  std::string_view text;
};

inline constexpr size_t kLevels = 6;

// What is known of records without looking at them.
struct Summary {
  RecordId first = 0;
  RecordId last = 0;
  WallTime oldest;
  WallTime newest;
  uint64_t lines = 0;
  uint64_t text_bytes = 0;

  void add(const KeptView& kept);
  void add(const Summary& other);
};

class Block;

// Its memory is used again and again. One thread at a time.
class BlockWriter {
 public:
  BlockWriter();
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  void add(const KeptView& kept);
  void add(const Block& block);
  const Summary& summary() const { return summary_; }
  bool empty() const { return texts_count_ == 0; }
  // Of all texts, a line feed behind each.
  const std::string& texts() const { return texts_; }
  // One a line, without doubles; empty if they are too many to be worth a look.
  std::string loggers() const;
  // Valid until the next call; zstd's level.
  std::string_view pack(int level);
  // What unpacking pack() gives.
  std::shared_ptr<const Block> block() const;
  void clear();

 private:
  size_t rawBytes() const;
  void writeRaw(std::string& raw) const;
  size_t loggerIndex(std::string_view name);
  ZSTD_CCtx_s* const context_;
  Summary summary_;
  size_t texts_count_ = 0;
  RecordId last_id_ = 0;
  int64_t last_ms_ = 0;
  std::vector<std::string> logger_names_;
  size_t last_logger_ = 0;
  std::string levels_, ids_, times_, loggers_, lengths_, texts_;
  std::string raw_, packed_;
};

// Read only; any number of threads.
class Block {
 public:
  // kDataLoss: these are not the bytes that were written.
  static Result<std::shared_ptr<const Block>> unpack(std::string_view bytes);

  size_t size() const { return rows_.size(); }
  RecordId id(size_t i) const { return rows_[i].id; }
  WallTime at(size_t i) const { return {rows_[i].unix_ms}; }
  Severity level(size_t i) const { return rows_[i].level; }
  const std::string& logger(size_t i) const { return loggers_[rows_[i].logger]; }
  std::string_view text(size_t i) const {
    return texts().substr(rows_[i].begin, textEnd(i) - rows_[i].begin);
  }
  KeptView kept(size_t i) const { return {id(i), at(i), level(i), logger(i), text(i)}; }
  // All of them, a line feed behind each.
  std::string_view texts() const { return std::string_view(raw_).substr(texts_begin_); }
  // The record that this offset in texts() lies in.
  size_t recordAt(size_t offset) const;
  size_t textBegin(size_t i) const { return rows_[i].begin; }
  // Where its line feed is.
  size_t textEnd(size_t i) const {
    return (i + 1 < rows_.size() ? rows_[i + 1].begin : texts().size()) - 1;
  }

 private:
  struct Row {
    RecordId id = 0;
    int64_t unix_ms = 0;
    uint32_t begin = 0;  // in texts()
    uint32_t logger = 0;
    Severity level = Severity::kInfo;
  };
  friend class BlockWriter;
  Status read();
  std::string raw_;
  size_t texts_begin_ = 0;
  std::vector<std::string> loggers_;
  std::vector<Row> rows_;
};

}  // namespace muster::archive
