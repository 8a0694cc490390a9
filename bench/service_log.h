// A log as several services of one machine write it together, made anew alike in each run.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/records/record.h"

namespace muster::bench {

class ServiceLog {
 public:
  explicit ServiceLog(uint64_t seed) : state_(seed * 2 + 1) {}

  // The next record, about a millisecond after the one before. One in 1,250,000 says "zanzibar",
  // one in eight "completed".
  const records::Record& next();

 private:
  uint64_t random();
  uint64_t below(uint64_t bound) { return random() % bound; }
  void add(const char* text) { record_.text += text; }
  void addNumber(uint64_t number) { record_.text += std::to_string(number); }
  void addHex(int digits);
  void addAddress();
  void request();
  void query();
  void job();
  void session();
  void trouble();

  uint64_t state_;
  uint64_t count_ = 0;
  records::Record record_;
};

// As a file has it: time, level, logger and text.
void appendLine(const records::Record& record, std::string& out);

}  // namespace muster::bench
