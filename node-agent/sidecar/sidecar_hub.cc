#include "node-agent/sidecar/sidecar_hub.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kSessionBytes = 16;
// How often somebody who waits looks whether it still may.
constexpr auto kLook = std::chrono::milliseconds(20);

bool isName(const std::string& name) {
  return !name.empty() && name.size() <= limits::kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

wire::Service::Kind toWire(SidecarService::Kind kind) {
  switch (kind) {
    case SidecarService::Kind::kAvailability:
      return wire::Service::AVAILABILITY;
    case SidecarService::Kind::kGauge:
      return wire::Service::GAUGE;
    case SidecarService::Kind::kRequests:
      break;
  }
  return wire::Service::REQUESTS;
}

SidecarHub::Refusal notNext(uint64_t got, uint64_t before) {
  return {wire::Error::SEQUENCE, "message " + std::to_string(got) + " came where " +
                                     std::to_string(before + 1) + " is the next one"};
}

}  // namespace

wire::Level toWire(LogLevel level) {
  return static_cast<wire::Level>(static_cast<int>(level) + 1);
}

std::optional<LogLevel> fromWire(wire::Level level) {
  if (level < wire::TRACE || level > wire::OFF) return std::nullopt;
  return static_cast<LogLevel>(static_cast<int>(level) - 1);
}

SidecarHub::SidecarHub(const SidecarOptions& options, Facts facts, Node& node)
    : facts_(std::move(facts)) {
  makeServices(options, node);
}

// Nobody offers any more, and what was offered is answered here.
SidecarHub::~SidecarHub() {
  if (facts_.log != nullptr) facts_.log->flush();
}

void SidecarHub::makeServices(const SidecarOptions& options, Node& node) {
  for (const SidecarService& service : options.services) {
    Slot slot{service.kind, nullptr, nullptr, nullptr};
    switch (service.kind) {
      case SidecarService::Kind::kRequests:
        slot.requests = &node.requests(service.name, service.options);
        break;
      case SidecarService::Kind::kAvailability:
        slot.availability = &node.availability(service.name, service.options);
        break;
      case SidecarService::Kind::kGauge:
        slot.gauge = &node.gauge(service.name, service.bounds, service.options);
        break;
    }
    services_.emplace(service.name, slot);
  }
}

std::optional<SidecarHub::Refusal> SidecarHub::checkHello(const wire::Hello& hello) const {
  if (hello.min_version() > kVersion || hello.max_version() < kVersion) {
    return Refusal{wire::Error::VERSION, "the application speaks versions " +
                                             std::to_string(hello.min_version()) + " to " +
                                             std::to_string(hello.max_version()) +
                                             ", this agent version " + std::to_string(kVersion)};
  }
  if (!isName(hello.name())) {
    return Refusal{wire::Error::MALFORMED,
                   "a name is 1 to 64 letters, digits, '-', '_' and '.', not '" +
                       singleLine(hello.name(), limits::kMaxNameBytes) + "'"};
  }
  if (hello.session().size() != kSessionBytes) {
    return Refusal{wire::Error::MALFORMED, "a session is " + std::to_string(kSessionBytes) +
                                               " bytes, not " +
                                               std::to_string(hello.session().size())};
  }
  const auto known = known_.find(hello.name());
  if (known != known_.end() && known->second.connected) {
    return Refusal{wire::Error::NAME_TAKEN, "'" + hello.name() + "' is connected already"};
  }
  if (known == known_.end() && known_.size() >= limits::kMaxSidecarNames) {
    return Refusal{wire::Error::BUSY, "there have been too many names"};
  }
  if (hello.control() && !control_.empty()) {
    return Refusal{wire::Error::CONTROL_TAKEN, "'" + control_ + "' has control"};
  }
  return std::nullopt;
}

std::variant<wire::Welcome, SidecarHub::Refusal> SidecarHub::enter(const wire::Hello& hello) {
  const std::lock_guard lock(mutex_);
  if (auto refused = checkHello(hello)) return *std::move(refused);
  Known& known = known_[hello.name()];
  if (known.session != hello.session()) {
    known = {};
    known.session = hello.session();
    known.kept = known.records = recordsKept(hello.name(), hello.session());
  }
  known.connected = true;
  wire::Welcome out;
  out.set_version(kVersion);
  out.set_node(facts_.node);
  out.set_group(facts_.group);
  out.set_roles(facts_.roles && hello.control());
  out.set_levels(facts_.levels && hello.control());
  out.set_log(facts_.log != nullptr && facts_.log->isReady());
  for (const auto& [name, slot] : services_) {
    wire::Service& service = *out.add_services();
    service.set_name(name);
    service.set_kind(toWire(slot.kind));
  }
  out.set_counts_taken(known.counts);
  out.set_records_kept(known.kept);
  out.set_window(limits::kSidecarWindow);
  return out;
}

void SidecarHub::takeControl(const std::string& name, Send send) {
  {
    const std::lock_guard lock(mutex_);
    control_ = name;
    send_ = std::move(send);
    ++connection_;
    loggers_.reset();
  }
  callbacks_.came();
}

void SidecarHub::leave(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    known_[name].connected = false;
    if (control_ != name) return;
    control_.clear();
    send_ = nullptr;
    loggers_.reset();
    changed_.notify_all();
  }
  callbacks_.gone();
}

std::optional<SidecarHub::Refusal> SidecarHub::checkCount(const wire::Count& count) const {
  const auto it = services_.find(count.service());
  if (it == services_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, slot] : services_) names.push_back(name);
    return Refusal{wire::Error::UNKNOWN_SERVICE,
                   "no [[agent.sidecar.service]] is called '" +
                       singleLine(count.service(), limits::kMaxNameBytes) + "'" +
                       suggestion(count.service(), names)};
  }
  const bool is_requests = it->second.kind == SidecarService::Kind::kRequests;
  const bool counts = count.good() != 0 || count.bad() != 0;
  const bool wrong = (counts && !is_requests) ||
                     (count.has_down() && it->second.availability == nullptr) ||
                     (count.has_value() && it->second.gauge == nullptr);
  if (wrong) {
    return Refusal{wire::Error::UNKNOWN_SERVICE,
                   "'" + it->first + "' is a service of another kind"};
  }
  if (count.good() > limits::kMaxCountedAtOnce || count.bad() > limits::kMaxCountedAtOnce) {
    return Refusal{wire::Error::MALFORMED, "more was counted at once than can be"};
  }
  return std::nullopt;
}

void SidecarHub::apply(const wire::Count& count) const {
  const Slot& slot = services_.at(count.service());
  if (slot.requests != nullptr) {
    slot.requests->good(count.good());
    slot.requests->bad(count.bad());
  }
  if (count.has_down()) {
    count.down() ? slot.availability->outageBegin() : slot.availability->outageEnd();
  }
  if (count.has_value()) slot.gauge->set(count.value());
}

// All of a message or nothing of it.
std::optional<SidecarHub::Refusal> SidecarHub::count(const std::string& name,
                                                     const wire::Counts& counts) {
  for (const wire::Count& each : counts.counts()) {
    if (auto refused = checkCount(each)) return refused;
  }
  const std::lock_guard lock(mutex_);
  Known& known = known_[name];
  if (counts.sequence() == 0) return notNext(0, known.counts);
  // Taken already, and its answer was lost.
  if (counts.sequence() <= known.counts) return std::nullopt;
  if (counts.sequence() != known.counts + 1) return notNext(counts.sequence(), known.counts);
  for (const wire::Count& each : counts.counts()) apply(each);
  known.counts = counts.sequence();
  return std::nullopt;
}

// The session, then the number: what another session has left means nothing to this one.
uint64_t SidecarHub::recordsKept(const std::string& name, const std::string& session) const {
  if (facts_.log == nullptr) return 0;
  const auto place = facts_.log->place(sourceOf(name));
  const std::string prefix = hexOf(session) + " ";
  if (!place || !place->starts_with(prefix)) return 0;
  uint64_t number = 0;
  std::from_chars(place->data() + prefix.size(), place->data() + place->size(), number);
  return number;
}

std::optional<SidecarHub::Refusal> SidecarHub::checkRecords(const std::string& name,
                                                            const wire::Records& records) const {
  if (facts_.log == nullptr || !facts_.log->isReady()) {
    return Refusal{wire::Error::NOT_TAKEN, "this agent takes no log records"};
  }
  if (static_cast<size_t>(records.records_size()) > limits::kMaxSidecarRecords) {
    return Refusal{
        wire::Error::MALFORMED,
        "a message has at most " + std::to_string(limits::kMaxSidecarRecords) + " records"};
  }
  for (const wire::Record& record : records.records()) {
    const auto level = fromWire(record.level());
    if (!level || *level == LogLevel::kOff) {
      return Refusal{wire::Error::MALFORMED, "a record has no level from TRACE to CRITICAL"};
    }
    if (record.logger().size() > limits::kMaxLoggerNameBytes) {
      return Refusal{wire::Error::MALFORMED, "a logger's name is longer than " +
                                                 std::to_string(limits::kMaxLoggerNameBytes) +
                                                 " bytes"};
    }
  }
  const std::lock_guard lock(mutex_);
  const uint64_t before = known_.at(name).records;
  if (records.sequence() > before + 1 || records.sequence() == 0) {
    return notNext(records.sequence(), before);
  }
  return std::nullopt;
}

Status SidecarHub::offer(const std::string& name, const wire::Records& records,
                         std::function<void(Status)> kept) {
  const uint64_t sequence = records.sequence();
  std::string session;
  {
    const std::lock_guard lock(mutex_);
    Known& known = known_.at(name);
    session = known.session;
    if (sequence <= known.kept) {
      kept(Status::ok());
      return Status::ok();
    }
    // Sent again after a lost connection, and still on its way.
    if (sequence <= known.records) {
      known.awaited.emplace(sequence, std::move(kept));
      return Status::ok();
    }
    known.records = sequence;
    known.awaited.emplace(sequence, std::move(kept));
  }
  std::vector<LogRecord> out;
  for (const wire::Record& record : records.records()) {
    const std::chrono::microseconds at(record.unix_us());
    out.push_back({std::chrono::system_clock::time_point(at), *fromWire(record.level()),
                   record.logger(), record.text()});
  }
  LogPosition position{sourceOf(name), hexOf(session) + " " + std::to_string(sequence)};
  Status offered = facts_.log->offer(std::move(out), std::move(position),
                                     [this, name, session, sequence](const Status& status) {
                                       onKept(name, session, sequence, status);
                                     });
  if (offered) return offered;
  const std::lock_guard lock(mutex_);
  Known& known = known_.at(name);
  if (known.session == session) {
    known.records = sequence - 1;
    known.awaited.erase(sequence);
  }
  return offered;
}

void SidecarHub::onKept(const std::string& name, const std::string& session, uint64_t sequence,
                        const Status& status) {
  std::vector<std::function<void(Status)>> told;
  {
    const std::lock_guard lock(mutex_);
    Known& known = known_[name];
    if (known.session != session) return;
    known.kept = std::max(known.kept, sequence);
    const auto [begin, end] = known.awaited.equal_range(sequence);
    for (auto it = begin; it != end; ++it) told.push_back(std::move(it->second));
    known.awaited.erase(begin, end);
  }
  for (const auto& tell : told) tell(status);
}

void SidecarHub::loggersAre(const wire::Loggers& loggers) {
  std::vector<ApplicationLogger> out;
  for (const wire::Logger& each : loggers.loggers()) {
    if (out.size() >= limits::kMaxApplicationLoggers) break;
    out.push_back({each.name(), fromWire(each.configured()), fromWire(each.effective())});
  }
  const std::lock_guard lock(mutex_);
  loggers_ = std::move(out);
}

Result<std::vector<ApplicationLogger>> SidecarHub::loggers() const {
  const std::lock_guard lock(mutex_);
  if (control_.empty()) return Status(Code::kUnavailable, "the application is not connected");
  if (!loggers_) return Status(Code::kUnavailable, "the application has not told its loggers");
  return *loggers_;
}

bool SidecarHub::isConnected() const {
  const std::lock_guard lock(mutex_);
  return !control_.empty();
}

void SidecarHub::onDone(const wire::Done& done) {
  const std::lock_guard lock(mutex_);
  if (!asked_.contains(done.id())) return;  // too late, or never asked
  answers_.insert_or_assign(done.id(), singleLine(done.error(), 300));
  changed_.notify_all();
}

Status SidecarHub::ask(wire::FromAgent message, Duration timeout,
                       const std::function<bool()>& allowed) {
  // By the clock that goes on while the machine is suspended, as leases do.
  SystemClock& clock = SystemClock::forHolder();
  const ElapsedTime until = clock.elapsed() + timeout;
  std::unique_lock lock(mutex_);
  if (send_ == nullptr) return {Code::kUnavailable, "the application is not connected"};
  const uint64_t id = next_id_++;
  const uint64_t connection = connection_;
  if (message.has_promote()) message.mutable_promote()->set_id(id);
  if (message.has_demote()) message.mutable_demote()->set_id(id);
  if (message.has_set_level()) message.mutable_set_level()->set_id(id);
  asked_.insert(id);
  send_(message);
  Status status;
  for (;;) {
    if (const auto it = answers_.find(id); it != answers_.end()) {
      if (!it->second.empty()) status = {Code::kInternal, "the application says: " + it->second};
      break;
    }
    if (send_ == nullptr || connection_ != connection) {
      status = {Code::kTimeout, "the application's connection was lost before it answered"};
      break;
    }
    if (clock.elapsed() >= until || !allowed()) {
      status = {Code::kTimeout, "the application did not answer in time"};
      break;
    }
    changed_.wait_for(lock, kLook);
  }
  asked_.erase(id);
  answers_.erase(id);
  return status;
}

void SidecarHub::tell(const wire::FromAgent& message) {
  const std::lock_guard lock(mutex_);
  if (send_ != nullptr) send_(message);
}

}  // namespace muster::agent
