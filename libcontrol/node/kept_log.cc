#include "libcontrol/node/kept_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "commands/log_chart.h"
#include "commands/log_level.h"
#include "commands/when.h"
#include "libcontrol/archive/limits.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/log/keep_sink.h"
#include "libcontrol/log/rule_sink.h"
#include "libcontrol/records/template.h"
#include "muster/log.h"

namespace muster {
namespace {

using archive::Archive;
using archive::Found;
using archive::KeptRecord;
using records::Record;
using records::Severity;

// A disk that was full, or not there, is looked at again so often.
constexpr Duration kOpenAgain = Duration::seconds(10);

Status keepsNone() {
  return {Code::kNotFound,
          "this node keeps no log; a table [logs] in its configuration file makes it keep one"};
}

v1::LogLevel protoLevel(Severity level) {
  return static_cast<v1::LogLevel>(static_cast<int>(level) + 1);
}

Severity severityOf(v1::LogLevel level) {
  return static_cast<Severity>(static_cast<int>(level) - 1);
}

Record toRecord(LogRecord from) {
  Record out;
  out.at = {
      std::chrono::duration_cast<std::chrono::milliseconds>(from.at.time_since_epoch()).count()};
  out.level = static_cast<Severity>(from.level);
  out.logger = std::move(from.logger);
  if (out.logger.size() > limits::kMaxLoggerNameBytes) {
    out.logger.resize(limits::kMaxLoggerNameBytes);
  }
  out.text = isValidUtf8(from.text) ? std::move(from.text)
                                    : cleanText(from.text, limits::kMaxKeptTextBytes);
  return out;
}

archive::ArchiveOptions archiveOptions(const LogOptions& from) {
  archive::ArchiveOptions out;
  out.folder = from.folder;
  out.retention = archive::ArchiveOptions::sharesOf(from.max_bytes);
  for (size_t level = 0; level < out.retention.size(); ++level) {
    const LogRetention& given = from.retention[level];
    if (given.max_bytes != 0) out.retention[level].max_bytes = given.max_bytes;
    if (given.max_age.count() != 0) {
      out.retention[level].max_age = Duration::seconds(given.max_age.count());
    }
  }
  return out;
}

template <typename Request>
Result<archive::Search> searchOf(const Request& request) {
  archive::Search out;
  auto query = records::parseQuery(request.query());
  if (!query) {
    return Status(query.status().code(), query.status().text(), "query");
  }
  out.query = std::move(query).value();
  if (request.has_level()) {
    const Severity least = severityOf(request.level());
    for (int level = 0; level < static_cast<int>(least); ++level) {
      out.query.levels &= static_cast<uint8_t>(~records::levelBit(static_cast<Severity>(level)));
    }
  }
  if (request.has_logger()) out.query.loggers.push_back({false, request.logger()});
  const WallTime now = SystemClock::forHolder().wall();
  if (request.has_since()) {
    const auto since = commands::parsePast(request.since(), now, "since");
    if (!since) return since.status();
    out.query.since = *since;
  }
  if (request.has_until()) {
    const auto until = commands::parsePast(request.until(), now, "until");
    if (!until) return until.status();
    out.query.until = WallTime{until->unix_ms + 1};
  }
  out.max_time = limits::kLogSearchTime;
  return out;
}

Result<archive::RecordId> placeIn(const std::string& text, const char* field) {
  archive::RecordId id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  if (error == std::errc() && stop == end && !text.empty()) return id;
  return Status(Code::kInvalidArgument,
                "'" + singleLine(text, 40) +
                    "' is no place in this node's log; an answer of 'logs' "
                    "names them",
                field);
}

size_t addLine(v1::LogsReply& reply, const KeptRecord& kept, const char* match) {
  v1::LogLine& line = *reply.add_lines();
  const Record& record = kept.record;
  line.set_match(match);
  line.set_at(toRfc3339(record.at));
  line.set_level(protoLevel(record.level));
  line.set_logger(record.logger);
  line.set_text(cleanText(record.text, limits::kMaxShownLogLineBytes));
  line.set_at_unix_ms(record.at.unix_ms);
  line.set_place(std::to_string(kept.id));
  return line.ByteSizeLong() + 4;
}

size_t sizeOf(const archive::Hit& hit) {
  const auto of = [](const KeptRecord& kept) {
    return std::min(kept.record.text.size(), limits::kMaxShownLogLineBytes) + 200;
  };
  size_t bytes = of(hit.kept);
  for (const KeptRecord& kept : hit.before) bytes += of(kept);
  for (const KeptRecord& kept : hit.after) bytes += of(kept);
  return bytes;
}

// The hits with what is around them, each record once. False: not all of them, since it gets too
// large.
bool addHits(v1::LogsReply& reply, const archive::Search& search, const Found& found) {
  size_t bytes = 0;
  archive::RecordId shown = 0;  // the last one
  const bool around = search.context > 0;
  const auto isNews = [&](const KeptRecord& kept) {
    if (shown == 0) return true;
    return search.oldest_first ? kept.id > shown : kept.id < shown;
  };
  const auto isHit = [&](const KeptRecord& kept) {
    return std::any_of(found.hits.begin(), found.hits.end(),
                       [&](const archive::Hit& hit) { return hit.kept.id == kept.id; });
  };
  const auto show = [&](const KeptRecord& kept) {
    if (!isNews(kept)) return;
    const char* match = !around ? "" : isHit(kept) ? "*" : " ";
    bytes += addLine(reply, kept, match);
    shown = kept.id;
  };
  for (const archive::Hit& hit : found.hits) {
    if (!reply.lines().empty() && bytes + sizeOf(hit) > limits::kMaxLogPageBytes) return false;
    // As the page runs: towards the older records, or towards the newer.
    std::vector<KeptRecord> first = search.oldest_first ? hit.before : hit.after;
    std::vector<KeptRecord> last = search.oldest_first ? hit.after : hit.before;
    if (!search.oldest_first) {
      std::reverse(first.begin(), first.end());
      std::reverse(last.begin(), last.end());
    }
    for (const KeptRecord& kept : first) show(kept);
    show(hit.kept);
    for (const KeptRecord& kept : last) show(kept);
  }
  return true;
}

v1::LogsReply replyOf(const archive::Search& search, const Found& found) {
  v1::LogsReply reply;
  const bool all = addHits(reply, search, found);
  if (!all) {
    reply.set_older(reply.lines(reply.lines_size() - 1).place());
  } else if (found.next) {
    reply.set_older(std::to_string(*found.next));
    if (found.stop == Found::Stop::kTime && found.looked_until) {
      reply.set_looked_until(toRfc3339(*found.looked_until));
    }
  }
  const bool onward = search.oldest_first && !reply.older().empty();
  reply.set_newer(onward ? reply.older() : std::to_string(found.last_id));
  return reply;
}

void addGroup(v1::TopErrorsReply& reply, const records::TemplateGroup& group) {
  v1::LogGroup& out = *reply.add_groups();
  out.set_count(group.count);
  out.set_level(protoLevel(group.level));
  out.set_first(toRfc3339(group.first));
  out.set_last(toRfc3339(group.last));
  out.set_first_unix_ms(group.first.unix_ms);
  out.set_last_unix_ms(group.last.unix_ms);
  out.set_logger(group.example.logger);
  out.set_template_(cleanText(group.text, limits::kMaxArgumentBytes));
  out.set_example(cleanText(group.example.text, limits::kMaxArgumentBytes));
  for (const uint32_t part : group.histogram) out.add_parts(part);
  out.set_when(commands::chartOf(out.parts()));
}

Result<v1::TopErrorsReply> countGroups(const Archive& log, const archive::Search& search,
                                       uint32_t limit, const std::atomic<bool>& cancelled) {
  records::TemplateOptions options;
  options.since = search.query.since.value_or(WallTime{});
  options.until = search.query.until.value_or(WallTime{});
  options.bins = limits::kLogChartParts;
  records::TemplateGroups groups(options);
  Record record;
  const auto found = log.each(
      search,
      [&](const archive::MatchView& match) {
        record.at = match.at;
        record.level = match.level;
        record.logger.assign(match.logger);
        record.text.assign(match.text);
        groups.add(record);
        return true;
      },
      &cancelled);
  if (!found) return found.status();
  v1::TopErrorsReply reply;
  reply.set_records(groups.records());
  reply.set_kinds(groups.size());
  reply.set_since_unix_ms(options.since.unix_ms);
  reply.set_until_unix_ms(options.until.unix_ms);
  if (found->stop == Found::Stop::kTime && found->looked_until) {
    reply.set_looked_until(toRfc3339(*found->looked_until));
  }
  size_t bytes = 0;
  for (const records::TemplateGroup& group : groups.top(limit)) {
    addGroup(reply, group);
    bytes += reply.groups(reply.groups_size() - 1).ByteSizeLong() + 4;
    if (bytes > limits::kMaxLogPageBytes) break;
  }
  return reply;
}

// "12 debug, 3 info"
std::string byLevel(const std::array<uint64_t, archive::kLevels>& counts) {
  std::string out;
  for (size_t level = 0; level < counts.size(); ++level) {
    if (counts[level] == 0) continue;
    out += (out.empty() ? "" : ", ") + std::to_string(counts[level]) + " " +
           rules::severityName(static_cast<Severity>(level));
  }
  return out;
}

uint64_t sumOf(const std::array<uint64_t, archive::kLevels>& counts) {
  uint64_t sum = 0;
  for (const uint64_t count : counts) sum += count;
  return sum;
}

}  // namespace

Result<archive::Search> searchFor(const v1::LogsRequest& request) {
  auto search = searchOf(request);
  if (!search) return search;
  search->limit = request.limit();
  search->context = request.context();
  search->oldest_first = request.oldest() || request.has_after();
  if (request.has_before() || request.has_after()) {
    const bool onward = request.has_after();
    const auto place =
        placeIn(onward ? request.after() : request.before(), onward ? "after" : "before");
    if (!place) return place.status();
    search->behind = *place;
  }
  return search;
}

Result<archive::Search> searchFor(const v1::TopErrorsRequest& request) {
  return searchOf(request);
}

Result<std::unique_ptr<KeptLog>> KeptLog::make(const LogOptions& options) {
  records::MaskOptions masks;
  for (const LogMask& mask : options.masks) {
    masks.own.push_back({mask.name, mask.pattern, mask.replacement});
  }
  masks.without = options.mask_off;
  auto masker = records::Masker::make(masks);
  if (!masker) return masker.status();
  std::shared_ptr<Archive> archive;
  Status problem;
  if (options.keep) {
    auto opened = Archive::open(archiveOptions(options));
    if (opened) {
      archive = std::move(opened).value();
    } else if (opened.status().code() == Code::kConflict) {
      return opened.status();
    } else {
      // A full disk must not keep a node from its work.
      problem = opened.status();
      logger("muster.logs")->error("the log can't be kept: {}", problem.text());
    }
  }
  return std::unique_ptr<KeptLog>(
      new KeptLog(options, std::move(masker).value(), std::move(archive), std::move(problem)));
}

KeptLog::KeptLog(const LogOptions& options, std::shared_ptr<const records::Masker> masker,
                 std::shared_ptr<Archive> archive, Status problem)
    : options_(options),
      masker_(std::move(masker)),
      archive_(std::move(archive)),
      problem_(std::move(problem)) {}

std::shared_ptr<Archive> KeptLog::archive() const {
  const std::lock_guard lock(mutex_);
  return archive_;
}

Status KeptLog::whyNone() const {
  if (!options_.keep) return keepsNone();
  const std::lock_guard lock(mutex_);
  return {Code::kUnavailable, "the log can't be kept just now: " + problem_.text()};
}

void KeptLog::openAgain() {
  auto opened = Archive::open(archiveOptions(options_));
  if (opened) logger("muster.logs")->info("the log is kept from now on");
  const std::lock_guard lock(mutex_);
  if (opened) {
    archive_ = std::move(opened).value();
  } else {
    problem_ = opened.status();
  }
}

KeptLog::~KeptLog() {
  stop();
  closeSearches();
}

Status KeptLog::offer(std::vector<LogRecord> records, std::optional<LogPosition> position,
                      std::function<void(Status)> kept) {
  std::vector<Record> masked;
  masked.reserve(records.size());
  for (LogRecord& record : records) {
    masked.push_back(toRecord(std::move(record)));
    masker_->mask(masked.back().text);
  }
  log::RuleSink& rules = *log::RuleSink::instance();
  const std::shared_ptr<Archive> archive = this->archive();
  if (archive == nullptr && options_.keep) return whyNone();
  if (archive == nullptr) {
    for (const Record& record : masked) rules.submit(record.level, record.logger, record.text);
    if (kept) kept(Status::ok());
    return Status::ok();
  }
  // The rules get theirs once it is certain that the records were taken.
  std::vector<Record> for_rules;
  for (const Record& record : masked) {
    if (rules.wants(record.level, record.logger)) for_rules.push_back(record);
  }
  if (Status taken = archive->offer(std::move(masked), std::move(position), std::move(kept));
      !taken) {
    return taken;
  }
  for (const Record& record : for_rules) rules.submit(record.level, record.logger, record.text);
  return Status::ok();
}

void KeptLog::add(LogRecord from) {
  Record record = toRecord(std::move(from));
  masker_->mask(record.text);
  log::RuleSink::instance()->push(record.level, record.logger, record.text);
  if (const auto archive = this->archive()) archive->add(std::move(record));
}

void KeptLog::flush() {
  if (const auto archive = this->archive()) (void)archive->flush();
}

std::optional<std::string> KeptLog::place(const std::string& source) const {
  const auto archive = this->archive();
  return archive == nullptr ? std::nullopt : archive->place(source);
}

void KeptLog::start() {
  if (!options_.keep) return;
  log::KeepSink::instance()->use(this, [this](const spdlog::details::log_msg& msg) {
    Record record;
    record.at = {
        std::chrono::duration_cast<std::chrono::milliseconds>(msg.time.time_since_epoch()).count()};
    record.level = static_cast<Severity>(msg.level);
    record.logger.assign(msg.logger_name.data(), msg.logger_name.size());
    record.text.assign(msg.payload.data(), msg.payload.size());
    masker_->mask(record.text);
    if (const auto archive = this->archive()) archive->add(std::move(record));
  });
}

void KeptLog::stop() {
  log::KeepSink::instance()->stop(this);
}

void KeptLog::openSearches() {
  if (!options_.keep) return;
  cancelled_ = false;
  answers_ = std::make_unique<Mailbox>();
  searcher_ = std::make_unique<AppThread>();
}

void KeptLog::closeSearches() {
  cancelled_ = true;
  searcher_ = nullptr;
  answers_ = nullptr;
}

template <typename Reply>
void KeptLog::inBackground(std::function<Result<Reply>()> work,
                           std::function<void(Result<Reply>)> done) {
  if (searcher_ == nullptr) return done(Status(Code::kUnavailable, "the node is ending"));
  if (searches_ >= limits::kMaxLogSearches) {
    return done(Status(Code::kResourceExhausted,
                       std::to_string(searches_) + " searches wait already; try again soon"));
  }
  ++searches_;
  searcher_->post([this, work = std::move(work), done = std::move(done)]() mutable {
    auto reply = std::make_shared<Result<Reply>>(
        cancelled_ ? Result<Reply>(Status(Code::kUnavailable, "the node is ending")) : work());
    --searches_;
    if (cancelled_) return;
    answers_->post([reply, done = std::move(done)] { done(std::move(*reply)); });
  });
}

void KeptLog::search(const v1::LogsRequest& request,
                     std::function<void(Result<v1::LogsReply>)> done) {
  const auto archive = this->archive();
  if (archive == nullptr) return done(whyNone());
  auto search = searchFor(request);
  if (!search) return done(search.status());
  inBackground<v1::LogsReply>(
      [this, archive, search = std::move(search).value()]() -> Result<v1::LogsReply> {
        const auto found = archive->search(search, &cancelled_);
        if (!found) return found.status();
        return replyOf(search, *found);
      },
      std::move(done));
}

void KeptLog::topErrors(const v1::TopErrorsRequest& request,
                        std::function<void(Result<v1::TopErrorsReply>)> done) {
  const auto archive = this->archive();
  if (archive == nullptr) return done(whyNone());
  auto search = searchFor(request);
  if (!search) return done(search.status());
  inBackground<v1::TopErrorsReply>(
      [this, archive, search = std::move(search).value(), limit = request.limit()] {
        return countGroups(*archive, search, limit, cancelled_);
      },
      std::move(done));
}

Result<v1::LogStoreReply> KeptLog::logStore() {
  const auto archive = this->archive();
  if (archive == nullptr && !options_.keep) return whyNone();
  v1::LogStoreReply reply;
  if (archive == nullptr) {
    reply.set_problem(whyNone().text());
    return reply;
  }
  const archive::ArchiveState state = archive->state();
  reply.set_bytes(state.bytes);
  reply.set_max_bytes(options_.max_bytes);
  reply.set_records(state.lines);
  if (state.oldest) reply.set_oldest(toRfc3339(*state.oldest));
  if (state.newest) reply.set_newest(toRfc3339(*state.newest));
  reply.set_shed(sumOf(state.shed));
  reply.set_shed_by_level(byLevel(state.shed));
  if (state.stuck_since) {
    reply.set_problem("nothing can be written since " + toRfc3339(*state.stuck_since) + ": " +
                      state.stuck_because);
  }
  for (const archive::Problem& problem : state.problems) {
    reply.add_mended(toRfc3339(problem.at) + ": " + problem.text);
  }
  return reply;
}

void KeptLog::housekeeping() {
  const auto archive = this->archive();
  if (archive == nullptr) {
    const ElapsedTime now = SystemClock::forWaiter().elapsed();
    if (!options_.keep || now < open_again_ || searcher_ == nullptr) return;
    if (is_opening_.exchange(true)) return;
    open_again_ = now + kOpenAgain;
    searcher_->post([this] {
      openAgain();
      is_opening_ = false;
    });
    return;
  }
  const archive::ArchiveState state = archive->state();
  const auto log = logger("muster.logs");
  const bool stuck = state.stuck_since.has_value();
  if (stuck && !was_stuck_) {
    log->error("the log can't be kept: {}; records wait, and the least severe are given up first",
               state.stuck_because);
  } else if (was_stuck_ && !stuck) {
    log->info("the log is kept again; {} records were given up so far", sumOf(state.shed));
  }
  was_stuck_ = stuck;
  for (; problems_told_ < state.problems.size(); ++problems_told_) {
    log->error("{}", state.problems[problems_told_].text);
  }
  const uint64_t shed = sumOf(state.shed);
  if (shed > shed_told_ && !stuck) {
    log->warn("more comes than can be kept: {} records given up so far", shed);
  }
  shed_told_ = shed;
}

}  // namespace muster
