#include "libcontrol/archive/queue.h"

#include <algorithm>
#include <utility>

namespace muster::archive {
namespace {

// What a record takes besides its texts.
constexpr size_t kRecordBytes = sizeof(Record) + 32;
// So that an offer without records has its place too.
constexpr size_t kOfferBytes = 64;

size_t bytesOf(const Record& record) {
  return kRecordBytes + record.text.size() + record.logger.size();
}

}  // namespace

bool Queue::offer(std::vector<Record>& records, std::optional<LogPosition>& position, Kept& kept) {
  Offer offer;
  offer.bytes = kOfferBytes;
  for (const Record& record : records) offer.bytes += bytesOf(record);
  // A single one that is larger than the whole queue has it for itself.
  if (bytes_ > 0 && bytes_ + offer.bytes > max_bytes_) return false;
  offer.number = next_number_++;
  offer.records = std::move(records);
  offer.position = std::move(position);
  offer.kept = std::move(kept);
  bytes_ += offer.bytes;
  offers_.push_back(std::move(offer));
  return true;
}

void Queue::add(Record record) {
  const auto level = static_cast<size_t>(record.level);
  const size_t bytes = bytesOf(record);
  for (size_t less = 0; less < level && bytes_ + bytes > max_bytes_;) {
    if (added_[less].empty()) {
      ++less;
      continue;
    }
    bytes_ -= bytesOf(added_[less].front().record);
    added_[less].pop_front();
    ++shed_[less];
  }
  if (bytes_ > 0 && bytes_ + bytes > max_bytes_) {
    ++shed_[level];
    return;
  }
  bytes_ += bytes;
  added_[level].push_back({next_number_++, std::move(record)});
}

void Queue::takeOffer(Taken& taken) {
  Offer& offer = offers_.front();
  bytes_ -= offer.bytes;
  for (Record& record : offer.records) taken.records.push_back(std::move(record));
  if (offer.position) taken.positions.push_back(std::move(*offer.position));
  if (offer.kept) taken.kept.push_back(std::move(offer.kept));
  offers_.pop_front();
}

void Queue::takeAdded(size_t level, Taken& taken) {
  bytes_ -= bytesOf(added_[level].front().record);
  taken.records.push_back(std::move(added_[level].front().record));
  added_[level].pop_front();
}

Queue::Taken Queue::take(size_t bytes) {
  Taken taken;
  // Each push moves all the others when it has no room.
  taken.records.reserve(std::min(bytes_, bytes) / (2 * kRecordBytes));
  const size_t stop_at = bytes_ > bytes ? bytes_ - bytes : 0;
  while (bytes_ > stop_at) {
    size_t level = kLevels;  // the offers
    uint64_t number = offers_.empty() ? ~uint64_t{0} : offers_.front().number;
    for (size_t i = 0; i < kLevels; ++i) {
      if (added_[i].empty() || added_[i].front().number > number) continue;
      number = added_[i].front().number;
      level = i;
    }
    if (level == kLevels) {
      takeOffer(taken);
    } else {
      takeAdded(level, taken);
    }
  }
  taken.shed = std::exchange(shed_, {});
  return taken;
}

}  // namespace muster::archive
