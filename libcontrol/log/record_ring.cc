#include "libcontrol/log/record_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace muster::log {

// Before each record. Everything that nobody has written yet is zero, and `size` is written last:
// once it isn't zero the record is whole.
struct RecordRing::Header {
  uint32_t size;  // of all of it, header and padding included; a multiple of kUnit
  uint16_t text;
  uint8_t logger;
  uint8_t level;
};

namespace {

constexpr uint64_t kUnit = 8;
// Of what only fills up the end of the ring, where a record doesn't fit.
constexpr uint8_t kFiller = 0xff;
constexpr size_t kMinBytes = 128 * 1024;

uint64_t roundedUp(uint64_t bytes) {
  return (bytes + kUnit - 1) & ~(kUnit - 1);
}

}  // namespace

// From calloc: to set it to zero here would take all of it at once.
RecordRing::RecordRing(size_t bytes)
    : mask_(std::bit_ceil(std::max(bytes, kMinBytes)) - 1),
      bytes_(static_cast<std::byte*>(std::calloc(mask_ + 1, 1))) {
  static_assert(sizeof(Header) == kUnit);
  if (bytes_ == nullptr) throw std::bad_alloc();
}

bool RecordRing::push(const Record& record) {
  Header header{};
  header.logger = static_cast<uint8_t>(std::min<size_t>(record.logger.size(), UINT8_MAX));
  header.text = static_cast<uint16_t>(std::min<size_t>(record.text.size(), UINT16_MAX));
  header.level = record.level;
  const uint64_t need = roundedUp(sizeof(Header) + header.logger + header.text);
  const uint64_t capacity = mask_ + 1;

  uint64_t start = tail_.load(std::memory_order_relaxed);
  uint64_t filler = 0;
  do {
    const uint64_t left = capacity - (start & mask_);
    filler = left < need ? left : 0;
    // What the taker has let go of before, it has set to zero before.
    if (start + filler + need - head_.load(std::memory_order_acquire) > capacity) return false;
  } while (!tail_.compare_exchange_weak(start, start + filler + need, std::memory_order_relaxed));

  const auto commit = [this](uint64_t position, Header written, uint64_t size) {
    auto* place = reinterpret_cast<Header*>(at(position));
    place->text = written.text;
    place->logger = written.logger;
    place->level = written.level;
    // Sequentially consistent, so that whoever looks next whether the taker sleeps is seen by it.
    std::atomic_ref(place->size).store(static_cast<uint32_t>(size), std::memory_order_seq_cst);
  };
  if (filler != 0) {
    Header nothing{};
    nothing.level = kFiller;
    commit(start, nothing, filler);
  }
  std::byte* body = at(start + filler) + sizeof(Header);
  // An empty view may have no address at all.
  if (header.logger != 0) std::memcpy(body, record.logger.data(), header.logger);
  if (header.text != 0) std::memcpy(body + header.logger, record.text.data(), header.text);
  commit(start + filler, header, need);
  return true;
}

bool RecordRing::hasNext() {
  for (;;) {
    auto* header = reinterpret_cast<Header*>(at(head_.load(std::memory_order_relaxed)));
    if (std::atomic_ref(header->size).load(std::memory_order_seq_cst) == 0) return false;
    if (header->level != kFiller) return true;
    release();
  }
}

RecordRing::Record RecordRing::front() {
  const std::byte* place = at(head_.load(std::memory_order_relaxed));
  const auto* header = reinterpret_cast<const Header*>(place);
  const char* body = reinterpret_cast<const char*>(place + sizeof(Header));
  return {header->level, {body, header->logger}, {body + header->logger, header->text}};
}

void RecordRing::release() {
  const uint64_t start = head_.load(std::memory_order_relaxed);
  std::byte* place = at(start);
  const uint64_t size = reinterpret_cast<const Header*>(place)->size;
  // A header may come to lie anywhere in here.
  std::memset(place, 0, size);
  head_.store(start + size, std::memory_order_release);
}

}  // namespace muster::log
