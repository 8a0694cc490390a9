#include "node-agent/sources/sources.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "libcontrol/config/config_file.h"
#include "node-agent/sources/pipe_source.h"
#include "tests/node-agent/sources/memory_intake.h"
#include "tests/node-agent/sources/temp_folder.h"

namespace muster::agent {
namespace {

using Texts = std::vector<std::string>;

void writeTo(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(fd, text.data() + at, text.size() - at);
    ASSERT_GT(written, 0);
    at += static_cast<size_t>(written);
  }
}

SourceConfig streamConfig() {
  SourceConfig config;
  config.name = "out";
  config.kind = SourceKind::kStdout;
  config.copy = false;
  config.format.zone = "UTC";
  config.prefix = "app";
  return config;
}

TEST(PipeSource, LinesBecomeRecords) {
  MemoryIntake intake;
  ManualClock clock;
  Poller poller;
  auto source = std::move(PipeSource::make(streamConfig(), intake, clock, -1)).value();
  ASSERT_TRUE(source->start(poller).isOk());
  writeTo(source->writeEnd(), "[2026-01-01 14:03:00.123] [a] [error] one\n  at x\nplain ");
  poller.wait({});
  EXPECT_EQ(intake.texts(), Texts{});
  writeTo(source->writeEnd(), "text\n");
  poller.wait({});
  EXPECT_EQ(intake.texts(), (Texts{"one\n  at x"}));
  EXPECT_EQ(intake.records()[0].logger, "app.a");
  clock.advance(Duration::seconds(1));
  EXPECT_EQ(source->tick(clock.elapsed()), ElapsedTime::max());
  EXPECT_EQ(intake.texts(), (Texts{"plain text"}));
  EXPECT_EQ(intake.records()[1].logger, "out");
  writeTo(source->writeEnd(), "end without its end");
  source->finish();
  EXPECT_EQ(intake.texts(), (Texts{"end without its end"}));
}

TEST(PipeSource, IsCopiedAsFarAsItIsTaken) {
  MemoryIntake intake;
  ManualClock clock;
  Poller poller;
  int copy[2];
  ASSERT_EQ(pipe(copy), 0);
  auto source = std::move(PipeSource::make(streamConfig(), intake, clock, copy[1])).value();
  ASSERT_TRUE(source->start(poller).isOk());
  writeTo(source->writeEnd(), "hello\n");
  poller.wait({});
  char text[16] = {};
  EXPECT_EQ(read(copy[0], text, sizeof text), 6);
  // Nobody reads there any more, and nobody waits for that.
  for (int i = 0; i < 40; ++i) {
    writeTo(source->writeEnd(), std::string(10'000, 'x') + "\n");
    poller.wait({});
  }
  source->finish();
  EXPECT_EQ(intake.size(), 41u);
  EXPECT_GT(source->counts().cut, 0u);
  close(copy[0]);
  close(copy[1]);
}

TEST(Sources, ReadAllKindsOnOneThread) {
  const TempFolder folder;
  MemoryIntake intake;
  SourceConfig file;
  file.name = "file";
  file.path = folder / "app.log";
  file.from_beginning = true;
  file.wait = Duration::millis(10);
  SourceConfig broken;
  broken.name = "broken";
  broken.kind = SourceKind::kJournal;
  broken.directory = folder / "none";
  Sources sources({streamConfig(), file, broken}, intake, SystemClock::forHolder());
  ASSERT_TRUE(sources.start().isOk());
  EXPECT_GE(sources.programOutput(), 0);
  EXPECT_EQ(sources.programError(), -1);
  folder.append("app.log", "from a file\n");
  for (int i = 0; i < 1000 && intake.size() < 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(intake.texts(), (Texts{"from a file"}));
  // What the program has written when it ends is read.
  writeTo(sources.programOutput(), "last words\n");
  sources.stop();
  EXPECT_EQ(intake.texts(), (Texts{"last words"}));
}

// As after a start at which the disk with the kept log was not there yet.
TEST(Sources, WhatIsReadAgainWaitsUntilItsPlaceIsKnown) {
  const TempFolder folder;
  MemoryIntake intake;
  SourceConfig file;
  file.name = "file";
  file.path = folder / "app.log";
  file.from_beginning = true;
  file.wait = Duration::millis(10);
  const auto await = [&](size_t records) {
    for (int i = 0; i < 1000 && intake.size() < records; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  folder.append("app.log", "one\n");
  {
    Sources sources({file}, intake, SystemClock::forHolder());
    ASSERT_TRUE(sources.start().isOk());
    await(1);
  }
  folder.append("app.log", "two\n");
  intake.setReady(false);
  Sources sources({streamConfig(), file}, intake, SystemClock::forHolder());
  ASSERT_TRUE(sources.start().isOk());
  // The program's output can't wait.
  writeTo(sources.programOutput(), "output\n");
  await(2);
  EXPECT_EQ(intake.texts(), (Texts{"one", "output"}));
  intake.setReady(true);
  await(3);
  sources.stop();
  EXPECT_EQ(intake.texts(), (Texts{"two"}));
}

Status readConfig(const std::string& text, std::vector<SourceConfig>& out) {
  auto file = ConfigFile::parse(text, "agent.toml").value();
  ConfigTable agent = file->root().table("agent");
  out = readSources(agent);
  return file->finish();
}

TEST(SourceConfig, IsRead) {
  std::vector<SourceConfig> sources;
  const Status read = readConfig(R"(
[[agent.source]]
name = "out"
kind = "stdout"
format = "json"
[[agent.source]]
name = "app"
kind = "file"
path = "/var/log/app/*.log"
rotated = ["/var/log/old/*"]
format = "plain"
pattern = '(?P<time>\S+) (?P<level>\w+) '
zone = "+01:00"
level = "warn"
wait = "200ms"
from = "beginning"
[[agent.source]]
name = "journal"
kind = "journal"
unit = "app"
[[agent.source]]
name = "net"
kind = "syslog"
listen = "tcp:[::1]:5514"
)",
                                 sources);
  ASSERT_TRUE(read.isOk()) << read.text();
  ASSERT_EQ(sources.size(), 4u);
  EXPECT_EQ(sources[1].format.level, records::Severity::kWarn);
  EXPECT_EQ(sources[1].wait, Duration::millis(200));
  EXPECT_TRUE(sources[1].from_beginning);
  EXPECT_EQ(sources[3].listen.host, "::1");
  EXPECT_EQ(sources[3].listen.port, 5514);
}

TEST(SourceConfig, MistakesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"kind = \"file\"\npath = \"/x\"", "name"},
      {"name = \"a b\"\nkind = \"stdout\"", "letters, digits"},
      {"name = \"a\"\nkind = \"fiel\"", "did you mean 'file'"},
      {"name = \"a\"\nkind = \"file\"", "path"},
      {"name = \"a\"\nkind = \"file\"\npath = \"x.log\"", "absolute"},
      {"name = \"a\"\nkind = \"file\"\npath = \"/x\"\nformat = \"jsn\"", "did you mean 'json'"},
      {"name = \"a\"\nkind = \"file\"\npath = \"/x\"\nformat = \"plain\"\npattern = '('", "RE2"},
      {"name = \"a\"\nkind = \"file\"\npath = \"/x\"\nzone = \"Mars\"", "zone"},
      {"name = \"a\"\nkind = \"file\"\npath = \"/x\"\nfrom = \"middle\"", "\"end\""},
      {"name = \"a\"\nkind = \"file\"\npath = \"/x\"\nunit = \"x\"", "unit"},
      {"name = \"a\"\nkind = \"syslog\"\nlisten = \"udp:0.0.0.0:514\"", "allow_remote"},
      {"name = \"a\"\nkind = \"syslog\"\nlisten = \"udp:localhost:514\"", "must be"},
      {"name = \"a\"\nkind = \"syslog\"\nlisten = \"udp:127.0.0.1\"", "must be"},
      {"name = \"a\"\nkind = \"syslog\"\nlisten = \"unix:x\"", "must be"},
      {"name = \"a\"\nkind = \"journal\"\ndirectory = \"/x\"\nnamespace = \"y\"", "namespace"},
      {"name = \"a\"\nkind = \"stdout\"\n[[agent.source]]\nname = \"a\"\nkind = \"stderr\"",
       "another source"},
      {"name = \"a\"\nkind = \"stdout\"\n[[agent.source]]\nname = \"b\"\nkind = \"stdout\"",
       "one source of this kind"},
  };
  for (const auto& [text, part] : cases) {
    std::vector<SourceConfig> sources;
    const Status read = readConfig(std::string("[[agent.source]]\n") + text + "\n", sources);
    EXPECT_FALSE(read.isOk()) << text;
    EXPECT_NE(read.text().find(part), std::string::npos) << read.text();
  }
  std::vector<SourceConfig> sources;
  EXPECT_TRUE(readConfig("[[agent.source]]\nname = \"a\"\nkind = \"syslog\"\nallow_remote = true\n"
                         "listen = \"udp:0.0.0.0:514\"\n",
                         sources)
                  .isOk());
}

}  // namespace
}  // namespace muster::agent
