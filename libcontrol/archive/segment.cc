#include "libcontrol/archive/segment.h"

#include <charconv>
#include <utility>

namespace muster::archive {
namespace {

// Blobs of tens of kilobytes, and leaves of the index that fill a page.
constexpr int kPageBytes = 8192;
constexpr int kWriterCacheKib = 512;
constexpr int kReaderCacheKib = 512;
// "muster's log" to file(1) and friends; and what the tables below are.
constexpr int kApplicationId = 0x4d4c4f47;
constexpr int kFormat = 2;

constexpr const char* kTables =
    // Rows are never given twice, so that what the index says of one that was taken back means no
    // other.
    "CREATE TABLE blocks(row INTEGER PRIMARY KEY AUTOINCREMENT, kept INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, oldest INTEGER NOT NULL,"
    " newest INTEGER NOT NULL, lines INTEGER NOT NULL, text_bytes INTEGER, loggers TEXT, gram_sum "
    "INTEGER, grams BLOB,"
    " bytes BLOB NOT NULL);"
    // Which blocks have a word, and nothing else. Its tokenizer splits as records::nextToken does.
    "CREATE VIRTUAL TABLE words USING fts5(word, content='', columnsize=0, detail=none,"
    " tokenize=\"ascii tokenchars '_'\");"
    "INSERT INTO words(words, rank) VALUES('pgsz', 8000);"
    "INSERT INTO words(words, rank) VALUES('automerge', 8);";

constexpr const char* kInsertBlock =
    "INSERT INTO blocks(kept, first, last, oldest, newest, lines, text_bytes, loggers,"
    " gram_sum, grams, bytes) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
#define MUSTER_ENTRY_COLUMNS "row, kept, first, last, oldest, newest, lines, text_bytes"
constexpr const char* kSelectEntries =
    "SELECT " MUSTER_ENTRY_COLUMNS " FROM blocks WHERE row > ? ORDER BY row";
constexpr const char* kSelectEntry = "SELECT " MUSTER_ENTRY_COLUMNS " FROM blocks WHERE row = ?";
#undef MUSTER_ENTRY_COLUMNS
// Behind the last one that could be read in order, where not even the last row's number can be.
constexpr int64_t kRowsTried = 10'000;

// Of a row with those columns.
BlockEntry entryOf(const Statement& row) {
  BlockEntry entry;
  entry.row = row.integerAt(0);
  entry.commit = static_cast<uint64_t>(row.integerAt(1));
  entry.summary.first = static_cast<RecordId>(row.integerAt(2));
  entry.summary.last = static_cast<RecordId>(row.integerAt(3));
  entry.summary.oldest.unix_ms = row.integerAt(4);
  entry.summary.newest.unix_ms = row.integerAt(5);
  entry.summary.lines = static_cast<uint64_t>(row.integerAt(6));
  entry.summary.text_bytes = static_cast<uint64_t>(row.integerAt(7));
  return entry;
}

}  // namespace

std::string SegmentName::file() const {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%08llu", static_cast<unsigned long long>(number));
  return rules::severityName(level) + std::string(digits) + ".sqlite";
}

std::optional<SegmentName> SegmentName::parse(const std::string& file) {
  const size_t dash = file.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto level = rules::parseSeverity(std::string_view(file).substr(0, dash));
  if (!level) return std::nullopt;
  SegmentName out{*level, 0};
  std::from_chars(file.data() + dash + 1, file.data() + file.size(), out.number);
  return out.file() == file ? std::optional(out) : std::nullopt;
}

SegmentWriter::SegmentWriter(std::unique_ptr<Connection> connection, std::filesystem::path file)
    : file_(std::move(file)),
      connection_(std::move(connection)),
      insert_block_(*connection_, kInsertBlock),
      insert_words_(*connection_, "INSERT INTO words(rowid, word) VALUES(?, ?)") {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::open(const std::filesystem::path& file) {
  auto connection = Connection::openToWrite(file, kPageBytes, kWriterCacheKib);
  if (!connection) return connection.status();
  std::unique_ptr<SegmentWriter> out(new SegmentWriter(std::move(connection).value(), file));
  const auto format = out->connection_->number("PRAGMA user_version");
  if (!format) return format.status();
  if (*format == 0) {
    if (Status made = out->makeTables(); !made) return made;
  } else if (*format != kFormat) {
    return Status(Code::kDataLoss, file.string() + " has a format that is not known");
  }
  return out;
}

Status SegmentWriter::makeTables() {
  Transaction transaction(*connection_);
  if (Status begun = transaction.begin(); !begun) return begun;
  const Status made = connection_->execute(
      std::string(kTables) + "PRAGMA application_id=" + std::to_string(kApplicationId) +
      "; PRAGMA user_version=" + std::to_string(kFormat));
  return made ? transaction.commit() : made;
}

Status SegmentWriter::begin() {
  transaction_.emplace(*connection_);
  return transaction_->begin();
}

Status SegmentWriter::append(const Packed& block) {
  const Summary& summary = block.entry.summary;
  insert_block_.begin()
      .integer(static_cast<int64_t>(block.entry.commit))
      .integer(static_cast<int64_t>(summary.first))
      .integer(static_cast<int64_t>(summary.last))
      .integer(summary.oldest.unix_ms)
      .integer(summary.newest.unix_ms)
      .integer(static_cast<int64_t>(summary.lines))
      .integer(static_cast<int64_t>(summary.text_bytes))
      .text(block.loggers)
      .integer(static_cast<int64_t>(gramChecksum(block.grams)))
      .blob(block.grams)
      .blob(block.bytes);
  if (Status done = insert_block_.done(); !done) return done;
  return insert_words_.begin().integer(connection_->lastRowId()).text(block.words).done();
}

Status SegmentWriter::commit() {
  const Status done = transaction_->commit();
  transaction_.reset();
  // One level is written at a time, and the next block has other words.
  connection_->dropCache();
  return done;
}

void SegmentWriter::abandon() {
  transaction_.reset();
}

Status SegmentWriter::takeBack(uint64_t after_commit) {
  return connection_->execute("DELETE FROM blocks WHERE kept > " + std::to_string(after_commit));
}

uint64_t SegmentWriter::bytes() const {
  return databaseBytes(file_);
}

SegmentReader::SegmentReader(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)),
      select_entries_(*connection_, kSelectEntries),
      select_rows_(*connection_, "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid"),
      select_filter_(*connection_, "SELECT loggers, grams, gram_sum FROM blocks WHERE row = ?"),
      select_block_(*connection_, "SELECT bytes FROM blocks WHERE row = ?") {}

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(const std::filesystem::path& file) {
  auto connection = Connection::openToRead(file, kReaderCacheKib);
  if (!connection) return connection.status();
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(connection).value()));
}

Result<const std::vector<BlockEntry>*> SegmentReader::entries() {
  select_entries_.begin().integer(entries_.empty() ? 0 : entries_.back().row);
  for (;;) {
    const auto row = select_entries_.step();
    if (!row) return row.status();
    if (!*row) break;
    entries_.push_back(entryOf(select_entries_));
  }
  select_entries_.reset();
  return &entries_;
}

std::vector<BlockEntry> SegmentReader::readableEntries() {
  // What was read before the damage is remembered, and behind it row by row is tried.
  (void)entries();
  const auto last = connection_->number("SELECT max(row) FROM blocks");
  const int64_t end = last ? *last : (entries_.empty() ? 0 : entries_.back().row) + kRowsTried;
  Statement one(*connection_, kSelectEntry);
  for (int64_t row = entries_.empty() ? 1 : entries_.back().row + 1; row <= end; ++row) {
    const auto found = one.begin().integer(row).step();
    if (found && *found) entries_.push_back(entryOf(one));
  }
  return entries_;
}

Result<std::vector<int64_t>> SegmentReader::rowsWith(const std::string& match) {
  std::vector<int64_t> out;
  select_rows_.begin().text(match);
  for (;;) {
    const auto row = select_rows_.step();
    if (!row) return row.status();
    if (!*row) break;
    out.push_back(select_rows_.integerAt(0));
  }
  select_rows_.reset();
  return out;
}

Result<SegmentReader::Filter> SegmentReader::filter(int64_t row) {
  Filter out;
  const auto found = select_filter_.begin().integer(row).step();
  if (!found) return found.status();
  if (*found) {
    out.loggers = select_filter_.bytesAt(0);
    out.grams = select_filter_.bytesAt(1);
  }
  const bool whole =
      *found && static_cast<uint64_t>(select_filter_.integerAt(2)) == gramChecksum(out.grams);
  select_filter_.reset();
  if (!whole) return Status(Code::kDataLoss, "the index of a block is damaged");
  return out;
}

Result<std::shared_ptr<const Block>> SegmentReader::block(int64_t row) {
  const auto found = select_block_.begin().integer(row).step();
  if (!found) return found.status();
  if (!*found) return Status(Code::kNotFound, "the block was taken back");
  auto out = Block::unpack(select_block_.bytesAt(0));
  select_block_.reset();
  return out;
}

Status SegmentReader::check() {
  Statement statement(*connection_, "PRAGMA quick_check(1)");
  const auto row = statement.begin().step();
  if (!row) return row.status();
  if (*row && statement.bytesAt(0) == "ok") return Status::ok();
  return {Code::kDataLoss, "a check of the file says: " + std::string(statement.bytesAt(0))};
}

}  // namespace muster::archive
