// How often this process has waited for the disk.
#pragma once

#include <atomic>
#include <cstdint>

namespace muster::bench {

// fsync() and fdatasync() of the whole program, SQLite's too, are counted there from now on; in
// memory shared with another process that may be read there. Must live until the process ends.
void countFsyncsIn(std::atomic<uint64_t>& counter);

}  // namespace muster::bench
