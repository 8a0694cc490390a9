#include "libcontrol/metrics/exposition.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace muster::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What comes back for a request, all of it.
std::string http(const std::string& listen, uint16_t port, const std::string& request) {
  auto address = readAddress(listen);
  if (!address) return "no address";
  address->socket.sin_port = htons(port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string out;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address->socket), sizeof address->socket) == 0) {
    const std::string text = request + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    (void)!write(fd, text.data(), text.size());
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return out;
}

class ExpositionTest : public testing::Test {
 protected:
  // Answers on the thread of the scrape, as a loop would on its own.
  void open(const std::string& listen, bool allow_remote = false) {
    auto opened = Exposition::open(
        {listen, allow_remote},
        [this] {
          Families families;
          families.gauge("muster_v", "V.", {}, 42);
          exposition_->publish(std::move(families));
        },
        clock_);
    status_ = opened.status();
    if (opened) exposition_ = std::move(opened).value();
  }

  ManualClock clock_;
  std::unique_ptr<Exposition> exposition_;
  Status status_;
};

TEST_F(ExpositionTest, ServesWhatItIsGivenAndNothingElse) {
  open("127.0.0.1:0");
  ASSERT_TRUE(status_.isOk()) << status_.text();
  const auto get = [&](const std::string& what) {
    return http("127.0.0.1:0", exposition_->port(), what);
  };
  const std::string scraped = get("GET /metrics");
  EXPECT_THAT(scraped, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(scraped, HasSubstr("Content-Type: text/plain"));
  EXPECT_THAT(scraped, HasSubstr("\nmuster_v 42\n"));
  for (const char* other :
       {"GET /", "GET /etc/passwd", "GET /../../etc/passwd", "PUT /x", "DELETE /x"}) {
    EXPECT_THAT(get(other), Not(StartsWith("HTTP/1.1 2"))) << other;
    EXPECT_THAT(get(other), Not(HasSubstr("muster_v"))) << other;
  }
}

TEST_F(ExpositionTest, AnAddressThatIsTakenIsNamedWithTheReason) {
  open("127.0.0.1:0");
  const std::string taken = "127.0.0.1:" + std::to_string(exposition_->port());
  const auto second = Exposition::open(
      {taken, false}, [] {}, clock_);
  ASSERT_FALSE(second.isOk());
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_EQ(second.status().text(), "metrics: listening on " + taken + ": Address already in use");
}

TEST_F(ExpositionTest, OnlyLoopbackUnlessItIsSaid) {
  open("0.0.0.0:0");
  EXPECT_EQ(status_.code(), Code::kInvalidArgument);
  EXPECT_THAT(status_.text(), HasSubstr("allow_remote is not set"));
  EXPECT_EQ(exposition_, nullptr);
  open("0.0.0.0:0", /*allow_remote=*/true);
  ASSERT_TRUE(status_.isOk()) << status_.text();
  EXPECT_THAT(http("127.0.0.1:0", exposition_->port(), "GET /metrics"), HasSubstr("muster_v"));
}

// It is a guest in the application's process.
TEST_F(ExpositionTest, LeavesSignalsAsTheyAre) {
  std::signal(SIGPIPE, SIG_DFL);
  open("127.0.0.1:0");
  struct sigaction pipe {};
  sigaction(SIGPIPE, nullptr, &pipe);
  EXPECT_EQ(pipe.sa_handler, SIG_DFL);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
  // A client that does not wait for its answer ends nothing.
  for (int i = 0; i < 20; ++i) {
    const auto address = readAddress("127.0.0.1:" + std::to_string(exposition_->port()));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(
        connect(fd, reinterpret_cast<const sockaddr*>(&address->socket), sizeof address->socket),
        0);
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)!write(fd, "GET /metrics HTTP/1.1\r\n\r\n", 25);
    close(fd);
  }
  EXPECT_THAT(http("127.0.0.1:0", exposition_->port(), "GET /metrics"), HasSubstr("muster_v"));
}

TEST(CheckListen, SaysWhatWouldBeRight) {
  for (const char* right : {"127.0.0.1:9464", "127.9.8.7:1", "127.0.0.1:65535"}) {
    EXPECT_TRUE(checkListen(right, false).isOk()) << right;
  }
  for (const char* wrong :
       {"", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":9464", "localhost:9464",
        "127.0.0.1:94x", "[::1:9464", "::1:9464", "127.0.0.1:+80", "127.0.0.1:9464s",
        "127.0.0.1:1,0.0.0.0:2", "[::1]:9464"}) {
    const Status status = checkListen(wrong, true);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << wrong;
    EXPECT_THAT(status.text(), HasSubstr("IPv4 address and a port such as 127.0.0.1:9464"))
        << wrong;
  }
  for (const char* remote : {"0.0.0.0:9464", "192.0.2.1:9464", "128.0.0.1:9464"}) {
    EXPECT_EQ(checkListen(remote, false).code(), Code::kInvalidArgument) << remote;
    EXPECT_TRUE(checkListen(remote, true).isOk()) << remote;
  }
}

TEST(ReadMetrics, RefusesWithTheLineAndTheKey) {
  const auto problemOf = [](const std::string& text) {
    auto file = ConfigFile::parse("[metrics]\n" + text, "c.toml");
    EXPECT_TRUE(file.isOk());
    readMetrics((*file)->root().table("metrics"));
    return (*file)->finish().text();
  };
  EXPECT_EQ(problemOf("listen = '127.0.0.1:9464'\n"), "");
  EXPECT_EQ(problemOf("listen = '192.0.2.1:9464'\nallow_remote = true\n"), "");
  EXPECT_THAT(problemOf("listen = '192.0.2.1:9464'\n"),
              HasSubstr("c.toml:2: metrics.listen: '192.0.2.1:9464' is not a loopback address"));
  EXPECT_THAT(problemOf("listen = 'here'\n"),
              HasSubstr("c.toml:2: metrics.listen: must be an IPv4 address and a port"));
  EXPECT_THAT(problemOf("allow_remote = true\n"),
              HasSubstr("c.toml:2: metrics.allow_remote: means nothing without listen"));
  EXPECT_THAT(problemOf("lisen = '127.0.0.1:9464'\n"), HasSubstr("did you mean 'listen'?"));
}

}  // namespace
}  // namespace muster::metrics
