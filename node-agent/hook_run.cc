#include "node-agent/hook_run.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "muster/log.h"

namespace muster::agent {
namespace {

// How often `allowed` is asked.
constexpr Duration kLook = Duration::millis(20);
// Read in one go; a hook that writes without end must not keep the agent from its other work.
constexpr int kMaxReads = 16;

}  // namespace

Result<std::unique_ptr<HookRun>> HookRun::start(HookSpec spec) {
  int output[2];
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) {
    return Status(Code::kResourceExhausted, std::string("pipe: ") + strerror(errno));
  }
  const Fd theirs(output[1]);
  // Executables expect a write to wait; only our end must not.
  fcntl(theirs.get(), F_SETFL, 0);
  std::unique_ptr<HookRun> run(new HookRun(std::move(spec)));
  run->output_ = Fd(output[0]);
  auto child = startChild({run->spec_.command, run->spec_.environment, theirs.get()});
  if (!child) return child.status();
  run->child_ = std::move(child).value();
  return run;
}

HookRun::HookRun(HookSpec spec)
    : spec_(std::move(spec)),
      lines_([this, log = logger("agent." + spec_.name)](const std::string& line) {
        if (spec_.said) return spec_.said(line);
        log->info("{}", line);
      }) {}

void HookRun::readOutput() {
  char buffer[4096];
  for (int i = 0; i < kMaxReads && output_.isOpen(); ++i) {
    const ssize_t got = read(output_.get(), buffer, sizeof buffer);
    if (got > 0) {
      lines_.add({buffer, static_cast<size_t>(got)});
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      output_.close();
    } else {
      return;
    }
  }
}

std::optional<Status> HookRun::check(ElapsedTime now) {
  siginfo_t info{};
  if (hasEnded(child_, info)) {
    readOutput();
    lines_.finish();
    const Status status = outcome(info);
    if (!status) signalGroup(SIGKILL);
    reap(child_);
    return status;
  }
  if (!killed_ && (now >= spec_.kill_at || !spec_.allowed())) {
    killed_ = true;
    signalGroup(SIGKILL);
  } else if (!terminated_ && now >= spec_.term_at) {
    terminated_ = true;
    signalGroup(SIGTERM);
    signalGroup(SIGCONT);  // one that stands still could not heed it
  }
  return std::nullopt;
}

ElapsedTime HookRun::nextDue(ElapsedTime now) const {
  ElapsedTime due = now + kLook;
  if (!killed_) due = std::min(due, terminated_ ? spec_.kill_at : spec_.term_at);
  return due;
}

Status HookRun::abandon() {
  readOutput();
  lines_.finish();
  return {Code::kConflict, spec_.name + " was ended since the program has ended"};
}

// Its number is its own until it is reaped.
void HookRun::signalGroup(int number) {
  kill(-child_.pid, number);
}

Status HookRun::outcome(const siginfo_t& info) const {
  if (info.si_code == CLD_EXITED && info.si_status == 0 && !killed_) return Status::ok();
  std::string text = spec_.name + " (" + spec_.command[0] + ") " + describeExit(info);
  if (terminated_) text += " after its time was over";
  if (killed_ && !terminated_) text += " since the lease was over";
  return {terminated_ || killed_ ? Code::kTimeout : Code::kUnavailable, text};
}

}  // namespace muster::agent
