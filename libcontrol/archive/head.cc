#include "libcontrol/archive/head.h"

#include <utility>

#include "libcontrol/archive/limits.h"

namespace muster::archive {
namespace {

constexpr int kPageBytes = 4096;
constexpr int kCacheKib = 256;
constexpr int kFormat = 2;
// They are unpacked once, at the next start, and most are never.
constexpr int kPackLevel = 1;

constexpr const char* kTables =
    "CREATE TABLE numbers(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE chunks(level INTEGER, first INTEGER, last INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY(level, first));"
    "CREATE TABLE places(source BLOB PRIMARY KEY, place BLOB NOT NULL, kept INTEGER NOT NULL);"
    "PRAGMA user_version=2;";

std::string shedName(size_t level) {
  return "shed" + std::to_string(level);
}

}  // namespace

Head::Head(std::unique_ptr<Connection> connection, BlockWriter& packer)
    : connection_(std::move(connection)),
      set_number_(*connection_, "INSERT OR REPLACE INTO numbers(name, value) VALUES(?, ?)"),
      add_chunk_(*connection_,
                 "INSERT OR REPLACE INTO chunks(level, first, last, bytes) VALUES(?, ?, ?, ?)"),
      drop_chunks_(*connection_, "DELETE FROM chunks WHERE level = ? AND last <= ?"),
      set_place_(*connection_,
                 "INSERT OR REPLACE INTO places(source, place, kept) VALUES(?, ?, ?)"),
      drop_places_(*connection_,
                   "DELETE FROM places WHERE source IN (SELECT source FROM places"
                   " ORDER BY kept DESC, source LIMIT -1 OFFSET ?)"),
      packer_(packer) {}

Result<std::unique_ptr<Head>> Head::open(const std::filesystem::path& file, BlockWriter& packer) {
  auto connection = Connection::openToWrite(file, kPageBytes, kCacheKib);
  if (!connection) return connection.status();
  std::unique_ptr<Head> out(new Head(std::move(connection).value(), packer));
  const auto format = out->connection_->number("PRAGMA user_version");
  if (!format) return format.status();
  if (*format == 0) {
    if (Status made = out->makeTables(); !made) return made;
  } else if (*format != kFormat) {
    return Status(Code::kDataLoss, file.string() + " has a format that is not known");
  }
  return out;
}

Status Head::makeTables() {
  Transaction transaction(*connection_);
  if (Status begun = transaction.begin(); !begun) return begun;
  const Status made = connection_->execute(kTables);
  return made ? transaction.commit() : made;
}

Result<HeadState> Head::load() {
  HeadState state;
  Statement numbers(*connection_, "SELECT name, value FROM numbers");
  numbers.begin();
  for (;;) {
    const auto row = numbers.step();
    if (!row) return row.status();
    if (!*row) break;
    const std::string_view name = numbers.bytesAt(0);
    const auto value = static_cast<uint64_t>(numbers.integerAt(1));
    if (name == "commit") state.commit = value;
    if (name == "last_id") state.last_id = value;
    for (size_t level = 0; level < kLevels; ++level) {
      if (name == shedName(level)) state.shed[level] = value;
    }
  }
  if (Status read = loadChunks(state); !read) state.damage = read.text();
  Statement places(*connection_, "SELECT source, place FROM places");
  places.begin();
  while (state.damage.empty()) {
    const auto row = places.step();
    if (!row) state.damage = row.status().text();
    if (!row || !*row) break;
    state.places[std::string(places.bytesAt(0))] = places.bytesAt(1);
  }
  if (!state.damage.empty()) state.places.clear();
  return state;
}

// Goes on behind one that is damaged, as far as the file can be read at all.
Status Head::loadChunks(HeadState& state) {
  Status out;
  Statement chunks(*connection_, "SELECT level, bytes FROM chunks ORDER BY level, first");
  chunks.begin();
  for (;;) {
    const auto row = chunks.step();
    if (!row) return row.status();
    if (!*row) return out;
    const auto in = static_cast<size_t>(chunks.integerAt(0));
    const auto block = Block::unpack(chunks.bytesAt(1));
    if (!block || in >= kLevels) {
      out = block ? Status(Code::kDataLoss, "a level is not known") : block.status();
      continue;
    }
    auto chunk = std::make_shared<Chunk>();
    chunk->records = *block;
    for (size_t i = 0; i < chunk->records->size(); ++i) chunk->summary.add(chunk->records->kept(i));
    state.pending[in].push_back(std::move(chunk));
  }
}

Status Head::addChunks(const HeadChange& change) {
  for (size_t level = 0; level < kLevels; ++level) {
    for (const ChunkPtr& chunk : change.add[level]) {
      packer_.clear();
      packer_.add(*chunk->records);
      const Status done = add_chunk_.begin()
                              .integer(static_cast<int64_t>(level))
                              .integer(static_cast<int64_t>(chunk->summary.first))
                              .integer(static_cast<int64_t>(chunk->summary.last))
                              .blob(packer_.pack(kPackLevel))
                              .done();
      if (!done) return done;
    }
    if (change.blocked[level] == 0) continue;
    const Status dropped = drop_chunks_.begin()
                               .integer(static_cast<int64_t>(level))
                               .integer(static_cast<int64_t>(change.blocked[level]))
                               .done();
    if (!dropped) return dropped;
  }
  return Status::ok();
}

Status Head::apply(const HeadChange& change) {
  Transaction transaction(*connection_);
  if (Status begun = transaction.begin(); !begun) return begun;
  if (Status added = addChunks(change); !added) return added;
  const auto set = [&](const std::string& name, uint64_t value) {
    return set_number_.begin().text(name).integer(static_cast<int64_t>(value)).done();
  };
  if (Status done = set("commit", change.commit); !done) return done;
  if (Status done = set("last_id", change.last_id); !done) return done;
  for (size_t level = 0; level < kLevels; ++level) {
    if (change.shed[level] == 0) continue;
    if (Status done = set(shedName(level), change.shed[level]); !done) return done;
  }
  for (const auto& [source, place] : change.places) {
    const Status done = set_place_.begin()
                            .blob(source)
                            .blob(place)
                            .integer(static_cast<int64_t>(change.commit))
                            .done();
    if (!done) return done;
  }
  if (!change.places.empty()) {
    const Status done =
        drop_places_.begin().integer(static_cast<int64_t>(limits::kMaxPlaces)).done();
    if (!done) return done;
  }
  return transaction.commit();
}

}  // namespace muster::archive
