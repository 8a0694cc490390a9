#include "node-agent/attach/systemd_manager.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "node-agent/limits.h"

namespace muster::agent {
namespace {

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kPath[] = "/org/freedesktop/systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr char kUnit[] = "org.freedesktop.systemd1.Unit";
constexpr char kServiceUnit[] = "org.freedesktop.systemd1.Service";
// How often a wait looks whether it is still wanted.
constexpr Duration kSlice = Duration::millis(50);

uint64_t micros(Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(1, duration.ns / 1000));
}

struct Unref {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, Unref>;
using Message = std::unique_ptr<sd_bus_message, Unref>;

class Error {
 public:
  ~Error() { sd_bus_error_free(&error_); }
  sd_bus_error* out() { return &error_; }
  bool is(const char* name) const { return sd_bus_error_has_name(&error_, name) > 0; }
  Status status(const std::string& doing, int code) const {
    const bool told = sd_bus_error_is_set(&error_) > 0 && error_.message != nullptr;
    return {Code::kUnavailable,
            doing + ": " + (told ? std::string(error_.message) : strerror(-code))};
  }

 private:
  sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

Result<Bus> openBus() {
  sd_bus* bus = nullptr;
  if (const int code = sd_bus_open_system(&bus); code < 0) {
    return Status(Code::kUnavailable, std::string("the system's D-Bus: ") + strerror(-code));
  }
  sd_bus_set_method_call_timeout(bus, micros(limits::kUnitCall));
  return Bus(bus);
}

Status readText(sd_bus* bus, const std::string& path, const char* interface, const char* name,
                std::string& out) {
  Error error;
  char* text = nullptr;
  const int code =
      sd_bus_get_property_string(bus, kService, path.c_str(), interface, name, error.out(), &text);
  if (code < 0) return error.status(std::string("asking systemd for ") + name, code);
  out = text;
  free(text);
  return Status::ok();
}

// A job, from its start to the signal that says how it ended.
class Job {
 public:
  Status run(const char* method, const std::string& unit, Duration limit,
             const std::function<bool()>& allowed) {
    auto bus = openBus();
    if (!bus) return bus.status();
    bus_ = std::move(bus).value();
    // Before the job is begun, so that its end can't be missed.
    int code = sd_bus_match_signal(bus_.get(), nullptr, kService, kPath, kManager, "JobRemoved",
                                   &Job::onRemoved, this);
    Error error;
    if (code >= 0) {
      code = sd_bus_call_method(bus_.get(), kService, kPath, kManager, "Subscribe", error.out(),
                                nullptr, "");
    }
    if (code < 0) return error.status("listening to systemd", code);
    if (Status begun = begin(method, unit); !begun) return begun;
    return wait(method, unit, limit, allowed);
  }

 private:
  static int onRemoved(sd_bus_message* message, void* self, sd_bus_error*) {
    uint32_t id = 0;
    const char* path = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0) return 0;
    Job& job = *static_cast<Job*>(self);
    // It may have ended before the answer said which one it is.
    job.ended_.emplace_back(path, result);
    return 0;
  }

  Status begin(const char* method, const std::string& unit) {
    Error error;
    sd_bus_message* raw = nullptr;
    const int code = sd_bus_call_method(bus_.get(), kService, kPath, kManager, method, error.out(),
                                        &raw, "ss", unit.c_str(), "replace");
    const Message reply(raw);
    if (error.is("org.freedesktop.systemd1.NoSuchUnit")) {
      return {Code::kNotFound, "systemd has no unit " + unit};
    }
    if (code < 0) return error.status(std::string(method) + " " + unit, code);
    const char* path = nullptr;
    if (sd_bus_message_read(reply.get(), "o", &path) < 0) {
      return {Code::kUnavailable, std::string(method) + ": systemd's answer can't be read"};
    }
    path_ = path;
    return Status::ok();
  }

  Status wait(const char* method, const std::string& unit, Duration limit,
              const std::function<bool()>& allowed) {
    const ElapsedTime until = SystemClock::forHolder().elapsed() + limit;
    while (true) {
      const int handled = sd_bus_process(bus_.get(), nullptr);
      if (handled < 0) return {Code::kUnavailable, "the connection to systemd was lost"};
      for (const auto& [path, result] : ended_) {
        if (path != path_) continue;
        if (result == "done" || result == "skipped") return Status::ok();
        return {Code::kUnavailable,
                std::string(method) + " " + unit + ": its job ended with '" + result + "'"};
      }
      if (handled > 0) continue;
      const Duration left = until - SystemClock::forHolder().elapsed();
      if (left <= Duration{}) {
        return {Code::kTimeout, std::string(method) + " " + unit + " took too long"};
      }
      if (!allowed()) return {Code::kTimeout, std::string(method) + " was given up"};
      (void)sd_bus_wait(bus_.get(), micros(std::min(left, kSlice)));
    }
  }

  Bus bus_;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> ended_;  // path and result
};

}  // namespace

SystemdManager::~SystemdManager() {
  if (bus_ != nullptr) sd_bus_flush_close_unref(bus_);
}

Result<UnitState> SystemdManager::state(const std::string& unit) {
  const std::lock_guard lock(mutex_);
  const bool fresh = bus_ == nullptr;
  auto state = ask(unit);
  if (state || fresh) return state;
  // The bus, or systemd, may have been restarted.
  return ask(unit);
}

Result<UnitState> SystemdManager::ask(const std::string& unit) {
  if (bus_ == nullptr) {
    auto bus = openBus();
    if (!bus) return bus.status();
    bus_ = std::move(bus).value().release();
  }
  const auto lose = [this](const Status& status) {
    sd_bus_close_unref(std::exchange(bus_, nullptr));
    return status;
  };
  Error error;
  sd_bus_message* raw = nullptr;
  const int code = sd_bus_call_method(bus_, kService, kPath, kManager, "LoadUnit", error.out(),
                                      &raw, "s", unit.c_str());
  const Message reply(raw);
  if (code < 0) return lose(error.status("asking systemd for " + unit, code));
  const char* object = nullptr;
  if (sd_bus_message_read(reply.get(), "o", &object) < 0) {
    return lose({Code::kUnavailable, "systemd's answer can't be read"});
  }
  const std::string path = object;
  UnitState state;
  Status read = readText(bus_, path, kUnit, "LoadState", state.load);
  if (read) read = readText(bus_, path, kUnit, "ActiveState", state.active);
  if (read) read = readText(bus_, path, kUnit, "SubState", state.sub);
  if (read) read = readText(bus_, path, kServiceUnit, "Result", state.result);
  if (read) read = readText(bus_, path, kServiceUnit, "ControlGroup", state.control_group);
  uint32_t pid = 0;
  if (read && sd_bus_get_property_trivial(bus_, kService, path.c_str(), kServiceUnit, "MainPID",
                                          nullptr, 'u', &pid) < 0) {
    read = {Code::kUnavailable, "systemd does not tell the main process of " + unit};
  }
  if (!read) return lose(read);
  state.main_pid = static_cast<pid_t>(pid);
  return state;
}

Status SystemdManager::start(const std::string& unit, Duration limit,
                             const std::function<bool()>& allowed) {
  return Job().run("StartUnit", unit, limit, allowed);
}

Status SystemdManager::stop(const std::string& unit, Duration limit) {
  return Job().run("StopUnit", unit, limit, [] { return true; });
}

Status SystemdManager::kill(const std::string& unit) {
  auto bus = openBus();
  if (!bus) return bus.status();
  Error error;
  const int code = sd_bus_call_method(bus->get(), kService, kPath, kManager, "KillUnit",
                                      error.out(), nullptr, "ssi", unit.c_str(), "all", SIGKILL);
  // Nobody there to be killed is what was wanted.
  if (code >= 0 || error.is("org.freedesktop.systemd1.NoSuchUnit") ||
      error.is("org.freedesktop.systemd1.NoSuchProcess")) {
    return Status::ok();
  }
  return error.status("KillUnit " + unit, code);
}

}  // namespace muster::agent
