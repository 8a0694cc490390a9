#include "bench/responder.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QCoreApplication>
#include <cstdio>
#include <map>
#include <utility>

#include "bench/echo.h"
#include "commands/audit.h"
#include "commands/log_level.h"
#include "commands/node_drain.h"
#include "commands/node_state.h"
#include "commands/rules.h"
#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/faces.h"
#include "muster/node.pb.h"

namespace muster::bench {
namespace {

constexpr int kLoginLimitMs = 20'000;

v1::Level someLevel() {
  v1::Level level;
  level.set_percent(99.7);
  level.set_text("User service level: 99.7% (3 dropped in the last 10 mins.)");
  return level;
}

// What a node has around its commands, with constants in place of what it would look up.
class Surroundings : public commands::LogLevels,
                     public commands::NodeState,
                     public commands::DrainSwitch,
                     public commands::AuditTrail,
                     public commands::RuleControl,
                     public catalogue::Directory,
                     public catalogue::AuditSink,
                     public catalogue::Authority {
 public:
  Surroundings(Jid self, Jid caller) : self_(std::move(self)), caller_(std::move(caller)) {}

  // commands::LogLevels
  void list(std::function<void(Listing)> done) override { done({}); }
  void find(const std::string&, std::function<void(Found)> done) override { done({}); }
  void set(const Change&, ElapsedTime, WallTime, std::function<void(Status)> done) override {
    done({Code::kInternal, "there are no loggers here"});
  }
  void reset(const std::string&, std::function<void(Status)> done) override { done(Status::ok()); }

  // commands::NodeState
  v1::ServiceLevelReply services() override {
    v1::ServiceLevelReply reply;
    *reply.mutable_level() = someLevel();
    for (const char* name : {"storage", "lookup"}) {
      v1::ServiceState& service = *reply.add_services();
      service.set_name(name);
      *service.mutable_level() = someLevel();
    }
    return reply;
  }
  v1::NodeInfoReply info() override {
    v1::NodeInfoReply reply;
    reply.set_name("node1");
    reply.set_jid(self_.toString());
    reply.set_group("storage");
    reply.set_role(v1::NODE_ROLE_STANDBY);
    reply.set_epoch(17);
    reply.set_instance("0123456789abcdef0123456789abcdef");
    reply.set_version("1.0.0");
    reply.set_host("host1.example.org");
    reply.set_pid(12345);
    reply.set_started_at("2026-01-01T00:00:00Z");
    reply.set_uptime_ms(86'400'000);
    reply.set_coordinator("muster.example.org");
    *reply.mutable_level() = someLevel();
    return reply;
  }

  v1::RoleReply roleInfo() override { return {}; }
  // commands::DrainSwitch, AuditTrail
  v1::NodeRole role() const override { return v1::NODE_ROLE_STANDBY; }
  v1::DrainMark drainMark() const override { return {}; }
  bool coordinatorIsThere() const override { return true; }
  Status setDrained(bool, const std::string&, const std::string&, WallTime) override {
    return {Code::kInternal, "nothing is drained here"};
  }
  void resign(const std::string&) override {}
  Result<v1::AuditReply> query(const v1::AuditRequest&, WallTime) override {
    return v1::AuditReply();
  }

  // commands::RuleControl
  Result<v1::LogRulesReply> logRules() override { return v1::LogRulesReply(); }
  void reloadLogRules(std::function<void(Status)> done) override { done(Status::ok()); }

  // catalogue::Directory, AuditSink, Authority
  std::vector<std::string> names(const std::string&) const override { return {}; }
  Status record(const catalogue::AuditEntry&) override { return Status::ok(); }
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    if (bare == caller_) return v1::ROLE_OBSERVER;
    return std::nullopt;
  }

 private:
  const Jid self_;
  const Jid caller_;
};

// On the child's event loop for as long as the child lives.
class Node {
 public:
  Node(const xmpp::ClientConfig& config, const Jid& caller)
      : surroundings_(config.jid, caller.bare()),
        link_(config),
        endpoint_(link_, clock_, random_),
        addresses_(surroundings_) {
    addresses_.add({config.jid.bare(), xmpp::AddressKind::kNode, "node1", ""});
  }

  // The same parts as NodeFaces, and the echoes. `up` is called at each login.
  Status build(std::function<void()> up, std::function<void(const std::string&)> down) {
    auto catalogue = catalogue::Catalogue::build(
        {v1::NodeInfoRequest::descriptor()->file()->FindServiceByName("NodeCommands")});
    if (!catalogue) return catalogue.status();
    catalogue::HandlerSet handlers;
    commands::addLogLevel(handlers, surroundings_);
    commands::addNodeState(handlers, surroundings_);
    commands::addNodeDrain(handlers, surroundings_);
    commands::addAudit(handlers, surroundings_);
    commands::addRules(handlers, surroundings_);
    auto dispatcher =
        catalogue::Dispatcher::make(std::move(catalogue).value(), std::move(handlers),
                                    {&surroundings_, &surroundings_, &surroundings_, &random_});
    if (!dispatcher) return dispatcher.status();
    dispatcher_ = std::move(dispatcher).value();
    face_ = std::make_unique<catalogue::AdhocFace>(*dispatcher_, random_);
    // Measured is what a command costs, not how many one person may send.
    responder_ = std::make_unique<xmpp::AdhocResponder>(endpoint_, addresses_,
                                                        xmpp::commandHandler(*face_, clock_),
                                                        xmpp::RateLimit(1'000'000, Duration{1}));
    disco_ =
        std::make_unique<xmpp::Disco>(endpoint_, addresses_, xmpp::commandsFor(*face_), "1.0.0");
    endpoint_.handleIq(xmpp::Endpoint::IqType::kSet, "learn", kNsEcho,
                       [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
                         learn(*iq.firstChild(), reply);
                       });
    endpoint_.handleIq(xmpp::Endpoint::IqType::kSet, "echo", kNsEcho,
                       [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
                         reply.result(answers_[iq.firstChild()->attribute("answer")]);
                       });
    xmpp::Endpoint::Listener listener;
    listener.up = std::move(up);
    listener.down = [down = std::move(down)](const xmpp::DownEvent& event) { down(event.text); };
    endpoint_.addListener(std::move(listener));
    return Status::ok();
  }

  void start() {
    endpoint_.watchLoop();
    link_.start();
  }

 private:
  void learn(const xmpp::Element& lesson, const xmpp::IqReply& reply) {
    if (lesson.firstChild() == nullptr) return reply.error(xmpp::Condition::kBadRequest);
    answers_[lesson.attribute("name")] = *lesson.firstChild();
    reply.result();
  }

  Surroundings surroundings_;
  SystemRandom random_;
  Clock& clock_ = SystemClock::forHolder();
  xmpp::ClientLink link_;
  xmpp::Endpoint endpoint_;
  xmpp::Addresses addresses_;
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
  std::unique_ptr<catalogue::AdhocFace> face_;
  std::unique_ptr<xmpp::AdhocResponder> responder_;
  std::unique_ptr<xmpp::Disco> disco_;
  std::map<std::string, xmpp::Element> answers_;
};

// One byte to `ready` when it is logged in. Returns only when something went wrong.
void runChild(const xmpp::ClientConfig& config, const Jid& caller, int ready) {
  int argc = 1;
  char name[] = "adhoc_rtt";
  char* argv[] = {name, nullptr};
  QCoreApplication app(argc, argv);
  Node node(config, caller);
  const auto fail = [](const std::string& text) {
    std::fprintf(stderr, "adhoc_rtt: the responder: %s\n", text.c_str());
    QCoreApplication::exit(1);
  };
  const Status built = node.build(
      [ready, fail] {
        if (write(ready, "1", 1) != 1) fail("nobody is waiting for it");
      },
      fail);
  if (!built) return fail(built.text());
  node.start();
  QCoreApplication::exec();
}

// Whether the byte came.
bool awaitReady(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  char byte = 0;
  return poll(&wanted, 1, kLoginLimitMs) == 1 && read(fd, &byte, 1) == 1;
}

}  // namespace

Result<std::unique_ptr<Responder>> Responder::start(const xmpp::ClientConfig& config,
                                                    const Jid& caller) {
  int ends[2];
  if (pipe(ends) != 0) return Status(Code::kInternal, "could not make a pipe");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    if (getppid() == parent) runChild(config, caller, ends[1]);
    _exit(1);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return Status(Code::kInternal, "could not start the responder's process");
  }
  std::unique_ptr<Responder> responder(new Responder(pid));
  const bool ready = awaitReady(ends[0]);
  close(ends[0]);
  if (!ready) return Status(Code::kUnavailable, "the responder did not log in");
  return responder;
}

Responder::~Responder() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace muster::bench
