#include "node-agent/sources/pipe_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace muster::agent {
namespace {

constexpr int kPipeBytes = 1024 * 1024;
// Read in one go, so that a program that writes without end doesn't keep others waiting.
constexpr int kMaxReads = 16;

}  // namespace

Result<std::unique_ptr<PipeSource>> PipeSource::make(const SourceConfig& config, LogIntake& intake,
                                                     Clock& clock, int copy_to) {
  auto format = records::Format::make(config.format);
  if (!format) return format.status();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Status(Code::kResourceExhausted, std::string("pipe: ") + strerror(errno));
  }
  std::unique_ptr<PipeSource> out(
      new PipeSource(config, intake, clock, copy_to, std::move(format).value()));
  out->read_end_ = Fd(ends[0]);
  out->write_end_ = Fd(ends[1]);
  // Only our end: programs expect a write to wait.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  return out;
}

PipeSource::PipeSource(const SourceConfig& config, LogIntake& intake, Clock& clock, int copy_to,
                       std::unique_ptr<records::Format> format)
    : config_(config),
      intake_(intake),
      clock_(clock),
      copy_to_(copy_to),
      format_(std::move(format)),
      joiner_(*format_, {config.wait}) {}

Status PipeSource::start(Poller& poller) {
  return poller.add(read_end_.get(), [this] { readSome(); });
}

void PipeSource::readSome() {
  std::array<char, 16 * 1024> buffer;
  for (int i = 0; i < kMaxReads; ++i) {
    const ssize_t got = read(read_end_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    copy(bytes);
    counts_.cut += lines_.add(bytes, [this](std::string_view line) { add(line); });
  }
}

// Without waiting: a terminal that is held must not hold the program.
void PipeSource::copy(std::string_view bytes) {
  while (copy_to_ >= 0 && !bytes.empty()) {
    pollfd out{copy_to_, POLLOUT, 0};
    // A pipe that can be written to has room for so much at least.
    const size_t part = std::min<size_t>(bytes.size(), PIPE_BUF);
    const bool has_room = poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
    if (!has_room || write(copy_to_, bytes.data(), part) < 0) {
      ++counts_.cut;
      return;
    }
    bytes.remove_prefix(part);
  }
}

void PipeSource::add(std::string_view line) {
  give(joiner_.add(line, {}, clock_.wall(), clock_.elapsed()));
}

void PipeSource::give(std::optional<records::JoinedRecord> record) {
  if (!record) return;
  ++counts_.records;
  intake_.add(toLogRecord(std::move(record->line.record), config_));
}

ElapsedTime PipeSource::tick(ElapsedTime now) {
  give(joiner_.due(now));
  return joiner_.nextDue();
}

void PipeSource::finish() {
  readSome();
  lines_.flush([this](std::string_view line) { add(line); });
  give(joiner_.flush());
}

}  // namespace muster::agent
