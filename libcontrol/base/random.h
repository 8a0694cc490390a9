// Randomness behind an interface, so that a simulated run replays from its seed.
#pragma once

#include <cstdint>

namespace muster {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  // Uniform in [0, bound); bound must not be 0.
  uint64_t below(uint64_t bound);
};

// From the kernel; fit for nonces and session ids. Any thread.
class SystemRandom : public Random {
 public:
  uint64_t next() override;
};

// SplitMix64: the same seed gives the same numbers. For simulation and jitter, never for secrets.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override;

 private:
  uint64_t state_;
};

}  // namespace muster
