// Cuts an executable's output into lines for the log, and no more of them than anybody reads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace muster::agent {

class LineCollector {
 public:
  explicit LineCollector(std::function<void(const std::string&)> emit) : emit_(std::move(emit)) {}

  // Any bytes; control characters are replaced, long lines cut, empty ones left out.
  void add(std::string_view bytes);
  // Emits a last line without its end, and how many were left out.
  void finish();

 private:
  void endLine();

  const std::function<void(const std::string&)> emit_;
  std::string line_;
  size_t emitted_ = 0;
  size_t left_out_ = 0;
};

}  // namespace muster::agent
