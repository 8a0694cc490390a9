#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "libcontrol/base/text.h"
#include "node-agent/sources/syslog_framing.h"
#include "node-agent/sources/syslog_message.h"
#include "node-agent/sources/syslog_source.h"
#include "tests/node-agent/sources/memory_intake.h"
#include "tests/node-agent/sources/temp_folder.h"

namespace muster::agent {
namespace {

using records::Severity;

constexpr WallTime kArrival{1'795'460'400'000};  // 2026-11-23T19:00:00Z

struct Case {
  const char* message;
  const char* at;
  Severity level;
  const char* logger;
  const char* text;
};

const Case kCases[] = {
    {"<34>1 2026-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed",
     "2026-10-11T22:14:15.003Z", Severity::kCritical, "su", "'su root' failed"},
    {"<165>1 2026-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - \xef\xbb\xbfit's time",
     "2026-08-24T12:14:15Z", Severity::kInfo, "myproc", "it's time"},
    {"<165>1 2026-10-11T22:14:15.003Z h evntslog - ID47 [a@1 b=\"c\\\"]\" d=\"e\"][f g=\"h\"] text",
     "2026-10-11T22:14:15.003Z", Severity::kInfo, "evntslog",
     "text [a@1 b=\"c\\\"]\" d=\"e\"][f g=\"h\"]"},
    {"<11>1 - - - - - -", "2026-11-23T19:00:00Z", Severity::kError, "", ""},
    {"<11>1 - - app - - [x y=\"z\"]", "2026-11-23T19:00:00Z", Severity::kError, "app",
     "[x y=\"z\"]"},
    {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "2026-10-11T22:14:15Z",
     Severity::kCritical, "su", "'su root' failed"},
    {"<13>Nov 23 18:59:59 app[12]: hello: you", "2026-11-23T18:59:59Z", Severity::kInfo, "app",
     "hello: you"},
    {"<15>Nov  3 18:59:59 host postfix/smtpd[1]: x", "2026-11-03T18:59:59Z", Severity::kDebug,
     "postfix/smtpd", "x"},
    {"<12>2026-11-23T18:00:00+00:00 host app: x", "2026-11-23T18:00:00Z", Severity::kWarn, "app",
     "x"},
    {"<12>app: no time", "2026-11-23T19:00:00Z", Severity::kWarn, "app", "no time"},
    {"<12>words only, no tag", "2026-11-23T19:00:00Z", Severity::kWarn, "", "words only, no tag"},
    {"no priority", "2026-11-23T19:00:00Z", Severity::kInfo, "", "no priority"},
    {"<999>x", "2026-11-23T19:00:00Z", Severity::kInfo, "", "<999>x"},
    {"<>x", "2026-11-23T19:00:00Z", Severity::kInfo, "", "<>x"},
    {"<13>x\n", "2026-11-23T19:00:00Z", Severity::kInfo, "", "x"},
    {"", "2026-11-23T19:00:00Z", Severity::kInfo, "", ""},
};

TEST(SyslogMessage, BothWays) {
  for (const Case& c : kCases) {
    const records::Record record = parseSyslog(c.message, kArrival);
    EXPECT_EQ(toRfc3339(record.at), c.at) << c.message;
    EXPECT_EQ(record.level, c.level) << c.message;
    EXPECT_EQ(record.logger, c.logger) << c.message;
    EXPECT_EQ(record.text, c.text) << c.message;
  }
}

TEST(SyslogMessage, AnyBytesWillDo) {
  std::mt19937 random(4);
  const std::string start = "<34>1 2026-10-11T22:14:15.003Z h app - - [a b=\"c\"] text";
  for (int i = 0; i < 20'000; ++i) {
    std::string message = start.substr(0, random() % (start.size() + 1));
    for (int k = 0; k < 4; ++k) {
      if (!message.empty()) message[random() % message.size()] = static_cast<char>(random());
      message += static_cast<char>(random());
    }
    const records::Record record = parseSyslog(message, kArrival);
    ASSERT_TRUE(isValidUtf8(record.text) && isValidUtf8(record.logger)) << hexOf(message);
  }
}

std::vector<std::string> framed(const std::string& bytes, size_t step, bool& sound) {
  SyslogFraming framing;
  std::vector<std::string> out;
  const auto use = [&](std::string_view message) { out.emplace_back(message); };
  sound = true;
  for (size_t at = 0; at < bytes.size() && sound; at += step) {
    sound = framing.add(std::string_view(bytes).substr(at, step), use);
  }
  framing.flush(use);
  return out;
}

TEST(SyslogFraming, BothWaysInPiecesOfAnySize) {
  const std::string bytes = "5 <13>a<13>b\n7 <13>c\nd<13>e\n\n<13>f";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    bool sound = false;
    EXPECT_EQ(framed(bytes, step, sound),
              (std::vector<std::string>{"<13>a", "<13>b", "<13>c\nd", "<13>e", "<13>f"}))
        << step;
    EXPECT_TRUE(sound);
  }
}

TEST(SyslogFraming, WhatMakesNoSenseEndsIt) {
  bool sound = true;
  for (const char* bytes : {"12x", "0 x", "99999999999999999999 x", "16777217 x"}) {
    (void)framed(bytes, 100, sound);
    EXPECT_FALSE(sound) << bytes;
  }
}

TEST(SyslogFraming, LongMessagesAreCut) {
  bool sound = false;
  const auto counted = framed("200000 " + std::string(200'000, 'x') + "3 abc", 4096, sound);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].size(), limits::kMaxLogLineBytes);
  EXPECT_EQ(counted[1], "abc");
  const auto lines = framed(std::string(200'000, 'x') + "\ny\n", 4096, sound);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "y");
}

class SyslogSockets : public testing::Test {
 protected:
  void start(SyslogAddress address) {
    config_.name = "syslog";
    config_.kind = SourceKind::kSyslog;
    config_.listen = std::move(address);
    source_ = std::make_unique<SyslogSource>(config_, intake_, clock_);
    const Status started = source_->start(poller_);
    ASSERT_TRUE(started.isOk()) << started.text();
  }
  Fd connected(int type) {
    Fd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(source_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  // Until so many records are there; ten seconds at most.
  std::vector<std::string> await(size_t count) {
    for (int i = 0; i < 100 && intake_.size() < count; ++i) poller_.wait(Duration::millis(100));
    return intake_.texts();
  }

  SourceConfig config_;
  ManualClock clock_;
  MemoryIntake intake_;
  Poller poller_;
  std::unique_ptr<SyslogSource> source_;
};

TEST_F(SyslogSockets, Udp) {
  start({SyslogAddress::Kind::kUdp, "127.0.0.1", 0});
  const Fd sender = connected(SOCK_DGRAM);
  for (const std::string text : {"<11>app: one", "<11>app: two"}) {
    ASSERT_GT(send(sender.get(), text.data(), text.size(), 0), 0);
  }
  EXPECT_EQ(await(2), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(intake_.records()[0].logger, "app");
  EXPECT_EQ(intake_.records()[0].level, LogLevel::kError);
}

TEST_F(SyslogSockets, Tcp) {
  start({SyslogAddress::Kind::kTcp, "127.0.0.1", 0});
  Fd first = connected(SOCK_STREAM);
  const Fd second = connected(SOCK_STREAM);
  const std::string counted = "12 <11>app: one<11>app: two\n<11>app: last";
  ASSERT_GT(send(first.get(), counted.data(), counted.size(), 0), 0);
  EXPECT_EQ(await(2), (std::vector<std::string>{"one", "two"}));
  first.close();
  EXPECT_EQ(await(3), (std::vector<std::string>{"last"}));
  // Nonsense ends one connection, not the other.
  ASSERT_GT(send(second.get(), "<11>app: x\n", 11, 0), 0);
  EXPECT_EQ(await(4), (std::vector<std::string>{"x"}));
  ASSERT_GT(send(second.get(), "123456789123456789 x", 20, 0), 0);
  char byte = 0;
  for (int i = 0; i < 100 && recv(second.get(), &byte, 1, MSG_DONTWAIT) != 0; ++i) {
    poller_.wait(Duration::millis(100));
    if (recv(second.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET) break;
  }
  const Fd third = connected(SOCK_STREAM);
  ASSERT_GT(send(third.get(), "<11>app: y\n", 11, 0), 0);
  EXPECT_EQ(await(5), (std::vector<std::string>{"y"}));
}

TEST_F(SyslogSockets, Unix) {
  const TempFolder folder;
  const std::string path = folder / "log.sock";
  start({SyslogAddress::Kind::kUnix, path, 0});
  const Fd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(connect(sender.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_GT(send(sender.get(), "<11>app: one", 12, 0), 0);
  EXPECT_EQ(await(1), (std::vector<std::string>{"one"}));
  // Somebody listens there, so nobody else may.
  SyslogSource other(config_, intake_, clock_);
  Poller poller;
  EXPECT_EQ(other.start(poller).code(), Code::kConflict);
  source_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  folder.append("log.sock", "a file of somebody's\n");
  SyslogSource third(config_, intake_, clock_);
  EXPECT_FALSE(third.start(poller).isOk());
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace muster::agent
