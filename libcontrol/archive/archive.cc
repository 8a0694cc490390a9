#include "libcontrol/archive/archive.h"

#include <algorithm>
#include <utility>

#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/readers.h"
#include "libcontrol/base/file.h"

namespace muster::archive {
namespace {

// Of what all levels may take, by level.
constexpr std::array<uint64_t, kLevels> kSixteenths = {1, 1, 9, 2, 2, 1};

using std::chrono::steady_clock;

std::chrono::nanoseconds toChrono(Duration duration) {
  return std::chrono::nanoseconds(duration.ns);
}

// A record as it can be kept.
void bound(Record& record) {
  record.level = std::min(record.level, Severity::kCritical);
  if (record.text.size() <= limits::kMaxKeptTextBytes) return;
  record.text.resize(limits::kMaxKeptTextBytes);
  record.text.shrink_to_fit();
}

}  // namespace

struct Archive::Listeners {
  std::mutex mutex;  // also while they are called
  std::map<uint64_t, Listener> listeners;
  uint64_t next = 0;
  std::atomic<size_t> count{0};
};

std::array<Retention, kLevels> ArchiveOptions::sharesOf(uint64_t max_bytes, Duration max_age) {
  // A sixteenth is for the head and what grows before it is weighed.
  const uint64_t for_segments = std::max(max_bytes, limits::kMinArchiveBytes) / 16 * 15;
  std::array<Retention, kLevels> out;
  for (size_t level = 0; level < kLevels; ++level) {
    out[level] = {for_segments / 16 * kSixteenths[level], max_age};
  }
  return out;
}

Result<std::unique_ptr<Archive>> Archive::open(ArchiveOptions options) {
  auto keeper =
      Keeper::open({options.folder, options.retention, options.block_bytes, options.clock});
  if (!keeper) return keeper.status();
  return std::unique_ptr<Archive>(new Archive(std::move(options), std::move(keeper).value()));
}

Archive::Archive(ArchiveOptions options, std::unique_ptr<Keeper> keeper)
    : options_(std::move(options)),
      readers_(std::make_unique<ReaderPool>(limits::kMaxIdleSegmentReaders)),
      listeners_(std::make_shared<Listeners>()),
      keeper_(std::move(keeper)),
      queue_(options_.queue_bytes),
      view_(keeper_->view()),
      places_(keeper_->places()),
      shed_(keeper_->shed()) {
  note(keeper_->takeProblems());
  writer_ = std::thread([this] { run(); });
}

Archive::~Archive() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_.join();
  const Status closed(Code::kUnavailable, "the log was closed before the records were kept");
  for (const Kept& kept : to_tell_) kept(closed);
  for (const Kept& kept : queue_.take(~size_t{0}).kept) kept(closed);
}

Status Archive::offer(std::vector<Record>&& records, std::optional<LogPosition> position,
                      Kept kept) {
  if (position && position->place.size() > limits::kMaxPlaceBytes) {
    return {Code::kInvalidArgument, "the place of a source has at most " +
                                        std::to_string(limits::kMaxPlaceBytes) + " bytes"};
  }
  for (Record& record : records) bound(record);
  const std::lock_guard lock(mutex_);
  const bool was_empty = queue_.empty();
  if (!queue_.offer(records, position, kept)) {
    return {Code::kResourceExhausted, "the queue of the log is full"};
  }
  if (was_empty || queue_.bytes() >= limits::kArchiveBatchBytes) wake_.notify_one();
  return Status::ok();
}

void Archive::add(Record record) {
  bound(record);
  const std::lock_guard lock(mutex_);
  const bool was_empty = queue_.empty();
  queue_.add(std::move(record));
  if (was_empty || queue_.bytes() >= limits::kArchiveBatchBytes) wake_.notify_one();
}

std::optional<std::string> Archive::place(const std::string& source) const {
  const std::lock_guard lock(mutex_);
  const auto it = places_.find(source);
  if (it == places_.end()) return std::nullopt;
  return it->second;
}

Status Archive::flush() {
  std::unique_lock lock(mutex_);
  const uint64_t mine = ++flush_asked_;
  wake_.notify_one();
  flushed_.wait(lock, [&] { return flush_done_ >= mine; });
  return last_write_;
}

void Archive::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wait(lock);
    writeOnce(lock);
  }
  // What came last; while the disk is full it is tried once.
  if (unwritten_) writeOnce(lock);
  while (!queue_.empty() && !unwritten_) writeOnce(lock);
}

// Until there is a batch: enough of it, or for long enough.
void Archive::wait(std::unique_lock<std::mutex>& lock) {
  const auto urgent = [&] { return stopping_ || flush_asked_ > flush_done_; };
  if (unwritten_) {
    wake_.wait_for(lock, toChrono(options_.retry), urgent);
    return;
  }
  // Ages are looked at once in a while even when nothing comes.
  const auto anything = [&] { return urgent() || !queue_.empty(); };
  if (!wake_.wait_for(lock, toChrono(limits::kIdleSegmentReaderLife), anything)) return;
  const auto enough = [&] { return urgent() || queue_.bytes() >= limits::kArchiveBatchBytes; };
  wake_.wait_for(lock, toChrono(options_.batch_every), enough);
}

// One batch, or the one that could not be written.
void Archive::writeOnce(std::unique_lock<std::mutex>& lock) {
  const uint64_t flushing = flush_asked_;
  Queue::Taken taken;
  // A flush is over when the queue was.
  const bool fresh = !unwritten_;
  if (fresh) taken = queue_.take(limits::kArchiveBatchBytes);
  const bool took_all = queue_.empty();
  lock.unlock();
  if (fresh) absorb(std::move(taken));
  const Status written = unwritten_ ? keeper_->commit() : Status::ok();
  if (written) {
    unwritten_ = false;
    for (const Kept& kept : to_tell_) kept(Status::ok());
    to_tell_.clear();
  }
  keeper_->tidy();
  readers_->closeUnusedSince(steady_clock::now() - toChrono(limits::kIdleSegmentReaderLife));
  readers_->closeDropped(*keeper_->view());
  lock.lock();
  note(keeper_->takeProblems());
  publish(written);
  if (!written || (took_all && fresh)) flush_done_ = std::max(flush_done_, flushing);
  flushed_.notify_all();
}

void Archive::absorb(Queue::Taken taken) {
  const bool shed_any =
      std::any_of(taken.shed.begin(), taken.shed.end(), [](uint64_t count) { return count > 0; });
  if (taken.records.empty() && taken.positions.empty() && taken.kept.empty() && !shed_any) return;
  Batch batch;
  RecordId id = keeper_->lastId();
  batch.records.reserve(taken.records.size());
  for (Record& record : taken.records) batch.records.push_back({++id, std::move(record)});
  batch.positions = std::move(taken.positions);
  batch.shed = taken.shed;
  if (listeners_->count.load(std::memory_order_relaxed) > 0 && !batch.records.empty()) {
    const std::lock_guard lock(listeners_->mutex);
    for (const auto& [number, listener] : listeners_->listeners) listener(batch.records);
  }
  to_tell_ = std::move(taken.kept);
  keeper_->absorb(std::move(batch));
  unwritten_ = true;
}

void Archive::publish(const Status& written) {
  last_write_ = written;
  view_ = keeper_->view();
  shed_ = keeper_->shed();
  if (!written) {
    if (!stuck_since_) stuck_since_ = options_.clock->wall();
    return;
  }
  stuck_since_.reset();
  for (const auto& [source, place] : keeper_->takeNewPlaces()) places_[source] = place;
}

void Archive::note(std::vector<Problem> problems) {
  for (Problem& problem : problems) problems_.push_back(std::move(problem));
  if (problems_.size() > limits::kMaxArchiveProblems) {
    problems_.erase(problems_.begin(),
                    problems_.end() - static_cast<long>(limits::kMaxArchiveProblems));
  }
}

ViewPtr Archive::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void Archive::reportDamage(const SegmentInfo& segment, const Status& why) const {
  if (why.code() == Code::kDataLoss) (void)replaceFile(mendMark(segment.file), "");
  const std::string text = segment.name.file() +
                           " can't be read everywhere, which is mended at "
                           "the next start as far as it can be: " +
                           why.text();
  const std::lock_guard lock(mutex_);
  const bool known = std::any_of(problems_.begin(), problems_.end(),
                                 [&](const Problem& problem) { return problem.text == text; });
  if (known) return;
  problems_.push_back({options_.clock->wall(), text});
  if (problems_.size() > limits::kMaxArchiveProblems) problems_.erase(problems_.begin());
}

std::shared_ptr<void> Archive::listen(Listener listener) {
  const std::lock_guard lock(listeners_->mutex);
  const uint64_t number = listeners_->next++;
  listeners_->listeners.emplace(number, std::move(listener));
  ++listeners_->count;
  return {nullptr, [listeners = listeners_, number](void*) {
            const std::lock_guard remove(listeners->mutex);
            listeners->listeners.erase(number);
            --listeners->count;
          }};
}

ArchiveState Archive::state() const {
  ArchiveState out;
  ViewPtr view;
  {
    const std::lock_guard lock(mutex_);
    view = view_;
    out.shed = shed_;
    for (size_t level = 0; level < kLevels; ++level) out.shed[level] += queue_.shed()[level];
    out.waiting_bytes = queue_.bytes();
    out.stuck_since = stuck_since_;
    if (stuck_since_) out.stuck_because = last_write_.text();
    out.problems = problems_;
  }
  Summary all;
  for (size_t level = 0; level < kLevels; ++level) {
    const LevelView& in = view->levels[level];
    Summary of_level;
    for (const SegmentPtr& segment : in.segments) {
      of_level.add(segment->summary);
      out.bytes += segment->bytes;
      ++out.segments;
    }
    for (const ChunkPtr& chunk : in.pending) of_level.add(chunk->summary);
    out.lines_of[level] = of_level.lines;
    all.add(of_level);
  }
  out.bytes += view->head_bytes;
  out.lines = all.lines;
  if (out.lines > 0) {
    out.oldest = all.oldest;
    out.newest = all.newest;
  }
  return out;
}

}  // namespace muster::archive
