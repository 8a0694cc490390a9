// What tests of the archive share: a folder that goes with the test, and records.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "libcontrol/archive/archive.h"
#include "libcontrol/base/clock.h"

namespace muster::archive {

class LogFolder {
 public:
  LogFolder() {
    static std::atomic<int> number{0};
    path_ = std::filesystem::temp_directory_path() /
            ("muster-archive-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  ~LogFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Blocks so small that a test of a few thousand lines has many. Written when it is asked for.
  ArchiveOptions options() const {
    ArchiveOptions out;
    out.folder = path_;
    out.retention = ArchiveOptions::sharesOf(256 * 1024 * 1024);
    out.block_bytes = 8 * 1024;
    out.batch_every = Duration::seconds(3600);
    return out;
  }

 private:
  std::filesystem::path path_;
};

inline constexpr int64_t kBegin = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

// The i-th, a second after the one before.
inline Record recordOf(int64_t i, Severity level, std::string logger, std::string text) {
  return {WallTime{kBegin + i * 1000}, level, std::move(logger), std::move(text)};
}

inline Search searchFor(const std::string& query, size_t limit = 1000) {
  auto parsed = records::parseQuery(query);
  EXPECT_TRUE(parsed) << parsed.status().text();
  Search search;
  search.query = std::move(parsed).value();
  search.limit = limit;
  return search;
}

inline Found found(const Archive& log, const Search& search) {
  auto out = log.search(search);
  EXPECT_TRUE(out) << out.status().text();
  return std::move(out).value();
}
inline Found found(const Archive& log, const std::string& query) {
  return found(log, searchFor(query));
}

inline std::vector<std::string> textsOf(const Found& found) {
  std::vector<std::string> out;
  for (const Hit& hit : found.hits) out.push_back(hit.kept.record.text);
  return out;
}

}  // namespace muster::archive
