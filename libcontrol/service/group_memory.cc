#include "libcontrol/service/group_memory.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

// Of the encoding.
constexpr uint64_t kFormat = 1;

}  // namespace

// Milliseconds since the last time that was booked are what they are as of then.
void GroupMemory::book(Service& service, ElapsedTime now) {
  if (now <= service.booked) return;
  const int64_t ms = (service.history.age(now) - service.history.age(service.booked)).toMillis();
  service.booked = now;
  const auto amount = static_cast<uint64_t>(ms);
  const bool down = service.down.value_or(false);
  if (!service.down) return service.history.spread(now, 0, 0);
  service.history.spread(now, down ? 0 : amount, down ? amount : 0);
}

void GroupMemory::feedTimed(Service& service, std::optional<bool> down, ElapsedTime now) {
  book(service, now);
  service.down = down;
  if (down.value_or(false)) {
    service.log.begin(now, service.history.badTotal());
  } else {
    service.log.end(now, service.history.badTotal());
  }
}

void GroupMemory::feedRequests(Service& service, const ServiceSnapshot& told, ElapsedTime now) {
  const auto more = [](std::optional<uint64_t>& seen, uint64_t total) {
    const uint64_t before = std::exchange(seen, total).value_or(total);
    return total < before ? 0 : std::min(total - before, limits::kMaxCountedAtOnce);
  };
  const uint64_t good = more(service.good_seen, told.good_total);
  const uint64_t bad = more(service.bad_seen, told.bad_total);
  service.history.spread(now, good, bad);
  service.booked = now;
  // What made it breach was counted before it did.
  const uint64_t total = service.history.badTotal();
  if (told.level.state == LevelState::kBreached) {
    service.log.begin(now, total - std::min(total, told.bad));
  } else {
    service.log.end(now, total);
  }
}

void GroupMemory::feed(const GroupLevel& level, ElapsedTime now) {
  seen_active_ = seen_active_ || level.has_active;
  for (const ServiceSnapshot& told : level.services) {
    auto it = services_.find(told.name);
    if (it == services_.end()) {
      if (services_.size() >= limits::kMaxServices) continue;
      it = services_.emplace(told.name, Service(now)).first;
    }
    if (told.kind == Kind::kRequests) {
      feedRequests(it->second, told, now);
      continue;
    }
    // Without data, a gauge that nobody sets say, nobody knows either.
    std::optional<bool> down = told.down;
    if (!told.level.percent) down.reset();
    if (!level.has_active) down = seen_active_ ? std::optional(true) : std::nullopt;
    feedTimed(it->second, down, now);
  }
}

void GroupMemory::pause(ElapsedTime now) {
  seen_active_ = false;
  for (auto& [name, service] : services_) {
    if (service.down) feedTimed(service, std::nullopt, now);
  }
}

void GroupMemory::fill(GroupLevel& level, ElapsedTime now) const {
  for (ServiceSnapshot& told : level.services) {
    const auto it = services_.find(told.name);
    if (it == services_.end()) continue;
    WindowTotal mine = it->second.history.total(told.period, now);
    if (told.kind != Kind::kRequests) {
      mine.observed = Duration::millis(static_cast<int64_t>(mine.good + mine.bad));
    }
    const auto place = std::lower_bound(
        told.windows.begin(), told.windows.end(), told.period,
        [](const WindowTotal& each, Duration length) { return each.window < length; });
    const bool is_there = place != told.windows.end() && place->window == told.period;
    if (is_there && place->observed > mine.observed) continue;
    if (is_there) {
      *place = mine;
    } else {
      told.windows.insert(place, mine);
    }
    told.budget_left = budgetLeft(mine, told.objective_percent);
  }
}

std::optional<bool> GroupMemory::isDown(std::string_view service) const {
  const auto it = services_.find(service);
  return it == services_.end() ? std::nullopt : it->second.down;
}

std::vector<std::string> GroupMemory::services() const {
  std::vector<std::string> out;
  for (const auto& [name, service] : services_) out.push_back(name);
  return out;
}

std::vector<Outage> GroupMemory::outages(std::string_view service, ElapsedTime now,
                                         WallTime wall) const {
  const auto it = services_.find(service);
  if (it == services_.end()) return {};
  const Service& found = it->second;
  uint64_t bad = found.history.badTotal();
  if (found.down.value_or(false) && now > found.booked) {
    bad += static_cast<uint64_t>((now - found.booked).toMillis());
  }
  return found.log.list(now, wall, bad);
}

std::map<std::string, std::string> GroupMemory::encode(ElapsedTime now) const {
  std::map<std::string, std::string> out;
  for (const auto& [name, service] : services_) {
    Service booked = service;
    book(booked, now);
    ByteWriter bytes;
    bytes.number(kFormat);
    bytes.bytes(booked.history.encode());
    booked.log.write(bytes, now, booked.history.badTotal());
    out[name] = bytes.take();
  }
  return out;
}

Status GroupMemory::restore(const std::string& service, std::string_view bytes, ElapsedTime now,
                            Duration gap) {
  const Status torn(Code::kDataLoss, "the kept history of service '" +
                                         singleLine(service, limits::kMaxNameBytes) +
                                         "' is none, or damaged");
  gap = std::max(gap, Duration{});
  ByteReader in(bytes);
  if (in.number() != kFormat) return torn;
  auto history = History::decode(in.bytes(), now, gap);
  if (!history) return torn;
  Service restored(now);
  restored.history = std::move(history).value();
  if (!restored.log.read(in, now - gap) || !in.isGood() || !in.isAtEnd()) return torn;
  if (services_.size() >= limits::kMaxServices && !services_.contains(service)) return torn;
  services_.insert_or_assign(service, std::move(restored));
  return Status::ok();
}

}  // namespace muster::service
