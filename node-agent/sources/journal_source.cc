#include "node-agent/sources/journal_source.h"

#include <systemd/sd-journal.h>

#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/records/plain_text.h"
#include "muster/log.h"

namespace muster::agent {
namespace {

// Entries of one offer, and of one round.
constexpr size_t kMaxBatch = 256;
constexpr int kMaxBatches = 8;
constexpr Duration kRetry = Duration::millis(20);
// Whether or not anything was told of it.
constexpr Duration kLookEvery = Duration::seconds(1);

constexpr records::Severity kLevels[] = {records::Severity::kCritical, records::Severity::kCritical,
                                         records::Severity::kCritical, records::Severity::kError,
                                         records::Severity::kWarn,     records::Severity::kInfo,
                                         records::Severity::kInfo,     records::Severity::kDebug};

Status failure(const std::string& what, int result) {
  return {Code::kUnavailable, what + ": " + strerror(-result)};
}

}  // namespace

void JournalSource::Closer::operator()(sd_journal* journal) const {
  sd_journal_close(journal);
}

JournalSource::JournalSource(const SourceConfig& config, LogIntake& intake, Clock& clock)
    : config_(config), intake_(intake), clock_(clock) {}

JournalSource::~JournalSource() = default;

Status JournalSource::open() {
  sd_journal* journal = nullptr;
  int result = 0;
  if (!config_.directory.empty()) {
    result = sd_journal_open_directory(&journal, config_.directory.c_str(), 0);
  } else if (!config_.space.empty()) {
    result = sd_journal_open_namespace(&journal, config_.space.c_str(), SD_JOURNAL_LOCAL_ONLY);
  } else {
    result = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
  }
  if (result < 0) return failure("the journal can't be opened", result);
  journal_.reset(journal);
  // A message is no longer than that, and neither is what is unpacked for it.
  sd_journal_set_data_threshold(journal, limits::kMaxLogLineBytes);
  if (config_.unit.empty()) return Status::ok();
  std::string unit = config_.unit;
  if (unit.find('.') == std::string::npos) unit += ".service";
  result = sd_journal_add_match(journal, ("_SYSTEMD_UNIT=" + unit).c_str(), 0);
  if (result < 0) return failure("the journal can't be searched for " + unit, result);
  return Status::ok();
}

void JournalSource::seekBehind(const std::string& cursor) {
  if (sd_journal_seek_cursor(journal_.get(), cursor.c_str()) < 0) {
    (void)sd_journal_seek_head(journal_.get());
    return;
  }
  if (sd_journal_next(journal_.get()) <= 0) return;
  // If that entry is gone by now, this is the one behind it, and has to be read.
  if (sd_journal_test_cursor(journal_.get(), cursor.c_str()) <= 0) {
    (void)sd_journal_previous(journal_.get());
  }
}

Status JournalSource::seek() {
  if (const auto kept = intake_.place(config_.name)) {
    cursor_ = *kept;
    seekBehind(cursor_);
    return Status::ok();
  }
  int result = 0;
  if (config_.from_beginning) {
    result = sd_journal_seek_head(journal_.get());
  } else {
    result = sd_journal_seek_tail(journal_.get());
    // The tail is behind the last entry only once that was looked at.
    if (result >= 0) result = sd_journal_previous(journal_.get());
    if (result > 0) cursor_ = cursorHere();
  }
  if (result < 0) return failure("the journal can't be read", result);
  // From now on it is known where reading began.
  if (!cursor_.empty()) (void)intake_.offer({}, LogPosition{config_.name, cursor_});
  return Status::ok();
}

Status JournalSource::start(Poller& poller) {
  if (const Status opened = open(); !opened) return opened;
  if (const Status sought = seek(); !sought) return sought;
  const int fd = sd_journal_get_fd(journal_.get());
  if (fd < 0) return Status::ok();  // looked at every second, then
  return poller.add(fd, [this] {
    (void)sd_journal_process(journal_.get());
    is_changed_ = true;
  });
}

std::string JournalSource::cursorHere() {
  char* text = nullptr;
  std::string out;
  if (sd_journal_get_cursor(journal_.get(), &text) >= 0) out = text;
  free(text);
  return out;
}

std::string JournalSource::field(const char* name) {
  const void* data = nullptr;
  size_t size = 0;
  if (sd_journal_get_data(journal_.get(), name, &data, &size) < 0) return {};
  const size_t head = strlen(name) + 1;
  return size < head ? std::string()
                     : std::string(static_cast<const char*>(data) + head, size - head);
}

records::Record JournalSource::entry() {
  records::Record out;
  uint64_t us = 0;
  out.at = sd_journal_get_realtime_usec(journal_.get(), &us) >= 0
               ? WallTime{static_cast<int64_t>(us / 1000)}
               : clock_.wall();
  const std::string priority = field("PRIORITY");
  if (priority.size() == 1 && priority[0] >= '0' && priority[0] <= '7') {
    out.level = kLevels[priority[0] - '0'];
  }
  for (const char* name : {"SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_COMM"}) {
    if (out.logger = field(name); !out.logger.empty()) break;
  }
  out.text = field("MESSAGE");
  records::makeText(out.logger);
  records::cutText(out.logger, limits::kMaxLoggerNameBytes);
  records::makeText(out.text);
  records::cutText(out.text, limits::kMaxRecordBytes);
  return out;
}

// One batch. Whether there may be more at once.
bool JournalSource::readSome(ElapsedTime now) {
  std::vector<LogRecord> batch;
  std::string cursor;
  while (batch.size() < kMaxBatch && sd_journal_next(journal_.get()) > 0) {
    batch.push_back(toLogRecord(entry(), config_));
    cursor = cursorHere();
  }
  if (batch.empty()) return false;
  const size_t count = batch.size();
  if (!intake_.offer(std::move(batch), LogPosition{config_.name, cursor})) {
    ++counts_.refused;
    blocked_until_ = now + kRetry;
    if (!cursor_.empty()) {
      seekBehind(cursor_);
    } else {
      // Nothing was there at the start, or all of it is to be read.
      (void)sd_journal_seek_head(journal_.get());
    }
    return false;
  }
  cursor_ = std::move(cursor);
  counts_.records += count;
  return count == kMaxBatch;
}

ElapsedTime JournalSource::tick(ElapsedTime now) {
  if (now >= next_look_) {
    next_look_ = now + kLookEvery;
    is_changed_ = true;
  }
  if (now < blocked_until_) return blocked_until_;
  for (int i = 0; is_changed_ && i < kMaxBatches; ++i) is_changed_ = readSome(now);
  if (now < blocked_until_) {
    is_changed_ = true;
    return blocked_until_;
  }
  return is_changed_ ? now : next_look_;
}

}  // namespace muster::agent
