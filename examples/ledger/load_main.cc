// ledger-load: writes to a ledger at a steady rate, follows the active node, and says at the end
// what was acknowledged, how long nothing was, and whether the journal holds all of it.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>

#include "examples/ledger/journal.h"
#include "examples/ledger/load_client.h"
#include "examples/ledger/load_report.h"

namespace {

using ledger::AppendAnswer;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// One request's answer, unless told otherwise. Well above a slow disk, well below a lease.
constexpr int kAnswerTimeoutMs = 2000;
// Between two rounds through nodes none of which is active.
constexpr milliseconds kRoundPause{20};
// For the entry that is under way when the time is up: longer than a crash failover with the
// default lease.
constexpr std::chrono::seconds kGrace{10};

std::atomic<int> stop_signals{0};

void onSignal(int) {
  stop_signals.fetch_add(1, std::memory_order_relaxed);
}

struct Options {
  std::string connect;
  std::string cluster;
  double rate = 50;
  double seconds = 10;
  int answer_timeout_ms = kAnswerTimeoutMs;
  std::string journal;
  std::string acks;
  std::string output = "table";
};

int64_t microseconds(Clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

muster::Result<std::vector<ledger::Endpoint>> findEndpoints(const Options& options) {
  return options.cluster.empty() ? ledger::parseEndpoints(options.connect)
                                 : ledger::readCluster(options.cluster);
}

// What was acknowledged, a line each as soon as it is known: when it was first sent and when the
// acknowledgement came, in microseconds of the machine's steady clock, its id, number and epoch.
// Somebody who checks many clients against one journal reads it, also after a client was killed.
class AckLog {
 public:
  ~AckLog() {
    if (file_ != nullptr) std::fclose(file_);
  }
  AckLog() = default;
  AckLog(const AckLog&) = delete;
  AckLog& operator=(const AckLog&) = delete;

  muster::Status open(const std::string& path) {
    file_ = std::fopen(path.c_str(), "we");
    if (file_ != nullptr) return muster::Status::ok();
    return {muster::Code::kInvalidArgument, "cannot write " + path + ": " + std::strerror(errno)};
  }
  void add(const std::string& id, const AppendAnswer& answer, int64_t sent_us, int64_t now_us) {
    if (file_ == nullptr) return;
    std::fprintf(file_, "%" PRId64 " %" PRId64 " %s %" PRIu64 " %" PRIu64 "\n", sent_us, now_us,
                 id.c_str(), answer.seq, answer.epoch);
    std::fflush(file_);
  }

 private:
  std::FILE* file_ = nullptr;
};

class Load {
 public:
  // `ack_log` must outlive it.
  Load(const Options& options, std::vector<ledger::Endpoint> endpoints, AckLog& ack_log)
      : options_(options),
        ack_log_(ack_log),
        nodes_(endpoints.size()),
        start_(Clock::now()),
        end_(start_ + std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double>(options.seconds))),
        tally_(microseconds(start_)) {
    client_.setEndpoints(std::move(endpoints));
    // So that the ids of two runs never meet.
    std::random_device random;
    char prefix[24];
    std::snprintf(prefix, sizeof prefix, "load-%08x%08x-", random(), random());
    prefix_ = prefix;
  }

  const ledger::Tally& run() {
    const auto interval = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(1 / options_.rate));
    Clock::time_point next = start_;
    for (uint64_t number = 1; next < end_ && stop_signals == 0; ++number) {
      std::this_thread::sleep_until(next);
      if (stop_signals != 0) break;
      write(prefix_ + std::to_string(number), "entry " + std::to_string(number));
      // What was missed while nobody was active is not made up for in a burst.
      next = std::max(next + interval, Clock::now() - interval);
    }
    tally_.finish(microseconds(Clock::now()));
    return tally_;
  }

 private:
  // Sends one entry until its outcome is known. The journal keeps an id once, so sending again is
  // safe.
  void write(const std::string& id, const std::string& text) {
    const auto first_sent = Clock::now();
    bool may_be_written = false;
    while (stop_signals < 2 && Clock::now() < giveUpAt()) {
      const auto answer = client_.append(id, text, milliseconds(options_.answer_timeout_ms));
      if (answer && answer->kind == AppendAnswer::Kind::kOk) {
        const int64_t now_us = microseconds(Clock::now());
        tally_.acknowledged(id, {answer->seq, answer->epoch}, microseconds(first_sent), now_us);
        ack_log_.add(id, *answer, microseconds(first_sent), now_us);
        return;
      }
      // A refusal is final only for an entry that can't be there from an earlier sending.
      if (answer && answer->kind == AppendAnswer::Kind::kRefused) {
        if (!may_be_written) return tally_.failed();
        std::this_thread::sleep_for(kRoundPause);
      }
      if (answer && answer->kind == AppendAnswer::Kind::kUnknown) may_be_written = true;
      afterARound();
    }
    may_be_written ? tally_.unknown() : tally_.failed();
  }

  Clock::time_point giveUpAt() {
    // The grace after a signal runs from the moment at which it was noticed.
    if (stop_signals > 0 && !signalled_at_) signalled_at_ = Clock::now();
    return signalled_at_ ? std::min(*signalled_at_, end_) + kGrace : end_ + kGrace;
  }

  void afterARound() {
    if (client_.moves() == 0 || client_.moves() % nodes_ != 0) return;
    std::this_thread::sleep_for(kRoundPause);
    if (options_.cluster.empty()) return;
    // A node that was started again may have another port.
    auto fresh = findEndpoints(options_);
    if (!fresh) return;
    nodes_ = fresh->size();
    client_.setEndpoints(std::move(*fresh));
  }

  const Options options_;
  AckLog& ack_log_;
  size_t nodes_;
  const Clock::time_point start_;
  const Clock::time_point end_;
  std::optional<Clock::time_point> signalled_at_;
  ledger::Tally tally_;
  ledger::Client client_;
  std::string prefix_;
};

muster::Result<ledger::Findings> checkJournal(const std::string& file, const ledger::Tally& tally) {
  auto journal = ledger::Journal::openToRead(file);
  if (!journal) return journal.status();
  ledger::JournalChecker checker(tally.acks());
  const muster::Status read =
      (*journal)->read(0, INT64_MAX, [&](const ledger::Entry& entry) { checker.see(entry); });
  if (!read) return read;
  return checker.finish();
}

int complain(const muster::Status& status) {
  std::fprintf(stderr, "ledger-load: %s\n", status.text().c_str());
  return status.code() == muster::Code::kInvalidArgument ? 2 : 1;
}

void addOptions(CLI::App& app, Options& options) {
  auto* where = app.add_option_group("where", "Which nodes");
  where->add_option("--connect", options.connect, "HOST:PORT[,HOST:PORT...]");
  where->add_option("--cluster", options.cluster, "The folder of a local cluster");
  where->require_option(1);
  app.add_option("--rate", options.rate, "Entries a second")
      ->check(CLI::Range(0.1, 10000.0))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "For how long")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--answer-timeout-ms", options.answer_timeout_ms,
                 "How long to wait for a node's answer before asking the next")
      ->check(CLI::Range(10, 60000))
      ->capture_default_str();
  app.add_option("--acks", options.acks, "A file that gets a line for each acknowledgement");
  app.add_option("--journal", options.journal, "The journal's file, to be checked at the end");
  app.add_option("-o,--output", options.output, "How to report")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes to a ledger at a steady rate and reports what became of it.");
  Options options;
  addOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto endpoints = findEndpoints(options);
  if (!endpoints) return complain(endpoints.status());

  struct sigaction action {};
  action.sa_handler = onSignal;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);

  AckLog ack_log;
  if (!options.acks.empty()) {
    if (muster::Status opened = ack_log.open(options.acks); !opened) return complain(opened);
  }
  Load load(options, std::move(*endpoints), ack_log);
  const ledger::Tally& tally = load.run();
  std::optional<ledger::Findings> findings;
  if (!options.journal.empty()) {
    auto checked = checkJournal(options.journal, tally);
    if (!checked) return complain(checked.status());
    findings = *checked;
  }
  const auto report = options.output == "json" ? ledger::reportJson : ledger::reportTable;
  std::fputs(report(tally, findings ? &*findings : nullptr).c_str(), stdout);
  return findings && !findings->isSound() ? 1 : 0;
}
