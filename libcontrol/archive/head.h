// The head of an archive: what is in no block yet, how far the sources were read, and which commit
// was the last. What it has not committed has not happened.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/archive/block.h"
#include "libcontrol/archive/segment.h"
#include "libcontrol/archive/sqlite.h"

namespace muster::archive {

// Records of one level that came together and are in no block yet.
struct Chunk {
  Summary summary;
  std::shared_ptr<const Block> records;
};
using ChunkPtr = std::shared_ptr<const Chunk>;

struct HeadState {
  uint64_t commit = 0;  // number of the last one
  RecordId last_id = 0;
  std::array<uint64_t, kLevels> shed{};  // since the archive is
  std::map<std::string, std::string> places;
  std::array<std::vector<ChunkPtr>, kLevels> pending;
  // What could not be read of it; nothing: it was whole.
  std::string damage;
};

struct HeadChange {
  uint64_t commit = 0;
  RecordId last_id = 0;
  std::array<uint64_t, kLevels> shed{};
  std::array<std::vector<ChunkPtr>, kLevels> add;
  // What is in a block by now, or dropped: records of the level up to this one.
  std::array<RecordId, kLevels> blocked{};
  std::map<std::string, std::string> places;
};

// One thread. Failures have the codes of Connection.
class Head {
 public:
  // `packer` must outlive it, and belongs to it during apply(): its memory is as large as a
  // block's.
  static Result<std::unique_ptr<Head>> open(const std::filesystem::path& file, BlockWriter& packer);

  // All of it. Chunks that can't be read are left out and named in `damage`, and then there are no
  // places: they might be beyond what is kept.
  Result<HeadState> load();
  // On the disk when it returns ok; nothing of it has happened otherwise.
  Status apply(const HeadChange& change);

 private:
  Head(std::unique_ptr<Connection> connection, BlockWriter& packer);
  Status makeTables();
  Status addChunks(const HeadChange& change);
  Status loadChunks(HeadState& state);

  const std::unique_ptr<Connection> connection_;
  Statement set_number_;
  Statement add_chunk_;
  Statement drop_chunks_;
  Statement set_place_;
  Statement drop_places_;
  BlockWriter& packer_;
};

}  // namespace muster::archive
