// What the commands of this example are about: caches that fill by themselves.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace cache {

// Any thread.
class Caches {
 public:
  struct Stats {
    std::string name;
    uint64_t entries;
    double hit_percent;
  };

  explicit Caches(const std::vector<std::string>& names);

  std::vector<std::string> names() const;
  std::vector<Stats> stats() const;
  // How many entries went; `name` must be one of names().
  uint64_t flush(const std::string& name, std::chrono::milliseconds unused_for);

  // Asks a cache for a key, which is put in if it isn't there; true if it was.
  bool ask(const std::string& name, const std::string& key);

 private:
  struct Cache {
    std::map<std::string, std::chrono::steady_clock::time_point> last_asked;
    uint64_t hits = 0;
    uint64_t asked = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Cache> caches_;
};

}  // namespace cache
