#include "examples/ledger/load_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace ledger {
namespace {

std::string milliseconds(int64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", static_cast<double>(us) / 1000);
  return text;
}

std::string row(const std::string& label, const std::string& value) {
  char text[160];
  std::snprintf(text, sizeof text, "%-16s %s\n", label.c_str(), value.c_str());
  return text;
}

std::string verdict(const Findings& findings) {
  if (findings.isSound()) {
    return "sound: every acknowledged entry is there once, epochs never fall, one instance each";
  }
  return "NOT SOUND: " + std::to_string(findings.lost) + " lost, " +
         std::to_string(findings.doubled) + " doubled, " + std::to_string(findings.misplaced) +
         " misplaced, " + std::to_string(findings.out_of_order) + " with a token out of order, " +
         std::to_string(findings.shared) + " under a shared epoch";
}

}  // namespace

void Tally::gapUntil(int64_t now_us) {
  longest_gap_us_ = std::max(longest_gap_us_, now_us - last_ack_us_);
}

void Tally::acknowledged(const std::string& id, Place place, int64_t first_sent_us,
                         int64_t now_us) {
  acks_[id] = place;
  latencies_us_.push_back(now_us - first_sent_us);
  gapUntil(now_us);
  last_ack_us_ = now_us;
}

void Tally::finish(int64_t now_us) {
  gapUntil(now_us);
  end_us_ = now_us;
  std::sort(latencies_us_.begin(), latencies_us_.end());
}

int64_t Tally::latencyUs(double share) const {
  if (latencies_us_.empty()) return 0;
  const auto rank =
      static_cast<size_t>(std::ceil(share * static_cast<double>(latencies_us_.size())));
  return latencies_us_[std::clamp<size_t>(rank, 1, latencies_us_.size()) - 1];
}

void JournalChecker::note(uint64_t& counter, const std::string& text) {
  ++counter;
  if (findings_.texts.size() < Findings::kMaxFindings) findings_.texts.push_back(text);
}

void JournalChecker::see(const Entry& entry) {
  ++findings_.entries;
  const std::string where = "entry " + std::to_string(entry.seq);
  if (entry.epoch < highest_epoch_) {
    note(findings_.out_of_order, where + " has epoch " + std::to_string(entry.epoch) + " after " +
                                     std::to_string(highest_epoch_));
  }
  highest_epoch_ = std::max(highest_epoch_, entry.epoch);
  const auto [owner, first] = instance_of_epoch_.try_emplace(entry.epoch, entry.instance);
  if (!first && owner->second != entry.instance) {
    note(findings_.shared, where + " is of instance " + entry.instance + " under epoch " +
                               std::to_string(entry.epoch) + ", which is " + owner->second + "'s");
  }
  const auto ack = acks_.find(entry.id);
  if (entry.id.empty() || ack == acks_.end()) return;
  if (++seen_[entry.id] > 1) {
    note(findings_.doubled, where + " is " + entry.id + " once more");
  } else if (ack->second.seq != entry.seq || ack->second.epoch != entry.epoch) {
    note(findings_.misplaced, where + " under epoch " + std::to_string(entry.epoch) + " is " +
                                  entry.id + ", acknowledged as " +
                                  std::to_string(ack->second.seq) + " under " +
                                  std::to_string(ack->second.epoch));
  }
}

Findings JournalChecker::finish() {
  for (const auto& [id, place] : acks_) {
    if (seen_.contains(id)) continue;
    note(findings_.lost, id + " was acknowledged as entry " + std::to_string(place.seq) +
                             " under epoch " + std::to_string(place.epoch) + " and is not there");
  }
  return findings_;
}

std::string reportTable(const Tally& tally, const Findings* findings) {
  std::string text;
  text += row("acknowledged", std::to_string(tally.acks().size()));
  text += row("failed", std::to_string(tally.failedCount()));
  text += row("unknown", std::to_string(tally.unknownCount()));
  text += row("longest gap", milliseconds(tally.longestGapUs()));
  text += row("latency p50", milliseconds(tally.latencyUs(0.50)));
  text += row("latency p99", milliseconds(tally.latencyUs(0.99)));
  if (!findings) return text;
  text += row("journal", std::to_string(findings->entries) + " entries");
  text += row("verdict", verdict(*findings));
  for (const std::string& finding : findings->texts) text += "  " + finding + "\n";
  return text;
}

std::string reportJson(const Tally& tally, const Findings* findings) {
  const auto ms = [](int64_t us) { return static_cast<double>(us) / 1000; };
  nlohmann::ordered_json json{
      {"acknowledged", tally.acks().size()},
      {"failed", tally.failedCount()},
      {"unknown", tally.unknownCount()},
      {"duration_ms", ms(tally.durationUs())},
      {"longest_gap_ms", ms(tally.longestGapUs())},
      {"latency_p50_ms", ms(tally.latencyUs(0.50))},
      {"latency_p99_ms", ms(tally.latencyUs(0.99))},
      {"journal", nullptr},
  };
  if (findings) {
    json["journal"] = {{"sound", findings->isSound()},
                       {"entries", findings->entries},
                       {"lost", findings->lost},
                       {"doubled", findings->doubled},
                       {"misplaced", findings->misplaced},
                       {"out_of_order", findings->out_of_order},
                       {"shared_epochs", findings->shared},
                       {"findings", findings->texts}};
  }
  return json.dump(2) + "\n";
}

}  // namespace ledger
