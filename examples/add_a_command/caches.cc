#include "examples/add_a_command/caches.h"

namespace cache {

Caches::Caches(const std::vector<std::string>& names) {
  for (const std::string& name : names) caches_[name];
}

std::vector<std::string> Caches::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, cache] : caches_) out.push_back(name);
  return out;
}

std::vector<Caches::Stats> Caches::stats() const {
  const std::lock_guard lock(mutex_);
  std::vector<Stats> out;
  for (const auto& [name, cache] : caches_) {
    const double percent = cache.asked == 0 ? 0
                                            : 100.0 * static_cast<double>(cache.hits) /
                                                  static_cast<double>(cache.asked);
    out.push_back({name, cache.last_asked.size(), percent});
  }
  return out;
}

uint64_t Caches::flush(const std::string& name, std::chrono::milliseconds unused_for) {
  const std::lock_guard lock(mutex_);
  const auto before = std::chrono::steady_clock::now() - unused_for;
  return std::erase_if(caches_.at(name).last_asked,
                       [&](const auto& entry) { return entry.second <= before; });
}

bool Caches::ask(const std::string& name, const std::string& key) {
  const std::lock_guard lock(mutex_);
  Cache& cache = caches_.at(name);
  const bool hit = !cache.last_asked.insert_or_assign(key, std::chrono::steady_clock::now()).second;
  ++cache.asked;
  if (hit) ++cache.hits;
  return hit;
}

}  // namespace cache
