#include "node-agent/notify.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::agent {
namespace {

constexpr size_t kMaxStatusBytes = 300;

std::optional<int64_t> number(const char* text) {
  if (text == nullptr) return std::nullopt;
  int64_t out = 0;
  const char* end = text + strlen(text);
  const auto parsed = std::from_chars(text, end, out);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return out;
}

int64_t monotonicMicros() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

std::optional<Duration> watchdogInterval(const char* usec, const char* pid,
                                         std::initializer_list<int64_t> own) {
  const auto time = number(usec);
  if (!time || *time <= 0) return std::nullopt;
  if (pid != nullptr) {
    const auto meant = number(pid);
    if (!meant || std::find(own.begin(), own.end(), *meant) == own.end()) return std::nullopt;
  }
  return Duration{*time * 1000 / 2};
}

Notifier::Notifier(Clock& clock, Probe probe)
    : Notifier(
          clock, std::move(probe),
          watchdogInterval(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), {getpid(), getppid()}),
          [](const std::string& text) { (void)sd_notify(0, text.c_str()); }) {}

Notifier::Notifier(Clock& clock, Probe probe, std::optional<Duration> watchdog, Send send)
    : clock_(clock), probe_(std::move(probe)), watchdog_(watchdog), send_(std::move(send)) {}

void Notifier::ready() {
  send_("READY=1");
}

void Notifier::stopping() {
  stopping_ = true;
  send_("STOPPING=1");
}

void Notifier::reloading() {
  send_("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonicMicros()));
}

void Notifier::status(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(status_, text) != text) {
    send_("STATUS=" + singleLine(text, kMaxStatusBytes));
  }
}

void Notifier::tick() {
  if (!watchdog_) return;
  const ElapsedTime now = clock_.elapsed();
  if (now < due_) return;
  due_ = now + *watchdog_;
  if (stopping_) return send_("WATCHDOG=1");
  probe_([send = send_] { send("WATCHDOG=1"); });
}

}  // namespace muster::agent
