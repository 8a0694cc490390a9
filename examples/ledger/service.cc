#include "examples/ledger/service.h"

#include <ctime>
#include <utility>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;

int64_t wallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// RFC 3339, UTC.
std::string timeText(int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

const char* causeText(muster::Demotion::Cause cause) {
  switch (cause) {
    case muster::Demotion::Cause::kDrain:
      return "the coordinator asked";
    case muster::Demotion::Cause::kLeaseOver:
      return "the lease could not be renewed";
    case muster::Demotion::Cause::kShutdown:
      return "this process ends";
  }
  return "";
}

}  // namespace

Service::Service(std::string node_name, std::unique_ptr<Journal> journal,
                 std::chrono::milliseconds max_append, muster::Availability& storage,
                 muster::Requests& user)
    : node_name_(std::move(node_name)),
      max_append_(max_append),
      storage_(storage),
      user_(user),
      storage_log_(muster::logger("storage")),
      journal_log_(muster::logger("storage.journal")),
      user_log_(muster::logger("user")),
      journal_(std::move(journal)) {}

Status Service::promote(const muster::Lease& lease) {
  const std::lock_guard lock(mutex_);
  journal_log_->debug("claiming the journal under epoch {} for instance {}", lease.epoch(),
                      lease.instance());
  Status claimed = journal_->claim({lease.epoch(), lease.instance()});
  if (!claimed) {
    journal_log_->error("not active: {}", claimed.text());
    return claimed;
  }
  lease_ = lease;
  last_epoch_ = lease.epoch();
  storage_log_->info("active under epoch {}", lease.epoch());
  return Status::ok();
}

void Service::demote(const muster::Demotion& demotion) {
  const std::lock_guard lock(mutex_);
  lease_.reset();
  // An outage of the journal is the active node's to report.
  if (journal_down_) {
    journal_down_ = false;
    if (!fault_outage_) storage_.outageEnd();
  }
  storage_log_->info("standby: epoch {} is over, {}", demotion.epoch, causeText(demotion.cause));
}

std::string Service::handle(const std::string& line) {
  Result<Request> request = parseRequest(line);
  const std::lock_guard lock(mutex_);
  if (!request) {
    user_log_->debug("bad request: {}", request.status().text());
    return errorReply("bad-request", request.status().text());
  }
  return std::visit([this](const auto& kind) { return answer(kind); }, *request);
}

std::string Service::notActive(const std::string& why) const {
  return errorReply("not-active", node_name_ + " " + why + "; ask the other nodes of the group");
}

std::string Service::answer(const Append& request) {
  if (!lease_) return notActive("is a standby");
  if (fault_drop_ > 0) {
    --fault_drop_;
    user_.bad();
    user_log_->warn("dropped an append, as asked; {} more to drop", fault_drop_);
    return errorReply("dropped", "the request was dropped, as 'fault drop' asked");
  }
  if (fault_outage_) {
    user_.bad();
    user_log_->debug("refused an append: outage switched on");
    return errorReply("storage", "the journal is out of service, as 'fault outage on' asked");
  }
  if (!lease_->guard(max_append_)) {
    user_log_->debug("refused an append: the lease has {} ms left",
                     lease_->remaining().count() / 1'000'000);
    return notActive("holds a lease that could end before the entry is durable");
  }
  const Token token{lease_->epoch(), lease_->instance()};
  const auto start = std::chrono::steady_clock::now();
  const Result<Appended> appended = journal_->append(token, request.id, request.text, wallMs());
  if (!appended) return refused(appended.status());
  const auto took = std::chrono::steady_clock::now() - start;
  storage_log_->debug("append {} under epoch {}: {} bytes in {} us{}", appended->seq,
                      appended->epoch, request.text.size(),
                      std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
                      appended->again ? ", sent again" : "");
  if (std::exchange(journal_down_, false)) {
    storage_.outageEnd();
    journal_log_->info("the journal can be written again");
  }
  user_.good();
  return okReply(appended->seq, appended->epoch);
}

std::string Service::refused(const Status& status) {
  if (status.field() == "id") return errorReply("id-taken", status.text());
  user_.bad();
  if (status.code() == Code::kConflict) {
    // Somebody with a higher token is active: this process was paused, or is being replaced.
    journal_log_->warn("fenced off: {}", status.text());
    return notActive("was fenced off: " + status.text());
  }
  journalFailed(status);
  return errorReply(status.code() == Code::kTimeout ? "unknown" : "storage", status.text());
}

void Service::journalFailed(const Status& status) {
  storage_.outageBegin();
  if (!std::exchange(journal_down_, true)) journal_log_->error("{}", status.text());
}

void Service::tick() {
  const std::lock_guard lock(mutex_);
  if (!journal_down_ || !lease_ || fault_outage_) return;
  if (!journal_->probe()) return;
  journal_down_ = false;
  storage_.outageEnd();
  journal_log_->info("the journal can be written again");
}

std::string Service::answer(const Read& request) {
  std::string reply;
  const Status read = journal_->read(request.from, request.limit, [&](const Entry& entry) {
    reply += std::to_string(entry.seq) + " " + std::to_string(entry.epoch) + " " + entry.instance +
             " " + timeText(entry.at_ms) + " " + (entry.id.empty() ? "-" : entry.id) + " " +
             entry.text + "\n";
  });
  if (!read) return errorReply("storage", read.text());
  journal_log_->debug("read from {}: {} bytes", request.from, reply.size());
  return reply + ".\n";
}

std::string Service::answer(const WhoAmI&) {
  const bool active = lease_ && lease_->valid();
  return node_name_ + (active ? " active " : " standby ") + std::to_string(last_epoch_) + "\n";
}

std::string Service::answer(const FaultStatus&) {
  return std::string("outage ") + (fault_outage_ ? "on" : "off") + ", " +
         std::to_string(fault_drop_) + " appends to drop\n";
}

std::string Service::answer(const FaultOutage& request) {
  fault_outage_ = request.on;
  if (request.on) {
    storage_.outageBegin();
  } else if (!journal_down_) {
    storage_.outageEnd();
  }
  storage_log_->warn("outage switched {}", request.on ? "on" : "off");
  return answer(FaultStatus{});
}

std::string Service::answer(const FaultDrop& request) {
  fault_drop_ = request.count;
  user_log_->warn("the next {} appends will be dropped", request.count);
  return answer(FaultStatus{});
}

std::string Service::answer(const Help&) {
  return helpReply();
}

std::string Service::answer(const Quit&) {
  return {};
}

}  // namespace ledger
