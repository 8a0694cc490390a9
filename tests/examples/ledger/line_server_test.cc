// The server and the load generator's client against each other, on loopback.
#include "examples/ledger/line_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "examples/ledger/load_client.h"

namespace ledger {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class LineServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = LineServer::listen("127.0.0.1", 0, 100);
    ASSERT_TRUE(server) << server.status().text();
    server_ = std::move(*server);
    thread_ = std::thread(
        [this] { server_->run([](const std::string& line) { return reply(line); }, [] {}); });
  }
  void TearDown() override {
    server_->stop();
    thread_.join();
  }
  static std::string reply(const std::string& line) {
    if (line == "quit") return {};
    if (line == "big") return std::string(100'000, 'x');
    if (line.starts_with("append-once silent")) return "x";  // never a whole line
    if (line.starts_with("append-once")) return "ok 1 2\n";
    return "<" + line + ">\n";
  }
  // Sends it all, then reads until the server closes.
  std::string converse(const std::string& text) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    std::string got;
    char chunk[4096];
    ssize_t size = 0;
    while ((size = ::recv(fd, chunk, sizeof chunk, 0)) > 0) got.append(chunk, size);
    ::close(fd);
    return got;
  }

  std::unique_ptr<LineServer> server_;
  std::thread thread_;
};

TEST_F(LineServerTest, AnswersEachLineInOrderAndClosesWhenAsked) {
  EXPECT_EQ(converse("a\nb\n\nquit\nc\n"), "<a>\n<b>\n<>\n");
}

TEST_F(LineServerTest, ManyLinesInOnePieceAreAllAnswered) {
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "line\n";
  // More than may wait to be sent: the rest must go on once the client reads.
  EXPECT_EQ(converse(lines + "quit\n").size(), 20000u * 7);
}

TEST_F(LineServerTest, LineAfterABigReplyIsNotForgotten) {
  EXPECT_EQ(converse("big\nbig\nbig\nquit\n").size(), 300'000u);
}

TEST_F(LineServerTest, OverlongLineEndsTheConnection) {
  EXPECT_EQ(converse(std::string(100, 'x') + "\nquit\n").size(), 103u);
  EXPECT_EQ(converse(std::string(101, 'x') + "\n"),
            "error bad-request a line has at most 100 bytes\n");
  EXPECT_EQ(converse(std::string(101, 'x')), "error bad-request a line has at most 100 bytes\n");
}

TEST_F(LineServerTest, ClientGetsItsAnswer) {
  Client client;
  client.setEndpoints({{"127.0.0.1", server_->port()}});
  const auto answer = client.append("x", "text", milliseconds(5000));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, AppendAnswer::Kind::kOk);
  EXPECT_EQ(answer->epoch, 2u);
}

TEST_F(LineServerTest, ClientThatHearsNothingDoesNotKnow) {
  Client client;
  client.setEndpoints({{"127.0.0.1", server_->port()}});
  const auto answer = client.append("silent", "text", milliseconds(30));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, AppendAnswer::Kind::kUnknown);
}

TEST_F(LineServerTest, ClientMovesOnFromWhereNobodyListens) {
  auto closed = LineServer::listen("127.0.0.1", 0, 100);
  ASSERT_TRUE(closed);
  const uint16_t dead = (*closed)->port();
  closed->reset();
  Client client;
  client.setEndpoints({{"127.0.0.1", dead}, {"127.0.0.1", server_->port()}});
  EXPECT_FALSE(client.append("x", "text", milliseconds(5000))) << "it was certainly not sent";
  EXPECT_EQ(client.moves(), 1u);
  EXPECT_TRUE(client.append("x", "text", milliseconds(5000)));
  EXPECT_EQ(client.moves(), 0u);
}

TEST(EndpointsTest, AreParsed) {
  const auto endpoints = parseEndpoints("127.0.0.1:7001,localhost:7002");
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 2u);
  EXPECT_EQ((*endpoints)[1].host, "127.0.0.1");
  EXPECT_EQ((*endpoints)[1].port, 7002);
  for (const char* wrong : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000",
                            "127.0.0.1:1,", "example.org:1", ":1"}) {
    const auto refused = parseEndpoints(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.status().text(), HasSubstr("such as 127.0.0.1:7001"));
  }
}

}  // namespace
}  // namespace ledger
