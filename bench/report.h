// What was measured, condensed and written out.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "bench/requester.h"

namespace muster::bench {

// All round trips of one kind at one depth.
class Series {
 public:
  // One round's; not empty.
  void add(Batch batch);

  // Nearest rank; share from 0 to 1. Of all rounds together.
  double percentile(double share) const;
  double perSecond() const;
  size_t size() const { return all_.size(); }
  // The median of each round by itself.
  const std::vector<double>& roundMedians() const { return round_medians_; }

 private:
  std::vector<double> all_;  // microseconds
  std::vector<double> round_medians_;
  double seconds_ = 0;
};

struct Depth {
  int in_flight = 1;
  std::array<Series, kKindCount> kinds;  // by Kind
  const Series& of(Kind kind) const { return kinds[static_cast<size_t>(kind)]; }
  Series& of(Kind kind) { return kinds[static_cast<size_t>(kind)]; }
};

struct Report {
  std::string server;
  std::string command;
  bool wants_reply = false;
  int rounds = 0;
  int per_round = 0;
  PayloadBytes payload;
  std::vector<Depth> depths;
};

// How the medians of two kinds compare: over all round trips, and the quartiles of the same ratio
// taken in each round by itself, which tell how far the machine's drift moves it.
struct Ratio {
  double all = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
};
Ratio ratio(const Series& of, const Series& to);

std::string table(const Report& report);
std::string json(const Report& report);

}  // namespace muster::bench
