#include "libcontrol/archive/block.h"

#include <zstd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/room.h"

namespace muster::archive {
namespace {

// Of the format; another one begins with another.
constexpr char kFormat = 1;
constexpr size_t kMaxListedLoggers = 64;

// Of a number of 64 bits, seven a byte.
constexpr size_t kMaxNumberBytes = 10;

void putNumber(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Reads what putNumber wrote; past the end it is not ok any more and everything is 0.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number() {
    uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) break;
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return out;
    }
    ok_ = false;
    return 0;
  }
  std::string_view bytes(size_t count) {
    if (count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  bool ok() const { return ok_; }
  size_t at() const { return at_; }

 private:
  const std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

Status damaged(const char* what) {
  return {Code::kDataLoss, std::string("a block of the log is damaged: ") + what};
}

}  // namespace

void Summary::add(const KeptView& kept) {
  if (lines == 0) {
    first = kept.id;
    oldest = newest = kept.at;
  }
  last = kept.id;
  oldest = std::min(oldest, kept.at);
  newest = std::max(newest, kept.at);
  ++lines;
  text_bytes += kept.text.size();
}

void Summary::add(const Summary& other) {
  if (other.lines == 0) return;
  const bool first_of_all = lines == 0;
  first = first_of_all ? other.first : std::min(first, other.first);
  last = std::max(last, other.last);
  oldest = first_of_all ? other.oldest : std::min(oldest, other.oldest);
  newest = first_of_all ? other.newest : std::max(newest, other.newest);
  lines += other.lines;
  text_bytes += other.text_bytes;
}

BlockWriter::BlockWriter() : context_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
}

BlockWriter::~BlockWriter() {
  ZSTD_freeCCtx(context_);
}

size_t BlockWriter::loggerIndex(std::string_view name) {
  if (last_logger_ < logger_names_.size() && logger_names_[last_logger_] == name) {
    return last_logger_;
  }
  const auto it = std::find(logger_names_.begin(), logger_names_.end(), name);
  last_logger_ = static_cast<size_t>(it - logger_names_.begin());
  if (it == logger_names_.end()) logger_names_.emplace_back(name);
  return last_logger_;
}

void BlockWriter::add(const KeptView& kept) {
  summary_.add(kept);
  ++texts_count_;
  putNumber(ids_, kept.id - last_id_);
  last_id_ = kept.id;
  // Without a sign, since times may lie as far apart as numbers reach.
  putNumber(times_, zigzag(static_cast<int64_t>(static_cast<uint64_t>(kept.at.unix_ms) -
                                                static_cast<uint64_t>(last_ms_))));
  last_ms_ = kept.at.unix_ms;
  levels_ += static_cast<char>(kept.level);
  putNumber(loggers_, loggerIndex(kept.logger));
  putNumber(lengths_, kept.text.size());
  texts_ += kept.text;
  texts_ += '\n';
}

void BlockWriter::add(const Block& block) {
  for (size_t i = 0; i < block.size(); ++i) add(block.kept(i));
}

std::string BlockWriter::loggers() const {
  std::string out;
  if (logger_names_.size() > kMaxListedLoggers) return out;
  for (const std::string& name : logger_names_) {
    if (name.find('\n') != std::string::npos) return {};
    out += name + "\n";
  }
  return out;
}

size_t BlockWriter::rawBytes() const {
  size_t bytes = sizeof kFormat + 2 * kMaxNumberBytes;
  for (const std::string& name : logger_names_) bytes += kMaxNumberBytes + name.size();
  for (const std::string* column : {&levels_, &ids_, &times_, &loggers_, &lengths_, &texts_}) {
    bytes += column->size();
  }
  return bytes;
}

void BlockWriter::writeRaw(std::string& raw) const {
  makeRoom(raw, rawBytes());
  raw += kFormat;
  putNumber(raw, texts_count_);
  putNumber(raw, logger_names_.size());
  for (const std::string& name : logger_names_) {
    putNumber(raw, name.size());
    raw += name;
  }
  for (const std::string* column : {&levels_, &ids_, &times_, &loggers_, &lengths_}) raw += *column;
  raw += texts_;
}

std::string_view BlockWriter::pack(int level) {
  writeRaw(raw_);
  makeRoom(packed_, ZSTD_compressBound(raw_.size()));
  packed_.resize(ZSTD_compressBound(raw_.size()));
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
  // Can't fail: there is room for the worst case.
  const size_t bytes =
      ZSTD_compress2(context_, packed_.data(), packed_.size(), raw_.data(), raw_.size());
  return {packed_.data(), ZSTD_isError(bytes) != 0 ? 0 : bytes};
}

std::shared_ptr<const Block> BlockWriter::block() const {
  auto block = std::make_shared<Block>();
  writeRaw(block->raw_);
  // Can't fail: it was written just now.
  (void)block->read();
  return block;
}

void BlockWriter::clear() {
  // What a huge record has left is given back.
  const bool shrink = texts_.capacity() > 8 * limits::kArchiveBlockBytes;
  for (std::string* column :
       {&levels_, &ids_, &times_, &loggers_, &lengths_, &texts_, &raw_, &packed_}) {
    column->clear();
    if (shrink) column->shrink_to_fit();
  }
  summary_ = {};
  texts_count_ = 0;
  last_id_ = 0;
  last_ms_ = 0;
  logger_names_.clear();
  last_logger_ = 0;
}

Result<std::shared_ptr<const Block>> Block::unpack(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > limits::kMaxArchiveBlockBytes) {
    return damaged("it does not begin as it should");
  }
  auto block = std::make_shared<Block>();
  block->raw_.resize(size);
  // One a thread: making it costs as much as unpacking a small block.
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  const size_t got = ZSTD_decompressDCtx(context.get(), block->raw_.data(), block->raw_.size(),
                                         bytes.data(), bytes.size());
  if (ZSTD_isError(got) != 0 || got != size) return damaged(ZSTD_getErrorName(got));
  if (Status read = block->read(); !read) return read;
  return std::shared_ptr<const Block>(std::move(block));
}

Status Block::read() {
  if (raw_.empty() || raw_[0] != kFormat) return damaged("its format is not known");
  Reader reader(std::string_view(raw_).substr(1));
  const uint64_t count = reader.number();
  const uint64_t loggers = reader.number();
  if (!reader.ok() || count > raw_.size() || loggers > raw_.size()) return damaged("its counts");
  for (uint64_t i = 0; i < loggers; ++i) loggers_.emplace_back(reader.bytes(reader.number()));
  rows_.resize(count);
  const std::string_view levels = reader.bytes(count);
  if (!reader.ok()) return damaged("its levels");
  RecordId id = 0;
  for (Row& row : rows_) row.id = id += reader.number();
  uint64_t unix_ms = 0;
  for (Row& row : rows_) {
    unix_ms += static_cast<uint64_t>(unzigzag(reader.number()));
    row.unix_ms = static_cast<int64_t>(unix_ms);
  }
  for (Row& row : rows_) row.logger = static_cast<uint32_t>(reader.number());
  uint64_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    rows_[i].level = static_cast<Severity>(levels[i]);
    if (static_cast<size_t>(rows_[i].level) >= kLevels || rows_[i].logger >= loggers_.size()) {
      return damaged("a level or a logger");
    }
    rows_[i].begin = static_cast<uint32_t>(begin);
    begin += reader.number() + 1;
    if (begin > raw_.size()) return damaged("a length");
  }
  texts_begin_ = 1 + reader.at();
  if (!reader.ok() || texts_begin_ + begin != raw_.size()) return damaged("its lengths");
  return Status::ok();
}

size_t Block::recordAt(size_t offset) const {
  const auto it = std::upper_bound(rows_.begin(), rows_.end(), offset,
                                   [](size_t at, const Row& row) { return at < row.begin; });
  return static_cast<size_t>(it - rows_.begin()) - 1;
}

}  // namespace muster::archive
