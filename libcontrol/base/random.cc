#include "libcontrol/base/random.h"

#include <sys/random.h>

#include <cstdlib>

namespace muster {

uint64_t Random::below(uint64_t bound) {
  // Numbers under the threshold would make the low results likelier.
  const uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const uint64_t n = next();
    if (n >= threshold) return n % bound;
  }
}

uint64_t SystemRandom::next() {
  uint64_t n = 0;
  // Reads of up to 256 bytes are never short once the pool is ready; without randomness no nonce is
  // worth anything, so there is no way to go on.
  if (getrandom(&n, sizeof n, 0) != static_cast<ssize_t>(sizeof n)) abort();
  return n;
}

uint64_t SeededRandom::next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace muster
