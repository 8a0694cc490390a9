// Records on their way to the archive's writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "libcontrol/archive/block.h"
#include "libcontrol/include/muster/records.h"

namespace muster::archive {

using Kept = std::function<void(Status)>;

// Bounded in bytes. Whoever uses it has a lock around it.
class Queue {
 public:
  explicit Queue(size_t max_bytes) : max_bytes_(max_bytes) {}

  // All or none; in order among everything else that is taken later. False: it is full.
  bool offer(std::vector<Record>& records, std::optional<LogPosition>& position, Kept& kept);
  // Where it is full the least severe that were added are shed, the oldest first, as long as they
  // are less severe than this one; else this one is.
  void add(Record record);

  struct Taken {
    std::vector<Record> records;
    std::vector<LogPosition> positions;
    std::vector<Kept> kept;
    std::array<uint64_t, kLevels> shed{};  // since the last time
  };
  // In the order in which they came, about so many bytes; what was offered together stays together.
  Taken take(size_t bytes);

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  // Waiting to be told by take().
  const std::array<uint64_t, kLevels>& shed() const { return shed_; }

 private:
  struct Offer {
    uint64_t number = 0;
    size_t bytes = 0;
    std::vector<Record> records;
    std::optional<LogPosition> position;
    Kept kept;
  };
  struct Added {
    uint64_t number = 0;
    Record record;
  };
  void takeOffer(Taken& taken);
  void takeAdded(size_t level, Taken& taken);

  const size_t max_bytes_;
  size_t bytes_ = 0;
  uint64_t next_number_ = 0;
  std::deque<Offer> offers_;
  std::array<std::deque<Added>, kLevels> added_;  // by level
  std::array<uint64_t, kLevels> shed_{};
};

}  // namespace muster::archive
