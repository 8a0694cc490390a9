#include "node-agent/sources/sources.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "muster/log.h"
#include "node-agent/sources/file_source.h"
#include "node-agent/sources/journal_source.h"
#include "node-agent/sources/pipe_source.h"
#include "node-agent/sources/syslog_source.h"

namespace muster::agent {
namespace {

constexpr Duration kLongestWait = Duration::seconds(1);

}  // namespace

Sources::Sources(std::vector<SourceConfig> configs, LogIntake& intake, Clock& clock)
    : configs_(std::move(configs)),
      intake_(intake),
      clock_(clock),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Sources::~Sources() {
  stop();
}

Status Sources::make(const SourceConfig& config) {
  switch (config.kind) {
    case SourceKind::kStdout:
    case SourceKind::kStderr: {
      const bool is_output = config.kind == SourceKind::kStdout;
      const int own = is_output ? STDOUT_FILENO : STDERR_FILENO;
      auto made = PipeSource::make(config, intake_, clock_, config.copy ? own : -1);
      if (!made) return made.status();
      (is_output ? output_ : error_) = made->get();
      sources_.push_back({config.name, std::move(made).value()});
      return Status::ok();
    }
    case SourceKind::kFile: {
      auto made = FileSource::make(config, intake_, clock_);
      if (!made) return made.status();
      sources_.push_back({config.name, std::move(made).value(), true});
      return Status::ok();
    }
    case SourceKind::kJournal:
      sources_.push_back(
          {config.name, std::make_unique<JournalSource>(config, intake_, clock_), true});
      return Status::ok();
    case SourceKind::kSyslog:
      sources_.push_back({config.name, std::make_unique<SyslogSource>(config, intake_, clock_)});
      return Status::ok();
  }
  return Status::ok();
}

int Sources::programEnd(SourceKind kind) const {
  const PipeSource* pipe = kind == SourceKind::kStdout ? output_ : error_;
  return pipe == nullptr ? -1 : pipe->writeEnd();
}

Status Sources::start() {
  if (configs_.empty()) return Status::ok();
  for (const SourceConfig& config : configs_) {
    if (const Status made = make(config); !made) {
      return {made.code(), "source " + config.name + ": " + made.text()};
    }
  }
  if (const Status added = poller_.add(wake_.get(), [] {}); !added) return added;
  thread_ = std::thread([this] { run(); });
  return Status::ok();
}

void Sources::run() {
  // Where the agent's own output has been closed, copying the program's to it must not end us.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  std::vector<Source*> running;
  std::vector<const Named*> waiting;  // until it is known how far they were read
  for (const Named& named : sources_) {
    if (named.keeps_place && !intake_.isReady()) {
      waiting.push_back(&named);
    } else {
      begin(named, running);
    }
  }
  while (!stopping_) {
    if (!waiting.empty() && intake_.isReady()) {
      for (const Named* named : std::exchange(waiting, {})) begin(*named, running);
    }
    ElapsedTime due = ElapsedTime::max();
    for (Source* source : running) due = std::min(due, source->tick(clock_.elapsed()));
    const ElapsedTime now = clock_.elapsed();
    poller_.wait(due <= now ? Duration{} : std::min(due - now, kLongestWait));
  }
  for (Source* source : running) source->finish();
}

void Sources::begin(const Named& named, std::vector<Source*>& running) {
  if (const Status started = named.source->start(poller_); started) {
    running.push_back(named.source.get());
  } else {
    logger("agent")->error("source {} is not read: {}", named.name, started.text());
  }
}

void Sources::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
  thread_.join();
}

}  // namespace muster::agent
