#include "bench/fsync_count.h"

#include <dlfcn.h>
#include <unistd.h>

namespace muster::bench {
namespace {

std::atomic<std::atomic<uint64_t>*> counter_in_use = nullptr;

int countedCall(const char* name, int fd) {
  if (auto* counter = counter_in_use.load()) ++*counter;
  const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name));
  return real(fd);
}

}  // namespace

void countFsyncsIn(std::atomic<uint64_t>& counter) {
  counter_in_use = &counter;
}

}  // namespace muster::bench

// In place of the C library's, for every shared library of this program.
extern "C" int fsync(int fd) {
  return muster::bench::countedCall("fsync", fd);
}

extern "C" int fdatasync(int fd) {
  return muster::bench::countedCall("fdatasync", fd);
}
