// The sidecar socket with clients that the test plays, well-behaved and not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <thread>

#include "node-agent/limits.h"
#include "node-agent/sidecar/framing.h"
#include "node-agent/sidecar/sidecar_hub.h"
#include "node-agent/sidecar/sidecar_role.h"
#include "node-agent/sidecar/sidecar_server.h"

namespace muster::agent {
namespace {

using testing::HasSubstr;

const std::string kSession(16, 's');

TEST(Framing, TakesFramesHoweverTheyCome) {
  const std::string bytes = frame("one") + frame("") + frame(std::string(300, 'x'));
  FrameReader reader(1000);
  std::vector<std::string> got;
  for (const char byte : bytes) {
    reader.add({&byte, 1});
    for (;;) {
      const auto next = reader.next();
      ASSERT_TRUE(next.isOk());
      if (!*next) break;
      got.push_back(**next);
    }
  }
  EXPECT_EQ(got, (std::vector<std::string>{"one", "", std::string(300, 'x')}));
  EXPECT_EQ(reader.buffered(), 0u);
}

TEST(Framing, RefusesWhatIsTooLongBeforeItHasCome) {
  FrameReader reader(1000);
  reader.add("\xe9\x07");  // 1001
  EXPECT_THAT(reader.next().status().text(), HasSubstr("1001"));
  FrameReader other(1000);
  other.add("\xff\xff\xff\xff\xff\xff");
  EXPECT_FALSE(other.next().isOk());
}

// Keeps what the test lets it keep.
class FakeLog : public LogIntake {
 public:
  Status offer(std::vector<LogRecord> records, std::optional<LogPosition> position,
               std::function<void(Status)> kept) override {
    if (full) return {Code::kResourceExhausted, "full"};
    for (LogRecord& record : records) taken.push_back(record.text);
    waiting.emplace_back(*position, std::move(kept));
    if (keeps) keep();
    return Status::ok();
  }
  void add(LogRecord) override {}
  std::optional<std::string> place(const std::string& source) const override {
    const auto it = places.find(source);
    if (it == places.end()) return std::nullopt;
    return it->second;
  }
  void keep() {
    for (auto& [position, kept] : std::exchange(waiting, {})) {
      places[position.source] = position.place;
      kept(Status::ok());
    }
  }

  bool full = false;
  bool keeps = true;
  std::vector<std::string> taken;
  std::vector<std::pair<LogPosition, std::function<void(Status)>>> waiting;
  std::map<std::string, std::string> places;
};

class SidecarTest : public testing::Test {
 protected:
  SidecarTest() {
    char name[] = "/tmp/sidecar_test.XXXXXX";
    folder_ = mkdtemp(name);
    NodeOptions node;
    node.jid = "node1@example.org";
    node.password = "secret";
    node.state_dir = folder_ / "state";
    std::filesystem::create_directory(node.state_dir);
    auto made = Node::create(node);
    EXPECT_TRUE(made.isOk()) << made.status().text();
    node_ = std::move(made).value();
    options_.path = (folder_ / "app.sock").string();
    options_.services = {{"requests", SidecarService::Kind::kRequests, {}, {}},
                         {"up", SidecarService::Kind::kAvailability, {}, {}}};
  }
  ~SidecarTest() override {
    hub_.reset();
    node_.reset();
    std::filesystem::remove_all(folder_);
  }
  void makeHub() {
    SidecarHub::Facts facts;
    facts.node = "node1";
    facts.group = "storage";
    facts.roles = true;
    facts.levels = true;
    facts.log = &log_;
    hub_ = std::make_unique<SidecarHub>(options_, facts, *node_);
  }
  static wire::Hello hello(const std::string& name, const std::string& session = kSession,
                           bool control = false) {
    wire::Hello out;
    out.set_min_version(1);
    out.set_max_version(3);
    out.set_name(name);
    out.set_session(session);
    out.set_control(control);
    return out;
  }
  wire::Welcome enter(const wire::Hello& hello) {
    auto entered = hub_->enter(hello);
    if (const auto* refused = std::get_if<SidecarHub::Refusal>(&entered)) {
      ADD_FAILURE() << refused->text;
      return {};
    }
    return std::get<wire::Welcome>(entered);
  }
  wire::Error::Code refusal(const wire::Hello& hello) {
    auto entered = hub_->enter(hello);
    const auto* refused = std::get_if<SidecarHub::Refusal>(&entered);
    return refused == nullptr ? wire::Error::CODE_UNSPECIFIED : refused->code;
  }
  static wire::Counts counts(uint64_t sequence, uint64_t good) {
    wire::Counts out;
    out.set_sequence(sequence);
    out.add_counts()->set_service("requests");
    out.mutable_counts(0)->set_good(good);
    return out;
  }
  static wire::Records records(uint64_t sequence, const std::string& text) {
    wire::Records out;
    out.set_sequence(sequence);
    out.add_records()->set_level(wire::INFO);
    out.mutable_records(0)->set_text(text);
    return out;
  }

  std::filesystem::path folder_;
  FakeLog log_;
  std::unique_ptr<Node> node_;
  SidecarOptions options_;
  std::unique_ptr<SidecarHub> hub_;
};

TEST_F(SidecarTest, VersionsNamesAndControlAreNegotiated) {
  makeHub();
  wire::Hello newer = hello("app");
  newer.set_min_version(2);
  EXPECT_EQ(refusal(newer), wire::Error::VERSION);
  EXPECT_EQ(refusal(hello("a b")), wire::Error::MALFORMED);
  EXPECT_EQ(refusal(hello("app", "short")), wire::Error::MALFORMED);
  const wire::Welcome welcome = enter(hello("app", kSession, true));
  EXPECT_EQ(welcome.version(), 1u);
  EXPECT_TRUE(welcome.roles());
  EXPECT_EQ(welcome.services_size(), 2);
  hub_->takeControl("app", [](const wire::FromAgent&) {});
  EXPECT_EQ(refusal(hello("app")), wire::Error::NAME_TAKEN);
  EXPECT_EQ(refusal(hello("other", kSession, true)), wire::Error::CONTROL_TAKEN);
  EXPECT_FALSE(enter(hello("other")).roles());
  hub_->leave("app");
  EXPECT_TRUE(enter(hello("app", kSession, true)).roles());
}

TEST_F(SidecarTest, CountsAreNeitherLostNorDoubled) {
  makeHub();
  Requests& service = node_->requests("requests", {});
  enter(hello("app"));
  EXPECT_EQ(hub_->count("app", counts(1, 10)), std::nullopt);
  EXPECT_EQ(hub_->count("app", counts(2, 5)), std::nullopt);
  hub_->leave("app");
  EXPECT_EQ(enter(hello("app")).counts_taken(), 2u);
  EXPECT_EQ(hub_->count("app", counts(2, 5)), std::nullopt);  // its answer was lost
  EXPECT_EQ(service.goodTotal(), 15u);
  EXPECT_EQ(hub_->count("app", counts(4, 1))->code, wire::Error::SEQUENCE);
  hub_->leave("app");
  // Started anew.
  EXPECT_EQ(enter(hello("app", std::string(16, 't'))).counts_taken(), 0u);
  EXPECT_EQ(hub_->count("app", counts(1, 1)), std::nullopt);
  EXPECT_EQ(service.goodTotal(), 16u);
}

TEST_F(SidecarTest, AMessageCountsAsAWholeOrNotAtAll) {
  makeHub();
  enter(hello("app"));
  wire::Counts mixed = counts(1, 10);
  mixed.add_counts()->set_service("request");
  const auto refused = hub_->count("app", mixed);
  EXPECT_EQ(refused->code, wire::Error::UNKNOWN_SERVICE);
  EXPECT_THAT(refused->text, HasSubstr("did you mean 'requests'?"));
  EXPECT_EQ(node_->requests("requests", {}).goodTotal(), 0u);
  mixed.mutable_counts(1)->set_service("up");
  mixed.mutable_counts(1)->set_down(true);
  EXPECT_EQ(hub_->count("app", mixed), std::nullopt);
  EXPECT_TRUE(node_->availability("up", {}).inOutage());
}

TEST_F(SidecarTest, RecordsAreKeptOnceHoweverOftenTheyCome) {
  makeHub();
  log_.keeps = false;
  int answers = 0;
  const auto kept = [&](const Status& status) { answers += status.isOk() ? 1 : 100; };
  enter(hello("app"));
  ASSERT_TRUE(hub_->offer("app", records(1, "a"), kept).isOk());
  hub_->leave("app");
  // On its way, but not kept: it is sent again.
  EXPECT_EQ(enter(hello("app")).records_kept(), 0u);
  ASSERT_TRUE(hub_->offer("app", records(1, "a"), kept).isOk());
  EXPECT_EQ(answers, 0);
  log_.keep();
  EXPECT_EQ(answers, 2);
  hub_->leave("app");
  // Another agent, the same session of the application.
  makeHub();
  EXPECT_EQ(enter(hello("app")).records_kept(), 1u);
  log_.keeps = true;
  ASSERT_TRUE(hub_->offer("app", records(2, "b"), kept).isOk());
  EXPECT_EQ(log_.taken, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(hub_->checkRecords("app", records(4, "d"))->code, wire::Error::SEQUENCE);
}

TEST_F(SidecarTest, WhatFindsNoRoomIsOfferedAgain) {
  makeHub();
  enter(hello("app"));
  log_.full = true;
  int answers = 0;
  const auto kept = [&](const Status&) { ++answers; };
  EXPECT_EQ(hub_->offer("app", records(1, "a"), kept).code(), Code::kResourceExhausted);
  log_.full = false;
  EXPECT_TRUE(hub_->offer("app", records(1, "a"), kept).isOk());
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(log_.taken.size(), 1u);
}

TEST_F(SidecarTest, WhoIsAskedAnswersOrIsGone) {
  makeHub();
  wire::FromAgent demote;
  demote.mutable_demote()->set_epoch(7);
  const Duration long_time = Duration::seconds(60);
  EXPECT_EQ(hub_->ask(demote, long_time).code(), Code::kUnavailable);
  enter(hello("app", kSession, true));
  std::string says;
  std::thread answering;
  hub_->takeControl("app", [&](const wire::FromAgent& message) {
    answering = std::thread([this, &says, id = message.demote().id()] {
      wire::Done done;
      done.set_id(id);
      done.set_error(says);
      hub_->onDone(done);
    });
  });
  EXPECT_TRUE(hub_->ask(demote, long_time).isOk());
  answering.join();
  says = "the disk is gone";
  EXPECT_THAT(hub_->ask(demote, long_time).text(), HasSubstr("the disk is gone"));
  answering.join();
  hub_->takeControl("app", [&](const wire::FromAgent&) {
    answering = std::thread([this] { hub_->leave("app"); });
  });
  EXPECT_THAT(hub_->ask(demote, long_time).text(), HasSubstr("connection was lost"));
  answering.join();
  enter(hello("app", kSession, true));
  hub_->takeControl("app", [](const wire::FromAgent&) {});
  EXPECT_EQ(hub_->ask(demote, long_time, [] { return false; }).code(), Code::kTimeout);
}

// With a real socket.
class SidecarServerTest : public SidecarTest {
 protected:
  SidecarServerTest() {
    makeHub();
    auto server = SidecarServer::open(options_, *hub_, SystemClock::forHolder());
    EXPECT_TRUE(server.isOk()) << server.status().text();
    server_ = std::move(server).value();
  }
  ~SidecarServerTest() override { server_.reset(); }

  Fd connected() {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static void sendBytes(const Fd& fd, const std::string& bytes) {
    (void)!::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  static void say(const Fd& fd, const wire::FromApplication& message) {
    sendBytes(fd, frame(message.SerializeAsString()));
  }
  // The next message; one without content once it is closed.
  static wire::FromAgent hear(const Fd& fd) {
    FrameReader reader(limits::kMaxSidecarFrameBytes);
    char byte = 0;
    wire::FromAgent out;
    while (recv(fd.get(), &byte, 1, 0) == 1) {
      reader.add({&byte, 1});
      const auto next = reader.next();
      if (!next.isOk()) break;
      if (!*next) continue;
      EXPECT_TRUE(out.ParseFromString(**next));
      break;
    }
    return out;
  }
  static bool isClosed(const Fd& fd) {
    char byte = 0;
    return recv(fd.get(), &byte, 1, 0) <= 0;
  }
  Fd welcomed(const std::string& name) {
    Fd fd = connected();
    wire::FromApplication message;
    *message.mutable_hello() = hello(name);
    say(fd, message);
    EXPECT_TRUE(hear(fd).has_welcome());
    return fd;
  }
  wire::Error::Code errorFor(const std::string& bytes) {
    const Fd fd = connected();
    sendBytes(fd, bytes);
    const wire::FromAgent answer = hear(fd);
    EXPECT_TRUE(isClosed(fd));
    return answer.error().code();
  }

  std::unique_ptr<SidecarServer> server_;
};

TEST_F(SidecarServerTest, TakesCountsAndRecords) {
  struct stat made {};
  ASSERT_EQ(stat(options_.path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0600u);
  const Fd fd = welcomed("app");
  wire::FromApplication message;
  *message.mutable_counts() = counts(1, 3);
  say(fd, message);
  EXPECT_EQ(hear(fd).counts_taken().sequence(), 1u);
  *message.mutable_records() = records(1, "hello");
  say(fd, message);
  EXPECT_EQ(hear(fd).records_kept().sequence(), 1u);
  message.mutable_ping()->set_data("x");
  say(fd, message);
  EXPECT_EQ(hear(fd).pong().data(), "x");
}

TEST_F(SidecarServerTest, NonsenseIsAnsweredAndHurtsNobody) {
  const Fd good = welcomed("good");
  wire::FromApplication early;
  *early.mutable_counts() = counts(1, 3);
  EXPECT_EQ(errorFor(frame(early.SerializeAsString())), wire::Error::MALFORMED);
  EXPECT_EQ(errorFor("GET / HTTP/1.1\r\n\r\n" + std::string(200, 'x')), wire::Error::MALFORMED);
  EXPECT_EQ(errorFor("\xff\xff\xff\xff\x7f"), wire::Error::MALFORMED);
  EXPECT_EQ(errorFor(frame("\xff\xff\xff")), wire::Error::MALFORMED);
  { const Fd gone = connected(); }
  wire::FromApplication message;
  *message.mutable_counts() = counts(1, 3);
  say(good, message);
  EXPECT_EQ(hear(good).counts_taken().sequence(), 1u);
  EXPECT_EQ(node_->requests("requests", {}).goodTotal(), 3u);
}

TEST_F(SidecarServerTest, TooManyConnectionsAreRefused) {
  std::vector<Fd> fds;
  for (size_t i = 0; i < limits::kMaxSidecarConnections; ++i) {
    fds.push_back(welcomed("app" + std::to_string(i)));
  }
  const Fd one_more = connected();
  EXPECT_EQ(hear(one_more).error().code(), wire::Error::BUSY);
}

TEST_F(SidecarServerTest, WhoDoesNotReadIsNotReadFrom) {
  const Fd fd = welcomed("flood");
  timeval patience{0, 200'000};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  wire::FromApplication ping;
  ping.mutable_ping()->set_data(std::string(64, 'x'));
  const std::string bytes = frame(ping.SerializeAsString());
  // Sooner or later nothing more is taken, and the others are served all the same.
  bool stopped = false;
  for (int i = 0; i < 1'000'000 && !stopped; ++i) {
    stopped = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) <= 0;
  }
  EXPECT_TRUE(stopped);
  (void)welcomed("other");
}

TEST_F(SidecarServerTest, ASocketLeftBehindIsReplacedAndOneInUseIsNot) {
  EXPECT_EQ(SidecarServer::open(options_, *hub_, SystemClock::forHolder()).status().code(),
            Code::kConflict);
  server_.reset();
  const Fd old(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  options_.path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(old.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(SidecarServer::open(options_, *hub_, SystemClock::forHolder()).isOk());
}

}  // namespace
}  // namespace muster::agent
