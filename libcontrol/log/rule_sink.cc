#include "libcontrol/log/rule_sink.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libcontrol/log/keep_sink.h"

namespace muster::log {
namespace {

using rules::Severity;

static_assert(static_cast<int>(Severity::kTrace) == spdlog::level::trace);
static_assert(static_cast<int>(Severity::kCritical) == spdlog::level::critical);
static_assert(static_cast<int>(Severity::kNone) == spdlog::level::off);

// How long the thread waits between two looks while it has nothing to do but to see the end of a
// loss of records.
constexpr auto kBlindRest = std::chrono::milliseconds(50);

// Records between two looks at whether others were lost.
constexpr size_t kBatch = 1024;

std::atomic<uint64_t> last_generation{0};

// The least levels of the loggers that a thread used last. Found by where the name lies and judged
// by the name itself, since another logger's may come to lie there.
struct Remembered {
  uint64_t generation;
  Severity least;
  uint8_t size;
  char name[limits::kMaxLoggerNameBytes];
};
constexpr size_t kRemembered = 16;
thread_local std::array<Remembered, kRemembered> remembered{};

Remembered& placeOf(std::string_view logger) {
  const auto address = reinterpret_cast<uintptr_t>(logger.data());
  return remembered[(address * 0x9e3779b97f4a7c15ULL) >> 60];
}

}  // namespace

const std::shared_ptr<RuleSink>& RuleSink::instance() {
  static auto* const sink = new std::shared_ptr<RuleSink>(std::make_shared<RuleSink>());
  return *sink;
}

RuleSink::RuleSink() {
  set_level(spdlog::level::off);
}

RuleSink::~RuleSink() {
  stop();
}

void RuleSink::setQueueBytes(size_t bytes) {
  const std::lock_guard lifecycle(lifecycle_mutex_);
  queue_bytes_ = bytes;
}

void RuleSink::use(std::shared_ptr<ActiveRules> rules) {
  const std::lock_guard lifecycle(lifecycle_mutex_);
  if (ring_ == nullptr) ring_ = std::make_unique<RecordRing>(queue_bytes_);
  const auto least = static_cast<spdlog::level::level_enum>(rules->set().leastLevel());
  {
    const std::lock_guard lock(mutex_);
    current_ = std::move(rules);
    generation_.store(++last_generation, std::memory_order_release);
  }
  set_level(least);
  if (!thread_.joinable()) {
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
  }
  // The thread lets go of the rules before, and of their target.
  wake();
}

void RuleSink::stop() {
  const std::lock_guard lifecycle(lifecycle_mutex_);
  if (!thread_.joinable()) return;
  set_level(spdlog::level::off);
  stopping_ = true;
  wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  current_ = nullptr;
  generation_.store(0, std::memory_order_release);
}

std::shared_ptr<const ActiveRules> RuleSink::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void RuleSink::log(const spdlog::details::log_msg& msg) {
  push(static_cast<Severity>(msg.level),
       std::string_view(msg.logger_name.data(), msg.logger_name.size()),
       std::string_view(msg.payload.data(), msg.payload.size()));
}

bool RuleSink::wants(Severity level, std::string_view logger) {
  return level >= static_cast<Severity>(this->level()) && level >= leastFor(logger);
}

void RuleSink::push(Severity level, std::string_view logger, std::string_view text) {
  if (!wants(level, logger)) return;
  if (!tryPush(level, logger, text)) dropped_.fetch_add(1, std::memory_order_relaxed);
}

void RuleSink::submit(Severity level, std::string_view logger, std::string_view text) {
  if (!wants(level, logger)) return;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::nanoseconds(limits::kRuleSubmitWait.ns);
  while (!tryPush(level, logger, text)) {
    if (std::chrono::steady_clock::now() >= end) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(limits::kRuleRest.ns));
  }
}

bool RuleSink::tryPush(Severity level, std::string_view logger, std::string_view text) {
  const bool taken =
      ring_->push({static_cast<uint8_t>(level), logger.substr(0, limits::kMaxLoggerNameBytes),
                   text.substr(0, limits::kMaxRuleTextBytes)});
  if (asleep_.load(std::memory_order_seq_cst) != 0) wake();
  return taken;
}

// Of the rules that are for this logger.
Severity RuleSink::leastFor(std::string_view logger) {
  const uint64_t generation = generation_.load(std::memory_order_acquire);
  if (generation == 0) return Severity::kNone;
  Remembered& place = placeOf(logger);
  if (place.generation == generation && std::string_view(place.name, place.size) == logger) {
    return place.least;
  }
  std::shared_ptr<ActiveRules> rules;
  {
    // Where it would have to wait, the sink's thread decides.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return Severity::kTrace;
    rules = current_;
  }
  if (rules == nullptr) return Severity::kNone;
  const Severity least = rules->set().leastLevel(logger);
  if (logger.size() <= sizeof place.name) {
    place.generation = generation;
    place.least = least;
    place.size = static_cast<uint8_t>(logger.size());
    std::copy(logger.begin(), logger.end(), place.name);
  }
  return least;
}

void RuleSink::wake() {
  if (asleep_.exchange(0, std::memory_order_seq_cst) != 0) asleep_.notify_one();
}

void RuleSink::run() {
  while (!stopping_) {
    const size_t taken = drain();
    watchDrops();
    if (taken == kBatch) continue;
    if (taken > 0) {
      // So that a record that comes in meanwhile costs its thread no system call.
      std::this_thread::sleep_for(std::chrono::nanoseconds(limits::kRuleRest.ns));
    } else if (blind_) {
      std::this_thread::sleep_for(kBlindRest);
    } else {
      rest();
    }
  }
  // It comes to an end: the sink's level is such by now that nobody pushes any more.
  while (drain() == kBatch) continue;
  watchDrops();
  if (std::exchange(blind_, false)) active_->target_->blind(false);
  matcher_ = nullptr;
  active_ = nullptr;
  seen_generation_ = 0;
}

// Until somebody pushes, other rules come or it is to end.
void RuleSink::rest() {
  asleep_.store(1, std::memory_order_seq_cst);
  const bool needed = ring_->hasNext() || stopping_ ||
                      generation_.load(std::memory_order_seq_cst) != seen_generation_;
  if (needed) {
    asleep_.store(0, std::memory_order_seq_cst);
    return;
  }
  asleep_.wait(1, std::memory_order_seq_cst);
}

// Records until there is none, but no more than kBatch, and says how many.
size_t RuleSink::drain() {
  size_t taken = 0;
  do {
    if (generation_.load(std::memory_order_seq_cst) != seen_generation_) {
      matcher_ = nullptr;
      if (blind_) active_->target_->blind(false);
      const std::lock_guard lock(mutex_);
      active_ = current_;
      seen_generation_ = generation_.load(std::memory_order_relaxed);
      matcher_ = std::make_unique<rules::RuleMatcher>(active_->set());
      if (blind_) active_->target_->blind(true);
    }
    if (!ring_->pop([this](const RecordRing::Record& record) { take(record); })) return taken;
  } while (++taken < kBatch);
  return taken;
}

void RuleSink::take(const RecordRing::Record& record) {
  const auto severity = static_cast<Severity>(record.level);
  for (const rules::Hit& hit : matcher_->match(severity, record.logger, record.text)) {
    ActiveRules::Count& count = active_->counts_[hit.rule];
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    count.last_unix_ms.store(std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                             std::memory_order_relaxed);
    if (hit.readable) {
      active_->target_->apply(active_->set().rules()[hit.rule], hit, record);
    } else {
      count.unreadable.fetch_add(1, std::memory_order_relaxed);
    }
    // Whoever sees the hit sees what came of it.
    count.hits.fetch_add(1, std::memory_order_release);
  }
  handled_.fetch_add(1, std::memory_order_relaxed);
}

void RuleSink::watchDrops() {
  const uint64_t dropped = dropped_.load(std::memory_order_relaxed);
  const auto now = std::chrono::steady_clock::now();
  if (dropped != seen_dropped_) {
    seen_dropped_ = dropped;
    last_drop_ = now;
    if (!std::exchange(blind_, true)) active_->target_->blind(true);
  } else if (blind_ && now - last_drop_ >= std::chrono::nanoseconds(limits::kRuleBlindness.ns)) {
    blind_ = false;
    active_->target_->blind(false);
  }
}

bool areRulesAttached(const spdlog::logger& logger) {
  const auto& sinks = logger.sinks();
  return std::find(sinks.begin(), sinks.end(), RuleSink::instance()) != sinks.end();
}

void attachRules(spdlog::logger& logger) {
  if (areRulesAttached(logger)) return;
  logger.sinks().push_back(RuleSink::instance());
  logger.sinks().push_back(KeepSink::instance());
}

void attachRulesToRegistered() {
  spdlog::apply_all([](const std::shared_ptr<spdlog::logger>& logger) { attachRules(*logger); });
}

std::vector<std::string> loggersWithoutRules() {
  std::vector<std::string> names;
  spdlog::apply_all([&](const std::shared_ptr<spdlog::logger>& logger) {
    if (!areRulesAttached(*logger)) names.push_back(logger->name());
  });
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace muster::log
