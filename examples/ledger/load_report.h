// What a run of the load generator comes to: the tally while it runs, the check of the journal
// afterwards, and the words for both. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "examples/ledger/journal.h"

namespace ledger {

// Where an acknowledged entry should be.
struct Place {
  uint64_t seq = 0;
  uint64_t epoch = 0;
};

// Counts the outcome of each entry. Times are microseconds of one steady clock.
class Tally {
 public:
  explicit Tally(int64_t start_us) : last_ack_us_(start_us), start_us_(start_us) {}

  void acknowledged(const std::string& id, Place place, int64_t first_sent_us, int64_t now_us);
  void failed() { ++failed_; }    // certainly not written
  void unknown() { ++unknown_; }  // may have been written
  // The time since the last acknowledgement counts as a gap too.
  void finish(int64_t now_us);

  const std::map<std::string, Place>& acks() const { return acks_; }
  uint64_t failedCount() const { return failed_; }
  uint64_t unknownCount() const { return unknown_; }
  int64_t longestGapUs() const { return longest_gap_us_; }
  int64_t durationUs() const { return end_us_ - start_us_; }
  // Of acknowledged entries, from the first sending to the acknowledgement; 0 if there are none.
  // 0 < share <= 1; the nearest rank.
  int64_t latencyUs(double share) const;

 private:
  void gapUntil(int64_t now_us);
  std::map<std::string, Place> acks_;
  std::vector<int64_t> latencies_us_;
  uint64_t failed_ = 0;
  uint64_t unknown_ = 0;
  int64_t longest_gap_us_ = 0;
  int64_t last_ack_us_;
  int64_t start_us_;
  int64_t end_us_ = 0;
};

// What is wrong with a journal. Each list is cut to kMaxFindings.
struct Findings {
  static constexpr size_t kMaxFindings = 20;
  uint64_t entries = 0;
  uint64_t lost = 0;          // acknowledged, but not there
  uint64_t doubled = 0;       // acknowledged, and there more than once
  uint64_t misplaced = 0;     // there, but not under the number and epoch of its acknowledgement
  uint64_t out_of_order = 0;  // epoch below that of an entry before it
  uint64_t shared = 0;        // entry of an epoch in which another instance wrote too
  std::vector<std::string> texts;

  bool isSound() const { return lost + doubled + misplaced + out_of_order + shared == 0; }
};

// Fed with the whole journal in order; keeps no more than one line an epoch and one an ack.
class JournalChecker {
 public:
  // `acks` must outlive it.
  explicit JournalChecker(const std::map<std::string, Place>& acks) : acks_(acks) {}
  void see(const Entry& entry);
  Findings finish();

 private:
  void note(uint64_t& counter, const std::string& text);
  const std::map<std::string, Place>& acks_;
  std::map<std::string, uint64_t> seen_;  // how often, of the acknowledged ids
  std::map<uint64_t, std::string> instance_of_epoch_;
  uint64_t highest_epoch_ = 0;
  Findings findings_;
};

// `findings` may be null: the journal was not checked.
std::string reportTable(const Tally& tally, const Findings* findings);
std::string reportJson(const Tally& tally, const Findings* findings);

}  // namespace ledger
