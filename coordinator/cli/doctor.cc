#include "coordinator/cli/doctor.h"

#include <signal.h>

#include <QCoreApplication>
#include <QDateTime>
#include <QEventLoop>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "coordinator/cli/doctor_checks.h"
#include "coordinator/cli/doctor_probe.h"
#include "coordinator/cli/layout.h"
#include "coordinator/cli/terminal.h"
#include "libcontrol/xmpp/namespaces.h"
#include "muster/cluster.pb.h"
#include "muster/node.pb.h"

namespace muster::cli {
namespace {

// Of a look at the port, and of every single question after it.
constexpr Duration kProbeLimit = Duration::seconds(10);
constexpr Duration kQuestionLimit = Duration::seconds(5);
constexpr int kPings = 20;
constexpr int kPairs = 9;
constexpr int kPingsBeforeAPair = 5;
// Nodes whose own clock and version are asked for; a larger cluster is judged by its first ones.
constexpr int kMaxNodesAsked = 50;
constexpr char kNsTime[] = "urn:xmpp:time";  // XEP-0202

class Doctor {
 public:
  Doctor(const Settings& settings, const Catalogues& catalogues, const Login& login)
      : json_(settings.json),
        catalogues_(catalogues),
        client_(login),
        signals_({SIGINT, SIGTERM, SIGHUP}) {
    client_.setInterrupted([this] { return signals_.isInterrupted(); });
  }

  Exit run() {
    lookAtStream();
    if (logIn()) {
      lookAtServer();
      if (lookAtCoordinator()) lookAtNodes();
    }
    if (json_) std::cout << findingsJson(findings_).dump(2) << "\n";
    return worstOf(findings_) == Verdict::kFail ? Exit::kFailed : Exit::kDone;
  }

 private:
  void add(Finding finding) {
    if (!json_) {
      for (const std::string& line : findingLines(finding, outputWidth())) {
        std::cout << line << "\n";
      }
      std::cout << std::flush;
    }
    findings_.push_back(std::move(finding));
  }

  void lookAtStream() {
    stream_ = probeStream(client_.login(), kProbeLimit);
    add(judgeTcp(stream_));
    if (!stream_.connect) return;
    add(judgeTls(stream_));
    if (stream_.protocol.empty()) return;
    add(judgeCertificate(stream_, client_.login().jid.domain(), client_.clock().wall()));
    add(judgeSasl(stream_));
  }

  bool logIn() {
    if (!stream_.connect) return false;
    client_.setDeadline(kProbeLimit);
    const ElapsedTime began = client_.clock().elapsed();
    const Status connected = client_.connect();
    const Duration took = client_.clock().elapsed() - began;
    const std::string self = client_.login().jid.toString();
    if (connected) {
      add({"login", Verdict::kOk, self + " in " + std::to_string(took.toMillis()) + " ms", ""});
    } else {
      add({"login", Verdict::kFail, self + ": " + connected.text(),
           connected.code() == Code::kForbidden ? "check the account and its password"
                                                : "see the server's log"});
    }
    return connected.isOk();
  }

  void lookAtServer() {
    const Jid server = Jid::parse(client_.login().jid.domain()).value();
    add(judgeRoundTrips("server", "the server", pings(server)));
    clockOf(server, "the server");
  }

  bool lookAtCoordinator() {
    client_.setDeadline(kQuestionLimit);
    const auto offers = client_.commandsOf(client_.coordinator());
    add(judgeRole(offers, catalogues_.cluster, client_.coordinator(), client_.login().jid));
    if (!offers) return false;
    add(judgeRoundTrips("coordinator", "the coordinator", pings(client_.coordinator())));
    add(judgeNagle(pairs(), *stream_.connect));
    clockOf(client_.coordinator(), "the coordinator");
    client_.setDeadline(kQuestionLimit);
    add(judgeVersions(MUSTER_VERSION, client_.versionOf(client_.coordinator())));
    return true;
  }

  static xmpp::Element ping(const Jid& to) {
    xmpp::Element iq = xmpp::makeIq("get", to);
    iq.add("ping", xmpp::ns::kPing);
    return iq;
  }

  // An error is an answer too: whoever doesn't know pings says so at once.
  std::vector<Duration> pings(const Jid& to, int count = kPings) {
    std::vector<Duration> out;
    for (int i = 0; i < count && !signals_.isInterrupted(); ++i) {
      client_.setDeadline(kQuestionLimit);
      const ElapsedTime began = client_.clock().elapsed();
      const xmpp::IqOutcome answer = client_.ask(ping(to));
      if (!answer.iq) break;
      out.push_back(client_.clock().elapsed() - began);
    }
    return out;
  }

  // Two requests at once, to the server itself and through it to the coordinator. The second answer
  // follows the first a moment later, while that is not acknowledged yet: what Nagle's algorithm
  // holds back, and a single ping never shows.
  // Pings before each pair bring the connection into the state in which the kernel acknowledges
  // late; each acknowledgement that was late brings it out of it.
  std::vector<Duration> pairs() {
    const Jid server = Jid::parse(client_.login().jid.domain()).value();
    std::vector<Duration> out;
    for (int i = 0; i < kPairs && !signals_.isInterrupted(); ++i) {
      (void)pings(server, kPingsBeforeAPair);
      const auto answered = std::make_shared<int>(0);
      const auto silent = std::make_shared<bool>(false);
      const ElapsedTime began = client_.clock().elapsed();
      for (const Jid& to : {server, client_.coordinator()}) {
        client_.endpoint().request(ping(to), kQuestionLimit,
                                   [answered, silent](const xmpp::IqOutcome& answer) {
                                     ++*answered;
                                     *silent = *silent || !answer.iq;
                                   });
      }
      while (*answered < 2 && !signals_.isInterrupted()) {
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
      }
      if (*answered < 2 || *silent) break;
      out.push_back(client_.clock().elapsed() - began);
    }
    return out;
  }

  // XEP-0202; whoever doesn't tell the time is passed over.
  void clockOf(const Jid& whom, const std::string& name) {
    xmpp::Element iq = xmpp::makeIq("get", whom);
    iq.add("time", kNsTime);
    client_.setDeadline(kQuestionLimit);
    const ElapsedTime began = client_.clock().elapsed();
    const WallTime before = client_.clock().wall();
    const xmpp::IqOutcome answer = client_.ask(std::move(iq));
    const Duration took = client_.clock().elapsed() - began;
    if (answer.payload() == nullptr) return;
    const xmpp::Element* utc = answer.payload()->child("utc", kNsTime);
    const auto theirs = utc == nullptr ? QDateTime()
                                       : QDateTime::fromString(QString::fromStdString(utc->text()),
                                                               Qt::ISODateWithMs);
    if (!theirs.isValid()) return;
    const Duration ours = Duration::millis(before.unix_ms) + took / 2;
    // The time is told in whole seconds by many.
    add(judgeClock(name, Duration::millis(theirs.toMSecsSinceEpoch()) - ours,
                   took / 2 + Duration::seconds(1)));
  }

  void lookAtNodes() {
    client_.setDeadline(kQuestionLimit);
    const auto reply =
        callCluster<v1::NodesReply>(client_, catalogues_.cluster, "Nodes", v1::NodesRequest());
    if (!reply) {
      add({"nodes", Verdict::kFail, "the list of nodes: " + reply.status().text(), ""});
      return;
    }
    std::vector<NodeFacts> nodes;
    for (const v1::NodeState& node : reply->nodes()) {
      NodeFacts facts{node.name(), node.group(), node.version(), node.present(), node.since(), {}};
      const auto jid = Jid::parse(node.jid());
      if (node.present() && jid && static_cast<int>(nodes.size()) < kMaxNodesAsked) {
        facts.ahead = clockOfNode(*jid);
      }
      nodes.push_back(std::move(facts));
    }
    add(judgePresence(nodes));
    add(judgeNodeVersions(nodes));
    add(judgeNodeClocks(nodes, Duration::seconds(1)));
  }

  // A node says when it started and for how long it has been up; together that is its clock.
  std::optional<Duration> clockOfNode(const Jid& jid) {
    const catalogue::Command* command = catalogues_.node.findMethod("NodeInfo");
    if (command == nullptr) return std::nullopt;
    client_.setDeadline(kQuestionLimit);
    const ElapsedTime began = client_.clock().elapsed();
    const WallTime before = client_.clock().wall();
    const auto reply = client_.call(jid, *command, v1::NodeInfoRequest());
    const Duration took = client_.clock().elapsed() - began;
    if (!reply) return std::nullopt;
    const auto& info = static_cast<const v1::NodeInfoReply&>(**reply);
    const auto started =
        QDateTime::fromString(QString::fromStdString(info.started_at()), Qt::ISODateWithMs);
    if (!started.isValid()) return std::nullopt;
    const Duration theirs = Duration::millis(started.toMSecsSinceEpoch()) +
                            Duration::millis(static_cast<int64_t>(info.uptime_ms()));
    return theirs - (Duration::millis(before.unix_ms) + took / 2);
  }

  const bool json_;
  const Catalogues& catalogues_;
  Client client_;
  const Signals signals_;
  StreamFacts stream_;
  std::vector<Finding> findings_;
};

}  // namespace

Exit runDoctor(const Settings& settings, const Catalogues& catalogues) {
  const auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  return Doctor(settings, catalogues, *login).run();
}

}  // namespace muster::cli
