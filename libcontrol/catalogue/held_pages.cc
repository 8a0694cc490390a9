#include "libcontrol/catalogue/held_pages.h"

#include <algorithm>

#include "libcontrol/base/limits.h"

namespace muster::catalogue {

void HeldPages::hold(const Key& key, const std::vector<std::string>& pages, ElapsedTime now) {
  drop(key);
  if (pages.size() < 2) return;
  Held held;
  held.pages.assign(pages.begin() + 1, pages.end());
  held.count = pages.size();
  held.used = now;
  for (const std::string& page : held.pages) held.bytes += page.size();
  if (held.bytes > limits::kMaxHeldBytes) return;
  bytes_ += held.bytes;
  held_.emplace(key, std::move(held));
  makeRoom(now);
}

std::optional<HeldPages::Page> HeldPages::next(const Key& key, ElapsedTime now) {
  if (!has(key, now)) return std::nullopt;
  Held& held = held_.at(key);
  Page page{std::move(held.pages.front()), held.count - held.pages.size() + 1, held.count};
  held.pages.pop_front();
  held.bytes -= page.text.size();
  bytes_ -= page.text.size();
  held.used = now;
  if (held.pages.empty()) drop(key);
  return page;
}

bool HeldPages::has(const Key& key, ElapsedTime now) const {
  const auto found = held_.find(key);
  return found != held_.end() && now - found->second.used < limits::kSessionLife;
}

void HeldPages::drop(const Key& key) {
  const auto found = held_.find(key);
  if (found == held_.end()) return;
  bytes_ -= found->second.bytes;
  held_.erase(found);
}

void HeldPages::makeRoom(ElapsedTime now) {
  for (auto at = held_.begin(); at != held_.end();) {
    const auto here = at++;
    if (!has(here->first, now)) drop(Key(here->first));
  }
  while (bytes_ > limits::kMaxHeldBytes || held_.size() > limits::kMaxHeldAnswers) {
    const auto oldest = std::min_element(
        held_.begin(), held_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    drop(Key(oldest->first));
  }
}

}  // namespace muster::catalogue
