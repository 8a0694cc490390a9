#include "node-agent/keeper/lease_watch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

namespace muster::agent {
namespace {

Status failure(const std::string& doing) {
  return {Code::kResourceExhausted, doing + ": " + strerror(errno)};
}

}  // namespace

// What the memory is before anybody has written to it.
static_assert(std::atomic<int64_t>::is_always_lock_free && sizeof(LeaseWatch) == sizeof(int64_t));

int64_t LeaseWatch::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

Result<Fd> LeaseWatch::makeMemory() {
  Fd memory(memfd_create("muster-lease", MFD_CLOEXEC));
  if (!memory.isOpen()) return failure("memfd_create");
  if (ftruncate(memory.get(), sizeof(LeaseWatch)) != 0) return failure("ftruncate");
  return memory;
}

Result<LeaseWatch*> LeaseWatch::in(const Fd& memory) {
  void* page =
      mmap(nullptr, sizeof(LeaseWatch), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (page == MAP_FAILED) return failure("mmap");
  // Zeroes, which are such an object, or what another process has made of them.
  return static_cast<LeaseWatch*>(page);
}

bool LeaseWatch::isOver() const {
  const int64_t end = end_ns_.load();
  return end != 0 && now() >= end;
}

}  // namespace muster::agent
