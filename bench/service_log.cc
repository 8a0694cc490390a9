#include "bench/service_log.h"

#include "libcontrol/base/clock.h"

namespace muster::bench {
namespace {

constexpr int64_t kBegin = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
constexpr uint64_t kRareEvery = 1'250'000;
constexpr uint64_t kRareOffset = 777'777;

constexpr const char* kPaths[] = {"orders",   "sessions", "payments", "users",
                                  "invoices", "search",   "carts",    "reports"};
constexpr const char* kVerbs[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
constexpr const char* kTables[] = {"orders", "customers", "stock", "prices", "audit", "deliveries"};
constexpr const char* kJobs[] = {"reindex",      "backup",          "mail digest", "thumbnail",
                                 "price import", "session cleanup", "invoice run", "cache warmup"};

}  // namespace

uint64_t ServiceLog::random() {
  // splitmix64
  uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

void ServiceLog::addHex(int digits) {
  uint64_t bits = random();
  for (int i = 0; i < digits; ++i, bits >>= 4) record_.text += "0123456789abcdef"[bits & 15];
}

void ServiceLog::addAddress() {
  add("10.");
  addNumber(below(4));
  add(".");
  addNumber(below(16));
  add(".");
  addNumber(below(250));
}

void ServiceLog::request() {
  record_.logger = "http.access";
  add(kVerbs[below(std::size(kVerbs))]);
  add(" /api/v2/");
  add(kPaths[below(std::size(kPaths))]);
  add("/");
  addHex(8);
  add(below(40) == 0 ? " 500 " : " 200 ");
  addNumber(below(20'000));
  add(" bytes in ");
  addNumber(below(300));
  add(" ms, client ");
  addAddress();
}

void ServiceLog::query() {
  record_.level = records::Severity::kDebug;
  record_.logger = "db.pool";
  add("select on ");
  add(kTables[below(std::size(kTables))]);
  add(" returned ");
  addNumber(below(500));
  add(" rows in ");
  addNumber(below(90));
  add(".");
  addNumber(below(10));
  add(" ms, connection ");
  addNumber(below(32));
  add(" of 32, waited 0 ms");
}

void ServiceLog::job() {
  record_.logger = "jobs.worker";
  add("job ");
  add(kJobs[below(std::size(kJobs))]);
  add(" completed, id ");
  addHex(12);
  add(", ");
  addNumber(below(5000));
  add(" items, attempt 1, queue depth ");
  addNumber(below(200));
}

void ServiceLog::session() {
  record_.logger = "auth.session";
  add("session ");
  addHex(16);
  add(" of user");
  addNumber(below(50'000));
  add(" renewed from ");
  addAddress();
  add(", expires in 1800 s");
}

void ServiceLog::trouble() {
  switch (below(3)) {
    case 0:
      record_.level = records::Severity::kWarn;
      record_.logger = "db.pool";
      add("slow statement on ");
      add(kTables[below(std::size(kTables))]);
      add(": took ");
      addNumber(1000 + below(9000));
      add("ms, plan ");
      addHex(6);
      break;
    case 1:
      record_.level = records::Severity::kError;
      record_.logger = "storage.remote";
      add("upload of part ");
      addNumber(below(900));
      add(" failed: connection refused by ");
      addAddress();
      add(":9000, retry in ");
      addNumber(1 + below(30));
      add(" s");
      break;
    default:
      record_.level = records::Severity::kWarn;
      record_.logger = "auth.session";
      add("login of user");
      addNumber(below(50'000));
      add(" denied from ");
      addAddress();
      add(": wrong password, attempt ");
      addNumber(1 + below(5));
  }
}

const records::Record& ServiceLog::next() {
  record_.text.clear();
  record_.level = records::Severity::kInfo;
  record_.at.unix_ms = kBegin + static_cast<int64_t>(count_);
  const uint64_t kind = below(40);
  if (kind < 18) {
    request();
  } else if (kind < 28) {
    query();
  } else if (kind < 33) {
    job();
  } else if (kind < 38) {
    session();
  } else {
    trouble();
  }
  if (count_++ % kRareEvery == kRareOffset) add(", routed by zanzibar");
  return record_;
}

void appendLine(const records::Record& record, std::string& out) {
  out += toRfc3339(record.at);
  out += ' ';
  out += rules::severityName(record.level);
  out += ' ';
  out += record.logger;
  out += ": ";
  out += record.text;
  out += '\n';
}

}  // namespace muster::bench
