// A bounded queue of log records from many threads to one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace muster::log {

// A ring of bytes. Any thread may push, and none ever waits: a record that doesn't fit is refused.
// One thread takes. Records lie in it whole and in the order in which their places were taken; a
// thread that was stopped by the scheduler while it writes one holds up those behind it until it
// goes on.
class RecordRing {
 public:
  struct Record {
    uint8_t level = 0;
    std::string_view logger;  // at most 255 bytes, the rest is cut
    std::string_view text;    // at most 65,535 bytes, the rest is cut
  };

  // Rounded up to a power of two of at least 128 KiB, so that any record fits. Memory that no
  // record has come to lie in yet is not taken from the system.
  explicit RecordRing(size_t bytes);
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;

  // False: it was full.
  bool push(const Record& record);

  // The taking thread only. Whether there is a record to take.
  bool hasNext();
  // Calls `take` with the next record, whose views end with the call; false if there is none.
  template <typename Take>
  bool pop(Take&& take) {
    if (!hasNext()) return false;
    take(front());
    release();
    return true;
  }

 private:
  struct Header;

  std::byte* at(uint64_t position) { return bytes_.get() + (position & mask_); }
  Record front();
  void release();

  const uint64_t mask_;
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  const std::unique_ptr<std::byte[], Free> bytes_;
  // Both only grow; what lies between them is taken or being written. On lines of their own, since
  // one changes with every record pushed and the other with every record popped.
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace muster::log
