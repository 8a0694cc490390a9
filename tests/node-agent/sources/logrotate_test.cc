// The real logrotate(8) in each of its styles, a writer of 50,000 numbered lines a second, and a
// follower that may be killed: none is lost, and none is there twice.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "node-agent/sources/log_file.h"
#include "node-agent/sources/sources.h"
#include "tests/node-agent/sources/disk_intake.h"
#include "tests/node-agent/sources/temp_folder.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

constexpr int kLinesPerBatch = 50;
constexpr int kBatchesPerSecond = 1000;
constexpr int kSeconds = 3;
constexpr int kRotations = 4;
constexpr int kLines = kLinesPerBatch * kBatchesPerSecond * kSeconds;

struct Style {
  const char* name;
  const char* directives;
  bool copies = false;  // the file is cut: what comes between a copy and its cut may be nowhere
};

void PrintTo(const Style& style, std::ostream* out) {
  *out << style.name;
}

// A child that runs until it returns, or is killed; it ends with this process.
class Process {
 public:
  explicit Process(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    _exit(0);
  }
  ~Process() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    await();
  }
  void await() {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

void nap(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Appends numbered lines at a steady rate, and opens the file anew when it is asked to.
void writeLines(const std::string& path, const std::string& reopen) {
  const auto openLog = [&] {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  };
  int fd = openLog();
  timespec due{};
  clock_gettime(CLOCK_MONOTONIC, &due);
  int number = 0;
  for (int i = 0; i < kBatchesPerSecond * kSeconds; ++i) {
    std::string batch;
    for (int k = 0; k < kLinesPerBatch; ++k) {
      char line[64];
      const int size = std::snprintf(line, sizeof line, "line %08d of what is written\n", number++);
      batch.append(line, static_cast<size_t>(size));
    }
    if (write(fd, batch.data(), batch.size()) != static_cast<ssize_t>(batch.size())) _exit(1);
    if (access(reopen.c_str(), F_OK) == 0) {
      close(fd);
      fd = openLog();
      unlink(reopen.c_str());
    }
    due.tv_nsec += 1'000'000'000 / kBatchesPerSecond;
    if (due.tv_nsec >= 1'000'000'000) {
      due.tv_nsec -= 1'000'000'000;
      ++due.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
  }
  close(fd);
}

class Logrotate : public testing::TestWithParam<Style> {
 protected:
  Logrotate() {
    fs::create_directory(folder_ / "log");
    fs::create_directory(folder_ / "old");
    // The writer answers as one does that gets SIGHUP; when it has ended nobody has to.
    std::ofstream(folder_ / "conf")
        << "\"" << folder_ / "log/app.log"
        << "\" {\n  rotate 100\n"
        << replaced(GetParam().directives, "OLD", folder_ / "old") << "\n"
        << (GetParam().copies ? ""
                              : "  postrotate\n    touch " + (folder_ / "reopen") +
                                    "\n    i=0; while [ -e " + (folder_ / "reopen") +
                                    " ] && [ $i -lt 100 ]; do sleep 0.01; i=$((i+1)); done\n"
                                    "  endscript\n")
        << "}\n";
    fs::permissions(folder_ / "conf", fs::perms::owner_read | fs::perms::owner_write);
  }

  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const size_t at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
  }
  void rotate() {
    // A name with the second in it is there once.
    if (std::string(GetParam().directives).find("%s") != std::string::npos) nap(1100);
    const std::string command =
        "/usr/sbin/logrotate -f -s " + (folder_ / "state") + " " + (folder_ / "conf") + " 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void follow() {
    SourceConfig config;
    config.name = "app";
    config.kind = SourceKind::kFile;
    config.path = folder_ / "log/app.log";
    config.rotated = {folder_ / "old/*"};
    config.from_beginning = true;
    config.format.name = "plain";
    config.wait = Duration::millis(100);
    DiskIntake intake(folder_ / "kept");
    Sources sources({config}, intake, SystemClock::forHolder());
    if (!sources.start()) _exit(1);
    pause();
  }
  // What lies in the files now, wherever rotation has put it.
  std::multiset<std::string> onDisk() {
    std::multiset<std::string> out;
    std::vector<std::string> paths;
    for (const auto& file : rotatedFiles(folder_ / "log/app.log", {folder_ / "old/*"})) {
      paths.push_back(file.path);
    }
    paths.push_back(folder_ / "log/app.log");
    for (const std::string& path : paths) {
      auto file = LogFile::open(path);
      if (!file) continue;
      std::string all;
      std::vector<char> part(1 << 20);
      while (const size_t got = (*file)->read(all.size(), part.data(), part.size())) {
        all.append(part.data(), got);
      }
      for (size_t at = 0; at < all.size();) {
        const size_t end = std::min(all.find('\n', at), all.size());
        out.insert(all.substr(at, end - at));
        at = end + 1;
      }
    }
    return out;
  }
  // Until nothing new has come for a second and a half; half a minute at most.
  KeptBatches settled() {
    uintmax_t size = 0;
    int quiet = 0;
    for (int i = 0; i < 300 && quiet < 15; ++i) {
      nap(100);
      std::error_code error;
      const uintmax_t now = fs::file_size(folder_ / "kept", error);
      quiet = now == size ? quiet + 1 : 0;
      size = now;
    }
    return KeptBatches::read(folder_ / "kept");
  }
  void check(const KeptBatches& kept) {
    const std::set<std::string> different(kept.texts.begin(), kept.texts.end());
    EXPECT_EQ(different.size(), kept.texts.size()) << "some are there twice";
    if (!GetParam().copies) {
      EXPECT_EQ(different.size(), static_cast<size_t>(kLines)) << "some are lost";
      return;
    }
    // What is in a copy, or in the file, is not lost; and more than that may have been read.
    size_t missing = 0;
    for (const std::string& line : onDisk()) missing += different.contains(line) ? 0 : 1;
    EXPECT_EQ(missing, 0u) << "some that are on the disk are lost";
    EXPECT_GE(different.size(), static_cast<size_t>(kLines) * 9 / 10);
  }

  TempFolder folder_;
};

TEST_P(Logrotate, NothingIsLostOrThereTwice) {
  Process follower([this] { follow(); });
  Process writer([this] { writeLines(folder_ / "log/app.log", folder_ / "reopen"); });
  for (int i = 0; i < kRotations; ++i) {
    nap(1000 * kSeconds / (kRotations + 1));
    rotate();
  }
  writer.await();
  check(settled());
}

TEST_P(Logrotate, NorWhenTheFollowerIsKilled) {
  auto follower = std::make_unique<Process>([this] { follow(); });
  Process writer([this] { writeLines(folder_ / "log/app.log", folder_ / "reopen"); });
  for (int i = 0; i < kRotations / 2; ++i) {
    nap(1000 * kSeconds / (kRotations + 2));
    follower->kill();
    // Twice while nobody looks.
    rotate();
    nap(1000 * kSeconds / (kRotations + 2));
    rotate();
    follower = std::make_unique<Process>([this] { follow(); });
  }
  writer.await();
  check(settled());
}

INSTANTIATE_TEST_SUITE_P(
    Styles, Logrotate,
    testing::Values(Style{"create", "  create"}, Style{"missing", "  nocreate"},
                    Style{"copytruncate", "  copytruncate", true}, Style{"copy", "  copy"},
                    Style{"renamecopy", "  renamecopy"}, Style{"compress", "  create\n  compress"},
                    Style{"delaycompress", "  create\n  compress\n  delaycompress"},
                    Style{"dateext", "  create\n  dateext\n  dateformat -%Y%m%d-%s"},
                    Style{"extension", "  create\n  extension .log"},
                    Style{"size", "  create\n  size 1k"}, Style{"olddir", "  create\n  olddir OLD"},
                    Style{"copycompress", "  copytruncate\n  compress", true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace muster::agent
