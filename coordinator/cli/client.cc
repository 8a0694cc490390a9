#include "coordinator/cli/client.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QTimer>
#include <algorithm>
#include <utility>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/binding.h"
#include "libcontrol/catalogue/form.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::cli {
namespace {

constexpr Duration kDefaultDeadline = Duration::seconds(30);
constexpr Duration kShortest = Duration::millis(1);
// What one entity lists; a longer list is nothing that a person reads.
constexpr size_t kMaxListedCommands = 1000;
constexpr size_t kMaxNameBytes = 200;

xmpp::ClientConfig linkConfig(const Login& login, Random& random) {
  xmpp::ClientConfig config;
  config.jid = login.jid.withResource("cli-" + Id128::make(random).toHex().substr(0, 8));
  config.password = login.password;
  config.host = login.host;
  if (login.port != 0) config.port = login.port;
  config.ca_file = login.ca_file;
  return config;
}

Status toStatus(const xmpp::DownEvent& event) {
  switch (event.reason) {
    case xmpp::DownReason::kAuth:
      return {Code::kForbidden, "login refused: " + event.text};
    case xmpp::DownReason::kTls:
      return {Code::kUnavailable, "the server's certificate is not accepted: " + event.text};
    default:
      return {Code::kUnavailable, "no connection to the server: " + event.text};
  }
}

// Trying again can't help.
bool isFinal(const xmpp::DownEvent& event) {
  return event.reason == xmpp::DownReason::kAuth || event.reason == xmpp::DownReason::kTls;
}

// What was bound, as the form that says the same.
adhoc::Form formFor(const catalogue::Command& command, const google::protobuf::Message& request) {
  catalogue::RawArguments raw;
  for (const catalogue::Argument& argument : command.arguments) {
    if (!request.GetReflection()->HasField(request, argument.field)) continue;
    raw.named.emplace_back(argument.name, catalogue::argumentText(argument, request));
  }
  auto form = catalogue::submitForm(command, raw);
  // Named arguments of the command itself can't be refused.
  return form ? std::move(form).value() : adhoc::Form{};
}

// What servers answer for a component that is not connected, and no coordinator says itself: older
// and newer ones of Prosody; ejabberd, which takes the name for another server's, that it doesn't
// find or, where it must not look for others, refuses.
bool isOfServer(const xmpp::StanzaError& error) {
  switch (error.condition) {
    case xmpp::Condition::kServiceUnavailable:
      return error.type == xmpp::ErrorType::kWait;
    case xmpp::Condition::kRemoteServerTimeout:
      return error.application &&
             error.application->is("not-connected", "xmpp:prosody.im/protocol/component");
    case xmpp::Condition::kForbidden:
      return error.text == "Access denied by service policy";
    default:
      return error.condition == xmpp::Condition::kRemoteServerNotFound;
  }
}

xmpp::Element query(const Jid& to, const char* ns) {
  xmpp::Element iq = xmpp::makeIq("get", to);
  iq.add("query", ns);
  return iq;
}

}  // namespace

xmpp::AdhocCall callFor(const Jid& to, const catalogue::Command& command,
                        const google::protobuf::Message& request) {
  xmpp::AdhocCall call;
  call.to = to;
  call.node = command.verb;
  call.form = formFor(command, request);
  call.wants_reply = true;
  return call;
}

Client::Client(Login login)
    : login_(std::move(login)),
      clock_(SystemClock::forWaiter()),
      link_(linkConfig(login_, random_)),
      endpoint_(link_, clock_, random_),
      requester_(endpoint_) {
  setDeadline(kDefaultDeadline);
}

Client::~Client() {
  link_.stop();
}

void Client::setDeadline(Duration from_now) {
  deadline_ = clock_.elapsed() + from_now;
}

Duration Client::left() {
  return std::max(deadline_ - clock_.elapsed(), kShortest);
}

bool Client::runUntil(const bool& done) {
  while (!done) {
    if (interrupted_ && interrupted_()) return false;
    QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
  }
  return true;
}

Status Client::connect() {
  if (link_.isUp()) return Status::ok();
  bool done = false;
  down_ = Status(Code::kTimeout, "no connection to the server in time");
  xmpp::Endpoint::Listener listener;
  listener.up = [&] {
    down_ = Status::ok();
    done = true;
  };
  listener.down = [&](const xmpp::DownEvent& event) {
    down_ = toStatus(event);
    done = isFinal(event);
  };
  const auto id = endpoint_.addListener(std::move(listener));
  QTimer limit;
  limit.setSingleShot(true);
  QObject::connect(&limit, &QTimer::timeout, [&done] { done = true; });
  limit.start(static_cast<int>(left().toMillis()));
  link_.start();
  if (!runUntil(done)) down_ = Status(Code::kUnavailable, "interrupted");
  endpoint_.removeListener(id);
  return down_;
}

xmpp::IqOutcome Client::ask(xmpp::Element iq) {
  if (Status connected = connect(); !connected) return {.status = connected};
  // Shared with the callback, which may come after an interruption.
  const auto answer = std::make_shared<std::pair<bool, xmpp::IqOutcome>>();
  endpoint_.request(std::move(iq), left(), [answer](const xmpp::IqOutcome& outcome) {
    answer->second = outcome;
    answer->first = true;
  });
  if (!runUntil(answer->first)) return {.status = {Code::kUnavailable, "interrupted"}};
  return answer->second;
}

Status Client::explained(const Jid& to, const Status& status,
                         const std::optional<xmpp::StanzaError>& error) const {
  // A component that is there answers a stranger exactly so; a server whose component is not there
  // says "wait".
  const bool like_stranger = error && to == login_.coordinator &&
                             error->condition == xmpp::Condition::kServiceUnavailable &&
                             error->type != xmpp::ErrorType::kWait && error->text.empty();
  if (like_stranger) {
    return {Code::kForbidden, "the coordinator at " + to.toString() + " has no answer for " +
                                  login_.jid.toString() +
                                  ": an admin has to grant it a role first"};
  }
  if (error && to == login_.coordinator && isOfServer(*error)) {
    return {Code::kUnavailable,
            "the coordinator at " + to.toString() +
                " is not connected to the server, which says: " + status.text() +
                "; see whether muster-coordinator runs, and its log"};
  }
  if (status.code() == Code::kTimeout && !error) {
    return {Code::kTimeout,
            to.toString() + " did not answer in time; what was asked for may still happen"};
  }
  return status;
}

Result<std::unique_ptr<google::protobuf::Message>> Client::call(
    const Jid& to, const catalogue::Command& command, const google::protobuf::Message& request) {
  if (Status connected = connect(); !connected) return connected;
  xmpp::AdhocCall call = callFor(to, command, request);
  call.timeout = left();
  const auto answer = std::make_shared<std::pair<bool, xmpp::AdhocOutcome>>();
  requester_.execute(call, [answer](const xmpp::AdhocOutcome& outcome) {
    answer->second = outcome;
    answer->first = true;
  });
  if (!runUntil(answer->first)) {
    return Status(Code::kUnavailable, "interrupted; what was asked for may still happen");
  }
  const xmpp::AdhocOutcome& outcome = answer->second;
  if (!outcome.isOk()) return explained(to, outcome.status, outcome.error);
  return command.parseReply(outcome.command.reply_type, outcome.command.reply_bytes);
}

xmpp::AdhocOutcome Client::stage(const Jid& to, const std::string& node,
                                 const std::string& session_id, adhoc::Action action,
                                 std::optional<adhoc::Form> form) {
  xmpp::AdhocOutcome failed;
  failed.status = connect();
  if (!failed.status) return failed;
  xmpp::AdhocCall call;
  call.to = to;
  call.node = node;
  call.form = std::move(form);
  call.timeout = left();
  const auto answer = std::make_shared<std::pair<bool, xmpp::AdhocOutcome>>();
  const auto done = [answer](const xmpp::AdhocOutcome& outcome) {
    answer->second = outcome;
    answer->first = true;
  };
  if (session_id.empty()) {
    requester_.execute(call, done);
  } else {
    requester_.proceed(call, session_id, action, done);
  }
  if (!runUntil(answer->first)) {
    failed.status = {Code::kUnavailable, "interrupted"};
    return failed;
  }
  xmpp::AdhocOutcome& outcome = answer->second;
  if (!outcome.isOk()) outcome.status = explained(to, outcome.status, outcome.error);
  return outcome;
}

Result<std::vector<OfferedCommand>> Client::commandsOf(const Jid& to) {
  xmpp::Element iq = query(to, xmpp::ns::kDiscoItems);
  iq.children()[0].setAttribute("node", xmpp::ns::kCommands);
  const xmpp::IqOutcome answer = ask(std::move(iq));
  if (!answer.isOk()) return explained(to, answer.status, answer.error);
  std::vector<OfferedCommand> out;
  if (answer.payload() == nullptr) return out;
  for (const xmpp::Element& item : answer.payload()->children()) {
    if (!item.is("item", xmpp::ns::kDiscoItems)) continue;
    if (out.size() == kMaxListedCommands) break;
    out.push_back({singleLine(item.attribute("jid"), 3 * 1023),
                   singleLine(item.attribute("node"), 1023),
                   singleLine(item.attribute("name"), kMaxNameBytes)});
  }
  return out;
}

Result<SoftwareVersion> Client::versionOf(const Jid& to) {
  const xmpp::IqOutcome answer = ask(query(to, xmpp::ns::kVersion));
  if (!answer.isOk()) return explained(to, answer.status, answer.error);
  if (answer.payload() == nullptr) return Status(Code::kInternal, "the answer is empty");
  return SoftwareVersion{singleLine(xmpp::childText(*answer.payload(), "name"), kMaxNameBytes),
                         singleLine(xmpp::childText(*answer.payload(), "version"), kMaxNameBytes)};
}

}  // namespace muster::cli
